# The book's commands; `make` alone lists them. Works with GNU make 3.81 and later.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000

# The environment .venv is made anew when the pins change. What a command needs there is an extra of pyproject.toml,
# which comes in when the command first runs, and again when the pins or a description change. A stamp is written
# last, so that an interrupted installation counts as none.
PINS := $(shell git hash-object requirements.txt | cut -c -12)
PROJECTS := pyproject.toml code/bookmaking/pyproject.toml
ALL := $(shell cat requirements.txt $(PROJECTS) | git hash-object --stdin | cut -c -12)
has = $(1:%=.venv/has-%-$(ALL))
# Two processes run the tests. Which tests stay together is said in tests/conftest.py; the order is that of files.
SIDE_BY_SIDE := -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help book check test mutants serve lint notebooks colab binder pdf offline films bench drift check-links pins clean
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

book: $(call has,book) ## build the site into _build/html; runs only what has changed
	$(BIN)/python -m bookmaking.build

check: $(call has,book lint test) ## test without building, in a minute; ARGS=jax adds the network in JAX
	$(BIN)/ruff check -q
	$(BIN)/ruff format --check -q
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q $(SIDE_BY_SIDE) tests/network tests/machinery --frameworks "numpy $(ARGS)"

test: book $(call has,lint test films paper) ## build the site, then test it and the code; ARGS="-k name" goes to pytest
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

serve: $(call has,book) ## show the built site in a browser, from port PORT=8000 up
	$(BIN)/python -m bookmaking.upkeep.serve --port $(PORT)

mutants: $(call has,book test) ## plant small faults in the network, see if its tests notice; ARGS="threelayer.spec*" takes some
	$(BIN)/python -m pip install -q 'mutmut>=3.8'
	$(BIN)/python -m bookmaking.upkeep.mutants $(ARGS)

lint: $(call has,book lint) ## check style, formatting, and which room imports which
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

notebooks: book ## run every notebook where the book is not; ARGS="jax_transforms" runs one
	$(BIN)/python -m bookmaking.upkeep.notebooks $(ARGS)

colab: book $(call has,upkeep) ## run the nine notebooks with Colab's versions; ARGS=--newest fetches today's
	$(BIN)/python -m bookmaking.upkeep.colab $(ARGS)

binder: book $(call has,upkeep) ## run the nine notebooks in a new environment of what Binder installs
	$(BIN)/python -m bookmaking.upkeep.colab --list .binder/requirements.txt

pdf: book $(call has,paper) ## set the book and each chapter with XeLaTeX, into _build/pdf
	$(BIN)/python -m bookmaking.paper.pdf

offline: book ## pack the site into one zip that needs no server
	$(BIN)/python -m bookmaking.paper.offline

films: book $(call has,films) ## make both films from the book, into _build/films, and show them in the site
	$(BIN)/python -m bookmaking.films $(ARGS)
	$(BIN)/python -m bookmaking.build

bench: $(call has,book) ## time all nine on an idle Linux machine; ARGS=--publish lets the book show the result
	$(BIN)/python -m bookmaking.benchmark $(ARGS)

drift: book $(call has,upkeep test) ## make the claims with the oldest supported versions; ARGS=--newest takes the newest
	$(BIN)/python -m bookmaking.upkeep.drift $(ARGS)

check-links: book ## ask whether the links to other sites lead anywhere; needs a network
	$(BIN)/jupyter-book build . --path-output _build/links --builder linkcheck -q

pins: $(call has,upkeep) ## pin what pyproject.toml asks for; pins that fit stay, ARGS=--upgrade renews them
	cp requirements.txt requirements.new
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --fork-strategy fewest \
	    --python-version 3.11 --no-header --no-annotate -q $(ARGS) -o requirements.new
	{ echo '# Written by `make pins` from pyproject.toml.'; cat requirements.new; } > requirements.txt
	rm requirements.new

clean: ## remove the site, the cached outputs and the tools' caches, not .venv
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find code tests book -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/has-%-$(ALL): .venv/pinned-$(PINS)
	@echo "Installing what $* needs into .venv, once"
	$(BIN)/python -m pip install --no-build-isolation -c requirements.txt -e '.[$*]' -e code/bookmaking
	@touch $@

.venv/pinned-$(PINS):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	    || { echo 'This book needs Python 3.11, 3.12 or 3.13 as python3; name another one with make PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -q -c requirements.txt hatchling editables
	@touch $@
