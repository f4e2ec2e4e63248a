# The book and its package. `make book` builds the one, `make test` checks both; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
BUILD := _build
# One clock for everything that is built, so that the same commit gives the same bytes.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1795478400)
export FORCE_SOURCE_DATE := 1
export PYTHONHASHSEED := 0
export PYTHONUTF8 := 1
# What has been imported once is kept compiled, also where the environment forbids it: torch alone has a thousand modules.
export PYTHONDONTWRITEBYTECODE :=
# Two processes share the cores. Two threads each would only wait for one another.
export OMP_NUM_THREADS ?= 1
SPHINX := $(BIN)/python -m sphinx -W --keep-going -n -j auto
# Links the PDF and the EPUB from the pages, where these files exist.
DOWNLOADS = test ! -f $(BUILD)/html/index.html || PYTHONPATH=book $(BIN)/python -m _extensions.downloads \
	$(BUILD)/html $(BUILD)/latex/book.pdf $(BUILD)/epub/book.epub
PYTEST := $(BIN)/python -m pytest
# How many processes run the tests.
PROCESSES ?= 2

.PHONY: help setup book html pdf latex-there epub serve notebooks test test-long mutants experiments check-experiments lint types links permalinks \
	reproducible reproducible-html bench bounds check-install lock clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

# -- The environment --------------------------------------------------------------------------------------------------
# `ready` is written last: a set-up that was interrupted has none, and is done again from the start.

setup: $(READY) ## create .venv from the exact lock

$(READY): requirements.lock data.lock .ci/setup-venv
	@.ci/setup-venv $(VENV)
	@touch $@

# -- The book ---------------------------------------------------------------------------------------------------------
book: html ## build the HTML book and print the page to open
	@echo "The book: $(abspath $(BUILD)/html/index.html)"

html: $(READY) ## build the HTML book
	@$(SPHINX) -b html -d $(BUILD)/html.doctrees book $(BUILD)/html
	@$(DOWNLOADS)

# To read the pages is to run their code and their notebooks, and takes longer than to write them. It is done once, for
# the HTML; PDF and EPUB are written from what it read, and only if it read something anew, or another source changed.
EPUB := $(BUILD)/epub/book.epub
PDF := $(BUILD)/latex/book.pdf
WAS_READ := $(BUILD)/html.doctrees/environment.pickle
SOURCES := $(wildcard $(shell git ls-files book references 2>/dev/null))
WRITE = rm -rf $(BUILD)/$(1).doctrees && cp -a $(BUILD)/html.doctrees $(BUILD)/$(1).doctrees && \
	$(SPHINX) -b $(1) -d $(BUILD)/$(1).doctrees book $(BUILD)/$(1)

pdf: latex-there $(PDF) ## build the PDF (needs LaTeX)
	@$(DOWNLOADS)
	@echo "The PDF: $(abspath $(PDF))"

epub: $(EPUB) ## build the EPUB
	@$(DOWNLOADS)
	@echo "The EPUB: $(abspath $(EPUB))"

latex-there:
	@.ci/require-debian print
	@type lualatex latexmk > /dev/null 2>&1 || { echo "The PDF needs lualatex and latexmk: install TeX Live with the packages of .ci/debian-packages.txt." >&2; exit 1; }

$(WAS_READ): html
	@:

$(PDF): $(WAS_READ) $(SOURCES)
	@$(call WRITE,latex)
	@$(MAKE) -C $(BUILD)/latex all-pdf LATEXMKOPTS="-interaction=nonstopmode -halt-on-error" > $(BUILD)/latex/make.log 2>&1 \
		|| { grep -A6 '^!' $(BUILD)/latex/make.log || tail -40 $(BUILD)/latex/make.log; exit 1; }
	@touch $@

$(EPUB): $(WAS_READ) $(SOURCES)
	@rm -rf $(BUILD)/epub
	@$(call WRITE,epub)

serve: $(READY) ## show the book in a browser and rebuild what changes
	@$(BIN)/sphinx-autobuild -n -j auto -b html -d $(BUILD)/html.doctrees --watch llmguide --watch references --watch datasets \
		--watch CONTRIBUTING.md --watch CHANGELOG.md --watch CITATION.cff --open-browser book $(BUILD)/html

notebooks: $(READY) ## run the code of every notebook, and say how long each took
	@$(PYTEST) tests/book/test_notebooks.py -k TestNotebook

clean: ## remove what was built, and keep .venv
	rm -rf $(BUILD) build *.egg-info book/api .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage

# -- The checks -------------------------------------------------------------------------------------------------------
# EPUB and PDF are built side by side, and linked from the pages when both are done; then the tests run in two processes.
test: html ## run the whole suite
	@{ .ci/require-debian print && command -v lualatex > /dev/null; } || echo "The PDF tests will be skipped."
	@$(MAKE) -j2 --output-sync=target -o html DOWNLOADS=: epub \
		$$({ .ci/require-debian print && command -v lualatex; } > /dev/null 2>&1 && echo pdf || true)
	@$(DOWNLOADS)
	@$(PYTEST) -rs -n $(PROCESSES) --dist worksteal -m "not long" --cov=llmguide --cov-report=term

test-long: $(READY) ## run the tests that take minutes: a million texts against the libraries, 20 MB to train on
	@$(PYTEST) -m long tests/tokenizers tests/bench

mutants: $(READY) ## change tokenizers and training in every way that mutmut knows: do their tests notice? (hours)
	@$(BIN)/python tests/mutation/mutate.py

lint: types $(READY) ## check style, spelling and docstrings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pydoclint llmguide
	@$(BIN)/codespell book llmguide tests references datasets README.md CONTRIBUTING.md CHANGELOG.md

types: $(READY) ## check the types
	@$(BIN)/python -m mypy

links: html ## check that every link and anchor inside the built book leads somewhere
	@$(PYTEST) tests/book/test_html_structure.py -k link

permalinks: html ## record the addresses of new pages and sections
	@PYTHONPATH=book $(BIN)/python -m _extensions.permalinks $(BUILD)/html --update

reproducible: $(READY) ## build HTML, PDF and EPUB twice, run all code twice, and compare every byte
	@$(BIN)/python book/tools/reproducible.py html pdf epub

reproducible-html: $(READY) ## build the HTML once more from the same recorded outputs and compare every byte
	@$(BIN)/python book/tools/reproducible.py --first $(BUILD)/html html

bounds: ## test the package with the oldest versions that it allows
	@.ci/check-bounds

check-install: ## install the package in an empty environment, and run the README's example
	@.ci/check-install

# -- The results ------------------------------------------------------------------------------------------------------
experiments: $(READY) ## run every experiment in full and record it
	@$(BIN)/llmguide experiments run

check-experiments: $(READY) ## check that the records are those of today's sources
	@$(BIN)/llmguide experiments check

bench: $(READY) ## time tokenizers, training and generation beside their peers, and record the reports
	@$(BIN)/python tests/bench/bench_tokenizers.py
	@$(BIN)/python tests/bench/bench_scaling.py
	@$(BIN)/python tests/bench/bench_training_step.py
	@$(BIN)/python tests/bench/bench_generation.py

# -- The lock ---------------------------------------------------------------------------------------------------------
lock: ## resolve the dependencies anew and say what moved
	@.ci/lock
