#!/usr/bin/env bash
# Changes the kit in one small wrong way after the other and looks whether a test notices.
# README.md in this folder says how; `run.sh --help` lists the options.
exec python3 "$(dirname "${BASH_SOURCE[0]}")/run.py" "$@"
