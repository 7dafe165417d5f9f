#!/usr/bin/env bash
# Runs one of the end-to-end tests: run.sh NAME KVD KVLOAD [LIBRARY_OF_FAULTS]. Without python3, exit
# code 77 and a line that says so.
set -u
if ! command -v python3 >/dev/null || ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then
    echo "raftkit: not run: python3 was not found (apt install python3)"
    exit 77
fi
export KVD=$2 KVLOAD=$3 KVD_FAULTS_LIBRARY=${4:-} PYTHONDONTWRITEBYTECODE=1
exec python3 "$(dirname "${BASH_SOURCE[0]}")/$1.py"
