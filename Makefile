# hotline. Every target does its own set-up: Python 3.11 or later with venv, make and git are enough.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Some machines turn it off; without it each start compiles all of hotline, a second of a processor.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Most tests of the real servers wait; five workers keep two cores busy. "worksteal" lets a worker that is through
# take from another that still has long ones.
PYTEST_WORKERS ?= 5
# What was red is tried once more by itself, and told of.
PYTEST := -m tests.house.second_try -n $(PYTEST_WORKERS) --dist worksteal
FRONTEND := package.json package-lock.json hatch_build.py $(shell find hotline/web/frontend -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo run setup test compiled rig bench lint format docs lock clean

help:  ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/project  ## Try hotline without a PBX: a simulated one, seeded customers, one page to call from
	$(BIN)/hotline demo

run: $(VENV)/project  ## Run the service with the settings of the environment or .env (docs/settings.md)
	$(BIN)/hotline serve

setup: $(VENV)/project  ## Set up .venv and start nothing; the command line is then .venv/bin/hotline

test: $(VENV)/project-dev  ## Run every check and every test, the real Asterisks included
	$(BIN)/python -m tests.rig.provision --for-tests
	$(MAKE) --no-print-directory -j 2 lint compiled
	$(BIN)/python $(PYTEST)

# pytest compiles the tests by itself, but each of its workers all of them, at once. What is wrong with one, it tells.
compiled: $(VENV)/project-dev
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null || true

rig: $(VENV)/project-dev  ## Install what the end-to-end tests need of the system (root, Debian or Ubuntu)
	$(BIN)/python -m tests.rig.provision

bench: $(VENV)/project-dev  ## Measure the figures of the README, each beside its peer
	$(BIN)/python -m bench

lint: $(VENV)/project-dev  ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/project-dev  ## Put the code into the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/project-dev  ## Write the generated pages of docs/ anew
	$(BIN)/python -m tests.house.pages

lock: $(VENV)/project-dev  ## Choose the newest versions of the libraries and write locks/
	$(PIP) install --quiet uv
	$(BIN)/python -m tests.house.locks

clean:  ## Remove what the targets above made in this folder
	rm -rf $(VENV) build dist hotline/web/static/dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'hotline needs Python 3.11 or later: make PYTHON=python3.12 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo 'hotline needs venv: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/libraries: locks/run.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r locks/run.txt
	@touch $@

$(VENV)/libraries-dev: locks/dev.txt | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r locks/dev.txt
	@touch $@ $(VENV)/libraries

$(VENV)/project: $(VENV)/libraries pyproject.toml $(FRONTEND)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/project-dev: $(VENV)/libraries-dev pyproject.toml $(FRONTEND)
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/project
