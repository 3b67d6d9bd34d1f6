# What one does with this repository, each a single word. Every target does its own set-up; `make help` lists them.
#
# uv installs where it is on PATH, else python3's own venv and pip. What is installed is exactly what the lock
# files say, checked by hash. Everything lands in .venv; the product's own files in SKILLSMITH_HOME (./state).

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
APP := $(BIN)/skillsmith-analytics
SERVE ?= 1
PYTEST_ARGS ?=
# Two workers; tests/conftest.py says which tests one of them does, and in which order.
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The sample world of `make demo`.
DEMO_DAYS ?= 180
DEMO_ACCOUNTS ?= 40
DEMO_SEED ?= 7

export SKILLSMITH_HOME ?= $(CURDIR)/state
DEMO_DROP := $(or $(SKILLSMITH_DROP),$(SKILLSMITH_HOME)/drop)

# Nothing phones home, and uv never replaces the Python that was asked for.
export DO_NOT_TRACK := 1
export UV_NO_PROGRESS := 1
# Without it every start of the command would compile some thousand modules anew where bytecode may not be written.
export UV_COMPILE_BYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup setup-dev demo dev test test-long test-citus lint format bench docs lock clean

help:  ## this list
	@echo "make TARGET, where TARGET is one of"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

# --- set-up ------------------------------------------------------------------------------------------------

setup: $(VENV)/.installed  ## .venv with the command skillsmith-analytics in it

setup-dev: $(VENV)/.installed-dev  ## the same, with what tests and lint need

$(BIN)/python:
	@if [ -n "$(UV)" ]; then \
	    "$(UV)" venv --quiet --python '>=3.11,<3.14' $(VENV); \
	else \
	    command -v $(PYTHON) >/dev/null || { echo "Python 3.11 to 3.13 is needed, and $(PYTHON) is not on PATH: install it, or name it with make PYTHON=..." >&2; exit 1; }; \
	    $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11 to 3.13 is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1): install one, or name it with make PYTHON=..." >&2; exit 1; }; \
	    $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) comes without venv: install it (Debian, Ubuntu: apt-get install python3-venv) or install uv" >&2; exit 1; }; \
	    $(PYTHON) -m venv $(VENV); \
	fi

# install LOCK: exactly what the lock says, then this project itself, as a path to this folder and its command.
define install
	@echo "Installing $$(grep -c '^[a-z0-9].*==' $(1)) packages from $(1) into $(VENV)"
	@if [ -n "$(UV)" ]; then \
	    VIRTUAL_ENV=$(CURDIR)/$(VENV) "$(UV)" pip install --quiet --require-hashes --no-deps -r $(1) && \
	    VIRTUAL_ENV=$(CURDIR)/$(VENV) "$(UV)" pip install --quiet --no-deps --no-build-isolation -e .; \
	else \
	    $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(1) && \
	    $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi || { echo "Installing failed. It needs the Python package index, or a mirror that pip or uv is configured for; what was installed is kept, so running it again goes on." >&2; exit 1; }
endef

# dbt's reading of its project is kept for the embedded engine; for a server its first run does it.
$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@env -u SKILLSMITH_WAREHOUSE_URL $(APP) prepare
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@env -u SKILLSMITH_WAREHOUSE_URL $(APP) prepare
	@touch $(VENV)/.installed $@

# --- using it ----------------------------------------------------------------------------------------------

demo: export SKILLSMITH_DEMO := 1
demo: setup  ## sample data to dashboards on http://localhost:8501 (SERVE=0: stop after publishing)
	@if [ -e "$(DEMO_DROP)/answers.json" ]; then \
	    echo "Keeping the sample data in $(DEMO_DROP) (make clean removes it)"; \
	else \
	    $(APP) simulate --out "$(DEMO_DROP)" --days $(DEMO_DAYS) --accounts $(DEMO_ACCOUNTS) --seed $(DEMO_SEED); \
	fi
	@$(APP) refresh --drop "$(DEMO_DROP)"
ifeq ($(SERVE),0)
	@echo "Published. 'make demo' serves it; '$(APP) status' says what is where."
else
	@echo "Dashboards: http://localhost:$${SKILLSMITH_PORT:-8501} (Ctrl-C stops them)"
	@$(APP) dashboard
endif

dev: export SKILLSMITH_DEMO := 1
dev: setup  ## Dagster's UI and daemon plus the dashboards, on the state of the demo
	@$(APP) dev

# --- working on it -----------------------------------------------------------------------------------------

test: setup-dev  ## unit, integration and browser tests (5 to 12 minutes)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	    echo "No Chromium on PATH: the browser tests will be skipped (Debian: apt-get install chromium)" >&2
	$(PYTEST) -m "not long and not citus" $(PYTEST_ARGS)

test-long: setup-dev tests/timescale/node_modules  ## the slower suites: TimescaleDB, a hundred killed publishers, whole paths
	$(PYTEST) -m long --ignore=tests/benchmarks $(PYTEST_ARGS)

test-citus: setup-dev  ## numbers and placement on the Citus cluster that SKILLSMITH_TEST_CITUS_URL names
	$(BIN)/python -m pytest -m citus $(PYTEST_ARGS) tests/citus

# Test-only: a TimescaleDB that runs inside Node. Without npm its tests say so and are skipped (CI fails on that).
tests/timescale/node_modules: tests/timescale/package-lock.json
	@if [ -n "$${SKILLSMITH_TEST_TIMESCALE_URL:-}" ]; then \
	    echo "TimescaleDB tests use SKILLSMITH_TEST_TIMESCALE_URL"; \
	elif command -v npm >/dev/null; then \
	    npm ci --prefix tests/timescale --ignore-scripts --no-fund --no-audit --loglevel=error && touch $@; \
	else \
	    echo "No npm on PATH: the TimescaleDB tests will be skipped (install Node 20 or later)" >&2; \
	fi

lint: setup-dev  ## ruff, sqlfluff, pyright, import-linter, yamllint, workflow files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict .
	$(BIN)/python docs/generate_dictionary.py --check
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests
	$(BIN)/sqlfluff lint --templater placeholder --disable-progress-bar dashboards/queries
	$(BIN)/pyright --warnings

format: setup-dev  ## put Python in its one form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev  ## measure speed and memory against the baselines in tests/benchmarks
	$(BIN)/python -m pytest tests/benchmarks -m "long or not long" -s $(PYTEST_ARGS)

docs: setup-dev  ## write docs/data_dictionary.md anew from contracts and dbt YAML
	$(BIN)/python docs/generate_dictionary.py

# Addresses of package indexes stay out: a lock is versions and hashes alone.
COMPILE = uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra setup
lock:  ## resolve both lock files anew (needs uv; add UPGRADE=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(COMPILE) --quiet $(UPGRADE) -o requirements.lock
	$(COMPILE) --quiet $(UPGRADE) --extra dev -o requirements-dev.lock

clean:  ## remove ./state and what tools left behind; .venv stays
	rm -rf state artifacts dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
