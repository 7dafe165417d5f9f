"""Snapshots as users see them: when they are made, what they let the log forget, who installs them;
and what one entry of the log is."""

import os

from support import Cluster, SLOW, encode, run, tests_of, wait_until


def test_lagging_follower_installs_a_snapshot():  # scenario D54
    """a follower behind the compacted log installs a snapshot while the leader goes on serving"""
    with Cluster(options=["--trailing", 50, "--segment-bytes", 16384, "--snapshot-entries", 0]) as cluster:
        cluster.write(100, "a")
        away = cluster.followers()[0]
        cluster.caught_up(away)
        last = away.raft()["last_log_index"]
        away.kill()
        cluster.write(1000, "b", 200)
        leader = cluster.leader()
        for k in range(3):
            assert leader.ask("SET", "s%d" % k, "v") == "OK"
            leader.ask("SNAPSHOT")
        assert leader.raft()["first_log_index"] > last + 1, (leader.raft(), last)
        load = cluster.load(3 * SLOW)
        away.start()
        cluster.caught_up(away)
        seen = away.raft()
        assert seen["snapshots_installed"] == 1, seen
        with away.connect() as one:
            one.ask("READONLY")
            for k in range(0, 1000, 7):
                assert one.ask("GET", "b%d" % k).startswith(b"v%d" % k), k
        said = load.communicate(timeout=60)[0]
        assert load.returncode == 0, said
        cluster.verify()
        away.kill()
        away.start()
        cluster.caught_up(away)
        assert away.raft()["snapshots_installed"] == 0
        assert away.connect().ask("READONLY") == "OK"


def test_scan_is_complete():
    """SCAN finds every key that was there all the time, though others come, and over a restart"""
    with Cluster() as cluster:
        cluster.write(2000, "old")
        with cluster.leader().connect() as one, cluster.leader().connect() as writer:
            found, cursor, turn = set(), b"0", 0
            while True:
                cursor, keys = one.ask("SCAN", cursor, "COUNT", 50)
                found.update(keys)
                writer.send(b"".join(encode("SET", "new%d.%d" % (turn, k), 1) for k in range(60)))
                for _ in range(60):
                    assert writer.read() == "OK"
                turn += 1
                if cursor == b"0":
                    break
            assert turn > 20
            assert {b"old%d" % k for k in range(2000)} <= found
            cursor, keys = one.ask("SCAN", "0", "MATCH", "old1?", "COUNT", 100000)
            assert cursor == b"0" and sorted(keys) == [b"old1%d" % k for k in range(10)], keys


def test_a_transaction_is_one_entry():
    """MULTI and EXEC are one entry of the log, all of it or nothing"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        with node.connect() as one:
            before = node.raft()["last_log_index"]
            one.send(encode("MULTI") + encode("INCR", "n") * 50 + encode("EXEC"))
            replies = [one.read() for _ in range(52)]
            assert replies[0] == "OK" and set(replies[1:51]) == {"QUEUED"}
            assert replies[51] == list(range(1, 51)), replies[51]
            assert node.raft()["last_log_index"] == before + 1
            for k in range(100):
                one.ask("SET", "k", k)
            assert node.raft()["commit_index"] == before + 101


def test_snapshot_command():  # scenarios D40, D43, D44
    """SNAPSHOT answers its index on any node, the old one when nothing is new, and it is durable"""
    with Cluster(options=["--snapshot-entries", 0, "--trailing", 10, "--segment-bytes", 16384]) as cluster:
        leader = cluster.leader()
        cluster.write(300, "k", 100)
        applied = leader.raft()["applied_index"]
        with leader.connect() as one:
            one.send(encode("SNAPSHOT") + encode("SNAPSHOT") + encode("RAFT", "SNAPSHOT"))
            replies = [one.read() for _ in range(3)]
        assert replies == [applied] * 3, (replies, applied)
        seen = leader.raft()
        assert seen["snapshot_index"] == applied and seen["snapshots_saved"] == 1, seen
        assert seen["first_log_index"] == applied - 10 + 1, seen
        assert seen["last_log_index"] == applied, seen
        folders = [name for name in os.listdir(os.path.join(leader.data, "snap")) if name.startswith("snap-")]
        assert len(folders) == 1 and str(applied) in folders[0], folders
        follower = cluster.followers()[0]
        cluster.caught_up(follower)
        assert follower.ask("SNAPSHOT") == applied

        def sizes():  # while files are recycled the two looks may differ
            return sum(os.path.getsize(os.path.join(leader.data, name))
                       for name in os.listdir(leader.data) if name.startswith("wal-"))
        wait_until(lambda: leader.raft()["wal_bytes"] == sizes(), what="the log's files to be counted")
        leader.kill()
        leader.start()
        cluster.caught_up(leader)
        assert leader.raft()["snapshot_index"] == applied


def test_snapshot_of_nothing():
    """SNAPSHOT before there is anything to save answers 0 or what is applied, never an error"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        first = node.ask("SNAPSHOT")
        assert isinstance(first, int) and first == node.raft()["applied_index"], first
        assert node.ask("SNAPSHOT") == first


def test_snapshot_entries():  # scenario D41
    """--snapshot-entries N saves as soon as N entries were applied since the last one; --trailing N
    and the oldest snapshot that is kept say where the log begins"""
    with Cluster(1, ["--snapshot-entries", 100, "--trailing", 30, "--segment-bytes", 16384]) as cluster:
        node = cluster.leader()
        first = node.raft()["applied_index"]
        with node.connect() as one:
            for index in range(first + 1, 451):  # one by one, so that every entry is a batch
                assert one.ask("SET", "k", index) == "OK"
                if index % 100 == 0:
                    seen = wait_until(lambda: (lambda now: now if now["snapshot_index"] == index else None)
                                      (node.raft()), what="the snapshot at %d" % index)
                    assert seen["snapshots_saved"] == index // 100, seen
                    kept = [int(name.split("-")[1]) for name in os.listdir(os.path.join(node.data, "snap"))
                            if name.startswith("snap-")]
                    expected = min(index - 30, min(kept)) + 1
                    wait_until(lambda: node.raft()["first_log_index"] == expected,
                               what="a log from %d on, with snapshots %s" % (expected, kept))
        seen = node.raft()
        assert seen["snapshots_saved"] == 4 and seen["last_log_index"] == 450, seen


if __name__ == "__main__":
    run(tests_of(globals()))
