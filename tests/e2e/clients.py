"""Client libraries of Node.js, plain and in their cluster and sentinel modes, through the loss of the
leader: every write that they acknowledged is read back."""

import json
import os
import subprocess
import shutil
import time

from support import Cluster, HERE, NotRun, SLOW, run, spawn, tests_of

MODES = ["ioredis-plain", "ioredis-cluster", "ioredis-sentinel", "redis-plain", "redis-cluster",
         "redis-sentinel"]


def need_libraries():
    if not shutil.which("node"):
        raise NotRun("node was not found (apt install nodejs npm)")
    if not os.path.isdir(os.path.join(HERE, "clients", "node_modules", "ioredis")):
        raise NotRun("the libraries are not installed (npm ci --ignore-scripts in tests/e2e/clients)")


def run_modes(cluster, seconds, act):
    leader = cluster.leader()
    running = {}
    for mode in MODES:
        book = os.path.join(cluster.folder, mode + "-" + act)
        running[mode] = spawn(["node", os.path.join(HERE, "clients", "client.js"), mode, cluster.addresses(),
                               str(leader.client), str(seconds), book], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    return running


def outcome(cluster, running, act):
    made = {}
    for mode, process in running.items():
        said = process.communicate(timeout=60 * SLOW)[0]
        assert process.returncode == 0, (mode, said)
        made[mode] = json.loads(said.strip().split("\n")[-1])
        assert made[mode]["errors"].get("wrong value", 0) == 0, (mode, made[mode])
        print("        %-17s %s" % (mode, json.dumps(made[mode])))
        cluster.verify(mode + "-" + act)
    return made


def test_steady():
    """all modes of both libraries write and read without an error while nothing happens"""
    need_libraries()
    with Cluster() as cluster:
        for mode, seen in outcome(cluster, run_modes(cluster, 3, "steady"), "steady").items():
            assert sum(seen["halves"]) > 50, (mode, seen)
            assert seen["errors"] == {}, (mode, seen)


def test_leader_killed():
    """the leader is killed under all modes: cluster and sentinel modes go on with the next one, and
    every write that was acknowledged is read back"""
    need_libraries()
    with Cluster() as cluster:
        running = run_modes(cluster, 10, "killed")
        time.sleep(3)
        leader = cluster.leader()
        leader.kill()
        cluster.leader()
        leader.start()
        for mode, seen in outcome(cluster, running, "killed").items():
            assert seen["halves"][0] > 20, (mode, seen)
            if not mode.endswith("plain"):  # those stay with the address that they were given
                assert seen["halves"][1] > 20, (mode, seen)


if __name__ == "__main__":
    run(tests_of(globals()))
