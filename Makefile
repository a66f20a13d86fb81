# newsqa: `make run` to try it, `make test` to check it. Both set up .venv first; what is done is skipped.

PYTHON ?= python3
TORCH ?= torch==2.13.0
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WITH := -c constraints.txt
DATA ?= ../shared/data

.PHONY: run install test install-extras bench-retrieval bench-speed cases constraints clean

run: install  ## Add corpus/ to the library and ask it questions.
	$(BIN)/newsqa add corpus
	$(BIN)/newsqa chat

install: .venv/.installed  ## Set up .venv with the pinned dependencies.

.venv/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python's venv is missing. On Debian: apt install python3-venv"; exit 1; }
	@echo "Setting up .venv: a minute or two, this once."
	$(PIP) install --upgrade pip==26.3
	$(PIP) install $(WITH) -e .
	@touch $@

.venv/.tested: .venv/.installed
	$(PIP) install $(WITH) --group test
	@touch $@

test: .venv/.tested  ## Style, types and tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

install-extras: .venv/.tested  ## torch's CPU build, sentence-transformers and the recipes' tools.
	$(PIP) install $(WITH) $(TORCH)
	$(PIP) install $(WITH) -e ".[sentence-transformers,recipes]"

cases: install  ## Ask the cases of evals/suites over corpus/.
	$(BIN)/python -m newsqa_evals.core --misses

bench-retrieval: install-extras  ## Retrieval beside the tutorial pipeline, on the articles in $(DATA).
	$(BIN)/python -m newsqa_evals.retrieval $(DATA)

bench-speed: install-extras  ## Times and memory beside the tutorial pipeline.
	$(BIN)/python -m newsqa_evals.speed $(DATA)

constraints:  ## Pin the newest versions that fit together; needs uv.
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate pyproject.toml \
		--all-extras --group test | grep -vE "^(nvidia|cuda|triton)" > constraints.txt

clean:
	rm -rf .venv
