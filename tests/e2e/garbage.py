"""Input that no client would send, clients that don't behave, and too much of everything: others are
served as if nothing were the matter, and memory stays bounded."""

import random
import socket
import time

from support import (Closed, Cluster, Connection, Error, NotRun, SLOW, encode, run, tests_of,
                     wait_until)

GARBAGE = [
    b"*1\r\n$-5\r\n", b"*1\r\n$x\r\n", b"*x\r\n", b"*1\r\n:5\r\n", b"*3\r\n$3\r\nSET\r\nfoo\r\n",
    b"*2147483648\r\n", b"*99999999999999999999\r\n", b"*1\r\n$536870913\r\n",
    b"*1\r\n$99999999999999999999\r\n", b"\"unbalanced\r\n", b"GET \"a\"b\r\n", b"SET a 'b\r\n",
    b"*1\r\n\r\n", b"*2\r\n$3\r\nGET\r\n$-1\r\n",
    # These are fine, and are here to show that the comparison sees answers too.
    b"PING\r\n", b"\r\n\r\nPING\r\n", b"PING\n", b"*0\r\nPING\r\n", b"*-1\r\nPING\r\n", b"SET a \"b\\x41\\n\"\r\nGET a\r\n",
    b"SET 'a b' c\r\nGET \"a b\"\r\n", b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n", b"   PING   x  \r\n",
    b"*1\r\n$0\r\n\r\n", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"get\r\n", b"nonsense \xff\xfe\r\n",
]


def test_garbage():  # scenario K146
    """malformed requests end in an error or a closed connection, and nobody else notices"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        with node.connect() as other:
            assert other.ask("SET", "k", "v") == "OK"
            for raw in GARBAGE + [bytes(random.Random(seed).randrange(256) for _ in range(3000))
                                  for seed in range(40)]:
                with node.connect(timeout=5) as one:
                    one.send(raw)
                    one.socket.shutdown(socket.SHUT_WR)
                    assert one.closed_by_peer(), raw[:60]
                assert other.ask("GET", "k") == b"v", raw[:60]


def test_garbage_on_the_peer_port():
    """garbage on the port for peers closes that connection: the leader, its term and its clients stay"""
    with Cluster() as cluster:
        leader = cluster.leader()
        term = leader.raft()["term"]
        draw = random.Random(3)
        with leader.connect() as other:
            for node in cluster.nodes:
                for raw in [b"", b"\0" * 100, b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n", encode("PING"),
                            b"\xff\xff\xff\x7f" * 1000] + [
                                bytes(draw.randrange(256) for _ in range(2000)) for _ in range(10)]:
                    with Connection(node.peer, timeout=5) as one:
                        try:
                            one.send(raw)
                            one.socket.shutdown(socket.SHUT_WR)
                        except OSError:
                            continue
                        assert one.closed_by_peer(), raw[:20]
                    assert other.ask("SET", "k", "v") == "OK"
        assert cluster.leader() is leader and leader.raft()["term"] == term


def test_out_of_memory():
    """when the allocator fails the node says so in one line and ends with 1, and nothing is lost"""
    if SLOW > 1:
        raise NotRun("sanitizers reserve more address space than any limit")
    with Cluster(1, start=False) as cluster:
        node = cluster.nodes[0]
        limit = 350 << 20
        node.start("--segment-bytes", "1048576",
                   preexec_fn=lambda: __import__("resource").setrlimit(9, (limit, limit)))
        cluster.leader()
        done = 0
        try:
            with node.connect(timeout=20) as one:
                while done < 500:
                    assert one.ask("SET", "k%d" % done, b"x" * (4 << 20)) == "OK"
                    done += 1
        except (Closed, OSError):
            pass
        assert 5 < done < 500, done
        assert node.process.wait(10) == 1, node.process.returncode
        assert node.log_text().endswith("kvd: stopped: out of memory\n"), node.log_text()[-300:]
        node.start()
        cluster.leader()
        assert node.ask("EXISTS", *["k%d" % k for k in range(done)]) == done


def test_split_everywhere():
    """a request may arrive in pieces of any size"""
    raw = encode("SET", "key", "value\r\n$") + b"ECHO 'in line'\r\n" + encode("GET", "key") + encode("PING")
    expected = b"+OK\r\n$7\r\nin line\r\n$8\r\nvalue\r\n$\r\n+PONG\r\n"
    with Cluster(1) as cluster:
        node = cluster.leader()
        for cut in range(1, len(raw)):
            with node.connect() as one:
                one.send(raw[:cut])
                time.sleep(0.001)
                one.send(raw[cut:])
                while len(one.data) < len(expected):
                    one.fill()
                assert bytes(one.data) == expected, (cut, bytes(one.data))
        with node.connect() as one:
            for k in range(len(raw)):
                one.send(raw[k:k + 1])
            while len(one.data) < len(expected):
                one.fill()
            assert bytes(one.data) == expected


def memory_of(node):
    with open("/proc/%d/status" % node.process.pid) as file:
        return next(int(text.split()[1]) for text in file if text.startswith("VmRSS")) * 1024


def assert_memory(node, before, more):
    """At most so many MiB more than before; sanitizers keep what was freed, and are not asked."""
    grown = memory_of(node) - before
    assert SLOW > 1 or grown < more << 20, grown


def test_half_requests_and_huge_promises():
    """promised bytes reserve nothing: half requests of many connections cost little memory"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        before = memory_of(node)
        held = []
        for k in range(100):
            one = node.connect()
            one.send([b"*1048576\r\n$3\r\nDEL\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\nxx",
                      b"*1048576\r\n", b"*2\r\n$4\r\nEC"][k % 4])
            held.append(one)
        time.sleep(0.2)
        assert node.ask("PING") == "PONG"
        assert_memory(node, before, 64)
        for one in held:
            one.close()
        assert node.ask("SET", "k", "v") == "OK"


def test_a_million_arguments():
    """a request of a million arguments is answered, and others are served meanwhile"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        with node.connect(timeout=30) as one, node.connect() as other:
            one.send(b"*1048576\r\n$6\r\nEXISTS\r\n" + b"$1\r\nk\r\n" * 1048575)
            assert other.ask("SET", "k", "v") == "OK"
            reply = one.read()
            assert reply in (1048575, 0) or isinstance(reply, Error), reply
            assert one.ask("GET", "k") == b"v"


def test_slow_reader():
    """a client that does not read is not answered without bound, and others are served"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        assert node.ask("SET", "big", "x" * 1000000) == "OK"
        before = memory_of(node)
        with node.connect() as slow, node.connect() as other:
            slow.socket.settimeout(0.5)
            request = encode("GET", "big")
            sent = 0
            try:
                for _ in range(1000):
                    slow.send(request)
                    sent += 1
            except socket.timeout:
                pass
            time.sleep(0.3)
            assert other.ask("GET", "nope") is None
            assert_memory(node, before, 200)
            slow.socket.settimeout(20 * SLOW)
            for _ in range(50):
                assert slow.read() == b"x" * 1000000
            assert other.ask("PING") == "PONG"


def test_big_and_odd_values():  # scenario K147
    """binary and empty keys and values of up to the limit are kept; larger ones are refused, and the
    connection, the leader and its term stay"""
    with Cluster() as cluster:
        leader = cluster.leader()
        term = leader.raft()["term"]
        everything = bytes(range(256)) * 4
        with leader.connect(timeout=30) as one:
            for key, value in ((b"", b""), (everything, everything), (b"1M", b"m" * (1 << 20)),
                               (b"4M", b"\0" * (4 << 20))):
                assert one.ask("SET", key, value) == "OK", len(value)
                assert one.ask("GET", key) == value
            for size in ((4 << 20) + 1, 6 << 20, 20 << 20):
                reply = one.ask("SET", "large", b"x" * size)
                assert isinstance(reply, Error) and reply.startswith("ERR"), reply
                assert one.ask("EXISTS", "large") == 0
            assert one.ask("APPEND", "4M", "x").startswith("ERR")
            assert one.ask("STRLEN", "4M") == 4 << 20
            assert one.ask("MSET", "m1", b"x" * (3 << 20), "m2", b"x" * (3 << 20)).startswith("ERR")
            assert one.ask("EXISTS", "m1", "m2") == 0
        assert cluster.leader() is leader and leader.raft()["term"] == term
        for node in cluster.followers():
            cluster.caught_up(node)
            with node.connect(timeout=30) as one:
                assert one.ask("READONLY") == "OK"
                assert one.ask("GET", "1M") == b"m" * (1 << 20)


def test_memory_limit():
    """beyond --max-memory writes that grow get Redis's OOM text, and deleting helps"""
    with Cluster(1, ["--max-memory", 200000]) as cluster, cluster.leader().connect() as one:
        replies = [one.ask("SET", "k%d" % k, "x" * 1000) for k in range(300)]
        assert replies[0] == "OK"
        assert replies[-1] == "OOM command not allowed when used memory > 'maxmemory'.", replies[-1]
        kept = sum(reply == "OK" for reply in replies)
        assert one.ask("DBSIZE") == kept and 100 < kept < 250, kept
        assert one.ask("MULTI") == "OK" and one.ask("SET", "x", "y" * 1000).startswith("OOM")
        assert one.ask("EXEC").startswith("EXECABORT")
        assert one.ask("DEL", *["k%d" % k for k in range(kept)]) == kept
        assert one.ask("SET", "x", "y" * 1000) == "OK"


def test_few_descriptors():
    """with 32 file descriptors the node serves who is connected, and others later"""
    if SLOW > 1:
        raise NotRun("sanitizers look at memory through descriptors of their own")
    with Cluster(3, start=False) as cluster:
        for node in cluster.nodes:
            node.start("--snapshot-entries", "50", wait=False,
                       preexec_fn=lambda: __import__("resource").setrlimit(7, (32, 32)))
        leader = cluster.leader()
        with leader.connect() as first:
            crowd = [leader.connect() for _ in range(60)]
            assert first.ask("SET", "k", "v") == "OK"
            for k in range(200):
                assert first.ask("SET", "k%d" % k, "v") == "OK", k
            for one in crowd:
                one.close()
            wait_until(lambda: leader.ask("GET", "k199") == b"v", what="a new connection")
        assert all(not node.dead() for node in cluster.nodes)
        wait_until(lambda: leader.raft()["snapshots_saved"] > 0 or leader.ask("SNAPSHOT"), what="a snapshot")


def test_disconnects_in_the_middle():
    """clients that go away with requests under way leave nothing behind"""
    with Cluster(1) as cluster:
        node = cluster.leader()
        for k in range(50):
            one = node.connect()
            one.send(encode("SET", "k%d" % k, "v") + encode("GET", "k") * 20 + encode("MULTI") + encode("SNAPSHOT")[:k])
            one.close()
        wait_until(lambda: node.ask("INFO", "clients") == b"# Clients\r\nconnected_clients:1\r\n", what="an empty room")
        assert node.ask("PING") == "PONG"


if __name__ == "__main__":
    run(tests_of(globals()))
