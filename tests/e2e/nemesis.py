"""Clusters of real processes under everything that can go wrong, while clients write down what they
see. Short, as a test (no argument); or for long:

    nemesis.py --minutes N [--seed S] [--build DIR] [--nodes 3|5]

A run's faults are drawn from its seed, which is printed; the plan, the history and the data of a run
that failed are kept. The times at which threads and processes act are not the seed's, so the same
seed is the same plan, not the same run."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--nodes", type=int, choices=(3, 5))
    parser.add_argument("--build", default=os.path.join(HERE, "../../build/release"))
    return parser.parse_args()


ASKED = arguments()
for name, path in (("KVD", "bin/kvd"), ("KVLOAD", "bin/kvload"), ("KVD_PROXY", "bin/kvd_proxy"),
                   ("KVD_JUDGE", "bin/kvd_judge"), ("KVD_FAULTS_LIBRARY", "tests/e2e/libkvd_faults.so")):
    os.environ.setdefault(name, os.path.join(ASKED.build, path))


def may_mount():
    """A namespace of mounts of our own, in which a disk can be really full; it ends with us."""
    if "KVD_MOUNTS" in os.environ:
        return os.environ["KVD_MOUNTS"] == "yes"
    words = ["unshare", "-m" if os.geteuid() == 0 else "-Urm"]
    trial = 'd=$(mktemp -d) && mount -t tmpfs -o size=1m kvd "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'
    try:
        able = subprocess.run(words + ["sh", "-c", trial], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        able = False
    os.environ["KVD_MOUNTS"] = "yes" if able else "no"
    if able:
        os.execvp(words[0], words + [sys.executable] + sys.argv)
    return False


MOUNTS = may_mount()
if not os.path.exists(os.environ["KVD_PROXY"]):
    sys.exit("nemesis.py: %s was not found: build the targets kvd, kvload, kvd_proxy, kvd_judge and kvd_faults, and "
             "name their folder by --build" % os.environ["KVD_PROXY"])

from recorder import History, Mixed, Pipelining, Summing, Tally, Visiting  # noqa: E402
from support import FAULTS, SLOW, Closed, Connection, Error, NotRun, run, tests_of, wait_until  # noqa: E402
from wires import MODES, FaultyCluster, draw_partition, of  # noqa: E402


# ---- what happens: drawn before the run ------------------------------------------------------------

def draw_net(draw, ids):
    kind = draw.choices(["partition", "delay", "slow", "reset", "corrupt", "unread", "astray", "quiet"],
                        [8, 2, 1, 2, 2, 1, 1, 3])[0]
    one = draw.choice(ids)
    other = draw.choice([each for each in ids if each != one])
    if kind == "partition":
        shape, cut = draw_partition(draw, ids)
        return shape, [(a, b, mode) for mode in [draw.choice(MODES)] for a, b in cut]
    if kind == "delay":
        low = draw.choice([1, 5, 20, 60])
        return kind, [("*", "*", kind, low, 2 * low)]
    if kind == "slow":
        return kind, [(one, "*", kind, draw.choice([5000, 20000, 100000]))]
    if kind == "reset":  # scenario H114
        return kind, [("*", "*", kind, 50, 400)]
    if kind == "corrupt":  # scenario H112
        return kind, [(one, "*", kind, draw.choice([2000, 20000]))]
    if kind == "unread":  # scenario H117: one peer accepts and never reads
        return kind, [("*", one, "stall")]
    if kind == "astray":  # scenario H116: an address that now belongs to somebody else
        third = draw.choice([each for each in ids if each != other])
        return kind, [(one, other, "route", third)]
    return kind, []


def draw_process(draw, ids):
    return draw.choices(
        [("kill", draw.choice(ids + ["leader"] * len(ids)), round(draw.uniform(0, 1.5), 2)),
         ("pause", draw.choice(ids + ["leader"] * len(ids)), round(draw.uniform(0.1, 2.5), 2)),
         ("pause some", draw.sample(ids, len(ids) // 2 + 1), round(draw.uniform(0.1, 2.5), 2)),
         ("kill all", None, round(draw.uniform(0, 0.5), 2)),
         ("power cut", [draw.choice(ids)] if draw.random() < 0.4 else ids, round(draw.uniform(0, 0.5), 2)),
         ("terminate", draw.choice(ids + ["leader"]), round(draw.uniform(0, 0.5), 2)),
         ("rolling restart", None, 0)],
        [8, 8, 3, 2, 4, 3, 1])[0]


def draw_disk(draw, ids, small):
    kinds = ["fdatasync 5", "write 5", "read 5", "extend 28", "slow %d" % draw.choice([5, 30, 120])]
    words = draw.choices(kinds + ["full"], [3, 2, 2, 3, 4, 3 if small else 0])[0]
    return words, small if words == "full" else draw.choice(ids), round(draw.uniform(0.3, 2.0), 2)


class Plan:
    """Four hands, each with a list of (pause before it, what): net, process, disk, admin."""

    def __init__(self, seed, count, seconds):
        draw = of(seed, "plan")
        self.seed, self.count, self.seconds = seed, count, seconds
        self.progress = []  # what was answered during each fault of the net
        ids = list(range(1, count + 1))
        self.small = draw.choice(ids) if MOUNTS and FAULTS else None
        self.election = draw.choice(["150-300", "200-400", "300-700"])
        self.options = ["--snapshot-entries", draw.choice([100, 400, 2000]), "--trailing",
                        draw.choice([0, 20, 300]), "--segment-bytes", draw.choice([16384, 65536]),
                        "--request-ms", 800]
        self.hands = {"net": self.fill(of(seed, "net"), (0.2, 1.2), lambda d: draw_net(d, ids) +
                                       (round(d.uniform(0.5, 3), 2),)),
                      "process": self.fill(of(seed, "process"), (0.5, 2.5), lambda d: draw_process(d, ids)),
                      "admin": self.fill(of(seed, "admin"), (0.2, 2.0), lambda d: (
                          d.choice(["SNAPSHOT", "RAFT TRANSFER"]), d.choice(ids)))}
        if FAULTS:
            self.hands["disk"] = self.fill(of(seed, "disk"), (0.5, 3.0),
                                           lambda d: draw_disk(d, ids, self.small))

    def fill(self, draw, gaps, one):
        return [(round(draw.uniform(*gaps), 2), one(draw)) for _ in range(int(self.seconds / gaps[0]) + 1)]

    def only(self, name, *steps):
        """One hand does these steps, the others nothing."""
        self.hands = {name: [(0.3, step) for step in steps]}
        return self

    def save(self, path):
        with open(path, "w") as file:
            json.dump(vars(self), file, indent=1)


# ---- the hands that carry it out -------------------------------------------------------------------

class Hands:
    def __init__(self, cluster, plan, log_path, answered):
        self.cluster, self.plan, self.answered = cluster, plan, answered
        self.over = threading.Event()
        self.draw = of(plan.seed, "power")
        self.begun = time.monotonic()
        self.done = {}
        self.wrong = []
        self.log = open(log_path, "w")
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(name,), daemon=True) for name in plan.hands]
        self.threads.append(threading.Thread(target=self.guarded, args=(self.keep,), daemon=True))
        for each in self.threads:
            each.start()

    def note(self, what):
        with self.lock:
            self.log.write("%8.3f %s\n" % (time.monotonic() - self.begun, what))
            self.log.flush()

    def guarded(self, function, *given):
        try:
            function(*given)
        except BaseException as why:
            self.wrong.append("%s: %s: %s" % (function.__name__, type(why).__name__, why))
            self.over.set()
            raise

    def work(self, name):
        act = getattr(self, name)
        for pause, what in self.plan.hands[name]:
            if self.over.wait(pause):
                return
            self.note("%s %s" % (name, what))
            with self.lock:
                self.done[what[0]] = self.done.get(what[0], 0) + 1
            self.guarded(act, *what)
            if self.over.is_set():
                return

    def node(self, which):
        if which != "leader":
            return self.cluster.nodes[which - 1]
        leader = look_for_leader(self.cluster)
        return leader if leader is not None else self.cluster.nodes[0]

    def net(self, name, rules, seconds):
        wires = self.cluster.wires
        for a, b, *what in rules:
            if what[0] == "route":
                what[1] = wires.real[what[1]]
            wires.rule(a, b, *what)
        before = self.answered()
        self.over.wait(seconds)
        self.plan.progress.append((name, self.answered() - before))
        wires.heal()

    def process(self, what, which, seconds):
        if what == "kill":
            self.end(self.node(which), signal.SIGKILL)
            self.over.wait(seconds)
        elif what.startswith("pause"):
            chosen = [self.node(each) for each in (which if isinstance(which, list) else [which])]
            for node in chosen:
                self.pause(node, True)
            self.over.wait(seconds)
            for node in chosen:
                self.pause(node, False)
        elif what == "kill all":
            for node in self.cluster.nodes:
                self.end(node, signal.SIGKILL)
            self.over.wait(seconds)
        elif what == "power cut":  # scenario I130
            for each in which:
                self.end(self.node(each), signal.SIGKILL)
            for each in which:
                node = self.node(each)
                with node.lock:
                    if node.dead() and FAULTS:
                        self.cluster.disks[node.id].heal()  # to put old bytes back takes room
                        lost = self.cluster.lose_power(node, self.draw)
                        self.note("node %d lost %d sectors and %d changes of names" % ((each,) + lost))
            self.over.wait(seconds)
        elif what == "terminate":
            self.end(self.node(which), signal.SIGTERM)
            self.over.wait(seconds)
        else:
            for node in self.cluster.nodes:  # scenario J140
                self.end(node, signal.SIGTERM)
                self.cluster.begin(node)
                self.over.wait(0.4)
        for node in self.cluster.nodes:
            self.cluster.begin(node)

    def end(self, node, how):
        with node.lock:
            if node.dead():
                return
            node.process.send_signal(how)
            code = node.process.wait(6 * SLOW)  # SIGTERM: five seconds at most
            if how == signal.SIGTERM and code != 0 and not self.cluster.disks[node.id].blamed():
                self.wrong.append("node %d ended with %d after SIGTERM" % (node.id, code))
            node.process = None

    def pause(self, node, yes):
        with node.lock:
            if not node.dead():
                node.process.send_signal(signal.SIGSTOP if yes else signal.SIGCONT)

    def disk(self, words, which, seconds):
        disk = self.cluster.disks[which]
        if words == "full":
            disk.fill()
        else:
            disk.set(words)
        self.over.wait(seconds)
        disk.heal()

    def admin(self, what, which):
        node = self.cluster.nodes[which - 1]
        leader = look_for_leader(self.cluster) if what == "RAFT TRANSFER" else node
        words = [what] if what == "SNAPSHOT" else ["RAFT", "TRANSFER", which]
        try:
            with Connection(leader.client, timeout=1) as one:
                self.note("%s: %s" % (what, one.ask(*words)))
        except (OSError, Closed, AttributeError):
            pass

    def keep(self):
        """Nodes whose disk failed end by themselves and are begun again, after the fault; no other
        node may end by itself. Looks at INFO meanwhile: what only ever grows, and who leads."""
        seen = {}
        while not self.over.wait(0.1):
            for node in self.cluster.nodes:
                self.look_at_process(node)
                self.look_at_info(node, seen)

    def look_at_process(self, node):
        with node.lock:
            if node.process is None or not node.dead():
                return
            code, disk = node.process.returncode, self.cluster.disks[node.id]
            if node.told_end != node.runs:
                self.note("node %d ended by itself with %d" % (node.id, code))
            node.told_end = node.runs
            if code not in (1, 3) or not disk.blamed():
                self.wrong.append("node %d ended by itself with %d" % (node.id, code))
                self.over.set()
            if not disk.active:
                self.cluster.begin(node)

    def look_at_info(self, node, seen):
        run_of = (node.id, node.runs)
        try:
            with Connection(node.client, timeout=0.2 / SLOW) as one:
                text = one.ask("INFO", "raft").decode()
        except (OSError, Closed, AttributeError):
            return
        now = {name: int(value) for name, value in
               (line.split(":") for line in text.split("\r\n")[1:] if line) if value.isdigit()}
        before = seen.get(run_of, now)
        seen[run_of] = now
        if node.runs != run_of[1]:
            return  # it was begun anew in between
        bad = [name for name in ("term", "commit_index", "applied_index", "snapshot_index", "first_log_index")
               if now[name] < before[name]]  # I-9
        if bad or not now["snapshot_index"] <= now["applied_index"] <= now["commit_index"] or \
                now["first_log_index"] > now["snapshot_index"] + 1:
            self.wrong.append("INFO of node %d: %s went back, or the order is wrong: %s, then %s" % (
                node.id, bad, before, now))

    def finish(self):
        """Every fault ends, and everybody runs."""
        self.over.set()
        for each in self.threads:
            each.join(30 * SLOW)
        self.cluster.wires.heal()
        for node in self.cluster.nodes:
            self.cluster.disks[node.id].heal()
            self.pause(node, False)
        time.sleep(0.2)
        for node in self.cluster.nodes:
            if node.dead() and node.process is not None:
                self.note("node %d ended with %s" % (node.id, node.process.returncode))
            self.cluster.begin(node)
        self.note("healed")


def look_for_leader(cluster):
    best = None
    for node in cluster.alive():
        try:
            with Connection(node.client, timeout=0.2) as one:
                text = one.ask("INFO", "raft").decode()
        except (OSError, Closed, AttributeError):
            continue
        if "role:leader" in text:
            term = int(text.split("term:", 1)[1].split("\r")[0])
            best = max(best or (0, node), (term, node), key=lambda pair: pair[0])
    return best[1] if best else None


# ---- what must hold ----------------------------------------------------------------------------------

def settled(cluster):
    """I-11: after the faults and the last calls, one leader, and everybody applied the same."""
    cluster.leader(30)

    def same():
        try:
            seen = [node.raft() for node in cluster.nodes]
        except (OSError, Closed, AttributeError):
            return False
        return len({(one["applied_index"], one["commit_index"], one["last_log_index"], one["term"])
                    for one in seen}) == 1 and seen[0]["applied_index"] == seen[0]["last_log_index"]
    wait_until(same, 30, "equal logs")


def everything_on(node):
    with node.connect() as one:
        assert one.ask("READONLY") == "OK"
        cursor, found = b"0", {}
        while True:
            cursor, keys = one.ask("SCAN", cursor, "COUNT", 1000)
            if keys:
                found.update(zip(keys, one.ask("MGET", *keys)))
            if cursor == b"0":
                break
        assert len(found) == one.ask("DBSIZE")
        return found


def check_nodes_equal(cluster, history, reader):
    """All nodes hold the same; then each leads in turn, and what it reads belongs to the history."""
    states = {node.id: everything_on(node) for node in cluster.nodes}
    first = states[1]
    for number, state in states.items():
        odd = [key for key in set(first) | set(state) if first.get(key) != state.get(key)]
        assert not odd, "node %d differs from node 1 in %s" % (number, [
            (key, first.get(key), state.get(key)) for key in odd[:5]])
    keys = sorted(key.decode() for key in first if key[:1] in b"rnap" and not key.startswith(b"p") or
                  key.endswith(b"{1}"))
    for node in cluster.nodes:
        make_leader(cluster, node)
        reader.node = node
        reader.hang_up()
        for key in keys:
            done = reader.call("GET", key)
            assert done is not None and done[0] == "got", "node %d, which leads, answers %s" % (node.id, done)
    return first


def make_leader(cluster, node):
    answers = []
    for _ in range(10):
        leader = cluster.leader()
        if leader is node:
            return
        answers.append(leader.ask("RAFT", "TRANSFER", node.id))
        end = time.monotonic() + 2 * SLOW
        while time.monotonic() < end and look_for_leader(cluster) is not node:
            time.sleep(0.05)
    raise AssertionError("node %d does not come to lead: %s" % (node.id, answers))


def check_sums(state, counter, items):
    """The counter is between what was done and what may have been; acknowledged elements are there
    once and in their clients' order, refused ones never (scenarios G109, G110, G111)."""
    value = int(state.get(b"counter", b"0"))
    low, high = len(counter.got), len(counter.got) + len(counter.unknown)
    assert low <= value <= high, "the counter is %d, not within %d..%d" % (value, low, high)
    assert len(set(counter.answers)) == low, "an answer of INCR was given twice"
    present = state.get(b"list", b"").decode().split(",")[:-1]
    there = {each: at for at, each in enumerate(present)}
    assert len(there) == len(present), "twice in the list: %s" % sorted(
        each for each in there if present.count(each) > 1)[:5]
    got, refused = ({each.rstrip(",") for each in some} for some in (items.got, items.not_done))
    assert got <= set(there), "acknowledged and lost: %s" % sorted(got - set(there))[:5]
    assert not refused & set(there), "refused, yet executed: %s" % sorted(refused & set(there))[:5]
    last = {}
    for each in present:
        client, number = each.split(".")
        assert each not in got or int(number) > last.get(client, 0), "out of order: %s" % each
        last[client] = int(number) if each in got else last.get(client, 0)


def check_logs(cluster):
    """From what the nodes say: no term with two leaders (I-1), nothing that says damage or assertion."""
    leaders = {}
    for node in cluster.nodes:
        for line in node.log_text().split("\n"):
            assert not any(word in line for word in ("ssert", "Sanitizer", "damage file=")), line
            if " role=leader " in line:
                term = line.split("term=")[1].split(" ")[0]
                assert leaders.setdefault(term, node.id) == node.id, "two leaders in term " + term
    return len(leaders)


def judge(path):
    done = subprocess.run([os.environ["KVD_JUDGE"], path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip().split("\n")[-1]


def keep_run(cluster, folder, seed):
    """Where the plan, history, logs and data of a failed run lie from now on."""
    kept = tempfile.mkdtemp(prefix="kvd-nemesis-%d-" % seed)
    for node in cluster.nodes:
        node.dead() or node.kill()
    shutil.copytree(folder, kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    return kept


def one_run(seed, count, seconds, say=lambda text: None):
    return run_plan(Plan(seed, count, seconds), say)


def run_plan(plan, say=lambda text: None, keep=True, lies=False):
    seed, count = plan.seed, plan.count
    cluster = FaultyCluster(count, plan.options, plan.election, seed, plan.small)
    cluster.lies = lies
    path = os.path.join(cluster.folder, "history.jsonl")
    plan.save(os.path.join(cluster.folder, "plan.json"))
    with cluster:
        try:
            return carry_out(plan, cluster, path, say)
        except BaseException as why:
            if not keep:
                for node in cluster.nodes:
                    node.dead() or node.kill()
                cluster.nodes = []
                raise
            print("FAILED: seed %d, %d nodes; plan, history, logs and data: %s" % (
                seed, count, keep_run(cluster, cluster.folder, seed)), flush=True)
            cluster.nodes = []  # their logs are kept, not printed
            raise why


class NotStarted(Exception):
    pass


def carry_out(plan, cluster, path, say):
    seed, history, stop = plan.seed, History(path), threading.Event()
    for node in cluster.nodes:
        cluster.begin(node)
    try:
        cluster.leader()
    except AssertionError as why:
        raise NotStarted(why)  # before any fault: nothing that a test of defects may take for its own
    counter, items = Tally(), Tally()
    given = (seed, cluster.nodes, history, stop)
    clients = [Mixed(k, *given) for k in range(1, 7)]
    clients += [Summing(k, *given, counter=counter, items=items) for k in range(7, 10)]
    clients += [Pipelining(k, *given, counter=counter, items=items) for k in range(10, 12)]
    clients += [Visiting(k, *given) for k in range(12, 14)]
    for each in clients:
        each.start()
    hands = Hands(cluster, plan, os.path.join(cluster.folder, "nemesis.log"),
                  lambda: sum(each.counts["got"] for each in clients))
    end = time.monotonic() + plan.seconds
    while time.monotonic() < end and not stop.is_set() and not hands.over.is_set():
        time.sleep(0.2)
        say("%s" % sum(each.counts["got"] for each in clients))
    hands.finish()
    assert not hands.wrong, hands.wrong
    cluster.leader(30)
    time.sleep(0.5)  # some calls of quiet times, too: they show what the noisy ones left behind
    stop.set()
    for each in clients:
        each.join(20 * SLOW)
    wrong = hands.wrong + [each.broken for each in clients if each.broken]
    assert not wrong, wrong
    settled(cluster)
    reader = Mixed(99, seed, cluster.nodes, history, threading.Event())
    state = check_nodes_equal(cluster, history, reader)
    history.close()
    check_sums(state, counter, items)
    terms = check_logs(cluster)
    verdict = judge(path)
    got = sum(each.counts["got"] for each in clients)
    assert got > 20 * plan.seconds, "hardly anything was answered: %d" % got
    counts = cluster.wires.counts()
    assert counts["bytes"] > 100000 and (terms > 1 or "process" not in plan.hands), (counts, terms)
    return "%s; %d answered; %d terms with a leader; %s; wires: %s" % (
        verdict, got, terms, " ".join("%s=%d" % pair for pair in sorted(hands.done.items())),
        " ".join("%s=%d" % pair for pair in counts.items()))


def test_three_nodes():  # scenarios F105, G109, G110, G111, H112, H113, H114, H116, H117, I126, I128, J138, J139, J140
    """three nodes under everything: what clients saw is linearizable, and nothing acknowledged is lost"""
    print("  " + one_run(ASKED.seed or 1003, 3, 16 * SLOW))


def test_five_nodes():  # scenarios F105, H113, J139
    """five nodes under everything: what clients saw is linearizable, and nothing acknowledged is lost"""
    print("  " + one_run(ASKED.seed or 1005, 5, 16 * SLOW))


def test_wire_faults_one_by_one():  # scenarios H112, H114, H116, H117
    """resets, turned bits, wrong addresses, peers that never read, slow and late wires: progress in each"""
    everywhere = ("*", "*")
    steps = [("reset", [everywhere + ("reset", 50, 400)], 1.5), ("corrupt", [everywhere + ("corrupt", 3000)], 1.5),
             ("astray", [(1, 2, "route", 3), (2, 1, "route", 3)], 1.5), ("unread", [("*", 1, "stall")], 3),
             ("unread", [("*", 2, "stall")], 3), ("slow", [("*", 3, "slow", 2000)], 1.5),
             ("delay", [everywhere + ("delay", 20, 40)], 1.5), ("ring", [(1, 2, "drop"), (2, 3, "drop"), (3, 1, "drop")], 2)]
    plan = Plan(ASKED.seed or 13, 3, sum(each[2] + 0.3 for each in steps) * SLOW).only("net", *steps)
    print("  " + run_plan(plan))
    assert len(plan.progress) == len(steps), plan.progress
    # In a ring of one-way wires no two nodes hear each other: progress is not asked for.
    for name, answered in plan.progress[:-1]:
        assert answered > 20, plan.progress
    print("  answered meanwhile: " + " ".join("%s=%d" % pair for pair in plan.progress))


def test_power_cuts():  # scenarios I130, I131
    """three power cuts of all nodes lose nothing that was acknowledged"""
    need_faults()
    cut = ("power cut", [1, 2, 3], 0.7)
    print("  " + run_plan(Plan(ASKED.seed or 11, 3, 5 * SLOW).only("process", cut, cut, cut)))


def test_stale_reads_are_noticed():
    """a cluster that is told to answer stale reads is refused by the judge, so it would see a real one"""
    plan = Plan(7, 3, 4 * SLOW).only("net", ("isolated", [(1, "*", "drop"), ("*", 1, "drop")], 30))
    plan.options += ["--follower", "stale"]
    said = refused(plan)
    assert "NOT LINEARIZABLE" in said and " -> " in said, said
    print("  " + said.split("  This is from")[0].strip())


def test_lying_disks_are_noticed():
    """a power cut after which disks have lost what they said was synced is noticed, so a real loss would be"""
    need_faults()
    plan = Plan(7, 3, 2 * SLOW).only("process", ("power cut", [1, 2, 3], 0.7))
    said = refused(plan, lies=True)
    assert said, "what was lost was not noticed"
    print("  " + said.split("\n")[0])


def need_faults():
    if not FAULTS:
        raise NotRun("no library of faults in this build")


def refused(plan, **more):
    """What was said against a run that must not pass."""
    try:
        run_plan(plan, keep=False, **more)
    except AssertionError as why:
        return str(why)
    return ""


def for_long():
    seed = ASKED.seed if ASKED.seed is not None else int.from_bytes(os.urandom(3), "big")
    begun, runs = time.monotonic(), 0
    while time.monotonic() - begun < ASKED.minutes * 60:
        count = ASKED.nodes or (3, 5)[seed % 2]
        seconds = min(60, max(10, ASKED.minutes * 60 - (time.monotonic() - begun)))

        def say(text, seed=seed):
            if sys.stdout.isatty():
                print("\r%5.1f of %g minutes  run %d  seed %d  %d nodes  %s answered   " % (
                    (time.monotonic() - begun) / 60, ASKED.minutes, runs + 1, seed, count, text),
                    end="", flush=True)
        done = one_run(seed, count, seconds, say)
        print("\r%5.1f min  seed %d, %d nodes: %s" % ((time.monotonic() - begun) / 60, seed, count, done),
              flush=True)
        runs, seed = runs + 1, seed + 1
    print("%d runs, all well; disks were filled %s" % (
        runs, "for real" if MOUNTS else "by faults.cpp alone, mounts are not allowed here"))


if __name__ == "__main__":
    if ASKED.minutes:
        for_long()
    else:
        run(tests_of(globals()))
