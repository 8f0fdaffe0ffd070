# `make help` lists what there is. Everything works from a fresh clone with Python 3.11 or newer and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
PACKAGES := engine projections schemas server

# The first interpreter that really runs (a version shim may be there and refuse) and is new enough.
# Set PYTHON=/path/to/python to choose another.
CANDIDATES := $(PYTHON) python3.13 python3.12 python3.11 python3.14 python3
PROBE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.PHONY: help install check format test demo soak chaos bench bench-audit bench-history bench-impact lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

install: $(STAMP) ## make .venv with all pinned dependencies and .venv/bin/refold

$(STAMP): pyproject.toml requirements/runtime.txt requirements/dev.txt
	@set -e; python=; \
	for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c '$(PROBE)' >/dev/null 2>&1; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "refold needs Python 3.11 or newer, with its venv module (Debian: apt install python3-venv)." >&2; \
	  echo "None of these is that: $(CANDIDATES). Name one: make install PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	echo "installing into $(VENV) with $$("$$python" --version)"; \
	{ $(PY) -c '$(PROBE)' && $(PY) -m pip --version; } >/dev/null 2>&1 || "$$python" -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/runtime.txt -r requirements/dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

check: $(STAMP) ## lint, format, types, import directions
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict $(addprefix -p ,$(PACKAGES))
	$(VENV)/bin/lint-imports

format: $(STAMP) ## put imports and layout right
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

test: $(STAMP) ## all tests, with an embedded Postgres and NATS of their own
	$(PY) -m pytest -n 2 --dist loadfile --durations 20

demo: $(STAMP) ## start Refold with everything embedded and watch it work
	$(PY) -m server.demo

soak: $(STAMP) ## long random runs of the pure core
	$(PY) -m tests.property.soak

chaos: $(STAMP) ## kill things at random and look whether anything was lost
	$(PY) -m tests.crash.chaos

bench: $(STAMP) ## measure throughput and latency on this machine
	$(PY) -m bench

bench-history: $(STAMP) ## what each question about the past costs on 100,000 executions and a log of 1,000,000 events
	$(PY) -m bench.questions

bench-audit: $(STAMP) ## what an export of 100,000 executions costs, and its proofs by the server and offline
	$(PY) -m bench.audit

bench-impact: $(STAMP) ## how long an impact report over 100,000 executions takes
	$(PY) -m bench.impact

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links

lock: ## pin the dependencies again after a change of pyproject.toml (needs uv)
	$(LOCK) --output-file requirements/runtime.txt pyproject.toml
	$(LOCK) --output-file requirements/dev.txt --constraint requirements/runtime.txt --group dev
	echo hatchling | $(LOCK) --output-file requirements/build.txt --constraint requirements/dev.txt -

clean: ## remove .venv and all caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find $(PACKAGES) tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} +
