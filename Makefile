# Two commands do all the set-up: `make run` (the demo) and `make test` (everything, real Asterisk included).
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
.DEFAULT_GOAL := help

.PHONY: help run check test bench lint types lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run-stamp: requirements/run.txt pyproject.toml
	scripts/make-venv $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.dev-stamp: requirements/dev.txt pyproject.toml
	scripts/make-venv $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/.run-stamp

run: $(VENV)/.run-stamp ## the demo: server, API on port 8000, simulated PBX
	$(PY) -m dialer demo

lint: $(VENV)/.dev-stamp ## ruff, import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports

types: $(VENV)/.dev-stamp ## mypy, strict
	$(VENV)/bin/mypy

check: lint types ## no services, under 3 minutes
	$(PY) -m pytest tests -m "not asterisk and not service and not process" -q

test: lint types ## everything, on the real parts, loads reduced; under 40 minutes
	scripts/prepare-asterisk
	scripts/test-all

bench: $(VENV)/.dev-stamp ## the full bars; results as JSON in bench/results
	scripts/prepare-asterisk
	$(PY) -m bench

lock: $(VENV)/.dev-stamp ## renew the pinned, hashed requirements
	UV_NO_CONFIG=1 $(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/run.txt
	UV_NO_CONFIG=1 $(VENV)/bin/uv pip compile pyproject.toml --group dev --extra plots --extra fast --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/dev.txt
	UV_NO_CONFIG=1 $(VENV)/bin/uv pip compile pyproject.toml --extra plots --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/plots.txt
	UV_NO_CONFIG=1 $(VENV)/bin/uv pip compile pyproject.toml --extra fast --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade -q -o requirements/fast.txt

clean: ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
