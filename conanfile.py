"""The Conan 2 recipe of this repository: `conan create . -s compiler.cppstd=20`."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain
from conan.tools.files import copy, load, rmdir
from conan.tools.layout import basic_layout


class RaftkitConan(ConanFile):
    name = "raftkit"
    package_type = "header-library"
    description = "Header-only Raft component kit for C++20"
    license = "Apache-2.0"
    topics = ("raft", "consensus", "replication", "header-only")
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "CMakeLists.txt", "LICENSE", "include/*"
    no_copy_source = True

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include/raftkit/config.hpp"))
        parts = (
            re.search(rf"#define RAFTKIT_VERSION_{part} (\d+)", header).group(1)
            for part in ("MAJOR", "MINOR", "PATCH")
        )
        self.version = ".".join(parts)

    def layout(self):
        basic_layout(self)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("TESTS", "EXAMPLES", "BENCHMARKS"):
            toolchain.cache_variables[f"RAFTKIT_BUILD_{option}"] = False
        toolchain.cache_variables["RAFTKIT_INSTALL"] = True
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan writes the CMake package and the .pc file of its own.
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "raftkit")
        self.cpp_info.set_property("cmake_target_name", "raftkit::raftkit")
        self.cpp_info.set_property("pkg_config_name", "raftkit")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
