"""A cluster whose nodes talk through faulty wires (proxy.cpp), on disks that can fail (faults.cpp):
every node dials every peer through a port of its own, so each direction of each pair fails apart."""

import os
import random
import subprocess
import threading
import time

import power
from support import FAULTS, SLOW, Cluster, free_port, spawn

PROXY = os.environ.get("KVD_PROXY", "")
MODES = ("drop", "stall", "refuse")  # what a cut wire does with what is sent


class Wires:
    def __init__(self, nodes, seed):
        self.ids = [node.id for node in nodes]
        self.real = {node.id: node.peer for node in nodes}
        self.ports = {(a, b): free_port() for a in self.ids for b in self.ids if a != b}
        doors = ["%d:%d:%d:%d" % (a, b, port, self.real[b]) for (a, b), port in self.ports.items()]
        self.lock = threading.Lock()
        self.process = spawn([PROXY, str(seed)] + doors, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
        assert self.process.stdout.readline() == "ready\n", "the proxy did not start"

    def say(self, *words):
        with self.lock:
            self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline().strip()

    def rule(self, a, b, *what):
        answer = self.say(a, b, *what)
        assert answer == "ok", answer

    def heal(self):
        self.rule("*", "*", "pass")

    def counts(self):
        return {name: int(value) for name, value in
                (word.split("=") for word in self.say("counts").split())}

    def cut(self, pairs, mode):
        for a, b in pairs:
            self.rule(a, b, mode)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def draw_partition(draw, ids):
    """(name, ordered pairs that are cut). The shapes of scenario H113."""
    ids = list(ids)
    draw.shuffle(ids)
    everything = [(a, b) for a in ids for b in ids if a != b]
    shape = draw.choice(["halves", "isolated", "ring", "bridge", "deaf", "mute", "one link", "one way"])
    first, rest = ids[0], ids[1:]
    if shape == "halves":
        half = set(ids[:draw.randint(1, len(ids) // 2)])
        cut = [(a, b) for a, b in everything if (a in half) != (b in half)]
    elif shape == "isolated":
        cut = [pair for pair in everything if first in pair]
    elif shape == "ring":  # each talks to two neighbours only; of three, to one side only
        near = {(ids[k], ids[(k + 1) % len(ids)]) for k in range(len(ids))}
        cut = [(a, b) for a, b in everything
               if (a, b) not in near and (len(ids) == 3 or (b, a) not in near)]
    elif shape == "bridge":  # two sides that only one node still sees both of
        left = set(rest[:len(rest) // 2])
        cut = [(a, b) for a, b in everything if first not in (a, b) and (a in left) != (b in left)]
    elif shape == "deaf":
        cut = [(other, first) for other in rest]
    elif shape == "mute":
        cut = [(first, other) for other in rest]
    elif shape == "one link":
        cut = [(first, rest[0]), (rest[0], first)]
    else:
        cut = [(first, rest[0])]
    return shape, cut


class Disk:
    """The disk of one node: a control file that faults.cpp reads, and, where mounts are allowed, a
    file system of its own that can really be full."""

    def __init__(self, node):
        self.switch = os.path.join(node.cluster.folder, "faults-%d" % node.id)
        self.mount = None
        self.last_fault = -1e9  # when the node was last given a reason to end by itself
        self.active = False

    def set(self, words):
        self.last_fault, self.active = time.monotonic(), True
        with open(self.switch + ".new", "w") as file:
            file.write(words)
        os.rename(self.switch + ".new", self.switch)

    def fill(self):
        """Takes all the room that there is, to the last byte."""
        self.last_fault, self.active = time.monotonic(), True
        with open(os.path.join(self.mount, "ballast"), "wb", buffering=0) as file:
            size, step = 0, 1 << 27
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2

    def heal(self):
        if self.active:
            self.last_fault = time.monotonic()
        self.active = False
        for path in [self.switch] + ([os.path.join(self.mount, "ballast")] if self.mount else []):
            if os.path.exists(path):
                os.unlink(path)

    def blamed(self):
        """A node that was paused meanwhile ends late."""
        return self.active or time.monotonic() - self.last_fault < 8 * SLOW


class FaultyCluster(Cluster):
    def __init__(self, count, options, election, seed, small_disk=None):
        super().__init__(count, options, election, start=False)
        self.lies = False  # disks that say that they sync, and do not
        self.wires = Wires(self.nodes, seed)
        self.disks = {node.id: Disk(node) for node in self.nodes}
        for node in self.nodes:
            node.address_of = lambda other, me=node: "127.0.0.1:%d" % (
                other.peer if other is me else self.wires.ports[me.id, other.id])
            node.lock = threading.RLock()  # whoever ends or starts the process holds it
            node.runs, node.told_end = 0, -1
        if small_disk is not None:
            self.mount(self.nodes[small_disk - 1])

    def mount(self, node, megabytes=160):  # kvd saves no snapshot with less than 128 MiB of room
        at = os.path.join(self.folder, "disk-%d" % node.id)
        os.mkdir(at)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % megabytes, "kvd", at], check=True)
        self.disks[node.id].mount = at
        node.data = os.path.join(at, "data")

    def power_of(self, node):
        """Where faults.cpp writes down what a power cut could take back, and where removed files stay:
        on their own file system, while the journal must have room when that one is full."""
        made = [os.path.join(top, "power-%d" % node.id)
                for top in (self.folder, self.disks[node.id].mount or self.folder)]
        for each in made:
            os.makedirs(each, exist_ok=True)
        return made

    def lose_power(self, node, draw):
        """Of a node that does not run: what it had not synced."""
        return power.cut(*self.power_of(node), node.data, draw)

    def begin(self, node):
        """Starts a node that does not run; its environment names its disk's switch."""
        with node.lock:
            if not node.dead():
                return
            env = dict(os.environ)
            if FAULTS:
                env.update(LD_PRELOAD=FAULTS, KVD_FAULTS=self.disks[node.id].switch,
                           KVD_POWER=self.power_of(node)[0], KVD_POWER_KEPT=self.power_of(node)[1])
                if self.lies:
                    env["KVD_POWER_LIES"] = "1"
            node.runs += 1
            node.start(wait=False, env=env)

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        self.wires.end()
        for disk in self.disks.values():
            if disk.mount:
                subprocess.run(["umount", "-l", disk.mount], check=False)


def of(seed, *names):
    """A stream of random numbers of its own for each use of a seed."""
    return random.Random("/".join(str(each) for each in (seed,) + names))
