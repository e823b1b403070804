# One word each; `make` alone lists them. Everything lives in .venv and .venv-sdk of this folder.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install demo up test check lock bench harness proof estimates mutants worlds soak coverage parity

BIN := .venv/bin
READY := .venv/.ready
READY_SDK := .venv-sdk/.ready
READY_LOCUST := .venv-locust/.ready

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(READY) $(READY_SDK) ## Set up both environments (a second call does nothing)

demo: $(READY) ## A whole bake-off on simulated providers, before your eyes
	@$(BIN)/bakeoff demo

up: $(READY) ## The collector and the web app on the real providers
	@$(BIN)/bakeoff up

test: $(READY) $(READY_SDK) ## Run all tests
	@scripts/test.sh

check: $(READY) ## Lint, format, types, import contracts, dependencies, spelling, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry --no-ansi .
	$(BIN)/codespell
	$(BIN)/python -m storage.migrate check

bench: $(READY) ## Our own speed and accuracy, as tables
	@$(BIN)/python -m benchmarks.bench

harness: $(READY) $(READY_LOCUST) ## Our collector beside a plain script and Locust, at 500 to 2,000 jobs in flight: about 5 minutes
	@$(BIN)/python -m benchmarks.harness

proof: $(READY) ## Three seeds quiet and three busy, ten kills, and all of `make estimates`: about 40 minutes
	@$(BIN)/python -m benchmarks.proof

estimates: $(READY) ## Our cost estimates beside the final bills of 200 seeded worlds: about 8 minutes; KEEP=file: go on later
	@$(BIN)/python -m benchmarks.estimates $(if $(KEEP),--keep $(KEEP))

mutants: $(READY) ## Do the tests notice? 200 changes to our code, at least 85 % must be: about 40 minutes
	@$(BIN)/python -m benchmarks.mutants

worlds: $(READY) ## Our numbers held to the ledger in shipped and drawn worlds, and the verdict to the right answer in planted ones: about 45 minutes
	@$(BIN)/python -m benchmarks.worlds
	@$(BIN)/python -m benchmarks.planted_worlds

soak: $(READY) ## 48 simulated hours with faults and restarts: about 3 minutes; SEEDS=n: n worlds with faults and deaths; KEEP=file: go on later
	@$(if $(SEEDS),$(BIN)/python -m benchmarks.seeds --seeds $(SEEDS) $(if $(KEEP),--keep $(KEEP)),$(BIN)/python -m benchmarks.soak)

coverage: $(READY) ## How often each interval holds the truth, beside what is stated of it, in 1,000 worlds: about 6 minutes
	@$(BIN)/python -m benchmarks.coverage

parity: $(READY) ## Does image parity find swaps of precision and steps, and leave equal images alone? About 6 minutes; POOL=file: go on later
	@$(BIN)/python -m benchmarks.parity $(if $(POOL),--pool $(POOL))

lock: $(READY) ## Write the lock files anew (LOCK=--upgrade lifts the pins)
	@scripts/lock.sh $(LOCK)

$(READY): pyproject.toml requirements-dev.lock scripts/install.sh
	@echo "Setting up .venv (about 20 seconds with a warm package cache)"
	@scripts/install.sh .venv requirements-dev.lock
	@touch $@

$(READY_SDK): pyproject.toml requirements-sdk.lock scripts/install.sh | $(READY)
	@echo "Setting up .venv-sdk, for the providers' official clients"
	@scripts/install.sh .venv-sdk requirements-sdk.lock
	@touch $@

$(READY_LOCUST): requirements-locust.lock | $(READY)
	@echo "Setting up .venv-locust, for the peer of the harness"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python .venv-locust
	@$(BIN)/uv pip install -q --python .venv-locust/bin/python --require-hashes --compile-bytecode -r requirements-locust.lock
	@touch $@
