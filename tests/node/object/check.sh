#!/bin/sh
# check.sh OBJECT: a node has no virtual function, no std::function and no type information of its own.
set -eu
symbols=$(nm -C "$1")
if ! printf '%s\n' "$symbols" | grep -q 'raftkit::.*node<.*>::poll'; then
    echo "$1 holds no node: nothing was checked"
    exit 1
fi
found=$(printf '%s\n' "$symbols" | grep -E '(vtable|VTT|typeinfo) (name )?for raftkit|std::function<' || true)
if [ -n "$found" ]; then
    echo "must not be in the object file of a node:"
    printf '%s\n' "$found"
    exit 1
fi
echo "no vtable, no std::function: $(printf '%s\n' "$symbols" | grep -c raftkit) symbols looked at"
