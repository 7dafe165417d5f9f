#!/usr/bin/env bash
# Fuzzes every decoder, two targets at a time, and says how each one does.
#
#   tests/fuzz/run.sh [--build-and-run] [SECONDS [TARGET...]]      60 seconds each by default
#
# What is found lies in build/fuzz/found/TARGET-*; what is new and covers more than the stored corpus
# in build/fuzz/corpus/TARGET, where the next run goes on. The last line is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

[[ ${1-} == --build-and-run ]] && shift
seconds=${1:-60}
shift
names=("$@")
if ((${#names[@]} == 0)); then
    mapfile -t names < <(sed -n 's/^RAFTKIT_FUZZ_EACH(\(.*\))$/\1/p' tests/fuzz/targets.inc)
fi
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]] || ((${#names[@]} == 0)); then
    echo "usage: tests/fuzz/run.sh [--build-and-run] [SECONDS [TARGET...]]" >&2
    exit 2
fi

build=build/fuzz
found=$build/found
mkdir -p "$found"
built() {
    cmake --preset fuzz >"$build/build.log" 2>&1 &&
        cmake --build "$build" --target "${names[@]/#/raftkit_fuzz_}" -j 2 >>"$build/build.log" 2>&1
}
began=$SECONDS
if ! built; then
    tail -n 40 "$build/build.log"
    echo "0 passed, ${#names[@]} failed"
    exit 1
fi
echo "built ${#names[@]} targets in $((SECONDS - began)) s; fuzzing each for $seconds s"

# One target; its last words go to a file, so that two at a time do not mix.
fuzz() {
    local name=$1 log=$build/$1.log status=0 line
    mkdir -p "$build/corpus/$name"
    # Memory is bounded: an input that makes a decoder reserve what it merely announces is a defect.
    UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_stack_use_after_return=1 \
        timeout --kill-after=10 $((seconds * 3 + 120)) \
        "$build/bin/raftkit_fuzz_$name" -max_total_time="$seconds" -max_len=8192 -timeout=20 \
        -rss_limit_mb=1024 -malloc_limit_mb=256 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$found/$name-" "$build/corpus/$name" "tests/fuzz/corpus/$name" \
        >"$log" 2>&1 || status=$?
    line=$(awk '/cov: /{ for (i = 1; i < NF; ++i) if ($i == "cov:") c = $(i + 1) }
        /number_of_executed_units/ { n = $2 } END { print n + 0 " inputs, " c + 0 " edges" }' "$log")
    # A run that tried nothing proves nothing.
    [[ $line == 0\ * ]] && status=1
    if ((status == 0)); then
        echo "ok      $name: $line"
    else
        echo "FAILED  $name: $line; the input is in $found/$name-*, all of it in $log"
        grep -aE 'property broken|assertion failed|ERROR: |runtime error' "$log" | head -n 5
    fi
    return "$status"
}

passed=0
failed=0
tally() { if wait "$1"; then ((passed += 1)); else ((failed += 1)); fi; }
running=()
for name in "${names[@]}"; do
    if ((${#running[@]} == 2)); then
        tally "${running[0]}"
        running=("${running[@]:1}")
    fi
    fuzz "$name" &
    running+=($!)
done
for each in "${running[@]}"; do tally "$each"; done
echo "$passed passed, $failed failed"
((failed == 0))
