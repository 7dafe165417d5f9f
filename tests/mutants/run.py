"""Applies the defects of list.txt, one at a time, to a copy of the tree, and runs the tests that
should notice. README.md says what is in the list and what a result means."""

import argparse
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPIED = ("include", "tests", "examples")
TEST_BYTES_MAX = 2 << 30
STANDARD = ("doctest/doctest.h", "algorithm", "array", "atomic", "charconv", "condition_variable",
            "cstring", "filesystem", "fstream", "functional", "map", "memory", "mutex", "optional",
            "set", "sstream", "string", "thread", "tuple", "variant", "vector")
FIELDS = ("file", "test", "why", "equivalent")


class Mutant:
    def __init__(self, name):
        self.name, self.fields, self.before, self.after = name, {}, [], []

    def text(self):
        return repr((sorted(self.fields.items()), self.before, self.after))


def parse(path):
    """The list as mutants, in order. A list that can't be read is a mistake of its author."""
    mutants, part = [], None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.rstrip("\n")
        if line.startswith("== "):
            mutants.append(Mutant(line[3:].strip()))
            part = "fields"
        elif line.startswith("# "):  # between mutants; code has no such line
            part = "comment"
        elif line in ("---", "+++"):
            part = line
        elif part == "---":
            mutants[-1].before.append(line)
        elif part == "+++":
            mutants[-1].after.append(line)
        elif line:
            key, colon, value = line.partition(": ")
            if part != "fields" or not colon or key not in FIELDS:
                sys.exit(f"{path}:{number}: not understood: {line}")
            mutants[-1].fields[key] = value
    for each in mutants:
        for lines in (each.before, each.after):
            while lines and not lines[-1]:
                lines.pop()
        lacks = [key for key in FIELDS[:3] if key not in each.fields]
        if lacks or not each.before:
            sys.exit(f"{path}: {each.name} lacks {' and '.join(lacks) or 'the text'}")
    return mutants


class Test:
    """One of the tests of a mutant: `core/script_test`, perhaps with more sources of the tree
    (`+examples/kvd/resp.cpp`) and with environment (`RAFTKIT_SEEDS=40`)."""

    def __init__(self, words):
        words = words.split()
        self.words = " ".join(words)
        self.source = f"tests/{words[0]}.cpp"
        self.more = [word[1:] for word in words[1:] if word.startswith("+")]
        self.environment = dict(word.split("=", 1) for word in words[1:] if "=" in word)


class Workshop:
    """The copy of the tree, and what is compiled from it."""

    def __init__(self, directory, compiler, seconds_max):
        self.directory, self.seconds_max = directory, seconds_max
        self.tree = os.path.join(directory, "tree")
        define = lambda name, value: f'-DRAFTKIT_{name}="{value}"'
        self.compiler = compiler
        self.options = [
            "-std=c++20", "-O0", "-pthread", "-I" + self.path("include"), "-I" + self.path("tests"),
            "-I" + self.path("examples"), define("SOURCE_DIRECTORY", self.tree),
            define("BINARY_DIRECTORY", directory), define("CMAKE_VERSION", "0")]
        self.sound = {}  # test -> why it is not, or None

    def path(self, *parts):
        return os.path.join(self.tree, *parts)

    def refresh(self):
        """Makes the copy like the tree; what is alike keeps its time."""
        wanted = set()
        for top in COPIED:
            for folder, folders, names in os.walk(os.path.join(ROOT, top)):
                folders[:] = [name for name in folders if name not in ("node_modules", "build")]
                for name in names:
                    source = os.path.join(folder, name)
                    wanted.add(os.path.relpath(source, ROOT))
        for folder, _, names in os.walk(self.tree):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.relpath(path, self.tree) not in wanted:
                    os.remove(path)
        for each in wanted:
            source, target = os.path.join(ROOT, each), self.path(each)
            if os.path.exists(target) and read(source) == read(target):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)

    def compile(self, source, target, extra=()):
        done = subprocess.run([self.compiler, *self.options, *extra, "-c", source, "-o", target],
                              capture_output=True, text=True, errors="replace")
        return done.stderr if done.returncode else None

    def prepare(self):
        """The main of all tests, and the standard headers, read once for all mutants."""
        header = os.path.join(self.directory, "standard.hpp")
        with open(header, "w", encoding="utf-8") as file:
            file.writelines(f"#include <{name}>\n" for name in STANDARD)
        made = header + (".pch" if "clang" in self.compiler else ".gch")
        self.standard = ["-include-pch", made] if "clang" in self.compiler else ["-include", header]
        return (self.compile(self.path("tests/main.cpp"), os.path.join(self.directory, "main.o")) or
                self.compile(header, made, ["-x", "c++-header"]))

    def build(self, test):
        """The test's program, or what the compiler says."""
        objects = [os.path.join(self.directory, "main.o")]
        for at, source in enumerate([test.source] + test.more):
            objects.append(os.path.join(self.directory, f"{at}.o"))
            wrong = self.compile(self.path(source), objects[-1], self.standard)
            if wrong:
                return wrong
        program = os.path.join(self.directory, "test")
        done = subprocess.run([self.compiler] + objects + ["-pthread", "-o", program],
                              capture_output=True, text=True, errors="replace")
        return done.stderr if done.returncode else None

    def bound(self):
        """What grows or turns without an end must not take the machine along. Seconds are those of
        the processor, so that a busy machine kills nothing."""
        seconds = int(self.seconds_max)
        resource.setrlimit(resource.RLIMIT_AS, (TEST_BYTES_MAX, TEST_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))

    def run(self, test):
        """How the test's program ended: `passed`, or how it noticed."""
        log = os.path.join(self.directory, "test.log")
        with open(log, "wb") as out:
            try:
                done = subprocess.run(
                    [os.path.join(self.directory, "test")], stdout=out, stderr=out,
                    cwd=self.directory, timeout=self.seconds_max * 5, preexec_fn=self.bound,
                    env={**os.environ, **test.environment})
            except subprocess.TimeoutExpired:
                return "waits without an end"
        said = read(log).decode(errors="replace")
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "does not end"
        if done.returncode < 0:
            return f"ended by signal {-done.returncode}"
        if done.returncode != 0:
            named = re.search(r"TEST CASE: +(.*)", said)
            return "failed: " + named.group(1) if named else "failed"
        # A program in which nothing ran proves nothing.
        if re.search(r"test cases: +0 ", said):
            return "ran no test"
        return "passed"

    def check(self, test):
        """A test that fails, or runs nothing, on the tree as it is kills nothing."""
        if test.words not in self.sound:
            wrong = self.build(test)
            ended = wrong.strip().splitlines()[0] if wrong else self.run(test)
            self.sound[test.words] = None if ended == "passed" else f"{test.words}: {ended}"
        return self.sound[test.words]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tests_of(mutant):
    return [Test(words) for words in mutant.fields["test"].split(", ")]


def fingerprint(mutant):
    """What a verdict depends on first of all. Other headers count too: --again judges anew."""
    known = hashlib.sha256(mutant.text().encode())
    paths = [mutant.fields["file"]]
    for test in tests_of(mutant):
        paths += [test.source] + test.more
        scripts = os.path.join(ROOT, os.path.dirname(test.source), "scripts")
        if os.path.isdir(scripts):
            paths += [os.path.join(scripts, name) for name in sorted(os.listdir(scripts))]
    for path in paths:
        full = os.path.join(ROOT, path)
        known.update(read(full) if os.path.exists(full) else b"missing")
    return known.hexdigest()[:16]


def judge(workshop, mutant):
    """(verdict, how): killed, survived, does not apply, does not compile or not judged."""
    path = workshop.path(mutant.fields["file"])
    before, after = "\n".join(mutant.before), "\n".join(mutant.after)
    original = read(path).decode() if os.path.exists(path) else ""
    if original.count(before) != 1 or before == after:
        return "does not apply", f"{original.count(before)} places in {mutant.fields['file']}"
    tests = tests_of(mutant)
    for test in tests:
        unsound = workshop.check(test)
        if unsound:
            return "not judged", "without the change: " + unsound
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(original.replace(before, after))
        for test in tests:
            wrong = workshop.build(test)
            if wrong:
                first = next((l for l in wrong.splitlines() if "error" in l), "see the compiler")
                return "does not compile", first
            ended = workshop.run(test)
            if ended != "passed":
                return "killed", f"{test.source}: {ended}"
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(original)
    return "survived", ", ".join(test.source for test in tests)


def load_results(path):
    known = {}
    if os.path.exists(path):
        for line in open(path, encoding="utf-8"):
            name, print_of, verdict, how = line.rstrip("\n").split("\t")
            known[name] = (print_of, verdict, how)
    return known


class Progress:
    """A bar on a terminal, a line for each mutant in a pipe."""

    def __init__(self, total):
        self.total, self.done, self.bar = total, 0, sys.stdout.isatty()

    def begin(self, name):
        if self.bar:
            full = 30 * self.done // max(self.total, 1)
            print(f"\r\033[K[{'#' * full}{'.' * (30 - full)}] {self.done}/{self.total} {name}",
                  end="", flush=True)

    def end(self, name, verdict, how, fine):
        self.done += 1
        if self.bar and fine:
            return
        clear = "\r\033[K" if self.bar else ""
        print(f"{clear}{self.done}/{self.total} {name}: {verdict} ({how})", flush=True)

    def close(self):
        if self.bar:
            print("\r\033[K", end="")


def main():
    options = argparse.ArgumentParser(
        prog="tests/mutants/run.sh", description="Runs the mutants of list.txt, or those named.")
    options.add_argument("names", nargs="*", help="only these; a name that ends in * is a prefix")
    options.add_argument("--list", action="store_true", help="name them and what they are about")
    options.add_argument("--again", action="store_true", help="forget what is known of them")
    options.add_argument("--build", default=os.path.join(ROOT, "build", "mutants"),
                         help="where the copy and the results are (default: build/mutants)")
    # It takes half the time of g++ for this.
    fast = "clang++-16" if shutil.which("clang++-16") else "g++"
    options.add_argument("--compiler", default=os.environ.get("CXX", fast))
    options.add_argument("--seconds", type=float, default=60, help="of the processor, for a test")
    asked = options.parse_args()

    mutants = parse(os.path.join(ROOT, "tests", "mutants", "list.txt"))
    chosen = [each for each in mutants if not asked.names or any(
        each.name == name or (name.endswith("*") and each.name.startswith(name[:-1]))
        for name in asked.names)]
    if not chosen:
        sys.exit("no mutant has such a name")
    if asked.list:
        for each in chosen:
            print(f"{each.name}: {each.fields['why']}")
        return 0

    os.makedirs(asked.build, exist_ok=True)
    results = os.path.join(asked.build, "results.txt")
    known = load_results(results)
    workshop = Workshop(os.path.abspath(asked.build), asked.compiler, asked.seconds)
    workshop.refresh()
    wrong = workshop.prepare()
    if wrong:
        sys.exit(wrong)

    begun, counts, unfit, judged = time.monotonic(), {}, [], 0
    progress = Progress(len(chosen))
    for each in chosen:
        progress.begin(each.name)
        print_of = fingerprint(each)
        if asked.again or known.get(each.name, ("",))[0] != print_of:
            verdict, how = judge(workshop, each)
            judged += 1
            known[each.name] = (print_of, verdict, how)
            # After every one: an interrupted run goes on where it was.
            with open(results + ".tmp", "w", encoding="utf-8") as file:
                for name, row in known.items():
                    file.write("\t".join((name,) + row).replace("\n", " ") + "\n")
            os.replace(results + ".tmp", results)
        _, verdict, how = known[each.name]
        argued = each.fields.get("equivalent")
        fine = verdict == ("survived" if argued else "killed")
        if argued and fine:
            verdict, how = "equivalent", argued
        counts[verdict] = counts.get(verdict, 0) + 1
        if not fine:
            unfit.append(each.name)
        progress.end(each.name, verdict, how, fine)
    progress.close()
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    print(f"{len(chosen)} mutants, {judged} judged now in {time.monotonic() - begun:.0f} s: {said}")
    if unfit:
        print("not as they should be: " + " ".join(unfit))
    return 1 if unfit else 0


if __name__ == "__main__":
    sys.exit(main())
