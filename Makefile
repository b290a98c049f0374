# `make help` lists what there is. Everything runs in .venv, which `make install` creates.
PYTHON ?= python3
JOBS ?= 2
DEMO_DIR ?= demo
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(shell find csrc -type f)

# One thread per worker process: two processes with many threads each only fight over the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest
FAST := not learning and not web and not desktop and not packaging
REST := (learning or web or desktop) and not packaging

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-rest test-all lint format wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

install: $(STAMP) ## create .venv and install the package (editable) with all it needs

# torch first, so that the pinned build is there before anything else asks for one.
$(STAMP): pyproject.toml constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt torch
	$(BIN)/pip install -c constraints.txt -e '.[demo,dev,hub,metrics]'
	@touch $@

demo: install ## synthesize, train a small GAN and write demo/report.html (under 3 minutes after the install)
	$(BIN)/monai-gan demo -o $(DEMO_DIR)

test: install test-fast lint ## the fast tests (at most 8 minutes on 2 cores), lint and types

test-fast: install ## only the fast tests
	$(PYTEST) -n $(JOBS) -m '$(FAST)'

test-rest: install ## the tests that train, need a browser or a screen, or build wheels
	$(PYTEST) -n $(JOBS) -m '$(REST)'
	$(PYTEST) -m packaging

test-all: test test-rest ## every test, lint and types

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: install ## build the source archive and the wheel into dist/
	$(BIN)/python -m build

clean: ## remove .venv, builds and caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
