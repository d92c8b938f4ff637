#!/bin/sh
# Brings .venv to what requirements/$1.txt pins, and leaves .venv/$1.stamp, or says in one line what is missing.
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || fail "$python is missing: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed, $python is $("$python" --version 2>&1): name another one with PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing: apt-get install python3-venv"

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "Installing requirements/$1.txt into .venv ..."
.venv/bin/python -m pip install --quiet --require-hashes -r "requirements/$1.txt"

touch ".venv/$1.stamp"
# test.txt holds all of base.txt, at the same versions.
[ "$1" = base ] || touch .venv/base.stamp
