"""Nodes that die, come back, were wiped, or wait for one another: nothing acknowledged is lost, and
every reply keeps its place."""

import shutil
import signal
import threading
import time

from support import (Closed, Cluster, Error, SLOW, encode, run, tests_of, wait_until)


def test_leader_killed_five_times():  # scenario J138
    """kill -9 of the leader, five times under load: every acknowledged key is read back"""
    with Cluster(options=["--snapshot-entries", 3000, "--trailing", 300, "--segment-bytes", 65536]) as cluster:
        load = cluster.load(13 * SLOW)
        for _ in range(5):
            time.sleep(0.8)
            leader = cluster.leader()
            leader.kill()
            cluster.leader()
            leader.start()
        said = load.communicate(timeout=60 * SLOW)[0]
        assert load.returncode == 0, said
        count = next(text for text in said.split("\n") if " keys acknowledged" in text).split(" ")[0]
        assert count + " acknowledged keys: 0 missing" in cluster.verify(), said
        for node in cluster.nodes:
            cluster.caught_up(node)
        sizes = {node.raft()["last_log_index"] for node in cluster.nodes}
        assert len(sizes) == 1, sizes


def test_all_killed_three_times():  # scenario J138
    """all nodes killed at once under load, three times: every acknowledged key is read back"""
    with Cluster(options=["--snapshot-entries", 2000, "--trailing", 200, "--segment-bytes", 65536]) as cluster:
        for turn in range(3):
            load = cluster.load(2, prefix="turn%d" % turn)
            time.sleep(1)
            for node in cluster.nodes:
                node.process.kill()
            for node in cluster.nodes:
                node.process.wait()
            for node in cluster.nodes:
                node.start(wait=False)
            cluster.leader()
            assert load.wait(60 * SLOW) == 0, load.stdout.read()
            cluster.verify()


def test_rolling_restart():  # scenario J140
    """a rolling restart by SIGTERM refuses nothing for good, and loses nothing"""
    with Cluster() as cluster:
        load = cluster.load(6 * SLOW)
        for node in cluster.nodes:
            time.sleep(0.3)
            assert node.stop() == 0
            node.start()
            cluster.leader()
            cluster.caught_up(node)
        said = load.communicate(timeout=60 * SLOW)[0]
        assert load.returncode == 0, said
        cluster.verify()


def test_first_start_waits_for_all():
    """the first start waits for every member, says for whom, and answers CLUSTERDOWN until then"""
    with Cluster(start=False) as cluster:
        one, two, three = cluster.nodes
        one.start()
        two.start()
        wait_until(lambda: "3" in waited_for(one) and "2" not in waited_for(one), what="the name of node 3")
        for node in (one, two):
            reply = node.ask("SET", "k", "v")
            assert reply == "CLUSTERDOWN no leader elected", reply
            assert node.ask("PING") == "PONG"
            seen = node.raft()
            assert seen["role"] == "follower" and seen["leader_id"] == 0 and seen["members"] == "1,2,3", seen
        three.start()
        assert cluster.leader().ask("SET", "k", "v") == "OK"


def waited_for(node):
    """The ids in the newest line of the log that says for whom the node waits."""
    lines = [line for line in node.log_text().split("\n") if "wait" in line]
    return lines[-1].split("wait", 1)[1] if lines else ""


def test_wiped_directory():  # known bug 88
    """a follower on a wiped directory is refused: it says so, has no data, and the rest goes on"""
    with Cluster() as cluster:
        cluster.write(50)
        wiped = cluster.followers()[0]
        wiped.kill()
        shutil.rmtree(wiped.data)
        before = len(wiped.log_text())
        wiped.start()
        wait_until(lambda: "refused" in wiped.log_text()[before:] or "rejected" in wiped.log_text()[before:] or
                   "foreign" in wiped.log_text()[before:], what="a line that says that it was refused")
        time.sleep(1.5)
        others = [node for node in cluster.nodes if node is not wiped]
        leader = wait_until(lambda: next((node for node in others if node.raft()["role"] == "leader"), None),
                            what="a leader among the others")
        assert leader.ask("SET", "more", "v") == "OK"
        assert leader.ask("GET", "k49").startswith(b"v49")
        seen = wiped.raft()
        assert seen["role"] == "follower" and seen["applied_index"] == 0, seen
        assert not wiped.dead()
        assert isinstance(wiped.ask("SET", "k", "v"), Error)
        # Without its vote the other follower is needed: a majority is two of the real ones.
        other = next(node for node in others if node is not leader)
        other.kill()
        with leader.connect(timeout=15) as one:
            wait_until(lambda: isinstance(one.ask("SET", "x", "y"), Error), what="the end of the quorum")
        other.start()
        wait_until(lambda: any(node.ask("GET", "more") == b"v" for node in others), what="the cluster's return")


def test_followers_redirect():
    """a follower redirects to the leader by the slot of the key; READONLY and READWRITE change that"""
    with Cluster() as cluster:
        leader = cluster.leader()
        follower = cluster.followers()[0]
        assert leader.ask("SET", "foo", "v") == "OK"
        cluster.caught_up(follower)
        moved = "MOVED %d 127.0.0.1:" + str(leader.client)
        with follower.connect() as one:
            assert one.ask("GET", "foo") == moved % 12182
            assert one.ask("SET", "foo", "w") == moved % 12182
            assert one.ask("DBSIZE") == moved % 0
            assert one.ask("MULTI") == "OK"
            assert one.ask("SET", "foo", "x") == "QUEUED"
            assert one.ask("EXEC").startswith("MOVED ")
            assert one.ask("READONLY") == "OK"
            assert one.ask("GET", "foo") == b"v"
            assert one.ask("SET", "foo", "w") == moved % 12182
            assert one.ask("READWRITE") == "OK"
            assert one.ask("GET", "foo") == moved % 12182
            for words in ("PING", "ECHO x", "INFO", "ROLE", "CLIENT ID", "COMMAND COUNT", "CONFIG GET save",
                          "CLUSTER SLOTS", "SENTINEL MASTER kvd", "RAFT LEADER", "RAFT MEMBERS", "SNAPSHOT"):
                reply = one.ask(*words.split(" "))
                assert not isinstance(reply, Error), (words, reply)
            assert one.ask("RAFT", "LEADER") == leader.id
            assert one.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "kvd") == [b"127.0.0.1", b"%d" % leader.client]
        assert leader.ask("GET", "foo") == b"v"


def test_stale_followers():
    """--follower stale answers reads from its own state, and still redirects writes"""
    with Cluster(options=["--follower", "stale"]) as cluster:
        assert cluster.leader().ask("SET", "k", "v") == "OK"
        follower = cluster.followers()[0]
        cluster.caught_up(follower)
        assert follower.ask("GET", "k") == b"v"
        assert follower.ask("DBSIZE") == 1
        assert follower.ask("SET", "k", "w").startswith("MOVED ")


def test_isolated_leader_refuses_reads():  # scenario F102
    """a leader without its followers answers no linearizable read, and no write"""
    with Cluster(options=["--request-ms", 1500]) as cluster:
        leader = cluster.leader()
        assert leader.ask("SET", "k", "v") == "OK"
        for node in cluster.followers():
            node.process.send_signal(signal.SIGSTOP)
        with leader.connect() as one:
            read, write = one.ask("GET", "k"), one.ask("SET", "k", "w")
            assert isinstance(read, Error) and read.startswith("CLUSTERDOWN"), read
            assert isinstance(write, Error) and write.split(" ")[0] in ("UNKNOWN", "CLUSTERDOWN"), write
        for node in cluster.nodes:
            if node is not leader:
                node.process.send_signal(signal.SIGCONT)
        assert cluster.leader().ask("GET", "k") in (b"v", b"w")


def test_paused_leader():  # scenario F102
    """a leader that was paused while another was elected answers no stale read when it goes on"""
    with Cluster() as cluster:
        old = cluster.leader()
        assert old.ask("SET", "k", "old") == "OK"
        with old.connect(timeout=20) as one:
            assert one.ask("GET", "k") == b"old"
            old.process.send_signal(signal.SIGSTOP)
            one.send(encode("GET", "k"))
            others = [node for node in cluster.nodes if node is not old]
            fresh = wait_until(lambda: next((node for node in others if node.raft()["role"] == "leader"), None),
                               what="another leader")
            wait_until(lambda: fresh.ask("SET", "k", "new") == "OK", what="a write")
            one.send(encode("GET", "k") * 20)
            old.process.send_signal(signal.SIGCONT)
            for _ in range(21):
                reply = one.read()
                assert reply == b"new" or (isinstance(reply, Error) and
                                           reply.split(" ")[0] in ("MOVED", "CLUSTERDOWN")), reply
        cluster.leader()


def test_pipelines_over_a_change_of_leader():  # scenarios G110 and G111
    """pipelines over a change of leader keep every reply at its request"""
    with Cluster() as cluster:
        leader = cluster.leader()
        target = cluster.followers()[0]
        with leader.connect() as one:
            counts, counted = {}, 0
            turn, end = 0, time.monotonic() + 10 * SLOW
            while counts.get("MOVED", 0) < 300 and time.monotonic() < end:
                turn += 1
                if turn == 2:
                    threading.Thread(target=lambda: leader.ask("RAFT", "TRANSFER", target.id)).start()
                one.send(b"".join(encode("ECHO", "e%d" % k) + encode("SET", "p%d.%d" % (turn, k), k) +
                                  encode("INCR", "counter") for k in range(300)))
                for k in range(300):
                    assert one.read() == b"e%d" % k
                    for what in ("SET", "INCR"):
                        reply = one.read()
                        kind = reply.split(" ")[0] if isinstance(reply, Error) else what
                        assert kind in ("SET", "INCR", "MOVED", "CLUSTERDOWN", "UNKNOWN"), reply
                        if not isinstance(reply, Error):
                            assert isinstance(reply, int) == (what == "INCR"), (what, reply)
                        if isinstance(reply, int):  # what was executed was executed in this order
                            assert reply > counted, (counted, reply)
                            counted = reply
                        counts[kind] = counts.get(kind, 0) + 1
            assert counts.get("SET", 0) >= 300 and counts.get("MOVED", 0) >= 300, counts
        final = int(cluster.leader().ask("GET", "counter"))
        assert counts["INCR"] <= final <= counts["INCR"] + counts.get("UNKNOWN", 0), (final, counts)
        cluster.leader()
        assert target.raft()["role"] == "leader", "the transfer did not happen"


def test_exact_counter():  # scenario G109
    """INCR under kill -9 of the leader: the counter is between what was done and what may have been"""
    with Cluster() as cluster:
        done, unknown = 0, 0
        end = time.monotonic() + 5 * SLOW
        killed = False
        node = cluster.leader()
        one = node.connect(timeout=7)
        while time.monotonic() < end:
            if not killed and time.monotonic() > end - 4 * SLOW:
                killed = True
                threading.Timer(0.05, node.kill).start()
            try:
                reply = one.ask("INCR", "counter")
            except (Closed, OSError):
                unknown += 1
                reply = None
            if isinstance(reply, int):
                done += 1
                continue
            if isinstance(reply, Error) and reply.startswith("UNKNOWN"):
                unknown += 1
            time.sleep(0.05)
            for other in cluster.alive():
                try:
                    if other.raft()["role"] == "leader":
                        one = other.connect(timeout=7)
                except (OSError, Closed):
                    pass
        final = int(cluster.leader().ask("GET", "counter"))
        assert killed and done > 100 and done <= final <= done + unknown, (done, final, unknown)


def test_addresses_of_ones_own():
    """the lists of different nodes may name different addresses for the same member"""
    with Cluster(start=False) as cluster:
        for node in cluster.nodes:
            words = node.words("--listen", "0.0.0.0:%d" % node.peer)
            at = words.index("--cluster") + 1
            words[at] = words[at].replace("127.0.0.1", "127.0.0.%d" % (node.id + 1))
            node.words = lambda *_, said=words: said
            node.start(wait=False)
        assert cluster.leader().ask("SET", "k", "v") == "OK"
        last = cluster.leader()
        last.kill()
        assert cluster.leader().ask("GET", "k") == b"v"
        last.start()
        cluster.caught_up(last)


def test_transfer():  # scenario A16
    """RAFT TRANSFER moves the leadership to whom it names, and says why it can't"""
    with Cluster() as cluster:
        leader = cluster.leader()
        target = cluster.followers()[1]
        term = leader.raft()["term"]
        assert leader.ask("RAFT", "TRANSFER", target.id) == "OK"
        assert cluster.leader() is target
        assert target.raft()["term"] == term + 1
        for words in (["9"], ["x"], ["0"], ["-1"], ["1", "2"]):
            assert isinstance(target.ask("RAFT", "TRANSFER", *words), Error), words
        members = target.ask("RAFT", "MEMBERS")
        assert len(members) == 3
        for node, line in zip(cluster.nodes, members):
            number, role, peer, client = line.decode().split(" ")
            assert number == str(node.id) and (role == "leader") == (node is target), line
            assert [peer, client] == ["127.0.0.1:%d" % node.peer, "127.0.0.1:%d" % node.client], line
        assert target.ask("RAFT", "TRANSFER") == "OK"
        assert cluster.leader() is not target


if __name__ == "__main__":
    run(tests_of(globals()))
