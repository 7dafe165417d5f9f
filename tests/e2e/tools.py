"""redis-cli and redis-benchmark against kvd, the command lines of kvload and inspect, and the bytes that client
libraries send when they connect."""

import json
import os
import shutil
import subprocess

from support import (Cluster, Error, HERE, KVLOAD, NotRun, SLOW, encode, folder, run, spawn, tests_of,
                     wait_until)


def tool(name):
    if not shutil.which(name):
        raise NotRun(name + " was not found (apt install redis-tools)")
    return name


def cli(node, *words, feed=None, status=0):
    done = subprocess.run([tool("redis-cli"), "-p", str(node.client)] + list(words), input=feed, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == status, (words, done)
    assert "AUTH" not in done.stderr and "failed" not in done.stderr, (words, done.stderr)
    return done.stdout


def test_redis_cli():
    """redis-cli: one command, a pipe, -3, --csv, --no-raw, --json, --scan, --bigkeys, mass insertion"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        assert cli(node, "SET", "k", "v") == "OK\n"
        assert cli(node, "GET", "k") == "v\n"
        assert cli(node, "-3", "GET", "k") == "v\n"
        assert cli(node, "--no-raw", "GET", "k") == '"v"\n'
        assert cli(node, "--csv", "MGET", "k", "nope") == '"v",NULL\n'
        assert cli(node, "--csv", "-3", "CONFIG", "GET", "save") in ('"save",""\n', '"save","",\n')
        assert json.loads(cli(node, "--json", "MGET", "k", "nope")) == ["v", None]
        assert cli(node, feed="SET a 1\nINCR a\nGET a\nMULTI\nINCR a\nEXEC\n") == "OK\n2\n2\nOK\nQUEUED\n3\n"
        assert "ERR wrong number of arguments for 'get' command" in cli(node, "GET")
        assert sorted(cli(node, "--scan").split()) == ["a", "k"]
        assert cli(node, "--scan", "--pattern", "k*").split() == ["k"]
        # The cluster section says that it is one; --bigkeys samples by SCAN, TYPE is not there.
        feed = "".join(encode("SET", "m%d" % k, "v" * k).decode() for k in range(1000))
        assert "errors: 0, replies: 1000" in cli(node, "--pipe", feed=feed)
        assert cli(node, "DBSIZE") == "1002\n"
        cli(node, "-e", "INCR", "k", status=1)


def test_redis_cli_follows():
    """redis-cli -c follows the redirection of a follower, for reads and writes"""
    with Cluster() as cluster:
        follower = cluster.followers()[0]
        assert cli(follower, "SET", "k", "v").startswith("MOVED ")
        assert cli(follower, "-c", "SET", "k", "v") == "OK\n"
        assert cli(follower, "-c", "GET", "k") == "v\n"
        assert cli(follower, "-c", feed="SET k w\nGET k\n").endswith("OK\nw\n")
        nodes = cli(follower, "CLUSTER", "NODES")
        assert nodes.count("\n") >= 3 and "0-16383" in nodes and "myself" in nodes, nodes


def test_redis_benchmark():
    """redis-benchmark ends with 0 and without a warning, and every request is an entry of the log"""
    with Cluster() as cluster:
        leader = cluster.leader()
        before = leader.raft()["commit_index"]
        for words in (["-t", "ping,set,get,incr,mset", "-n", "2000", "-c", "20"],
                      ["-t", "set,get", "-n", "8000", "-c", "50", "-P", "16", "-r", "1000", "-d", "128"],
                      ["-t", "set", "-n", "1000", "--threads", "2", "--csv"]):
            done = subprocess.run([tool("redis-benchmark"), "-p", str(leader.client), "-q"] + words, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120 * SLOW)
            assert done.returncode == 0, done.stdout
            assert "WARN" not in done.stdout and "rror" not in done.stdout, done.stdout
        writes = 2000 * 3 + 8000 + 1000  # set, incr, mset; reads leave nothing in the log
        assert leader.raft()["commit_index"] - before >= writes
        assert leader.raft()["commit_index"] - before < writes + 100


def test_kvload_command_line():
    """kvload refuses bad options with 2, and a lost key, a wrong one or no cluster with 1"""
    def kvload(*words):
        return subprocess.run([KVLOAD] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)
    for words in ((), ("--nodes",), ("--nodes", "x", "--keys", "1"), ("--nodes", "127.0.0.1:1"), ("--frob", "1"),
                  ("--nodes", "127.0.0.1:1", "--seconds", "x"), ("--nodes", "127.0.0.1:1", "--keys", "0"),
                  ("--nodes", "127.0.0.1:1", "--keys", "1", "--prefix", "a b"),
                  ("--nodes", "127.0.0.1:1", "--verify", "/nowhere")):
        done = kvload(*words)
        assert done.returncode == 2 and done.stderr.startswith("kvload: "), (words, done)
    assert kvload("--help").returncode == 0
    with Cluster(1) as cluster:
        book = os.path.join(cluster.folder, "book")
        nodes = ["--nodes", cluster.addresses()]
        done = kvload(*nodes, "--keys", "200", "--acknowledged", book, "--value-bytes", "300")
        assert done.returncode == 0 and done.stdout.split("\n")[-2].startswith("200 keys acknowledged"), done
        assert kvload(*nodes, "--verify", book).stdout == "200 acknowledged keys: 0 missing, 0 wrong, 0 not read\n"
        node = cluster.leader()
        assert node.ask("DEL", "load:0:0") == 1
        done = kvload(*nodes, "--verify", book)
        assert done.returncode == 1 and "1 missing, 0 wrong" in done.stdout, done
        assert node.ask("SET", "load:0:0", "something else") == "OK"
        done = kvload(*nodes, "--verify", book)
        assert done.returncode == 1 and "0 missing, 1 wrong" in done.stdout, done
        node.kill()
        done = kvload(*nodes, "--verify", book, "--patience", "1")
        assert done.returncode == 1 and "200 not read" in done.stdout, done
        done = kvload(*nodes, "--seconds", "1")
        assert done.returncode == 1 and "0 keys acknowledged" in done.stdout, done


def test_inspect():
    """inspect names what is in a data directory, in use or not, and with 1 what is damaged in it"""
    def inspect(*words):
        done = subprocess.run([os.environ["KVD_INSPECT"]] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        return done.returncode, done.stdout
    assert inspect()[0] == 2
    with Cluster(1, ["--snapshot-entries", 0]) as cluster:
        node = cluster.leader()
        cluster.write(20)
        assert node.ask("SNAPSHOT") >= 20
        for alive in (True, False):
            status, text = inspect(node.data, "--entries")
            assert status == 0, text
            assert "node.identity: node=1" in text and " command " in text, text
            assert text.count("manifest.snap: at=") == 1, text
            # Its own locks are nothing to tell of.
            assert "lock" not in text and "not ours" not in text, text
            if alive:
                assert node.stop() == 0
        snap = os.path.join(node.data, "snap")
        for name in ("staging-x", "trash-x", "snap-x.corrupt", "x"):
            os.mkdir(os.path.join(snap, name))
        text = inspect(node.data)[1]
        for name, what in (("staging-x", "being written"), ("trash-x", "removed"), ("snap-x.corrupt", "damaged"),
                           ("x", "not ours")):
            assert "snap/%s: %s" % (name, what) in text, text
        manifest = os.path.join(snap, next(n for n in sorted(os.listdir(snap)) if n.startswith("snap-0")), "manifest.snap")
        with open(manifest, "r+b") as file:
            file.seek(40)
            file.write(b"\xff\xff")
        status, text = inspect(node.data)
        assert status == 1 and "DAMAGED" in text and manifest in text, text


def transcripts():
    """Each file: lines of JSON strings, every one a request's bytes as the library sent them."""
    place = os.path.join(HERE, "transcripts")
    for name in sorted(os.listdir(place)):
        with open(os.path.join(place, name)) as file:
            yield name[:-6], [json.loads(text).encode("latin1") for text in file if text.strip()]


# What a library needs to see; any other error of its connection phase it takes in its stride.
TOLERATED = ("ERR unknown command", "ERR unknown subcommand")


def test_transcripts():
    """what ioredis, node-redis and redis-cli send when they connect is answered as they need it"""
    with Cluster() as cluster:
        leader = cluster.leader()
        count = 0
        for name, requests in transcripts():
            count += 1
            for node in (leader, cluster.followers()[0]):
                with node.connect() as one:
                    for raw in requests:
                        sent = raw.count(b"\r\n*") + 1 if raw.startswith(b"*") else 1
                        one.send(raw)
                        for _ in range(sent):
                            reply = one.read()
                            text = raw.upper()
                            if isinstance(reply, Error):
                                moved = node is not leader and reply.startswith("MOVED")
                                assert moved or reply.startswith(TOLERATED), (name, raw, reply)
                                assert b"HELLO" not in text and b"INFO" not in text.split(b"\r\n")[2:3], (name, reply)
                            elif b"CLUSTER" in text and b"SLOTS" in text:
                                assert reply[0][2][1] == leader.client, (name, reply)
                            elif b"CLUSTER" in text and b"INFO" in text:
                                assert b"cluster_state:ok" in reply, (name, reply)
                            elif b"GET-MASTER-ADDR" in text:
                                assert reply == [b"127.0.0.1", b"%d" % leader.client], (name, reply)
                            elif text == b"*1\r\n$4\r\nINFO\r\n":
                                assert b"loading:0" in reply and b"master_link_status:down" not in reply
                    assert one.ask("PING") == "PONG", name
        assert count >= 5, count


if __name__ == "__main__":
    run(tests_of(globals()))
