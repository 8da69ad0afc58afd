# `make demo` and `make test` need Python >= 3.11 with pip, and make. Each makes its own virtual environment on the first
# run and reuses it afterwards; it is brought up to date when pyproject.toml changes.

.DEFAULT_GOAL := help
.PHONY: help demo test docs lint clean

# PYTHON=/path/to/python3.12 make test      chooses the interpreter
# PYTEST_ARGS="tests/core -x" make test     narrows the tests
# WORKERS=0 make test                       runs the tests in one process
PYTHON ?=
WORKERS ?= 2
PYTEST_ARGS ?=
DEMO_ARGS ?=

help:  ## show what can be made
	@echo "custval: what can be made"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: .venv-demo/.ready  ## simulate a telecom world and run the whole chain; answers in out/
	@.venv-demo/bin/python -m custval demo --out out $(DEMO_ARGS)

test: .venv-test/.ready  ## run all tests with coverage
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg .venv-test/bin/python -m pytest \
	  --numprocesses $(WORKERS) --dist worksteal --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

docs: .venv-docs/.ready  ## build the documentation into docs/_build/html
	@.venv-docs/bin/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "documentation: docs/_build/html/index.html"

lint: .venv-lint/.ready  ## check style, docstrings and types
	@.venv-lint/bin/ruff check .
	@.venv-lint/bin/ruff format --check .
	@.venv-lint/bin/python docs/check_docstrings.py
	@.venv-lint/bin/mypy
	@.venv-lint/bin/pyright --pythonpath .venv-lint/bin/python

clean:  ## remove environments, caches and built files
	@rm -rf .venv-* .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov dist build out docs/_build docs/_generated
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv-demo/.ready: pyproject.toml Makefile
	@$(call environment,.venv-demo,-e '.[all]')

.venv-test/.ready: pyproject.toml Makefile
	@$(call environment,.venv-test,-e '.[all]' --group test)

.venv-docs/.ready: pyproject.toml Makefile
	@$(call environment,.venv-docs,-e '.[all]' --group docs)

.venv-lint/.ready: pyproject.toml Makefile
	@$(call environment,.venv-lint,-e '.[all]' --group lint --group types --group test)

# $(1) folder of the environment, $(2) what pip installs. A name on the path is not enough: version managers leave stubs
# that fail, so each candidate must run. Some systems ship venv without ensurepip: their own pip then fills the folder.
# pip >= 25.1 is needed for dependency groups.
define environment
set -e; found=""; \
for candidate in "$(PYTHON)" python3.13 python3.12 python3.11 python3 python; do \
  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    found="$$candidate"; break; \
  fi; \
done; \
if [ -z "$$found" ]; then \
  echo "custval needs Python >= 3.11, and none was found on the path." >&2; \
  echo "Install one (https://www.python.org/downloads/), or name it: make $(@D:.venv-%=%) PYTHON=/path/to/python3.11" >&2; \
  exit 1; \
fi; \
if ! $(1)/bin/python -m pip --version >/dev/null 2>&1; then \
  rm -rf $(1); \
  echo "making $(1) with $$("$$found" --version)"; \
  if "$$found" -c 'import ensurepip' >/dev/null 2>&1; then "$$found" -m venv $(1); \
  else "$$found" -m venv --without-pip $(1); "$$found" -m pip --quiet --python $(1)/bin/python install 'pip>=25.1'; fi; \
fi; \
echo "installing into $(1) (once; the next run is quick)"; \
$(1)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'; \
$(1)/bin/python -m pip install --quiet $(2); \
touch $@
endef
