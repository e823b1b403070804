#!/bin/sh
# Finds a Python that can run this project and prints its path, or says in one sentence what is missing.
set -eu

OLDEST_MINOR=11
NEWEST_MINOR=14
NEEDED_KB=4194304 # both environments with their bytecode, and the package cache

fail() {
    echo "$1" >&2
    exit 1
}

minor_of() { # prints the minor version of a Python 3; nothing if the command is no Python 3
    "$1" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)' 2>/dev/null || true
}

python=
found="no python3 on the PATH"
for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    minor=$(minor_of "$candidate")
    [ -n "$minor" ] || continue
    if [ "$minor" -ge $OLDEST_MINOR ] && [ "$minor" -le $NEWEST_MINOR ]; then
        python=$candidate
        break
    fi
    found="$candidate is 3.$minor"
done

[ -n "$python" ] ||
    fail "This needs Python 3.$OLDEST_MINOR to 3.$NEWEST_MINOR ($found): install one and try again, or name it with PYTHON=/path/to/python."

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "Python's venv module is missing: 'apt-get install python3-venv' as root brings it; then try again."

free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "$free_kb" -ge $NEEDED_KB ] ||
    fail "This needs 4 GB of free disk and only $((free_kb / 1024)) MB are left in $(pwd): free some and try again."

command -v "$python"
