"""The protocol: exact replies, the same as a Redis 7.0 gives where there is one to compare with, and
input that no client would send."""

import os
import random
import shutil
import socket
import subprocess
import time

from support import (Closed, Cluster, Connection, Error, NotRun, SLOW, encode, folder, free_port, run,
                     spawn, tests_of, wait_until)

# What is sent (words), and the bytes that come back. One connection, in this order, on an empty leader.
EXACT = [
    ("PING", b"+PONG\r\n"), ("ping hello", b"$5\r\nhello\r\n"), ("ECHO hi", b"$2\r\nhi\r\n"),
    ("GET a", b"$-1\r\n"), ("SET a 1", b"+OK\r\n"), ("GET a", b"$1\r\n1\r\n"),
    ("SET a 2 NX", b"$-1\r\n"), ("SET a 2 XX", b"+OK\r\n"), ("SET b 2 XX", b"$-1\r\n"),
    ("SET a 3 GET", b"$1\r\n2\r\n"), ("SET c 1 GET", b"$-1\r\n"), ("SET a 4 NX GET", b"$1\r\n3\r\n"),
    ("SET a 5 XX NX", b"-ERR syntax error\r\n"), ("SETNX a 9", b":0\r\n"), ("SETNX d 9", b":1\r\n"),
    ("MGET a b d", b"*3\r\n$1\r\n3\r\n$-1\r\n$1\r\n9\r\n"), ("MSET x 1 y 2", b"+OK\r\n"),
    ("MSET x 1 y", b"-ERR wrong number of arguments for 'mset' command\r\n"),
    ("EXISTS x y z x", b":3\r\n"), ("DEL x y z x", b":2\r\n"), ("INCR n", b":1\r\n"),
    ("DECR n", b":0\r\n"), ("INCRBY n 10", b":10\r\n"), ("DECRBY n 20", b":-10\r\n"),
    ("INCRBY n x", b"-ERR value is not an integer or out of range\r\n"),
    ("SET s text", b"+OK\r\n"), ("INCR s", b"-ERR value is not an integer or out of range\r\n"),
    ("SET m 9223372036854775807", b"+OK\r\n"),
    ("INCR m", b"-ERR increment or decrement would overflow\r\n"), ("GET m", b"$19\r\n9223372036854775807\r\n"),
    ("DECRBY m -9223372036854775808", b"-ERR decrement would overflow\r\n"),
    ("APPEND s ing", b":7\r\n"), ("APPEND new v", b":1\r\n"), ("STRLEN s", b":7\r\n"), ("STRLEN nope", b":0\r\n"),
    ("DBSIZE", b":7\r\n"), ("SCAN x", b"-ERR invalid cursor\r\n"), ("SCAN 0 COUNT 0", b"-ERR syntax error\r\n"),
    ("MULTI", b"+OK\r\n"), ("SET t 1", b"+QUEUED\r\n"), ("INCR t", b"+QUEUED\r\n"), ("GET t", b"+QUEUED\r\n"),
    ("EXEC", b"*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n"), ("EXEC", b"-ERR EXEC without MULTI\r\n"),
    ("DISCARD", b"-ERR DISCARD without MULTI\r\n"), ("MULTI", b"+OK\r\n"),
    ("MULTI", b"-ERR MULTI calls can not be nested\r\n"), ("SET t", b"-ERR wrong number of arguments for 'set' command\r\n"),
    ("EXEC", b"-EXECABORT Transaction discarded because of previous errors.\r\n"),
    ("MULTI", b"+OK\r\n"), ("SET t 9", b"+QUEUED\r\n"), ("DISCARD", b"+OK\r\n"), ("GET t", b"$1\r\n2\r\n"),
    ("MULTI", b"+OK\r\n"), ("EXEC", b"*0\r\n"),
    ("FOO a b", b"-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n"),
    ("get", b"-ERR wrong number of arguments for 'get' command\r\n"),
    ("CLIENT FOO", b"-ERR unknown subcommand 'FOO'. Try CLIENT HELP.\r\n"),
    ("CLIENT SETNAME me", b"+OK\r\n"), ("CLIENT GETNAME", b"$2\r\nme\r\n"),
    ("CLIENT SETINFO LIB-NAME x", b"+OK\r\n"), ("READONLY", b"+OK\r\n"), ("READWRITE", b"+OK\r\n"),
    ("SELECT 0", b"+OK\r\n"), ("HELLO 4", b"-NOPROTO unsupported protocol version\r\n"),
    ("HELLO x", b"-ERR Protocol version is not an integer or out of range\r\n"),
    ("CONFIG GET save", b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
    ("CONFIG GET appendonly", b"*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n"),
    ("CLUSTER KEYSLOT foo", b":12182\r\n"), ("CLUSTER KEYSLOT {foo}bar", b":12182\r\n"),
    ("COMMAND DOCS", b"*0\r\n"), ("RESET", b"+RESET\r\n"), ("CLIENT GETNAME", b"$-1\r\n"),
    ("FLUSHALL", b"+OK\r\n"), ("DBSIZE", b":0\r\n"), ("SCAN 0", b"*2\r\n$1\r\n0\r\n*0\r\n"), ("QUIT", b"+OK\r\n"),
]


def test_exact_replies():
    """each command answers with Redis's very bytes, and QUIT closes"""
    with Cluster(1) as cluster, cluster.leader().connect() as one:
        for words, expected in EXACT:
            got = one.ask_raw(*words.split(" "))
            assert got == expected, (words, got, expected)
        assert one.closed_by_peer()


def test_protocol_three():
    """HELLO 3 answers a map, and nulls, maps and texts take the forms of RESP3"""
    with Cluster(1) as cluster, cluster.leader().connect() as one:
        hello = one.ask("HELLO", "3", "SETNAME", "me")
        assert hello[b"proto"] == 3 and hello[b"server"] == b"redis" and hello[b"role"] == b"master", hello
        assert one.ask_raw("GET", "nope") == b"_\r\n"
        assert one.ask("CONFIG", "GET", "save") == {b"save": b""}
        assert one.ask_raw("INFO", "raft").startswith(b"=")
        assert one.ask("CLIENT", "GETNAME") == b"me"
        assert one.ask_raw("MGET", "a", "b") == b"*2\r\n_\r\n_\r\n"
        assert one.ask("HELLO", "2")[0] == b"server"
        assert one.ask_raw("GET", "nope") == b"$-1\r\n"


FIELDS = ("role term leader_id commit_index applied_index last_log_index first_log_index snapshot_index "
          "snapshot_term members wal_bytes snapshot_bytes snapshots_saved snapshots_installed").split()


def test_info():
    """INFO ends with the section # Raft, INFO raft is that alone, and libraries find Redis's role"""
    with Cluster() as cluster:
        leader, follower = cluster.leader(), cluster.followers()[0]
        for node, role, raft_role in ((leader, "master", "leader"), (follower, "slave", "follower")):
            whole = node.ask("INFO").decode()
            titles = [text for text in whole.splitlines() if text.startswith("# ")]
            assert titles[0] == "# Server" and titles[-1] == "# Raft", titles
            last = whole[whole.index("# Raft"):].splitlines()
            assert [text.split(":")[0] for text in last[1:]] == FIELDS, last
            assert "role:" + raft_role in last, last
            alone = node.ask("INFO", "raft").decode().split("\r\n")
            assert alone[0] == "# Raft" and [text.split(":")[0] for text in alone[1:-1]] == FIELDS, alone
            assert "members:1,2,3" in alone
            crlf = dict(text.split(":", 1) for text in whole.split("\r\n") if ":" in text)
            assert crlf["role"] == role and crlf["loading"] == "0", crlf
            assert node.ask("INFO", "nonsense") == b""
            assert node.ask("RAFT", "STATUS").startswith(b"# Raft\r\n")


# ---- side by side with Redis ---------------------------------------------------------------------

class Redis:
    """A redis-server of our own on a port of its own, without files; stopped at the end."""

    def __enter__(self):
        if not shutil.which("redis-server"):
            raise NotRun("redis-server was not found (apt install redis-server)")
        version = subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True).stdout
        if "v=7.0." not in version:
            raise NotRun("this redis-server is not 7.0: " + version.strip())
        self.port = free_port()
        self.process = spawn(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                              "--appendonly", "no", "--daemonize", "no"], cwd=folder(),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            try:
                with Connection(self.port) as one:
                    return one.ask("PING") == "PONG"
            except OSError:
                return False
        wait_until(answers, what="redis-server")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


KEYS = ["a", "b", "c", "d", "{t}1", "{t}2", "", "\r\n", "k\xff"]
VALUES = ["0", "1", "-1", "10", "+1", "01", " 1", "1 ", "1.0", "", "x", "text", "9223372036854775807",
          "-9223372036854775808", "9223372036854775808", "-0", "\r\n", "\0", "v" * 100]
SHAPES = [
    "GET k", "SET k v", "SET k v NX", "SET k v XX", "SET k v GET", "SET k v nx get", "SET k v XX GET",
    "SET k v NX XX", "SET k v FOO", "SETNX k v", "MGET k k", "MGET k k k", "MSET k v k v", "MSET k v k",
    "DEL k", "DEL k k k", "EXISTS k", "EXISTS k k k", "INCR k", "DECR k", "INCRBY k v", "DECRBY k v",
    "APPEND k v", "STRLEN k", "DBSIZE", "PING", "PING v", "PING v v", "ECHO v", "ECHO", "GET", "GET k k",
    "SET k", "MSET", "MSET k", "INCRBY k", "INCR", "DEL", "SCAN v", "SCAN 0 COUNT v", "SCAN 0 COUNT",
    "SCAN 0 FOO v", "FOO k v", "foo", "Get k", "sEt k v", "FLUSHALL FOO", "FLUSHALL FOO BAR", "MULTI",
    "MULTI", "EXEC", "EXEC", "DISCARD", "CLIENT FOO", "CLIENT SETNAME", "CLIENT GETNAME v", "CLIENT",
    "CLIENT SETNAME v", "SELECT v", "HELLO 9", "HELLO v", "HELLO 3 FOO", "RESET", "CLUSTER", "CONFIG",
    "CONFIG FOO", "CONFIG GET", "COMMAND FOO", "ECHO k"]
# Commands that Redis queues and kvd does not: they concern the connection, not the data.
NOT_IN_MULTI = ("PING", "ECHO", "CLIENT", "SELECT", "HELLO", "CONFIG", "COMMAND", "CLUSTER", "READONLY", "SCAN")


def stream(seed, count):
    draw = random.Random(seed)
    for _ in range(count):
        shape = draw.choice(SHAPES)
        words = [(draw.choice(KEYS) if w == "k" else draw.choice(VALUES) if w == "v" else w).encode("latin1")
                 for w in shape.split(" ")]
        yield words


def comparable(words, in_multi):
    name = words[0].decode("latin1").upper()
    if in_multi and name in NOT_IN_MULTI:
        return False
    if name == "FOO" and any(b"\0" in word for word in words):
        return False  # Redis prints it as C prints
    if name == "SCAN":  # only the errors
        return len(words) > 1 and not (words[1].isdigit() and len(words[1]) < 19) and words[1].strip() == words[1] \
            and words[1].decode("latin1").lstrip("-+").isalpha()
    if name == "SELECT":
        return not words[1].strip().lstrip(b"-+").isdigit()
    return True


def test_same_as_redis():
    """20,000 random commands answer as a real Redis answers them, byte for byte"""
    with Redis() as redis, Cluster(1) as cluster:
        for seed, protocol in ((1, 2), (2, 2), (3, 3)):
            with Connection(redis.port) as theirs, cluster.leader().connect() as ours:
                for one in (theirs, ours):
                    one.ask("FLUSHALL")
                    if protocol == 3:
                        one.ask("HELLO", "3")
                in_multi = False
                compared, batch = 0, []
                for words in stream(seed, 7000):
                    if not comparable(words, in_multi):
                        continue
                    name = words[0].upper()
                    if name == b"RESET" and protocol == 3:
                        continue
                    batch.append(words)
                    in_multi = name == b"MULTI" or (in_multi and name not in (b"EXEC", b"DISCARD", b"RESET"))
                for begin in range(0, len(batch), 100):
                    some = batch[begin:begin + 100]
                    raw = b"".join(encode(*words) for words in some)
                    theirs.send(raw)
                    ours.send(raw)
                    for k, words in enumerate(some):
                        expected, got = theirs.read_raw(), ours.read_raw()
                        assert got == expected, (seed, words, got, expected, some[max(0, k - 6):k])
                        compared += 1
                assert compared > 4000, compared


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


def answers_to(port, raw):
    """All that comes back, and whether the connection ends by itself."""
    with Connection(port, timeout=5) as one:
        one.send(raw + b"*2\r\n$4\r\nECHO\r\n$3\r\nend\r\n")
        try:
            while not one.data.endswith(b"$3\r\nend\r\n"):
                one.fill()
        except Closed:
            return bytes(one.data), True
    return bytes(one.data), False


def test_garbage_as_redis():
    """malformed requests are answered as Redis answers them, the end of the connection included"""
    with Redis() as redis, Cluster(1) as cluster:
        port = cluster.leader().client
        for raw in GARBAGE:
            expected, got = answers_to(redis.port, raw), answers_to(port, raw)
            assert got == expected, (raw, got, expected)


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
