"""The command line, the exit codes and the data directory: what kvd refuses, and how it says so."""

import os
import random
import shutil
import signal
import subprocess
import time

from support import (FAULTS, KVD, SLOW, Closed, Cluster, Connection, Error, NotRun, encode, folder,
                     free_port, run, spawn, tests_of, wait_until)

GOOD = {"--id": "1", "--cluster": "1=127.0.0.1:1,2=127.0.0.1:2,3=127.0.0.1:3",
        "--client": "127.0.0.1:4", "--data": "data"}


def line(**changed):
    """A good command line with some options changed, added, or (None) left out."""
    options = dict(GOOD)
    for name, value in changed.items():
        options["--" + name.replace("_", "-")] = value
    return [word for name, value in options.items() if value is not None for word in (name, value)]


# A bad command line, and what its message must mention.
BAD = [
    (line(id=None), "--id"), (line(id="0"), "--id"), (line(id="x"), "--id"), (line(id="-1"), "--id"),
    (line(id="1.5"), "--id"), (line(id=""), "--id"), (line(id="99999999999999999999"), "--id"),
    (line(id="4"), "--cluster"), (line(cluster=None), "--cluster"), (line(cluster=""), "--cluster"),
    (line(cluster="1"), "--cluster"), (line(cluster="1=127.0.0.1"), "--cluster"),
    (line(cluster="1=127.0.0.1:70000"), "--cluster"), (line(cluster="1=127.0.0.1:1,"), "--cluster"),
    (line(cluster="1=127.0.0.1:1,1=127.0.0.1:2"), "twice"),
    (line(cluster="0=127.0.0.1:1"), "--cluster"), (line(client=None), "--client"),
    (line(client="nonsense"), "--client"), (line(client="127.0.0.1:"), "--client"),
    (line(client_peers="9=127.0.0.1:9"), "--client-peers"), (line(data=None), "--data"),
    (line(data=""), "--data"), (line(cluster_name=""), "--cluster-name"),
    (line(listen="x:y"), "--listen"), (line(snapshot_entries="many"), "--snapshot-entries"),
    (line(snapshot_entries="-1"), "--snapshot-entries"), (line(trailing="1k"), "--trailing"),
    (line(segment_bytes="16383"), "--segment-bytes"), (line(election_ms="1000"), "--election-ms"),
    (line(election_ms="1000-1000"), "--election-ms"), (line(election_ms="2000-1000"), "--election-ms"),
    (line(election_ms="a-b"), "--election-ms"), (line(heartbeat_ms="0"), "--heartbeat-ms"),
    (line(heartbeat_ms="201"), "--heartbeat-ms"), (line(request_ms="0"), "--request-ms"),
    (line(request_ms="soon"), "--request-ms"), (line(max_memory="1G"), "--max-memory"),
    (line(value_bytes_max="0"), "--value-bytes-max"), (line(follower="lazy"), "--follower"),
    (line(config="missing.conf"), "missing.conf"), (line() + ["--frobnicate", "1"], "--frobnicate"),
    (line() + ["word"], "word"), (line() + ["--id"], "--id"), (line() + ["--id", "1"], "--id"),
    (line() + ["-x"], "-x"), ([], "--id"),
]


def kvd(words, cwd, **options):
    return subprocess.run([KVD] + words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=20, **options)


def test_bad_command_lines():  # scenario K144
    """bad command lines end with 2, say which option is wrong, and create nothing"""
    for words, mention in BAD:
        cwd = folder()
        begun = time.monotonic()
        done = kvd(words, cwd)
        took = time.monotonic() - begun
        assert done.returncode == 2, (words, done.returncode, done.stderr)
        assert took < 2.5 * SLOW, (words, took)
        assert done.stderr.startswith("kvd: ") and done.stderr.count("\n") == 1, (words, done.stderr)
        assert mention in done.stderr, (words, done.stderr)
        assert os.listdir(cwd) == [], (words, os.listdir(cwd))


def test_bad_configurations():
    """a bad line in a configuration file is refused with file and line"""
    for text, mention in (("nonsense\n", ":1:"), ("# c\n\nfrob = 1\n", ":3:"), ("id = x\n", ":1:"),
                          ("cluster = 1=127.0.0.1:1\nelection-ms = 5\n", ":2:"),
                          ("= 3\n", ":1:"), ("id\n", ":1:")):
        cwd = folder()
        with open(os.path.join(cwd, "kvd.conf"), "w") as file:
            file.write(text)
        done = kvd(line(config="kvd.conf"), cwd)
        assert done.returncode == 2 and "kvd.conf" + mention in done.stderr, (text, done.stderr)
        assert os.listdir(cwd) == ["kvd.conf"]


def test_configuration_file():
    """options come from a file, and the command line wins"""
    cwd = folder()
    client, peer = free_port(), free_port()
    with open(os.path.join(cwd, "kvd.conf"), "w") as file:
        file.write("# one node\nid = 1\n  cluster=1=127.0.0.1:%d\nclient = 127.0.0.1:1\ndata = deep/er\n"
                   "request-ms = 777\nvalue-bytes-max = 1000\r\n" % peer)
    log = open(os.path.join(cwd, "log"), "wb")
    one = spawn([KVD, "--config", "kvd.conf", "--client", "127.0.0.1:%d" % client], cwd=cwd, stderr=log)
    said = lambda: open(os.path.join(cwd, "log")).read()
    wait_until(lambda: "ready" in said(), what="ready")
    assert "ready id=1 client=127.0.0.1:%d peer=127.0.0.1:%d\n" % (client, peer) in said(), said()
    with Connection(client) as c:
        wait_until(lambda: c.ask("SET", "k", "v") == "OK", what="a write")
        assert isinstance(c.ask("SET", "k", "v" * 1001), Error)
        assert c.ask("GET", "k") == b"v"
    assert os.path.isdir(os.path.join(cwd, "deep", "er"))
    one.terminate()
    assert one.wait(5 * SLOW) == 0


def test_help_and_version():
    """--help names every option and --version the version, both with 0"""
    cwd = folder()
    shown = kvd(["--help"], cwd)
    assert shown.returncode == 0 and shown.stderr == ""
    for name in ("id cluster client data client-peers cluster-name listen snapshot-entries trailing "
                 "segment-bytes election-ms heartbeat-ms request-ms max-memory value-bytes-max follower "
                 "config version help").split():
        assert "--" + name in shown.stdout, name
    version = kvd(["--version"], cwd)
    assert version.returncode == 0 and version.stdout.startswith("kvd 0."), version
    assert os.listdir(cwd) == []


def test_port_in_use():
    """a port that somebody else has is an error that names it, not a crash"""
    with Cluster(1) as first:
        with Cluster(1, start=False) as second:
            second.nodes[0].client = first.nodes[0].client
            done = subprocess.run(second.nodes[0].words(), stderr=subprocess.PIPE, text=True, timeout=20)
            assert done.returncode == 1 and str(first.nodes[0].client) in done.stderr, done
            second.nodes[0].client = free_port()
            second.nodes[0].peer = first.nodes[0].peer
            done = subprocess.run(second.nodes[0].words(), stderr=subprocess.PIPE, text=True, timeout=20)
            assert done.returncode == 1 and str(first.nodes[0].peer) in done.stderr, done


def test_foreign_directories():  # scenario K145
    """a directory in use, of another node, or of another cluster is refused with 3, and left alone"""
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        assert node.ask("SET", "k", "v") == "OK"
        second = subprocess.run(node.words()[:-2] + ["--election-ms", "500-1000"],
                                stderr=subprocess.PIPE, text=True, timeout=20)
        assert second.returncode == 3 and node.data in second.stderr, second
        assert "another process" in second.stderr and second.stderr.count("\n") == 1, second
        assert node.ask("GET", "k") == b"v"
        assert node.stop() == 0
        address = "127.0.0.1:%d" % node.peer
        for words in (["--id", "2", "--cluster", "2=" + address],
                      ["--id", "1", "--cluster", "1=" + address, "--cluster-name", "other"]):
            done = subprocess.run([KVD, "--client", "127.0.0.1:%d" % node.client, "--data", node.data]
                                  + words, stderr=subprocess.PIPE, text=True, timeout=20)
            assert done.returncode == 3 and done.stderr.count("\n") == 1, (words, done)
            assert node.data in done.stderr and "another" in done.stderr, done
        node.start()
        cluster.leader()
        assert node.ask("GET", "k") == b"v"


def test_data_directory_that_is_none():
    """a data directory that can't be made or written is refused with 3 and its name"""
    cwd = folder()
    with open(os.path.join(cwd, "file"), "w"):
        pass
    for data in ("file", "file/below", "/proc/nothing/here"):
        done = kvd(line(cluster="1=127.0.0.1:%d" % free_port(), client="127.0.0.1:%d" % free_port(),
                        data=data), cwd)
        assert done.returncode == 3 and data in done.stderr, (data, done)
        assert done.stderr.count("\n") == 1, done


def test_sigterm():  # scenario J140
    """SIGTERM answers what was asked, and ends with 0 within 5 seconds"""
    with Cluster() as cluster:
        leader = cluster.leader()
        with leader.connect() as one:
            one.send(b"".join(encode("SET", "k%d" % k, "v") for k in range(500)))
            first = one.read()
            begun = time.monotonic()
            assert leader.stop() == 0
            assert time.monotonic() - begun < 5 * SLOW
            answered = [first]
            try:
                while True:
                    answered.append(one.read())
            except Closed:
                pass
        done = [k for k, reply in enumerate(answered) if reply == "OK"]
        assert done, answered[:3]
        for reply in answered:
            assert reply == "OK" or reply.split(" ")[0] in ("MOVED", "CLUSTERDOWN", "UNKNOWN"), reply
        with cluster.leader().connect() as one:
            for k in done:
                assert one.ask("GET", "k%d" % k) == b"v", k
        assert "by=SIGTERM" in leader.log_text() or "stopping" in leader.log_text()


def test_shutdown():
    """SHUTDOWN closes the connection and ends with 0 within 5 seconds, on any node"""
    with Cluster() as cluster:
        assert cluster.leader().ask("SET", "k", "v") == "OK"
        for node in cluster.followers()[:1] + [cluster.leader()]:
            with node.connect() as one:
                assert isinstance(one.ask("SHUTDOWN", "TOMORROW"), Error)
                one.send(encode("SHUTDOWN"))
                assert one.closed_by_peer()
            assert node.process.wait(5 * SLOW) == 0
        for node in cluster.nodes:
            if node.dead():
                node.start(wait=False)
        assert cluster.leader().ask("GET", "k") == b"v"


def test_signals_of_the_terminal():
    """SIGINT ends with 0 as SIGTERM does; SIGPIPE and a full file limit don't end it at all"""
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        node.process.send_signal(signal.SIGPIPE)
        assert node.ask("PING") == "PONG"
        node.process.send_signal(signal.SIGINT)
        assert node.process.wait(5 * SLOW) == 0


def written_node():
    """A directory with some acknowledged keys in several log files, and one snapshot.

    The node ends by itself: its log then says by a mark that the last group was durable. One that is killed
    just after its answer may not have written that mark, and damage to its last group passes for a torn tail."""
    cluster = Cluster(1, ["--segment-bytes", 16384, "--trailing", 100, "--snapshot-entries", 0])
    node = cluster.nodes[0]
    cluster.write(100, "a")
    assert node.ask("SNAPSHOT") >= 100
    cluster.write(400, "b")
    assert node.stop() == 0
    return cluster, node


def test_flipped_bytes():  # scenario I120
    """a flipped byte on the disk is refused with file and offset, or changes nothing: never a signal"""
    with written_node()[0] as cluster:
        node = cluster.nodes[0]
        whole = node.data + ".whole"
        os.rename(node.data, whole)
        files = []
        for base, _, names in os.walk(whole):
            files += [os.path.relpath(os.path.join(base, name), whole) for name in names
                      if name.startswith("wal-") or name == "node.identity" or "snap-" in base]
        assert any("wal-" in name for name in files) and any("snap-" in name for name in files), files
        refused = 0
        for name in sorted(files):
            data = open(os.path.join(whole, name), "rb").read()
            used = len(data.rstrip(b"\0"))
            if used == 0:
                continue
            spots = {0, 9, used // 2, used - 1, random.randrange(used), random.randrange(used)}
            for spot in sorted(spots):
                shutil.rmtree(node.data, ignore_errors=True)
                shutil.copytree(whole, node.data)
                with open(os.path.join(node.data, name), "r+b") as file:
                    file.seek(spot)
                    file.write(bytes([data[spot] ^ 0x41]))
                where = "%s at %d" % (name, spot)
                node.start(wait=False)
                begun = len(node.log_text())
                wait_until(lambda: node.dead() or "ready id=" in node.log_text()[begun:] or
                           serves(node), what="an outcome of " + where)
                if node.dead():
                    said = node.log_text()[begun:] if begun < len(node.log_text()) else node.log_text()
                    last = node.log_text().rstrip("\n").split("\n")[-1]
                    assert node.process.returncode == 3, (where, node.process.returncode, said)
                    assert node.data in last and ("wal-" in last or "snap" in last or "node." in last), last
                    assert "offset" in last, (where, last)
                    refused += 1
                    continue
                wait_until(lambda: serves(node), what="a leader after " + where)
                if node.dead():  # what it needs to serve is read after the ports listen
                    assert node.process.returncode == 3, (where, node.process.returncode)
                    last = node.log_text().rstrip("\n").split("\n")[-1]
                    assert "snap-" in last and "offset" in last, (where, last)
                    refused += 1
                    continue
                with node.connect() as one:
                    for k in range(0, 100, 9):
                        assert isinstance(one.ask("GET", "a%d" % k), bytes), (where, "a%d" % k)
                    for k in range(400):
                        assert isinstance(one.ask("GET", "b%d" % k), bytes), (where, "b%d" % k)
                node.kill()
        assert refused >= 5, refused


def serves(node):
    if node.dead():
        return True
    try:
        return not isinstance(node.ask("GET", "x"), Error)
    except (OSError, Closed):
        return False


def test_truncated_and_foreign_files():
    """files that are cut off, empty or of no meaning never end in a signal"""
    with written_node()[0] as cluster:
        node = cluster.nodes[0]
        whole = node.data + ".whole"
        os.rename(node.data, whole)
        wal = sorted(name for name in os.listdir(whole) if name.startswith("wal-"))

        def cut(name, size):
            with open(os.path.join(node.data, name), "r+b") as file:
                file.truncate(size)

        def put(name, data):
            with open(os.path.join(node.data, name), "wb") as file:
                file.write(data)

        damages = [lambda: cut(wal[0], 100), lambda: cut(wal[1], 0), lambda: cut("node.identity", 3),
                   lambda: os.unlink(os.path.join(node.data, wal[1])),
                   lambda: put("wal-zzz", b"junk"), lambda: put("spare-1", b""),
                   lambda: os.makedirs(os.path.join(node.data, "snap", "snap-9-9-x")),
                   lambda: put("snap/junk", b"junk"), lambda: os.unlink(os.path.join(node.data, "node.identity"))]
        for number, damage in enumerate(damages):
            shutil.rmtree(node.data, ignore_errors=True)
            shutil.copytree(whole, node.data)
            damage()
            node.start(wait=False)
            wait_until(lambda: serves(node), what="an outcome of damage %d" % number)
            if node.dead():  # without a directory's identity, or with a hole in the log, no start
                assert node.process.returncode == 3, (number, node.process.returncode, node.log_text()[-300:])
            else:
                with node.connect() as one:
                    for k in range(400):
                        assert isinstance(one.ask("GET", "b%d" % k), bytes), (number, k)
                node.kill()


def with_faults(node):
    """Starts a node on whose disk the test can let calls fail, by writing the file it returns."""
    if not FAULTS:
        raise NotRun("no library of faults in this build")
    switch = os.path.join(node.cluster.folder, "faults-%d" % node.id)
    node.start(env=dict(os.environ, LD_PRELOAD=FAULTS, KVD_FAULTS=switch))
    node.cluster.leader()
    return switch


def test_failed_sync():  # scenario I128
    """a failed sync of the log ends the node with 1 within a second, and nothing more is acknowledged"""
    for call in ("fdatasync", "write"):
        with Cluster(1, start=False) as cluster:
            node = cluster.nodes[0]
            switch = with_faults(node)
            with node.connect() as one:
                assert one.ask("SET", "before", "v") == "OK"
                with open(switch, "w") as file:
                    file.write(call + " 5")
                begun = time.monotonic()
                one.send(encode("SET", "after", "v"))
                try:
                    reply = one.read()
                except Closed:
                    reply = "closed"
                assert reply == "closed" or reply.startswith("UNKNOWN"), (call, reply)
            assert node.process.wait(5) == 1, (call, node.process.returncode)
            assert time.monotonic() - begun < 1.5 * SLOW
            last = [text for text in node.log_text().split("\n") if text.startswith("kvd: stopped")]
            assert len(last) == 1, node.log_text()
            node.start()
            cluster.leader()
            assert node.ask("GET", "before") == b"v"


def test_full_disk():  # scenario I126
    """a full disk answers -ERR no space for the log, and the node goes on when there is room again"""
    with Cluster(1, ["--segment-bytes", 16384, "--snapshot-entries", 0], start=False) as cluster:
        node = cluster.nodes[0]
        switch = with_faults(node)
        with node.connect() as one:
            assert one.ask("SET", "before", "v") == "OK"
            with open(switch, "w") as file:
                file.write("extend 28")
            replies = [one.ask("SET", "k%d" % k, "x" * 1000) for k in range(60)]
            full = [str(each) for each in replies if each != "OK"]
            assert full, "there was always room"
            assert all(each == "ERR no space for the log" for each in full), full[:3]
            assert one.ask("GET", "before") == b"v"
            for k, reply in enumerate(replies):
                assert (one.ask("GET", "k%d" % k) is not None) == (reply == "OK"), (k, reply)
            os.unlink(switch)
            wait_until(lambda: one.ask("SET", "room", "v") == "OK", what="a write when there is room again")


if __name__ == "__main__":
    run(tests_of(globals()))
