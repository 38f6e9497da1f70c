# Every target sets up what it needs from a fresh clone: only Python 3.11, pip, git and make are assumed.
VENV := .venv
BIN  := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: setup demo test lint types check format clean lab lab-down e2e e2e-smoke conformance bench bench-fanout bench-scale bench-ui messages pictures

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade -c constraints.txt pip
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $@

# A whole installation on simulated machines: screens on a terminal, lines elsewhere.
demo: setup
	$(BIN)/tke-tui lab

test: setup
	$(BIN)/pytest -n auto --dist loadgroup $(PYTEST_ARGS)

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
	$(BIN)/pytest -m lab -s tests/e2e tests/conformance $(PYTEST_ARGS)

# The embedded lab beside the real one, and the tables of docs/conformance.md from what was found.
FOUND := build/conformance
conformance: lab
	TKE_CONFORMANCE_RESULTS=$(FOUND) $(BIN)/pytest -m "lab or not lab" tests/conformance
	$(BIN)/python -m tools.conformance $(FOUND)

bench: bench-fanout bench-ui bench-scale

bench-fanout: setup
	$(BIN)/python -m bench.fanout

bench-scale: setup
	$(BIN)/python -m bench.scale

bench-ui: setup
	$(BIN)/python -m bench.ui

# Collects the texts of the screens into the catalogues and compiles them.
messages: setup
	$(BIN)/python -m tools.messages

# Pictures of the README, from the tests' snapshots.
PICTURES := tests/snapshots/__snapshots__
pictures:
	mkdir -p docs/images
	cp "$(PICTURES)/test_dashboard/test_mid_run[120x40].svg" docs/images/dashboard.svg
	cp "$(PICTURES)/test_dashboard/test_failed[80x24].svg" docs/images/failure.svg
	cp "$(PICTURES)/test_machines/test_tested_with_failures[120x40].svg" docs/images/machines.svg

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
