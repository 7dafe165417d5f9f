# awk -f count.awk CTEST_OUTPUT LastTest.log: prints `passed failed`, then a line for each test that
# did not run. Test cases are counted where a program counts them itself (doctest's summary, or a
# line of the form `N passed, N failed`), else the test counts as one. What became of a test is in
# ctest's own output only: its log calls a test that was skipped, or could not start, passed.

function finish() {
    if (name == "") return
    if (fate[name] ~ /^(Skipped|Not Run \(Disabled\))/) {
        left_out[++notes] = name ": " (reason == "" ? fate[name] : reason)
    } else {
        if (!counted && fate[name] == "Passed") ok = 1
        if (fate[name] != "Passed" && bad == 0) bad = 1
        passed += ok
        failed += bad
    }
    name = ""
}

FNR == NR {
    if (match($0, /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /)) {
        test = substr($0, RLENGTH + 1)
        what = test
        sub(/ .*/, "", test)
        sub(/^[^ ]+ \.*( |\*\*\*)*/, "", what)
        sub(/ +[0-9.]+ sec.*$/, "", what)
        fate[test] = what
    }
    next
}

/^[0-9]+\/[0-9]+ Test: / {
    finish()
    name = $NF
    counted = ok = bad = 0
    reason = ""
}
/^\[doctest\] test cases: / {
    split($0, part, "|")
    ok += part[2] + 0
    bad += part[3] + 0
    counted = 1
}
/^[0-9]+ passed, [0-9]+ failed$/ { ok += $1; bad += $3; counted = 1 }
/^raftkit: not run: / { reason = substr($0, 19) }

END {
    finish()
    print passed + 0, failed + 0
    for (i = 1; i <= notes; ++i) print left_out[i]
}
