#!/bin/sh
# All tests, in four parts. A part that has no test file is said and passed over.
set -eu

reports=${REPORTS:-.report}
mkdir -p "$reports"

has_tests() {
    [ -d "$1" ] && [ -n "$(find "$1" -name 'test_*.py' -print -quit)" ] || {
        echo "== $1: no test file"
        return 1
    }
}

# What they run is covered already, and under coverage they take half as long again.
whole="tests/simulation tests/pages"
echo "== simulated worlds with faults and deaths, and every page"
.venv/bin/python -m pytest $whole -n 2 --dist worksteal -q --junit-xml="$reports/worlds.xml"

echo "== behaviour, with branch coverage"
.venv/bin/python -m pytest tests --ignore=tests/e2e --ignore=tests/peers --ignore=tests/simulation --ignore=tests/pages \
    -n 2 --dist worksteal -q --cov --cov-report=term --junit-xml="$reports/behaviour.xml"

# Last, since they watch real time: sockets, processes, a browser. They wait more than they work, so side by side.
peers=
if has_tests tests/peers; then
    .venv-sdk/bin/python -m pytest tests/peers -q --junit-xml="$reports/peers.xml" >"$reports/peers.txt" 2>&1 &
    peers=$!
fi
status=0
if has_tests tests/e2e; then
    echo "== end to end, on real sockets"
    .venv/bin/python -m pytest tests/e2e -n 3 --dist loadfile -q --junit-xml="$reports/e2e.xml" || status=$?
fi
if [ -n "$peers" ]; then
    echo "== the providers' official clients, in their own environment"
    wait "$peers" || status=$?
    cat "$reports/peers.txt"
fi
exit "$status"
