# Everything runs from .venv in this checkout; the first `make demo` or `make test` sets it up.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Set up again when the dependencies or the place of the checkout change, and only then.
KEY    := $(shell { cat pyproject.toml; pwd; } | cksum | cut -d' ' -f1)
READY  := $(VENV)/.ready-$(KEY)
DEV    := $(VENV)/.ready-dev-$(KEY)
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check tissu clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(READY)  ## Break nothing, fix something: repair a copy of the example project
	@sh examples/demo.sh

test: $(DEV)  ## Run the tests; ARGS="-k name" passes on to pytest
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

check: $(DEV)  ## Lint, formatting, types, floors, old-interpreter compatibility
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/vermin -q --no-tips --eval-annotations --violations -t=3.9- src/quantatissu/testing/worker

tissu: $(DEV)  ## Train the built-in model from nothing; ARGS=FOLDER says where (10 GB)
	$(BIN)/python -m benchmarks.tissu.everything $(ARGS)

clean:  ## Remove caches and build products; .venv stays
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name .venv -prune -o -name __pycache__ -type d -print | xargs rm -rf

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "QuantaTissu needs Python 3.11 or newer as '$(PYTHON)'; for instance: make PYTHON=/usr/bin/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments; on Debian: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@test -x $(BIN)/python && $(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e . 'pytest>=8.3,<10'
	@rm -f $(VENV)/.ready-*; touch $@

$(DEV): $(READY)
	@echo "Adding the tools for tests and checks (once) ..."
	@$(PIP) -e '.[dev]'
	@touch $@
