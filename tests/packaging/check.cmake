# One way of consuming raftkit: cmake -DCASE=... -P check.cmake (see CMakeLists.txt for the rest).
# Everything happens in WORK, which is made anew; nothing is installed outside of it.

cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}")

set(consumer "${CMAKE_CURRENT_LIST_DIR}/consumer")
set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
set(tools -G "${GENERATOR}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")

function(refuse why)
    message(NOTICE "${CASE}: ${why}")
    message(FATAL_ERROR "The case does not hold.")
endfunction()

function(run)
    execute_process(COMMAND ${ARGV} WORKING_DIRECTORY "${WORK}" COMMAND_ECHO STDOUT
        RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    message(NOTICE "${output}")
    if(NOT status EQUAL 0)
        refuse("the last command failed: ${status}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a command that has to fail and to say `complaint`.
function(run_in_vain complaint)
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${WORK}" COMMAND_ECHO STDOUT
        RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(status EQUAL 0)
        refuse("the last command had to fail")
    endif()
    string(REGEX REPLACE "[ \n]+" " " output "${output}")
    if(NOT output MATCHES "${complaint}")
        refuse("nothing says '${complaint}' in\n${output}")
    endif()
endfunction()

function(install_into prefix)
    run("${CMAKE_COMMAND}" -S "${SOURCE}" -B raftkit ${tools} -DRAFTKIT_BUILD_TESTS=OFF
        -DRAFTKIT_BUILD_EXAMPLES=OFF "-DCMAKE_INSTALL_PREFIX=${prefix}")
    run("${CMAKE_COMMAND}" --build raftkit)
    run("${CMAKE_COMMAND}" --install raftkit)
endfunction()

function(configure_consumer way)
    run("${CMAKE_COMMAND}" -S "${consumer}" -B consumer ${tools} "-DWAY=${way}" ${ARGN})
endfunction()

# Builds the consumer, runs it, and installs it: of raftkit nothing may come along.
function(build_and_run_consumer)
    run("${CMAKE_COMMAND}" --build consumer)
    run("${WORK}/consumer/consumer")
    if(NOT output MATCHES "^${VERSION}\n")
        refuse("the consumer saw version ${output}")
    endif()
    run("${CMAKE_COMMAND}" --install consumer --prefix "${WORK}/consumer_prefix")
    file(GLOB_RECURSE installed RELATIVE "${WORK}/consumer_prefix" "${WORK}/consumer_prefix/*")
    if(NOT installed STREQUAL "bin/consumer")
        refuse("the consumer installs ${installed}")
    endif()
endfunction()

# A program of two units that both include every header there is.
function(write_units)
    file(GLOB_RECURSE headers RELATIVE "${SOURCE}/include" "${SOURCE}/include/raftkit/*.hpp")
    set(all "")
    foreach(header IN LISTS headers)
        string(APPEND all "#include <${header}>\n")
    endforeach()
    file(WRITE "${WORK}/one.cpp" "${all}int other();\nint main() { return other(); }\n")
    file(WRITE "${WORK}/two.cpp" "${all}int other() { return 0; }\n")
endfunction()

if(CASE STREQUAL "find_package")
    install_into("${WORK}/prefix")
    configure_consumer(find_package "-DCMAKE_PREFIX_PATH=${WORK}/prefix" -DWANTED_VERSION=${VERSION})
    build_and_run_consumer()

elseif(CASE STREQUAL "moved_prefix")
    install_into("${WORK}/prefix")
    file(RENAME "${WORK}/prefix" "${WORK}/elsewhere")
    file(REMOVE_RECURSE "${WORK}/raftkit")
    file(GLOB_RECURSE installed "${WORK}/elsewhere/*")
    foreach(file IN LISTS installed)
        file(READ "${file}" text)
        foreach(path IN ITEMS "${WORK}" "${SOURCE}")
            string(FIND "${text}" "${path}" place)
            if(NOT place EQUAL -1)
                refuse("${file} names ${path}")
            endif()
        endforeach()
    endforeach()
    configure_consumer(find_package "-DCMAKE_PREFIX_PATH=${WORK}/elsewhere")
    build_and_run_consumer()

elseif(CASE STREQUAL "other_version")
    install_into("${WORK}/prefix")
    foreach(version IN ITEMS 9.0 0.0)  # neither newer nor older: a minor version may break the last
        run_in_vain("compatible with requested version \"${version}\"" "${CMAKE_COMMAND}"
            -S "${consumer}" -B consumer ${tools} -DWAY=find_package -DWANTED_VERSION=${version}
            "-DCMAKE_PREFIX_PATH=${WORK}/prefix")
    endforeach()

elseif(CASE STREQUAL "unknown_component")
    install_into("${WORK}/prefix")
    run_in_vain("has no component 'telepathy'" "${CMAKE_COMMAND}" -S "${consumer}"
        -B consumer ${tools} -DWAY=find_package -DWANTED_COMPONENTS=telepathy
        "-DCMAKE_PREFIX_PATH=${WORK}/prefix")

elseif(CASE STREQUAL "uninstall")  # xargs rm < build/install_manifest.txt, as the guide says
    install_into("${WORK}/prefix")
    file(STRINGS "${WORK}/raftkit/install_manifest.txt" manifest)
    file(REMOVE ${manifest})
    file(GLOB_RECURSE left "${WORK}/prefix/*")
    if(left OR NOT manifest)
        refuse("after uninstalling there is still ${left}")
    endif()

elseif(CASE STREQUAL "add_subdirectory")
    configure_consumer(add_subdirectory "-DRAFTKIT_SOURCE=${SOURCE}")
    build_and_run_consumer()

elseif(CASE STREQUAL "fetch_content")
    configure_consumer(fetch_content "-DFETCHCONTENT_SOURCE_DIR_RAFTKIT=${SOURCE}")
    build_and_run_consumer()

elseif(CASE STREQUAL "pkg_config")
    find_program(pkg_config NAMES pkgconf pkg-config)
    if(NOT pkg_config)
        message(NOTICE "raftkit: not run: pkg-config was not found (apt install pkgconf)")
        return()
    endif()
    install_into("${WORK}/prefix")
    file(RENAME "${WORK}/prefix" "${WORK}/elsewhere")
    set(ENV{PKG_CONFIG_PATH} "${WORK}/elsewhere/share/pkgconfig")
    run("${pkg_config}" --modversion raftkit)
    if(NOT output STREQUAL "${VERSION}\n")
        refuse("raftkit.pc has version ${output}")
    endif()
    run("${pkg_config}" --cflags --libs raftkit)
    separate_arguments(flags UNIX_COMMAND "${output}")
    run(${LAUNCHER} "${COMPILER}" -std=c++20 ${warnings}
        "${consumer}/main.cpp" "${consumer}/other.cpp" ${flags} -o program)
    run("${WORK}/program")

elseif(CASE STREQUAL "plain_include")
    run("${COMPILER}" -std=c++20 ${warnings} "-I${SOURCE}/include"
        "${consumer}/main.cpp" "${consumer}/other.cpp" -o program)
    run("${WORK}/program")

elseif(CASE STREQUAL "two_units")  # a function that is not inline clashes; and no flag is needed
    write_units()
    set(compile ${LAUNCHER} "${COMPILER}" -std=c++20 "-I${SOURCE}/include" ${warnings})
    run(${compile} -c one.cpp -o one.o)
    run(${compile} -fno-exceptions -fno-rtti -c two.cpp -o two.o)
    run("${COMPILER}" -pthread one.o two.o -o units)
    run("${WORK}/units")

elseif(CASE STREQUAL "other_compiler")
    find_program(clang NAMES clang++-16 clang++)
    if(NOT clang)
        message(NOTICE "raftkit: not run: clang 16 was not found (apt install clang-16)")
        return()
    endif()
    write_units()
    run(${LAUNCHER} "${clang}" -std=c++20 "-I${SOURCE}/include" ${warnings}
        -fno-exceptions -fno-rtti -c two.cpp -o two.o)

elseif(CASE STREQUAL "without_packages")  # the library needs nothing; what is skipped is named
    run("${CMAKE_COMMAND}" -S "${SOURCE}" -B raftkit ${tools} -DRAFTKIT_BUILD_BENCHMARKS=ON
        -DRAFTKIT_BUILD_EXAMPLES=OFF -DCMAKE_DISABLE_FIND_PACKAGE_doctest=ON
        -DCMAKE_DISABLE_FIND_PACKAGE_benchmark=ON)
    foreach(package IN ITEMS doctest-dev libbenchmark-dev)
        if(NOT output MATCHES "[^\n]+ left out: [^\n]+apt install ${package}")
            refuse("nothing says that ${package} is missing")
        endif()
    endforeach()
    run_in_vain("apt install doctest-dev" "${CMAKE_CTEST_COMMAND}" --test-dir raftkit
        -R unit_tests_are_built --output-on-failure)

else()
    refuse("there is no such case")
endif()
