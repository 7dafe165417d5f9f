"""The judge of histories itself: good ones pass, and each kind of defect that a cluster could have is
refused and shown in the few lines that prove it."""

import json
import os
import random
import subprocess

from support import folder, run, tests_of

JUDGE = os.environ["KVD_JUDGE"]

# (begin, end, words, answer): no end and no answer for an unknown outcome, "!..." for not done.
GOOD = {
    "one after the other": [
        (0, 1, "GET k", "_"), (2, 3, "SET k a", "+OK"), (4, 5, "GET k", "$a"), (6, 7, "SET k b GET", "$a"),
        (8, 9, "SET k c NX", "_"), (10, 11, "SETNX k d", ":0"), (12, 13, "STRLEN k", ":1"), (14, 15, "DEL k", ":1"),
        (16, 17, "DEL k", ":0"), (18, 19, "INCR k", ":1"), (20, 21, "INCRBY k -7", ":-6"), (22, 23, "DECR k", ":-7"),
        (24, 25, "APPEND k x", ":3"), (26, 27, "INCR k", "-ERR value is not an integer or out of range"),
        (28, 29, "EXISTS k", ":1"), (30, 31, "SETNX q v", ":1"), (32, 33, "SET z v XX", "_")],
    "at the same time, either order": [
        (0, 9, "SET k a", "+OK"), (1, 8, "SET k b", "+OK"), (2, 7, "GET k", "$b"), (10, 11, "GET k", "$a")],
    "an unknown outcome that happened late": [
        (0, None, "SET k a", None), (1, 2, "SET k b", "+OK"), (3, 4, "GET k", "$b"), (5, 6, "GET k", "$a")],
    "an unknown outcome that never happened": [
        (0, None, "INCR k", None), (1, 2, "INCR k", ":1"), (3, 4, "INCR k", ":2"), (5, 6, "GET k", "$2")],
    "what was refused leaves no trace": [
        (0, 1, "SET k a", "+OK"), (2, 3, "SET k b", "!MOVED 5 127.0.0.1:1"), (4, 5, "GET k", "$a")],
}

# Beside each: the calls without which it would be right, all of which the window must show.
BAD = {
    "a stale read of a leader that was replaced": ([  # scenario F102
        (0, 1, "SET k old", "+OK"), (2, 3, "SET k new", "+OK"), (4, 5, "GET k", "$old")], ["GET k -> $old"]),
    "two reads that go back in time": ([
        (0, 9, "SET k new", "+OK"), (1, 2, "GET k", "$new"), (3, 4, "GET k", "_")], ["GET k -> $new", "GET k -> _"]),
    "an acknowledged write that is lost": ([  # known to clients only by the next read
        (0, 1, "SET k a", "+OK"), (2, 3, "GET k", "_")], ["SET k a -> +OK", "GET k -> _"]),
    "an INCR that was applied twice": ([
        (0, 1, "INCR k", ":1"), (2, 3, "GET k", "$2")], ["INCR k -> :1", "GET k -> $2"]),
    "two INCRs with one answer": ([
        (0, 9, "INCR k", ":1"), (1, 8, "INCR k", ":1")], ["INCR k -> :1"]),
    "an unknown outcome that happened twice": ([
        (0, None, "APPEND k x", None), (1, 2, "GET k", "$xx")], ["GET k -> $xx"]),
    "an unknown outcome that happened before it began": ([
        (0, 1, "GET k", "$a"), (2, None, "SET k a", None)], ["GET k -> $a"]),
    "a redirected write that was executed": ([  # scenario G109
        (0, 1, "SET k a", "!MOVED 5 127.0.0.1:1"), (2, 3, "GET k", "$a")], ["GET k -> $a"]),
    "a deletion that comes back": ([
        (0, 1, "SET k a", "+OK"), (2, 3, "DEL k", ":1"), (4, 5, "EXISTS k", ":1")], ["DEL k -> :1", "EXISTS k -> :1"]),
    "an append of which a part is gone": ([
        (0, 1, "APPEND k aa", ":2"), (2, 3, "APPEND k b", ":3"), (4, 5, "GET k", "$aa")], ["GET k -> $aa"]),
    "two exclusive writers": ([
        (0, 9, "SETNX k a", ":1"), (1, 8, "SETNX k b", ":1")], ["SETNX k a -> :1", "SETNX k b -> :1"]),
    "a value of another key": ([
        (0, 1, "SET j a", "+OK"), (2, 3, "SET k b", "+OK"), (4, 5, "GET k", "$a")], ["GET k -> $a"]),
}


def lines_of(calls):
    moments = []
    for number, (begin, end, words, answer) in enumerate(calls, 1):
        name = {"c": number % 5, "n": number}
        moments.append((begin, 1, dict(name, t=begin, call=words.split(" "))))
        if answer is not None:
            kind = "not_done" if answer.startswith("!") else "got"
            moments.append((end, 0, dict(name, t=end, **{kind: answer.lstrip("!")})))
    moments.sort(key=lambda each: each[:2])
    return "".join(json.dumps(line) + "\n" for _, _, line in moments)


def judged(text):
    path = os.path.join(folder(), "history")
    with open(path, "w") as file:
        file.write(text)
    done = subprocess.run([JUDGE, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def busy(draw, calls):
    """A right history of a register, long, with overlaps and unknown outcomes: the value at a moment
    within each call decides its answer."""
    made, value, at, last = [], None, 0, {}
    for number in range(calls):
        at += 2
        client = draw.randrange(5)
        begin = max(last.get(client, 0) + 1, at - draw.randrange(20))
        end = last[client] = max(at, begin) + 1 + draw.randrange(20)
        at = max(at, begin)
        kind = draw.random()
        if kind < 0.4:
            made.append((begin, end, "GET k", "_" if value is None else "$" + value))
        elif kind < 0.8:
            value = "v%05d" % number
            unknown = draw.random() < 0.005
            made.append((begin, None if unknown else end, "SET k %s" % value, None if unknown else "+OK"))
        else:
            made.append((begin, end, "DEL k", ":%d" % (value is not None)))
            value = None
    return made


def test_good_histories():
    """right histories are accepted"""
    for name, calls in GOOD.items():
        code, said = judged(lines_of(calls))
        assert code == 0 and said.startswith("ok: "), (name, said)


def test_bad_histories():
    """every kind of violation is refused, and the window shows the calls that prove it"""
    for name, (calls, shown) in BAD.items():
        code, said = judged(lines_of(calls))
        assert code == 1 and "NOT LINEARIZABLE: key k" in said, (name, said)
        for each in shown:
            assert each in said, (name, each, said)
        # As small as can be: without one of its answers the rest is right.
        marked = [line for line in said.split("\n") if line.startswith("  * ")]
        assert 1 <= len(marked) <= len(calls), (name, said)


def test_one_wrong_answer_in_a_thousand():
    """one wrong answer among a thousand is found, and shown with a handful of others"""
    draw = random.Random(7)
    for turn in range(5):
        calls = busy(draw, 1000)
        code, said = judged(lines_of(calls))
        assert code == 0, said
        reads = [k for k, call in enumerate(calls) if call[2] == "GET k" and call[3] != "_" and k > 300]
        at = draw.choice(reads)
        begin, end, words, _ = calls[at]
        stale = next(call for call in reversed(calls[:at - 100]) if call[2].startswith("SET") and call[3])
        calls[at] = (begin, end, words, "$" + stale[2].split(" ")[2])
        code, said = judged(lines_of(calls))
        assert code == 1 and "GET k -> %s" % calls[at][3] in said, said
        marked = [line for line in said.split("\n") if line.startswith("  * ")]
        assert 1 <= len(marked) <= 8, said


def test_many_unknown_increments():
    """forty INCRs with unknown outcomes are forty-one possibilities, not 2^40"""
    calls = [(k, None, "INCR k", None) for k in range(40)]
    calls += [(100 + 2 * k, 101 + 2 * k, "INCR k", ":%d" % (k + 1 + (k > 30) * 40)) for k in range(60)]
    code, said = judged(lines_of(calls))
    assert code == 0, said
    code, said = judged(lines_of(calls + [(300, 301, "GET k", "$99")]))
    assert code == 1, said


def test_no_history():
    """what is no history is said with its line, and is not called right"""
    good = '{"t":1,"c":1,"n":1,"call":["GET","k"]}\n'
    for text in ("{\n", good + good, '{"t":1,"c":1,"n":1,"got":"_"}\n', '{"c":1,"n":1,"call":["GET","k"]}\n',
                 '{"t":1,"c":1,"n":1,"call":["FLY","k"]}\n', '{"t":1,"c":1,"n":1,"call":["GET"]}\n',
                 good + '{"t":0,"c":1,"n":1,"got":"_"}\n', good + '{"t":2,"c":1,"n":1,"what":"_"}\n',
                 good + '{"t":2,"c":1,"n":1,"got":"_"}\n' * 2, '[1]\n', good.replace("k", "\\ud834")):
        code, said = judged(text)
        assert code == 2 and "line " in said, (text, code, said)


if __name__ == "__main__":
    run(tests_of(globals()))
