# Two commands do everything: `make demo` (the main job, offline, on a CPU) and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Spinning worker threads make tiny-model code many times slower when cores are shared.
export OMP_WAIT_POLICY ?= PASSIVE
# uv does not read pip's configuration; hand it pip's local wheels, where a CPU build of torch may lie.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# Tests at once; 0 runs them in one process.
WORKERS ?= 2
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: help demo serve test lint fix bench soak browser hands ab constraints clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## The whole job once: photo and idea to spell, spell to picture
	$(BIN)/spellwright demo

ab: $(VENV)/.runtime ## The same seeds with and without hand words, scored: the table of docs/hands.md
	$(BIN)/spellwright ab "a raised hand" "a thumbs up" "an ok hand" --checkpoint demo --variant universal --variant hands \
		--variant hands@sd15 --variant lora:demo-style:0.66 --count 16 --seed 100 --style "ink drawing" --out out/ab

serve: $(VENV)/.runtime ## The service and its page on http://127.0.0.1:7860
	$(BIN)/spellwright serve $(ARGS)

test: $(VENV)/.dev browser hands ## Set up and run the tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure, beside peers, as ratios
	for script in bench/*.py; do $(BIN)/python $$script || exit 1; done

soak: $(VENV)/.dev browser hands ## The tests that take long, and new examples for the property tests
	$(BIN)/pytest -m soak $(ARGS)
	HYPOTHESIS_PROFILE=new $(BIN)/pytest $$(grep -rl "from hypothesis" tests --include='test_*.py')

browser: $(VENV)/.dev ## A Chromium and axe-core for the page's tests, where this user may install them
	@PYTHONPATH=. $(BIN)/python tests/browser/fetch_axe.py || echo "No axe-core: the accessibility test will be skipped."
	@command -v chromium >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; \
	else echo "No chromium found: the browser tests will be skipped."; fi

hands: $(VENV)/.dev ## The wheel whose hand networks the tests run, only unpacked, never installed
	@ls $(VENV)/wheels/mediapipe-*.whl >/dev/null 2>&1 || \
	$(BIN)/python -m pip download --quiet --no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_28_x86_64 \
	  --dest $(VENV)/wheels mediapipe==0.10.21 || echo "No hand networks found: the tests that need them will be skipped."

constraints: $(VENV)/.dev ## Resolve the tested versions anew
	$(BIN)/uv pip compile --quiet --python $(BIN)/python --extra dev --extra train --extra hands --no-header --no-annotate pyproject.toml \
	  | sed -E 's/\+[a-z0-9.]+$$//' > constraints.txt

clean: ## Remove the environment and caches
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Spellwright needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

# uv is several times faster; plain pip is the way out where only pip is configured for a private index.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "Installing (several minutes the first time) ..."
	$(INSTALL) --editable . || $(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "Installing with the test tools ..."
	$(INSTALL) --editable '.[dev]' || $(PIP_INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/.runtime
