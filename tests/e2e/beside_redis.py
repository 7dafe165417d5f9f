"""The same bytes to kvd and to a real Redis 7.0: what comes back must be the same bytes, too."""

import random
import shutil
import subprocess

from garbage import GARBAGE
from support import (Closed, Cluster, Connection, NotRun, encode, folder, free_port, run, spawn,
                     tests_of, wait_until)


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


if __name__ == "__main__":
    run(tests_of(globals()))
