#!/usr/bin/env bash
# Three kvd servers on this machine, through everything that kills databases. On a fresh Debian 12,
# where bash and apt are all there is, it installs what it needs, builds, and then after each act
# reads every acknowledged key back. Exit code 0: nothing was lost.
#
#   examples/demo.sh
#
# It writes to build/release and to a temporary directory that it removes, uses only 127.0.0.1, and
# ends only processes that it began.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

work=''
pids=('' '' '' '')
load_pid=''
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

say() { printf '%s\n' "$*"; }
# Said while the load draws its row: on a line of its own.
aside() { if [[ -t 1 ]]; then printf '\n%s\n' "$*"; else say "$*"; fi; }
act() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
shown() { printf '$ %s\n' "$*"; "$@"; }

give_up() {
    say "demo: $*" >&2
    for id in 1 2 3; do
        [[ -s $work/$id.log ]] && printf -- '--- node %s, its last lines\n%s\n' "$id" "$(tail -n 8 "$work/$id.log")" >&2
    done
    exit 1
}

clean_up() {
    local pid
    trap - EXIT INT TERM
    for pid in "$load_pid" "${pids[@]}"; do
        [[ -n $pid ]] && kill -CONT "$pid" 2>/dev/null && kill -KILL "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    [[ -n $work ]] && rm -rf "$work"
}

# ---- what it needs -------------------------------------------------------------------------------

as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }

install() {
    local missing=()
    command -v g++ >/dev/null || missing+=(g++)
    command -v cmake >/dev/null || missing+=(cmake)
    command -v ninja >/dev/null || command -v make >/dev/null || missing+=(ninja-build)
    command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null || missing+=(redis-tools)
    ((${#missing[@]})) || return 0
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        say "Not root and no sudo. As root: apt-get install ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    as_root apt-get update -q >"$work/apt.log" 2>&1
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >>"$work/apt.log" 2>&1 && return 0
    tail -n 20 "$work/apt.log"
    say "apt could not install ${missing[*]}"
    return 1
}

build() {
    local directory=build/release
    # A source tree that can't be written to is built elsewhere.
    if ! mkdir -p "$directory" 2>/dev/null || [[ ! -w $directory ]]; then
        directory=${XDG_CACHE_HOME:-$HOME/.cache}/raftkit/release
    fi
    command -v ninja >/dev/null && export CMAKE_GENERATOR=Ninja
    say "building kvd and kvload in $directory: a minute or two the first time"
    if ! { cmake --preset release -B "$directory" &&
        cmake --build "$directory" --parallel "$(nproc)" --target kvd kvload; } >"$work/build.log" 2>&1; then
        tail -n 40 "$work/build.log"
        return 1
    fi
    bin=$PWD/$directory/bin
    [[ $directory == /* ]] && bin=$directory/bin
    return 0
}

# ---- the cluster ---------------------------------------------------------------------------------

# Fills `ports` with ports of 127.0.0.1 on which nobody answers, below the range that the system takes
# for outgoing connections. They stay ours while nodes are down: a port that programs like is no good.
free_ports() { # count
    local port
    ports=()
    for ((port = 20000 + RANDOM % 8000; port < 32000 && ${#ports[@]} < $1; ++port)); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || ports+=("$port")
    done
    ((${#ports[@]} == $1))
}

start() { # id
    local id=$1
    "$bin/kvd" --id "$id" --cluster "$cluster" --client "127.0.0.1:${client[$id]}" \
        --client-peers "$clients" --data "$work/data-$id" \
        --snapshot-entries 5000 --trailing 500 --segment-bytes 262144 >>"$work/$id.log" 2>&1 &
    pids[$id]=$!
}

# Ends a node; bash would otherwise print its obituary.
end_node() { # id, signal
    kill -"$2" "${pids[$1]}" 2>/dev/null
    wait "${pids[$1]}" 2>/dev/null
    pids[$1]=''
}

ask() { timeout 5 redis-cli -p "${client[$1]}" "${@:2}" 2>/dev/null; }
field() { ask "$1" INFO raft | awk -F: -v name="$2" '$1 == name { sub(/\r$/, "", $2); print $2 }'; }

# The id of the leader that a running node names and that says so itself.
find_leader() {
    local id seen
    for ((tries = 0; tries < 300; ++tries)); do
        for id in 1 2 3; do
            [[ -n ${pids[$id]} ]] || continue
            kill -0 "${pids[$id]}" 2>/dev/null || give_up "node $id ended by itself"
            seen=$(field "$id" leader_id)
            if [[ $seen == [123] && -n ${pids[$seen]} && $(field "$seen" role) == leader ]]; then
                leader=$seen
                return 0
            fi
        done
        sleep 0.1
    done
    give_up "no leader after 30 seconds"
}

other() { # ids...: the first id that is none of them
    local id
    for id in 1 2 3; do [[ " $* " == *" $id "* ]] || { echo "$id"; return; }; done
}

wait_caught_up() { # id: it applied what the leader had committed
    local goal
    find_leader
    goal=$(field "$leader" commit_index)
    for ((tries = 0; tries < 300; ++tries)); do
        (($(field "$1" applied_index || echo 0) + 0 >= goal)) && return 0
        sleep 0.1
    done
    give_up "node $1 did not catch up to entry $goal within 30 seconds"
}

begin_load() { # prefix, seconds
    "$bin/kvload" --nodes "$nodes" --prefix "$1" --seconds "$2" --clients 8 --value-bytes 100 \
        --acknowledged "$work/acknowledged" &
    load_pid=$!
}
end_load() {
    wait "$load_pid" || give_up "the load failed"
    load_pid=''
}

read_back() {
    say "reading every acknowledged key back:"
    "$bin/kvload" --nodes "$nodes" --verify "$work/acknowledged" --clients 16 ||
        give_up "acknowledged keys were lost"
}

# ---- the acts ------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/kvd-demo.XXXXXX") || exit 2
trap clean_up EXIT
trap 'exit 130' INT TERM
install || exit 1
build || exit 1
began=$SECONDS

free_ports 6 || give_up "no six free ports between 20000 and 32000"
client=('' "${ports[@]:3:3}")
cluster="1=127.0.0.1:${ports[0]},2=127.0.0.1:${ports[1]},3=127.0.0.1:${ports[2]}"
clients="1=127.0.0.1:${client[1]},2=127.0.0.1:${client[2]},3=127.0.0.1:${client[3]}"
nodes="127.0.0.1:${client[1]},127.0.0.1:${client[2]},127.0.0.1:${client[3]}"

act "Three nodes"
for id in 1 2 3; do start "$id"; done
find_leader
follower=$(other "$leader")
say "node $leader leads; clients on ports ${client[1]}, ${client[2]}, ${client[3]}"
shown redis-cli -p "${client[$follower]}" SET planet mars
shown redis-cli -c -p "${client[$follower]}" SET planet mars
shown redis-cli -c -p "${client[$follower]}" GET planet

act "The rate: every write is on the disks of two nodes before it is answered"
for pipeline in 1 16; do
    # Its progress comes on one line with carriage returns; only the last of them is the result.
    shown timeout 60 redis-benchmark -p "${client[$leader]}" -t set -d 128 -n $((pipeline * 4000)) \
        -r 100000 -c 50 -P "$pipeline" -q | tr '\r' '\n' | grep -E '^\$|requests per second' ||
        give_up "redis-benchmark failed"
done

act "The leader is killed (SIGKILL) under load"
begin_load killed 8
sleep 2
find_leader
killed=$leader
aside "kill -9 of node $killed, the leader"
end_node "$killed" KILL
find_leader
aside "node $leader leads now"
end_load
read_back
start "$killed"
wait_caught_up "$killed"
say "node $killed is back, and has caught up"

act "A snapshot, taken under load"
begin_load snapshot 4
sleep 1
find_leader
aside "on node $leader, the leader:"
shown redis-cli -p "${client[$leader]}" SNAPSHOT
end_load
say "entries in the log: from $(field "$leader" first_log_index) on; snapshot at $(field "$leader" snapshot_index)"
(($(field "$leader" snapshot_index) > 0)) || give_up "there is no snapshot"
read_back

act "A follower is away until the log that it needs is gone"
find_leader
away=$(other "$leader")
last=$(field "$away" last_log_index)
end_node "$away" TERM
say "node $away is stopped; its log ends at entry $last"
for ((round = 1; round <= 10; ++round)); do
    begin_load "away$round" 3
    end_load
    find_leader
    ask "$leader" SNAPSHOT >/dev/null
    first=$(field "$leader" first_log_index)
    ((first > last + 1)) && break
done
((first > last + 1)) || give_up "the leader's log still begins at entry $first"
say "the leader's log begins at entry $first now: node $away needs a snapshot"
start "$away"
wait_caught_up "$away"
installed=$(field "$away" snapshots_installed)
say "node $away has caught up; snapshots installed: $installed"
((installed > 0)) || give_up "node $away caught up without a snapshot"
read_back

act "All nodes are killed at once, and started again"
begin_load all 3
sleep 2
for id in 1 2 3; do kill -KILL "${pids[$id]}"; done
for id in 1 2 3; do end_node "$id" KILL; done
for id in 1 2 3; do start "$id"; done
find_leader
end_load
read_back

act "And once more, each by SIGTERM"
for id in 1 2 3; do kill -TERM "${pids[$id]}"; done
for id in 1 2 3; do
    wait "${pids[$id]}" || give_up "node $id ended with exit code $?"
    start "$id"
done
find_leader
read_back

say
say "Nothing that was acknowledged was lost: $(wc -l <"$work/acknowledged") keys, $((SECONDS - began)) seconds."
say "Next: examples/kvd/README.md, examples/hello.cpp, and tests/run.sh for everything else."
