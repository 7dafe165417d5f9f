#!/usr/bin/env bash
# The long run of the simulator: many seeds of whole clusters, on all cores, with progress.
#
#   tests/sim/run.sh [--first N] [--seeds N] [--jobs N] [--block N] [--state DIR] [--cores] [PROGRAM]
#
# PROGRAM is a build of the tests (default: build/release/bin/raftkit_testing_tests, with --cores, for
# bare cores, raftkit_core_tests). Seeds are run in blocks; the blocks that are done are remembered in
# DIR (default: build/sim), so that a run that was stopped goes on where it was: give it the same
# numbers again. Failing seeds are listed in DIR/failures with what they violated; the run goes on.
# On a terminal it draws a bar, elsewhere it prints a line now and then. Ends with
# `N passed, N failed` (seeds); nonzero if one failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

first=1 seeds=100000 jobs=$(nproc) block=250 state=build/sim case='*every seed*' program=
name=raftkit_testing_tests
while (($#)); do
    case $1 in
        --first) first=$2; shift ;;
        --seeds) seeds=$2; shift ;;
        --jobs) jobs=$2; shift ;;
        --block) block=$2; shift ;;
        --state) state=$2; shift ;;
        --cores) name=raftkit_core_tests case='*bare cores*every seed*' ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
        *) program=$1 ;;
    esac
    shift
done
program=${program:-build/release/bin/$name}
[[ -x $program ]] || { echo "no program $program: cmake --preset release && cmake --build --preset release"; exit 2; }
[[ $name == raftkit_testing_tests ]] && case='*real nodes*every seed*'
mkdir -p "$state" || exit 2
touch "$state/done" "$state/failures"

# A seed whose assertion fails takes the process with it: it is noted, and the block goes on behind
# it. A process that ended otherwise (somebody killed it) leaves the block undone.
run_block() {
    local from=$1 next=$1 end=$(($1 + $2)) log=$state/block-$1.log status seed keep=no
    while ((next < end)); do
        status=0
        RAFTKIT_FIRST_SEED=$next RAFTKIT_SEEDS=$((end - next)) "$program" --test-case="$case" \
            >"$log.part" 2>&1 || status=$?
        cat "$log.part" >>"$log"
        if grep -q 'ERROR: seed [0-9]*:' "$log.part"; then
            grep -oE 'ERROR: seed [0-9]+: .*' "$log.part" | cut -d' ' -f2- >>"$state/failures"
            keep=yes
        elif ((status != 0 && status < 128)); then
            echo "seeds $next..$((end - 1)): $(grep -m 1 ERROR "$log.part")" >>"$state/failures"
            keep=yes
        fi
        ((status < 128)) && break
        grep -q 'raftkit: assertion failed' "$log.part" || return 1
        seed=$(grep -oE 'replay: RAFTKIT_SEED=[0-9]+' "$log.part" | tail -n 1 | grep -oE '[0-9]+$')
        echo "seed $seed: $(grep 'raftkit: assertion failed' "$log.part")" >>"$state/failures"
        keep=yes
        next=$((seed + 1))
    done
    rm -f "$log.part"
    [[ $keep == yes ]] || rm -f "$log"
    echo "$from $2" >>"$state/done"
}

seeds_done() { awk -v a="$first" -v b=$((first + seeds)) '$1 >= a && $1 < b { n += $2 } END { print n + 0 }' "$state/done"; }

show() {
    local ready=$1 passed_since=$((SECONDS - begin)) width=40 filled rate=0 left='?'
    ((passed_since > 0)) && rate=$(((ready - ready_at_start) / passed_since))
    ((rate > 0)) && left=$(((seeds - ready) / rate / 60))
    filled=$((ready * width / seeds))
    local bad
    bad=$(wc -l <"$state/failures")
    if [[ -t 1 ]]; then
        printf '\r[%-*s] %d/%d seeds, %d a second, %s minutes left, %d failures ' "$width" \
            "$(printf '%*s' "$filled" '' | tr ' ' '#')" "$ready" "$seeds" "$rate" "$left" "$bad"
    else
        printf '%d/%d seeds, %d a second, %d failures\n' "$ready" "$seeds" "$rate" "$bad"
    fi
}

begin=$SECONDS
ready_at_start=$(seeds_done)
children=()
trap 'kill "${children[@]}" 2>/dev/null; exit 130' INT TERM

# Each worker takes every jobs-th block.
for ((worker = 0; worker < jobs; ++worker)); do
    (
        running=
        trap '[[ -n $running ]] && kill "$running" 2>/dev/null; exit 130' INT TERM
        number=0
        for ((from = first; from < first + seeds; from += block, ++number)); do
            ((number % jobs == worker)) || continue
            count=$((first + seeds - from < block ? first + seeds - from : block))
            grep -qx "$from $count" "$state/done" && continue
            run_block "$from" "$count" &
            running=$!
            wait "$running" || exit 1
        done
    ) &
    children+=($!)
done

interval=30
[[ -t 1 ]] && interval=1
while jobs -r | grep -q .; do
    for ((waited = 0; waited < interval; ++waited)); do
        sleep 1
        jobs -r | grep -q . || break
    done
    show "$(seeds_done)"
done
[[ -t 1 ]] && echo

ready=$(seeds_done)
failed=$(wc -l <"$state/failures")
((failed > 0)) && cat "$state/failures"
((ready == seeds)) || { echo "$((seeds - ready)) seeds were not run"; failed=$((failed + 1)); }
echo "$((ready - failed)) passed, $failed failed"
((failed == 0))
