"""The protocol: the exact bytes of every reply."""

from support import Cluster, run, tests_of

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


if __name__ == "__main__":
    run(tests_of(globals()))
