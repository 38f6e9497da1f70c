# Every target sets up what it needs from a fresh clone: only Python 3.11, pip, git and make are assumed.
VENV := .venv
BIN  := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: setup test lint types check format clean lab lab-down e2e e2e-smoke bench bench-fanout

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade -c constraints.txt pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $@

test: setup
	$(BIN)/pytest -n auto $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

check: lint types test

# The real lab: Debian 12 with root. Everything slow is cached below $TKE_LAB_CACHE (/var/cache/tke-tui-lab).
lab: setup
	$(BIN)/python -m tests.lab up
	$(BIN)/python -m tests.lab bundle

lab-down: setup
	$(BIN)/python -m tests.lab down

e2e-smoke: setup
	$(BIN)/python -m tests.lab up --nodes 1
	$(BIN)/python -m tests.lab bundle
	$(BIN)/pytest -m lab -s tests/e2e/test_smoke.py $(PYTEST_ARGS)

e2e: lab
	$(BIN)/pytest -m lab -s tests/e2e $(PYTEST_ARGS)

bench: bench-fanout

bench-fanout: setup
	$(BIN)/python -m bench.fanout

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
