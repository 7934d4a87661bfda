# The five commands of this project. Each sets up what it needs; a second call starts at once.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# twice as many as two cores have: many tests wait for a server, a process or a browser
WORKERS ?= 4
# a file stays on one worker; conftest.py says which files begin
SPREAD  := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
SEEDS   ?= 2000
KILLS   ?= 40
POSTGRES_RESTARTS ?= 2

.PHONY: setup demo test check ui bench coverage reliability test-release clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "lead_pipeline needs Python 3.11, 3.12 or 3.13: set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

demo: setup
	$(BIN)/lead-pipeline demo

test: setup
	$(BIN)/python -m pytest $(SPREAD)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

ui: setup
	$(BIN)/lead-pipeline ui

bench: setup
	$(BIN)/python -m lead_pipeline_tests.bench

# The rules of the product leave no branch untried.
coverage: setup
	$(BIN)/python -m pytest $(SPREAD) -q lead_pipeline_tests/domain \
		--cov=lead_pipeline.domain --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

# Seeded stories of the write engine, breakages that must be seen, nights killed at named moments; the last line is JSON.
reliability: setup
	@$(BIN)/python -m lead_pipeline_tests.reliability_figures \
		--seeds $(SEEDS) --kills $(KILLS) --postgres-restarts $(POSTGRES_RESTARTS) --workers $(WORKERS)

test-release: setup
	$(BIN)/python -m pytest $(SPREAD) -m 'slow or not slow'

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache build *.egg-info
