#!/usr/bin/env bash
# Installs what the tests need, builds and runs all of them on a fresh Debian 12, where bash and apt
# are all there is. Prints the minutes of every step; more than 40 in total are a failure.
#
#   tests/run.sh              everything
#   tests/run.sh STEP...      only these: clients release asan-ubsan headers tsan fuzz
#
# The last line is `N passed, N failed`: the test cases that really ran, over all steps. A build that
# breaks counts as one failure; what cannot run here is listed as `not run`, with the reason.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

minutes_max=40
passed=0
failed=0
not_run=()
logs=build/test-logs
mkdir -p "$logs"
jobs=$(nproc)
# A cache of compilations serves every checkout, wherever it lies.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export CTEST_PARALLEL_LEVEL=$jobs CMAKE_BUILD_PARALLEL_LEVEL=$jobs CXX=g++

say() { printf '%s\n' "$*"; }
minutes() { awk -v s="$1" 'BEGIN { printf "%.1f", s / 60 }'; }

# ---- packages ------------------------------------------------------------------------------------

packages=(g++ cmake ninja-build ccache doctest-dev libbenchmark-dev clang-16 libclang-rt-16-dev
          redis-tools redis-server libraft-dev pkgconf python3)

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok' ||
            say "$package"
    done
    # Node may come from elsewhere, and Debian's package would then be in conflict with it.
    command -v node >/dev/null || say nodejs
    command -v npm >/dev/null || say npm
}

# Packages start services when they are installed, unless this says no. Redis stays off.
as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" \
        >>"$logs/install.log" 2>&1
}

install() {
    local missing package policy=/usr/sbin/policy-rc.d ours=no
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        say "Not root and no sudo. As root: apt-get install ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod +x "$policy"
        ours=yes
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    as_root apt-get update -q >"$logs/install.log" 2>&1
    # One package that cannot be had must not keep the others away.
    apt_install "${missing[@]}" || for package in "${missing[@]}"; do apt_install "$package"; done
    [[ $ours == yes ]] && as_root rm -f "$policy" && trap - EXIT
    mapfile -t missing < <(missing_packages)
    for package in "${missing[@]}"; do
        not_run+=("what needs $package: apt could not install it ($logs/install.log)")
    done
    return 0
}

# ---- steps ---------------------------------------------------------------------------------------

# A build; its output is shown when it fails.
build() {
    local log=$logs/$1.build.log
    shift
    "$@" >>"$log" 2>&1 && return 0
    tail -n 60 "$log"
    say "failed: $* (all of it: $log)"
    return 1
}

configure_and_build() { # step, preset, extra configure arguments... -- build arguments...
    local step=$1 preset=$2 directory=build/$2 configure=()
    shift 2
    while (($#)) && [[ $1 != -- ]]; do
        [[ $1 == -B ]] && directory=$2
        configure+=("$1")
        shift
    done
    shift
    : >"$logs/$step.build.log"
    build "$step" cmake --preset "$preset" "${configure[@]}" &&
        build "$step" cmake --build "$directory" "$@"
}

# Runs ctest and adds its test cases to the totals: those that doctest counts, a line of the form
# `N passed, N failed` of any other program, else the test itself.
run_ctest() { # step, directory, ctest arguments...
    local step=$1 directory=$2 log=$logs/$1.ctest.log status=0 counts line ran failures
    shift 2
    local -x ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    local -x UBSAN_OPTIONS=print_stacktrace=1
    local -x TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    rm -f "$directory/Testing/Temporary/LastTest.log"
    ctest --test-dir "$directory" --no-tests=error --output-on-failure "$@" >"$log" 2>&1 ||
        status=$?
    grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test +#[0-9]+:.*Passed )' "$log" | tail -n 200
    counts=$(awk -f tests/count.awk "$log" "$directory/Testing/Temporary/LastTest.log")
    read -r ran failures <<<"${counts:-0 0}"
    while IFS= read -r line; do not_run+=("$step: $line"); done < <(tail -n +2 <<<"$counts")
    # Whatever ctest complains about is at least one failure.
    ((status != 0 && failures == 0)) && failures=1
    say "$step: $ran test cases passed, $failures failed"
    ((passed += ran, failed += failures))
    return "$status"
}

step_release() {
    configure_and_build release release -- || { ((failed += 1)); return 1; }
    run_ctest release build/release
}

# Clang makes instrumented code in half the time that g++ takes, and so it sees every test once.
clang=()
find_clang() { command -v clang++-16 >/dev/null && clang=(-D CMAKE_CXX_COMPILER=clang++-16); }

# What only compiles, looks at object files or builds projects of its own gains nothing from
# sanitizers, which add types of their own. Of the end-to-end
# tests those run that send a server garbage and every command; the others would take minutes more.
step_asan-ubsan() {
    find_clang
    configure_and_build asan-ubsan asan-ubsan "${clang[@]}" -- || { ((failed += 1)); return 1; }
    run_ctest asan-ubsan build/asan-ubsan -LE '^(packaging|compile_fail|clients)$' \
        -E '^(node/object|e2e/(command_line|beside_redis|failover|snapshots|tools|clients))$'
}

# Each header alone under clang: what it does not include itself, nobody includes for it.
step_headers() {
    if ! find_clang; then
        not_run+=("headers: clang++-16 was not found (apt install clang-16)")
        return 0
    fi
    configure_and_build headers clang-tidy -B build/headers -D CMAKE_CXX_CLANG_TIDY= \
        "${clang[@]}" -D RAFTKIT_BUILD_TESTS=OFF -- \
        --target all_verify_interface_header_sets || { ((failed += 1)); return 1; }
    say "headers: $(grep -c 'verify_interface_header_sets.*\.o' "$logs/headers.build.log") compile alone"
    ((passed += 1))
}

step_tsan() {
    configure_and_build tsan tsan -- --target raftkit_threaded_tests ||
        { ((failed += 1)); return 1; }
    run_ctest tsan build/tsan -L '^threads$'
}

# A short run of each; `tests/fuzz/run.sh SECONDS` is the long one.
step_fuzz() {
    if ! find_clang; then
        not_run+=("fuzz: clang++-16 was not found (apt install clang-16)")
        return 0
    fi
    local log=$logs/fuzz.log status=0 ran failures
    tests/fuzz/run.sh 5 >"$log" 2>&1 || status=$?
    cat "$log"
    read -r ran failures <<<"$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)"
    ((passed += ${ran:-0}, failed += ${failures:-1}))
    return "$status"
}

npm_is_cut_off='E(NOTFOUND|AI_AGAIN|CONN(REFUSED|RESET)|TIMEDOUT|HOSTUNREACH|40.|50.)|network'

# The libraries of other languages, fetched at the versions of the lock file.
step_clients() {
    local folder=tests/e2e/clients
    [[ -f $folder/package-lock.json ]] || return 0
    if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >"$logs/clients.log" 2>&1; then
        if grep -qE "$npm_is_cut_off" "$logs/clients.log"; then
            not_run+=("clients: npm cannot reach its packages; transcripts are replayed instead")
            return 0
        fi
        tail -n 20 "$logs/clients.log"
        ((failed += 1))
        return 1
    fi
}

# ---- the run -------------------------------------------------------------------------------------

begin=$SECONDS
problems=()
run_step() {
    local from=$SECONDS
    say "== $1"
    "$2" || problems+=("$1")
    say "== $1: $(minutes $((SECONDS - from))) minutes"
}

# The clients come first: the tests of the release build use what they bring.
steps=(clients release asan-ubsan headers tsan fuzz)
(($#)) && steps=("$@")

run_step install install
command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja
for tool in cmake g++; do
    command -v "$tool" >/dev/null || { say "$tool was not found (apt install $tool)"; exit 2; }
done
for step in "${steps[@]}"; do
    declare -F "step_$step" >/dev/null || { say "there is no step $step"; exit 2; }
    run_step "$step" "step_$step"
done

total=$((SECONDS - begin))
say "total: $(minutes $total) minutes"
for line in "${not_run[@]}"; do say "not run: $line"; done
((${#problems[@]})) && say "failed steps: ${problems[*]}"
status=0
if ((total > minutes_max * 60)); then
    say "That is more than $minutes_max minutes."
    status=1
fi
((failed > 0 || passed == 0 || ${#problems[@]} > 0)) && status=1
say "$passed passed, $failed failed"
exit $status
