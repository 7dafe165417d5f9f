"""Clients of kvd that write down what they asked and what they were told, for judge.cpp and for the
sums that can be checked without it. Each is a thread with one connection at a time."""

import json
import select
import threading
import time

from support import Closed, Connection, Error, Status, encode
from wires import of

EPOCH_SECONDS = 2.0  # keys change that often, so that the history of each stays short
REGISTERS = 3


class History:
    """The calls of all clients, one line for a begin and one for an end (the format: judge.cpp)."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "w")
        self.lock = threading.Lock()
        self.began = time.monotonic()

    def write(self, **line):
        with self.lock:
            self.file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def epoch(self):
        return int((time.monotonic() - self.began) / EPOCH_SECONDS)

    def close(self):
        with self.lock:
            self.file.close()


def outcome_of(reply):
    """("got", text) | ("not_done", text) | ("unknown", text), as the README of kvd defines them."""
    if isinstance(reply, Error):
        if reply.startswith("UNKNOWN"):
            return "unknown", str(reply)
        if reply.startswith("ERR value is not an integer"):
            return "got", "-" + reply  # an observation of the value
        word = reply.split(" ")[0]
        assert word in ("MOVED", "CLUSTERDOWN", "LOADING", "OOM") or reply.startswith("ERR no space"), reply
        return "not_done", str(reply)
    if isinstance(reply, Status):
        return "got", "+" + reply
    if isinstance(reply, int):
        return "got", ":%d" % reply
    return "got", "_" if reply is None else "$" + reply.decode("latin-1")


class Tally:
    """What became of calls that are summed up: their arguments by outcome."""

    def __init__(self):
        self.lock = threading.Lock()
        self.got, self.not_done, self.unknown, self.answers = [], [], [], []

    def add(self, kind, argument, answer):
        with self.lock:
            getattr(self, kind).append(argument)
            if kind == "got":
                self.answers.append(answer)


class Client(threading.Thread):
    """Follows redirects; asks elsewhere when a node has no leader. Never repeats a call: what was
    redirected is asked again as a new call with a new value, so a trace of the old one shows."""

    def __init__(self, number, seed, nodes, history, stop):
        super().__init__(daemon=True)
        self.number, self.nodes, self.history, self.stop = number, nodes, history, stop
        self.draw = of(seed, "client", number)
        self.node = self.draw.choice(nodes)
        self.connection = None
        self.calls = 0
        self.counts = {"got": 0, "not_done": 0, "unknown": 0}
        self.broken = None  # what a client must never see

    def run(self):
        try:
            while not self.stop.is_set():
                self.wander()
                self.step()
                self.stop.wait(self.draw.expovariate(1 / 0.007))
        except BaseException as why:
            self.broken = "client %d: %s: %s" % (self.number, type(why).__name__, why)
            self.stop.set()
        finally:
            self.hang_up()

    def wander(self):
        """Followers redirect, and leaders of old are visited."""
        if self.draw.random() < 0.03:
            self.hang_up()
            self.node = self.draw.choice(self.nodes)

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def connected(self):
        if self.connection is None:
            try:
                self.connection = Connection(self.node.client, timeout=2)
            except OSError:
                self.node = self.draw.choice(self.nodes)
                self.stop.wait(0.02)
        return self.connection is not None

    def value(self):
        """A text that is never the same twice in a run, all of one length, which is what the judge
        needs to be quick; or one of a few numbers."""
        if self.draw.random() < 0.15:
            return self.draw.choice(["10", "200", "-3", "4000"])
        return "v%02d%07d" % (self.number, self.calls)

    def turn_to(self, reply):
        """Where to ask next, after a call that was not done or may not have been."""
        if reply.startswith("MOVED"):
            port = int(reply.rsplit(":", 1)[1])
            there = [node for node in self.nodes if node.client == port]
            assert there, reply
            self.node = there[0]
        elif self.draw.random() < 0.5:
            self.node = self.draw.choice(self.nodes)
            self.stop.wait(0.03)
        else:  # whoever stays asks an isolated leader again, which is what stale reads need
            self.stop.wait(0.03)
            return
        self.hang_up()

    def begin(self, words, record):
        self.calls += 1
        if record:
            self.history.write(t=time.monotonic_ns(), c=self.number, n=self.calls, call=words)
        return self.calls

    def end(self, number, kind, text, record):
        at = time.monotonic_ns()
        self.counts[kind] += 1
        if record:
            self.history.write(t=at, c=self.number, n=number, **{kind: text})

    def call(self, *words, record=None, tally=None):
        """One call, written down as `record` (None: as it is; False: not)."""
        if not self.connected():
            return None
        record = words if record is None else record
        number = self.begin(record, bool(record))
        try:
            reply = self.connection.ask(*words)
            kind, text = outcome_of(self.seen(words, reply))
        except (Closed, OSError) as why:
            kind, text = "unknown", type(why).__name__
            self.hang_up()
            self.node = self.draw.choice(self.nodes)
        self.end(number, kind, text, bool(record))
        if tally is not None:
            tally.add(kind, words[-1], text)
        if kind != "got" and self.connection is not None:
            self.turn_to(text)
        return kind, text

    def seen(self, words, reply):
        if words[0] == "MGET" and isinstance(reply, list):
            assert reply[0] == reply[1], "half of an MSET: %r %r" % (words, reply)
            return reply[0]
        return reply


class Mixed(Client):
    """GET SET DEL INCR APPEND and their kin on a few keys (scenario F105), and pairs of keys that are
    only written together."""

    def words(self):
        epoch, draw = self.history.epoch(), self.draw
        kind = draw.random()
        if kind < 0.55:
            key = "r%d.%d" % (epoch, draw.randrange(REGISTERS))
            return draw.choices(
                [("GET", key), ("SET", key, self.value()), ("SET", key, self.value(), "NX"),
                 ("SET", key, self.value(), "GET"), ("DEL", key), ("INCR", key), ("INCRBY", key, "-7"),
                 ("DECR", key), ("SETNX", key, self.value()), ("STRLEN", key), ("EXISTS", key)],
                [40, 22, 3, 4, 8, 8, 2, 3, 3, 3, 4])[0]
        if kind < 0.75:
            key = "n%d" % epoch
            return draw.choice([("GET", key), ("INCR", key)])
        key = "a%d" % epoch
        return draw.choices([("GET", key), ("APPEND", key, "v%02d%07d," % (self.number, self.calls)), ("STRLEN", key),
                             ("DEL", key)], [20, 20, 4, 1])[0]

    def step(self):
        if self.draw.random() < 0.08:
            one, other = "p%d{1}" % self.history.epoch(), "p%d{2}" % self.history.epoch()
            if self.draw.random() < 0.5:
                value = self.value()
                self.call("MSET", one, value, other, value, record=("SET", one, value))
            else:
                self.call("MGET", one, other, record=("GET", one))
        else:
            self.call(*self.words())


class Summing(Client):
    """A counter and a list that live for the whole run (scenarios G109, J138)."""

    def __init__(self, *words, counter, items):
        super().__init__(*words)
        self.counter, self.items = counter, items

    def step(self):
        if self.draw.random() < 0.5:
            self.call("INCR", "counter", record=False, tally=self.counter)
        else:
            self.calls += 1
            self.call("APPEND", "list", "%d.%d," % (self.number, self.calls), record=False, tally=self.items)


class Pipelining(Client):
    """Many calls before the first reply: each reply belongs to its request, and what was done was done
    in order, whatever becomes of the leader meanwhile (scenarios G110, G111). Only a few of each go to
    the judge, for whom all calls of a pipeline are at the same time, in any order."""

    def __init__(self, *words, counter, items):
        super().__init__(*words)
        self.counter, self.items = counter, items

    def step(self):
        self.stop.wait(self.draw.expovariate(1 / 0.05))
        if not self.connected():
            return
        epoch, first = self.history.epoch(), self.calls
        plan = [("INCR", "n%d" % epoch), ("SET", "r%d.0" % epoch, "v%02d%07d" % (self.number, first)),
                ("GET", "r%d.1" % epoch)]
        for k in range(self.draw.randint(0, 30)):
            plan.append(self.draw.choice([
                ("ECHO", "%d.%d.%d" % (self.number, first, k)), ("INCR", "counter"),
                ("APPEND", "list", "%d.%d," % (self.number, first + k + 1))]))
        self.draw.shuffle(plan)
        items = iter(sorted((words for words in plan if words[0] == "APPEND"),
                            key=lambda words: int(words[2].split(".")[1][:-1])))
        plan = [next(items) if words[0] == "APPEND" else words for words in plan]
        self.burst(plan)
        self.calls = max(self.calls, first + 31)

    def burst(self, plan):
        tallies = {"counter": self.counter, "list": self.items}
        judged = [words[0] != "ECHO" and words[1] not in tallies for words in plan]
        numbers = [self.begin(words, record) for words, record in zip(plan, judged)]
        last, newest = "", 0
        try:
            self.connection.send(b"".join(encode(*words) for words in plan))
        except (Closed, OSError):
            self.hang_up()  # some of it may have left
        for words, record, number in zip(plan, judged, numbers):
            kind, text = "unknown", "closed"
            if self.connection is not None:
                try:
                    reply = self.connection.read()
                    self.check_kind(words, reply)
                    kind, text = outcome_of(reply)
                except (Closed, OSError) as why:
                    text = type(why).__name__
                    self.hang_up()
            if words[0] == "ECHO":
                continue
            self.end(number, kind, text, record)
            if words[1] in tallies:
                tallies[words[1]].add(kind, words[-1], text)
            if words[1] == "counter" and kind == "got":
                assert int(text[1:]) > newest, "done out of order: %s after :%d" % (text, newest)
                newest = int(text[1:])
            last = text if kind != "got" else last
        if self.connection is None:
            self.node = self.draw.choice(self.nodes)
        elif last:
            self.turn_to(last)

    def check_kind(self, words, reply):
        if words[0] == "ECHO":
            assert reply == words[1].encode(), "the reply of another request: %r %r" % (words, reply)
        elif not isinstance(reply, Error):
            kind = {"INCR": int, "APPEND": int, "SET": Status, "GET": (bytes, type(None))}[words[0]]
            assert isinstance(reply, kind), "the reply of another request: %r %r" % (words, reply)


class Visiting(Client):
    """Asks every node, whoever leads and whether it answers or not: what a leader that was paused or
    cut off says when it comes back must not be old (scenarios F100, F102). While a node is silent the
    next question follows later and later, so that some are younger than the next leader's writes."""

    def __init__(self, *words):
        super().__init__(*words)
        self.doors = {node.id: None for node in self.nodes}
        self.waiting = {node.id: [] for node in self.nodes}
        self.asked = {node.id: 0.0 for node in self.nodes}

    def wander(self):
        pass

    def step(self):
        for node in self.nodes:
            try:
                self.visit(node)
            except (Closed, OSError) as why:
                self.leave(node, type(why).__name__)

    def visit(self, node):
        if self.doors[node.id] is None:
            self.doors[node.id] = Connection(node.client, timeout=1)
        door, waiting = self.doors[node.id], self.waiting[node.id]
        while waiting and (door.data or select.select([door.socket], [], [], 0)[0]):
            kind, text = outcome_of(door.read())
            self.end(waiting.pop(0), kind, text, True)
        now = time.monotonic()
        if waiting and now - self.asked[node.id] > 3:
            raise Closed()
        if len(waiting) < 7 and now - self.asked[node.id] > 0.03 * 2 ** len(waiting):
            self.asked[node.id] = now
            key = self.draw.choice(["n%d", "r%d.0", "a%d"]) % self.history.epoch()
            waiting.append(self.begin(("GET", key), True))
            door.send(encode("GET", key))

    def leave(self, node, why):
        for number in self.waiting[node.id]:
            self.end(number, "unknown", why, True)
        self.waiting[node.id] = []
        if self.doors[node.id] is not None:
            self.doors[node.id].close()
            self.doors[node.id] = None

    def hang_up(self):
        for node in self.nodes:
            self.leave(node, "over")
