#!/usr/bin/env bash
# Three kvd nodes with fsync against one redis-server that syncs each write, on one file system, in
# turn: redis-benchmark -t set -d 128 -n 200000 -r 100000 with 50 clients, alone and with a pipeline
# of 16. Also checks that commit_index rose by at least one entry a request: nothing was batched away.
#
#   bench/kvd_vs_redis.sh [ROUNDS] [REQUESTS]      KVD=path/to/kvd  DIR=where/the/data/goes
set -euo pipefail

rounds=${1:-5}
requests=${2:-200000}
here=$(cd "$(dirname "$0")/.." && pwd)
kvd=${KVD:-$(find "$here"/build* -type f -name kvd -perm -u+x 2>/dev/null | head -n 1)}
for program in "$kvd" redis-server redis-benchmark redis-cli; do
    if ! command -v "$program" >/dev/null; then
        echo "missing: ${program:-kvd} (apt install redis; build kvd with the release preset, or set KVD)" >&2
        exit 1
    fi
done
data=$(mktemp -d "${DIR:-$PWD}/raftkit-bench-XXXXXX")
children=()
finish() {
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    rm -rf "$data"
}
trap finish EXIT

base=$((20000 + RANDOM % 10000))
redis_port=$base
cluster=1=127.0.0.1:$((base + 1)),2=127.0.0.1:$((base + 2)),3=127.0.0.1:$((base + 3))
clients=1=127.0.0.1:$((base + 11)),2=127.0.0.1:$((base + 12)),3=127.0.0.1:$((base + 13))
mkdir "$data/redis"
redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$data/redis" --appendonly yes \
    --appendfsync always --save '' >"$data/redis.log" &
children+=($!)
for id in 1 2 3; do
    "$kvd" --id $id --cluster "$cluster" --client-peers "$clients" \
        --client 127.0.0.1:$((base + 10 + id)) --data "$data/kvd$id" 2>"$data/kvd$id.log" &
    children+=($!)
done

cli() { redis-cli -p "$1" "${@:2}" 2>/dev/null | tr -d '\r'; }
leader=0
find_leader() {
    for _ in $(seq 300); do
        for id in 1 2 3; do
            if cli $((base + 10 + id)) info raft | grep -q '^role:leader'; then
                leader=$((base + 10 + id))
                return
            fi
        done
        sleep 0.1
    done
    echo "no kvd leads" >&2
    cat "$data"/kvd*.log >&2
    exit 1
}
field() { cli "$leader" info raft | sed -n "s/^$1://p"; }
# requests a second
measure() {
    redis-benchmark -p "$1" -t set -d 128 -n "$requests" -r 100000 -q "${@:2}" 2>"$data/errors" |
        tr '\r' '\n' | sed -n 's/^SET: \([0-9.]*\) requests per second.*/\1/p' | tail -n 1
}
spread() { # min median max of the lines
    sort -g | awk '{v[NR] = $1} END {m = (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
                    printf "%.3f %.3f %.3f\n", v[1], m, v[NR]}'
}
# cpu_seconds PID...
cpu() { awk '{s += $14 + $15} END {print s}' $(printf '/proc/%s/stat ' "$@"); }

for _ in $(seq 100); do cli "$redis_port" ping | grep -q PONG && break || sleep 0.1; done
find_leader
# Segments are filled ahead of need; a log that runs for long has its spares.
for _ in $(seq 200); do
    [ "$(find "$data" -name 'spare-*.log' | wc -l)" -ge 6 ] && break || sleep 0.1
done

failed=0
echo "machine: $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(uname -sr)"
echo "$(redis-server --version | cut -d' ' -f1-3); $("$kvd" --version); $requests requests a round"
echo "load average before: $(cat /proc/loadavg)"
for shape in "-c 50" "-c 50 -P 16"; do
    read -ra words <<<"$shape"
    target=0.9
    [ "$shape" = "-c 50" ] || target=0.6
    : >"$data/kvd" && : >"$data/redis_rates" && : >"$data/ratios"
    spent=0
    for round in $(seq "$rounds"); do
        find_leader
        theirs=$(measure "$redis_port" "${words[@]}")
        before=$(field commit_index)
        ticks=$(cpu "${children[@]:1}")
        ours=$(measure "$leader" "${words[@]}")
        spent=$((spent + $(cpu "${children[@]:1}") - ticks))
        rose=$(($(field commit_index) - before))
        note=""
        if [ "$rose" -lt "$requests" ]; then
            note="  FAILED: commit_index rose by $rose only"
            failed=1
        fi
        awk -v a="$ours" -v b="$theirs" 'BEGIN {printf "%.4f\n", a / b}' >>"$data/ratios"
        echo "$ours" >>"$data/kvd"
        echo "$theirs" >>"$data/redis_rates"
        echo "$shape round $round: kvd $ours/s, redis $theirs/s, ratio $(tail -n 1 "$data/ratios")$note"
    done
    read -r low middle high < <(spread <"$data/kvd")
    echo "$shape: kvd   $low / $middle / $high requests a second (min / median / max)"
    read -r low middle high < <(spread <"$data/redis_rates")
    echo "$shape: redis $low / $middle / $high"
    read -r low middle high < <(spread <"$data/ratios")
    verdict=met
    awk -v m="$middle" -v t="$target" 'BEGIN {exit !(m < t)}' && verdict=MISSED
    echo "$shape: kvd / redis $low / $middle / $high, at least $target: $verdict;" \
        "CPU of three kvd $(awk -v t="$spent" -v h="$(getconf CLK_TCK)" -v n=$((requests * rounds)) \
            'BEGIN {printf "%.1f", t / h / n * 1e6}') us a request"
done
echo "load average after: $(cat /proc/loadavg)"
exit $failed
