# Every command that a developer, pre-commit and CI run. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
ARGS ?=

# Data sets: the folder that UNBRAID_DATA names, or shared/data beside the repository where there is one.
ifneq ($(wildcard ../shared/data),)
export UNBRAID_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help demo test lint types pytest format bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Torch's threads wait for each other by spinning: 5,000 turns are as fast as its own 300,000 on a quiet machine, and on
# a busy one cost a factor of 2 at most.
demo: $(READY) ## train on MNIST from 100 labels, with figures and a report in runs/demo; ARGS="..." adds options
	GOMP_SPINCOUNT=5000 $(VENV)/bin/unbraid train mnist --labels 10 --seed 0 --out runs/demo --overwrite $(ARGS)

test: lint types pytest ## everything that CI checks: lint, types, tests

lint: $(READY) ## ruff: lint and format, changing nothing
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

types: $(READY) ## mypy, strict, on the package, the experiments and the tests
	$(VENV)/bin/mypy

pytest: $(READY) ## tests and doctests, two at a time with one thread each; ARGS="-k name" chooses
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(VENV)/bin/pytest -n 2 $(ARGS)

format: $(READY) ## ruff: mend what it can, then format
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(PEERS) ## time training steps beside Pyro and NumPyro, 10 to 20 minutes; the record goes to benchmarks/step_time.json
	$(VENV)/bin/python benchmarks/step_time.py --json benchmarks/step_time.json $(ARGS)

clean: ## remove caches and builds; keeps .venv and runs
	rm -rf build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The build's own tools come first, under the same pins, so that pip fetches none unpinned.
$(READY): pyproject.toml constraints.txt
	@echo "Installing unbraid and its development tools into $(VENV): one to three minutes the first time"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "development needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install -qq -c constraints.txt torch hatchling editables
	@$(VENV)/bin/pip install -qq -c constraints.txt --no-build-isolation -e '.[dev,distributed]'
	@touch $@

# Pyro, NumPyro and jax, for the benchmarks alone; torch, pinned, is there before them.
$(PEERS): $(READY)
	@$(VENV)/bin/pip install -qq -c constraints.txt --no-build-isolation -e '.[bench]'
	@touch $@
