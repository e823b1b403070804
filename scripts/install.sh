#!/bin/sh
# install.sh ENVIRONMENT LOCK: makes the environment hold exactly what the lock file names, and this project.
# Every package, the installer included, is checked against its hash.
set -eu
environment=$1
lock=$2

if [ ! -x "$environment/bin/python" ]; then
    python=$(scripts/preflight.sh)
    "$python" -m venv "$environment"
fi

if [ -x .venv/bin/uv ]; then
    uv=.venv/bin/uv
else
    only_uv=$(mktemp)
    trap 'rm -f "$only_uv"' EXIT
    awk '/^uv==/ { inside = 1 } inside && /# via/ { exit } inside' requirements-dev.lock >"$only_uv"
    "$environment/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r "$only_uv"
    uv=$environment/bin/uv
fi

# uv writes no bytecode unless told to: without it every start of every process pays five seconds.
"$uv" pip install -q --python "$environment/bin/python" --require-hashes --compile-bytecode -r "$lock"
"$uv" pip install -q --python "$environment/bin/python" --no-deps --no-build-isolation --editable .
