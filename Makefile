# Everything works on a fresh machine with Python 3.11 or newer, pip, make and a package registry.
PYTHON ?= python3
VENV := .venv
REVIEW := .venv-review
BIN := $(VENV)/bin
# Bytecode is compiled when it is needed: half the size and half the time of an install.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# Files are shared out between this many processes; WORKERS=0 runs all in one, which pdb needs.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := 1

.PHONY: help setup setup-all demo test test-all lint docs bench tables fuzz clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.setup: pyproject.toml constraints.txt package.json package-lock.json
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@echo "installing the test environment into $(VENV): about 0.9 GB, a minute or two"
	$(INSTALL) --editable ".[cdk,aws]" --group frameworks --group payloads --group test
	@echo "installing the CDK CLI into node_modules"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(VENV)/.lint: $(VENV)/.setup
	$(INSTALL) --group lint
	touch $@

$(VENV)/.proof: $(VENV)/.setup
	@echo "installing PyTorch, TensorFlow and the other frameworks and payloads: about 3.5 GB more"
	$(INSTALL) --group proof
	touch $@

setup: $(VENV)/.setup ## Install what the demo and the tests need, into .venv and node_modules

$(REVIEW)/.setup: tests/review/requirements.txt
	test -x $(REVIEW)/bin/python || $(PYTHON) -m venv $(REVIEW)
	@echo "installing the tools that review templates into $(REVIEW): about 0.3 GB"
	$(REVIEW)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement $<
	touch $@

setup-all: $(VENV)/.proof $(REVIEW)/.setup ## Install what the slow tests need too

demo: setup ## Build, sign, run, tamper with, deploy, update and destroy one real model; offline from AWS
	$(BIN)/python examples/demo.py

test: setup ## Run the tests (without the slow ones)
	$(PYTEST) -m "not slow and not docker and not heavy"

test-all: setup-all ## Run every test; the slow ones install more
	$(PYTEST)

lint: $(VENV)/.lint ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy cdk_modelbuilder app.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_tree.py

docs: setup ## Build the docs as a site, into site/; serve it with python -m http.server -d site
	$(INSTALL) --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

bench: setup ## Measure speed and memory, as ratios; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

tables: setup-all ## Write the tables of docs/payloads.md anew
	$(BIN)/python scripts/make_payload_tables.py

fuzz: setup-all ## Throw a million bodies at the decoders (about ten minutes); see docs/fuzzing.md
	$(BIN)/python -m tests.fuzz --inputs 1000000

clean: ## Remove what was installed and made here
	rm -rf $(VENV) $(REVIEW) node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis
