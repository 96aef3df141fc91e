SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lock clean sample

PY := .venv/bin/python
SAMPLE ?= data/sample
OUTPUT ?= out
TESTS ?= tests
ARGS ?=
# Two processes, of which each takes a file at a time; tests/conftest.py gives the order, and a turn to what runs alone.
SPREAD := -n logical --maxprocesses 2 --dist loadfile --no-loadscope-reorder
export ADCLICK_SHARED ?= ../shared

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1: \2/p' $(firstword $(MAKEFILE_LIST))

setup: ## build .venv from the hashed locks; a moment when nothing changed
	@scripts/setup.sh

run: sample ## simulate a sample if there is none, then run the whole pipeline on it (SAMPLE=, OUTPUT=, ARGS=)
	@$(PY) run_local.py --config configs/base.yaml --data-root '$(SAMPLE)/data' --output-root '$(OUTPUT)' $(ARGS)

test: setup ## run every test (TESTS=tests/adclick for some, ARGS= for pytest's own flags, -n0 for one process)
	@$(PY) -m pytest $(SPREAD) $(TESTS) $(ARGS)

check: setup ## formatting, lint and types
	@.venv/bin/ruff format --check --quiet . || { echo 'mend with: .venv/bin/ruff format .'; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy

bench: setup ## run each benchmark; one JSON line apiece
	@ran=0; for file in benchmarks/*.py; do \
	  module=$${file%.py}; [[ $$module == */__init__ || ! -e $$file ]] && continue; \
	  ran=1; $(PY) -m "$${module//\//.}" $(ARGS) || exit $$?; \
	done; (( ran )) || echo 'bench: no benchmarks yet'

lock: ## resolve requirements/*.in into the locks (UPGRADE=1 takes newer releases)
	@scripts/lock.sh
	@scripts/setup.sh

clean: ## remove what set-up, runs and tests made in this checkout: .venv, out, data/sample, caches
	@rm -rf .venv out data/sample data/sample.partial .mypy_cache .ruff_cache .pytest_cache adclick.egg-info build
	@rmdir data 2>/dev/null || true
	@find adclick benchmarks components configs monitoring pipeline scripts serving simulator tests trainer __pycache__ \
	  -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# A sample is moved into place when it is whole, so an interrupted simulation never passes for one.
sample: setup
	@if [[ ! -d '$(SAMPLE)' ]]; then \
	  rm -rf '$(SAMPLE).partial' && mkdir -p "$$(dirname '$(SAMPLE)')" \
	  && .venv/bin/adclick simulate --output '$(SAMPLE).partial' && mv '$(SAMPLE).partial' '$(SAMPLE)'; \
	fi
