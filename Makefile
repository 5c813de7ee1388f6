# The same commands for people and for CI. Everything is set up as it is needed, in .venv and build.

# The first Python on the path that is new enough; `make PYTHON=...` names another one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
UV ?= uv

BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
RULES := $(wildcard prometheus/rules/*.yml)

# How many processes run tests: two more than there are cores, since the longest tests wait for servers.
# The order is random: make test TESTS=--randomly-seed=1 repeats the order of the run that printed this seed.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2)))
# Bytecode is kept, wherever the environment forbids it: without, each process compiles every test anew.
PYTEST = PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/build/bytecode $(BIN)/pytest -n $(WORKERS) $(TESTS)

# Stamps: what the virtual environment holds.
RUN := .venv/.run
DEV := .venv/.dev

.DEFAULT_GOAL := help
.PHONY: help run test unit integration coverage servers lint format bench fuzz soak evaluate image docs dashboards rules images lock clean

help: ## show this
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile

run: $(RUN) ## run the exporter over a simulated SendKit API, at http://127.0.0.1:19587/
	@$(BIN)/sendkit-exporter demo

test: $(DEV) servers ## run every test, those against the real Prometheus and browser included
	$(PYTEST)

unit: $(DEV) ## run the unit tests, which need no servers, in about a minute
	$(PYTEST) tests/unit --hypothesis-profile=quick

integration: $(DEV) ## run the whole exporter over a simulated API, which needs no servers either
	$(PYTEST) tests/integration

coverage: $(DEV) ## report which lines and branches the unit and integration tests reach
	$(PYTEST) tests/unit tests/integration --cov --cov-report=term-missing:skip-covered

servers: # what tests and benchmark run against
	@tests/install-servers

lint: $(DEV) ## check style, types and rules, and ask for known vulnerabilities of dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tests/audit.py
	@if command -v promtool >/dev/null; then promtool check rules $(RULES); \
	else echo "promtool is not installed: the rules are not checked (make servers installs it)" >&2; fi

format: $(DEV) ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(DEV) servers ## measure parsing, rendering, scrapes and memory (SIZES=10000: at so many mailboxes, SHAPES=20x1000: workspaces by mailboxes)
	$(BIN)/python tests/benchmarks/run.py $(SIZES)
	$(BIN)/python tests/benchmarks/bench_fleets.py $(SHAPES)
	$(BIN)/python tests/benchmarks/bench_collectors.py $(SIZES)
	$(BIN)/python tests/benchmarks/bench_reload.py $(SIZES)

fuzz: $(DEV) servers ## look long for input that breaks something (FUZZ_EXAMPLES=1000000: that much for each test)
	$(PYTEST) tests/fuzz --hypothesis-profile=long --timeout=0

soak: $(DEV) ## run an hour at high speed with trouble at random (SOAK_SECONDS=600: less, SOAK_SEED=2: other trouble)
	$(BIN)/python -m tests.soak

evaluate: $(DEV) ## simulate what the bounce rules call for, and write it to docs/evaluation.md (takes minutes)
	$(BIN)/python tests/benchmarks/evaluate_rules.py docs/evaluation.md

image: ## build the container image and hold it running (takes minutes; asks for root, buildah and podman)
	@tests/image/run

docs: $(RUN) ## write the references anew
	$(BIN)/python -m exporter.exposition.reference >docs/metrics.md
	$(BIN)/python -m exporter.config.reference >docs/configuration.md

dashboards: $(DEV) ## write the dashboards' files anew
	$(BIN)/python -m grafana.build

images: $(DEV) servers ## take the pictures of docs/images anew (GRAFANA_RENDERER draws the dashboards, see docs/dashboards.md)
	$(BIN)/python -m tests.stack.pictures docs/images
	$(BIN)/python -m tests.stack.message_pictures docs/images/messages.png

rules: $(DEV) ## write the rules' files anew, and what follows from them
	$(BIN)/python -m prometheus.build

# What is locked stays at its version; COMPILE_FLAGS=--upgrade moves it.
COMPILE = $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q $(COMPILE_FLAGS)

lock: ## resolve requirements/*.txt anew from pyproject.toml (with uv)
	$(COMPILE) pyproject.toml --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt

clean: ## remove what these commands made
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find exporter tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; make PYTHON=... names one" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

$(RUN): requirements/run.txt requirements/build.txt pyproject.toml | .venv/pyvenv.cfg
	$(PIP) --require-hashes -r requirements/run.txt -r requirements/build.txt
	$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@
