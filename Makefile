# Everything a fresh clone needs: `make run` and `make test` set themselves up.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help setup run test chaos lint bench docs dashboards screenshots lock clean-kernels clean

help:            ## say what the targets do
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"streamssl needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}; name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet -r requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	touch $(READY)

setup: $(READY)  ## make .venv with the locked versions

run: $(READY)    ## the demo: the real service on real data, embedded transport
	$(BIN)/streamssl demo

test: $(READY)   ## all tests, with a real Kafka broker where Java and Maven (or Docker) are there
	$(BIN)/python -m pytest

chaos: $(READY)  ## the long runs: 1,000 kills of two workers on Kafka, then the directed tests (hours)
	$(BIN)/python -m tests.chaos --kills 1000 --transport kafka --workers 2
	$(BIN)/python -m tests.chaos --kills 1000 --transport sqlite --workers 2
	$(BIN)/python -m pytest -m long tests/chaos

lint: $(READY)   ## style, types, and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## accuracy, speed and memory figures (minutes)
	$(BIN)/python -m tests.benchmarks

docs: $(READY)   ## write the generated reference pages again
	$(BIN)/python -m streamssl schema --write docs/reference
	$(BIN)/python -m streamssl.review.openapi > docs/reference/review-api.json

dashboards: $(READY)  ## write the Grafana dashboards again, after an edit in deploy/dashboards
	$(BIN)/python -m deploy.dashboards

screenshots: $(READY)  ## take the docs' pictures again, of the real pages; needs chromium
	$(BIN)/python -m tests.screenshots docs/pictures

lock: $(READY)   ## lock the newest versions that fit pyproject.toml
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --universal --upgrade --no-header --no-annotate \
		--group dev --extra connectors --extra review pyproject.toml --output-file requirements.lock

clean-kernels:   ## forget compiled kernels, after an edit in learners/, features/ or engine/pending/
	find streamssl -name '*.nb[ic]' -delete

clean:           ## remove what the targets above made
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache demo-output
