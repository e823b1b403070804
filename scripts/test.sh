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
seeds=tests/simulation/test_seeds.py
echo "== small worlds with faults and deaths"
.venv/bin/python -m pytest "$seeds" -n 2 --dist worksteal -q --junit-xml="$reports/seeds.xml"

echo "== behaviour, with branch coverage"
.venv/bin/python -m pytest tests --ignore=tests/e2e --ignore=tests/peers --ignore="$seeds" -n 2 --dist worksteal -q \
    --cov --cov-report=term --junit-xml="$reports/behaviour.xml"

if has_tests tests/e2e; then
    # Alone, since it watches real time: sockets, processes, a browser.
    echo "== end to end, on real sockets"
    .venv/bin/python -m pytest tests/e2e -q --junit-xml="$reports/e2e.xml"
fi

if has_tests tests/peers; then
    echo "== the providers' official clients, in their own environment"
    .venv-sdk/bin/python -m pytest tests/peers -q --junit-xml="$reports/peers.xml"
fi
