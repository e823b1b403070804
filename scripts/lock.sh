#!/bin/sh
# Writes the four lock files from pyproject.toml. Pins that still fit stay; `--upgrade` as an argument lifts them.
# The files hold hashes and no index address: whoever installs chooses where packages come from.
set -eu

compile() {
    .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}

compile pyproject.toml "$@" --output-file requirements.lock
# Tools follow the application's pins, so that tests run what is shipped.
compile pyproject.toml "$@" --extra postgres --group dev --constraint requirements.lock --output-file requirements-dev.lock
# Its own file and environment: the official clients pin older pillow and cryptography than we ship.
compile pyproject.toml "$@" --extra sdk --group peers --output-file requirements-sdk.lock
# Locust alone, for the harness: nothing of ours runs in its environment.
compile "$@" --group locust --output-file requirements-locust.lock
