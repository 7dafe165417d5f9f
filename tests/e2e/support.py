"""What the end-to-end tests share: a cluster of kvd processes, a connection that speaks the Redis
protocol byte by byte, and a runner. Only processes that were begun here are ever ended."""

import atexit
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

KVD = os.environ["KVD"]
KVLOAD = os.environ["KVLOAD"]
FAULTS = os.environ.get("KVD_FAULTS_LIBRARY", "")
HERE = os.path.dirname(os.path.abspath(__file__))
SLOW = float(os.environ.get("KVD_SLOWNESS", "1"))  # sanitizers make everything take longer

_children = []
_folders = []


def _clean_up():
    for child in _children:
        if child.poll() is None:
            child.kill()
            child.wait()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


atexit.register(_clean_up)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def spawn(words, **options):
    child = subprocess.Popen(words, **options)
    _children.append(child)
    return child


def folder():
    made = tempfile.mkdtemp(prefix="kvd-e2e-")
    _folders.append(made)
    return made


# Suites run side by side: each process takes its ports one after the other from a block of its own,
# below the range from which the system takes ports for outgoing connections. None is given twice.
_ports = itertools.count(12000 + os.getpid() % 40 * 500 + random.SystemRandom().randrange(300))


def free_port():
    while True:
        port = next(_ports)
        assert port < 32500, "no port is free"
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition, seconds=20, what="the condition"):
    limit = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError("waited %d s in vain for %s" % (seconds, what))
        time.sleep(0.02)


class Status(str):
    """A simple string: +OK"""


class Error(str):
    """An error reply: -ERR ..."""


class Closed(Exception):
    pass


def encode(*words):
    made = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        made.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(made)


def parse(data, at=0):
    """(value, position behind it); None when there is not enough data yet."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, line, behind = data[at:at + 1], data[at + 1:end], end + 2
    if kind == b"+":
        return Status(line.decode()), behind
    if kind == b"-":
        return Error(line.decode("utf-8", "replace")), behind
    if kind == b":":
        return int(line), behind
    if kind == b"_":
        return None, behind
    if kind in b"$=":
        length = int(line)
        if length < 0:
            return None, behind
        if len(data) < behind + length + 2:
            return None
        assert data[behind + length:behind + length + 2] == b"\r\n", "a bulk string of another length"
        return bytes(data[behind:behind + length]), behind + length + 2
    if kind in b"*~%":
        count = int(line)
        if count < 0:
            return None, behind
        items = []
        for _ in range(count * (2 if kind == b"%" else 1)):
            item = parse(data, behind)
            if item is None:
                return None
            items.append(item[0])
            behind = item[1]
        return (dict(zip(items[::2], items[1::2])) if kind == b"%" else items), behind
    raise AssertionError("not a reply: %r" % bytes(data[at:at + 80]))


class Connection:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOW)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, raw):
        self.socket.sendall(raw)

    def fill(self):
        try:
            got = self.socket.recv(1 << 20)
        except ConnectionError:
            raise Closed()
        if not got:
            raise Closed()
        self.data += got

    def read(self):
        return self.read_both()[0]

    def read_raw(self):
        return self.read_both()[1]

    def read_both(self):
        """The next reply as a value and as the bytes that it came as."""
        while True:
            got = parse(self.data)
            if got is not None:
                raw = bytes(self.data[:got[1]])
                del self.data[:got[1]]
                return got[0], raw
            self.fill()

    def ask(self, *words):
        self.send(encode(*words))
        return self.read()

    def ask_raw(self, *words):
        self.send(encode(*words))
        return self.read_raw()

    def closed_by_peer(self):
        """Reads what is left; true when the connection ends."""
        try:
            while True:
                self.fill()
        except Closed:
            return True
        except socket.timeout:
            return False


class Node:
    def __init__(self, cluster, number):
        self.cluster, self.id = cluster, number
        self.peer, self.client = free_port(), free_port()
        self.data = os.path.join(cluster.folder, "data-%d" % number)
        self.log = os.path.join(cluster.folder, "%d.log" % number)
        self.process = None
        self.starts = 0

    def address_of(self, other):
        """Where this node finds the other one: the real port, unless there is a proxy in between."""
        return "127.0.0.1:%d" % other.peer

    def words(self, *more):
        peers = ",".join("%d=%s" % (n.id, self.address_of(n)) for n in self.cluster.nodes)
        clients = ",".join("%d=127.0.0.1:%d" % (n.id, n.client) for n in self.cluster.nodes)
        words = [KVD, "--id", str(self.id), "--cluster", peers, "--client",
                 "127.0.0.1:%d" % self.client, "--data", self.data]
        if len(self.cluster.nodes) > 1:
            words += ["--client-peers", clients]
        return words + ["--election-ms", self.cluster.election] + self.cluster.options + list(more)

    def start(self, *more, wait=True, **options):
        mark = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.process = spawn(self.words(*more), stderr=log, stdout=log, **options)
        if wait:
            wait_until(lambda: b"ready id=" in self.log_bytes()[mark:] or self.dead(), 20,
                       "node %d to be ready" % self.id)
            assert not self.dead(), "node %d ended: %s" % (self.id, self.log_text()[-600:])
        return self

    def dead(self):
        return self.process is None or self.process.poll() is not None

    def log_bytes(self):
        with open(self.log, "rb") as log:
            return log.read()

    def log_text(self):
        return self.log_bytes().decode("utf-8", "replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=5):
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(seconds * SLOW)

    def connect(self, timeout=10):
        return Connection(self.client, timeout)

    def ask(self, *words):
        with self.connect() as one:
            return one.ask(*words)

    def raft(self):
        """The # Raft section of INFO: numbers as numbers."""
        text = self.ask("INFO", "raft").decode()
        lines = [line for line in text.split("\r\n") if line]
        assert lines[0] == "# Raft", lines
        made = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            made[name] = int(value) if value.isdigit() and name != "members" else value
        assert made["snapshot_index"] <= made["applied_index"] <= made["commit_index"], made
        assert made["first_log_index"] <= made["snapshot_index"] + 1, made
        return made


class Cluster:
    def __init__(self, count=3, options=(), election="500-1000", start=True):
        self.folder = folder()
        self.options = [str(each) for each in options]
        self.election = election
        self.nodes = []
        self.nodes = [Node(self, k + 1) for k in range(count)]
        if start:
            try:
                self.start()
            except BaseException:
                self.__exit__(AssertionError)
                raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for node in self.nodes:
                if os.path.exists(node.log):
                    print("--- node %d, %s\n%s" % (node.id, node.process and node.process.poll(),
                                                  node.log_text()[-int(os.environ.get("KVD_LOG_BYTES", "1000")):]))
        for node in self.nodes:
            if node.process is not None and not node.dead():
                node.kill()

    def start(self):
        for node in self.nodes:
            node.start(wait=False)
        self.leader()

    def alive(self):
        return [node for node in self.nodes if not node.dead()]

    def leader(self, seconds=20):
        """The node that leads, serves, and whom all that run follow."""
        def found():
            try:
                seen = {node.id: node.raft() for node in self.alive()}
            except (OSError, Closed, AttributeError):
                return None
            named = {one["leader_id"] for one in seen.values()}
            if len(named) != 1 or 0 in named:
                return None
            one = named.pop()
            if one not in seen or seen[one]["role"] != "leader":
                return None
            node = self.nodes[one - 1]
            answer = node.ask("GET", "is it serving?")
            return node if not isinstance(answer, Error) else None
        return wait_until(found, seconds, "a leader")

    def followers(self):
        lead = self.leader()
        return [node for node in self.alive() if node is not lead]

    def addresses(self):
        return ",".join("127.0.0.1:%d" % node.client for node in self.nodes)

    def write(self, count, prefix="k", size=20):
        """`count` pipelined SETs on the leader."""
        with self.leader().connect() as one:
            for begin in range(0, count, 200):
                some = range(begin, min(begin + 200, count))
                one.send(b"".join(encode("SET", "%s%d" % (prefix, k), "v%d" % k + "x" * size)
                                  for k in some))
                for _ in some:
                    assert one.read() == "OK"

    def caught_up(self, node, seconds=20):
        goal = self.leader().raft()["commit_index"]
        wait_until(lambda: node.raft()["applied_index"] >= goal, seconds,
                   "node %d to apply %d" % (node.id, goal))

    def load(self, seconds, prefix="load", book="book", clients=4, more=()):
        return spawn([KVLOAD, "--nodes", self.addresses(), "--seconds", str(round(seconds)), "--clients",
                      str(clients), "--prefix", prefix, "--acknowledged",
                      os.path.join(self.folder, book)] + list(more),
                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def verify(self, book="book"):
        done = subprocess.run([KVLOAD, "--nodes", self.addresses(), "--clients", "8", "--verify",
                               os.path.join(self.folder, book)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120 * SLOW)
        assert done.returncode == 0, done.stdout
        return done.stdout


class NotRun(Exception):
    pass


def run(tests):
    """Each test is a function whose doc string says what must hold. KVD_ONLY picks some by name."""
    only = os.environ.get("KVD_ONLY", "")
    passed = failed = 0
    for test in tests:
        if only not in test.__name__:
            continue
        begun = time.monotonic()
        try:
            test()
            passed += 1
            print("ok      %5.1f s  %s" % (time.monotonic() - begun, test.__doc__), flush=True)
        except NotRun as why:
            print("not run          %s: %s" % (test.__doc__, why), flush=True)
        except BaseException as why:
            if isinstance(why, (KeyboardInterrupt, SystemExit)):
                raise
            failed += 1
            print("FAILED  %5.1f s  %s (%s)" % (time.monotonic() - begun, test.__doc__, test.__name__))
            traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    sys.exit(1 if failed or not passed else 0)


def tests_of(names):
    return [value for name, value in list(names.items()) if name.startswith("test_")]
