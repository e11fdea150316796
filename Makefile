# `make demo` and `make test` set up all that they need in .venv, by themselves.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Without a screen, Qt gets a virtual one.
ON_SCREEN := $(BIN)/python scripts/on_screen.py

.PHONY: demo test lint docs wheel clean

# Opens napari on a microscopy image; without a screen it drives a virtual one.
demo: $(READY)
	$(BIN)/python -m napari_sam2 demo

# On several cores at once; the tests of a file, which share what is made, on one.
test: lint
	$(ON_SCREEN) $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-sam2

docs: $(READY)
	$(BIN)/python -m pip install -q -e ".[docs]"
	$(BIN)/mkdocs build --strict

# Builds the wheel and tries it out in an environment of its own.
wheel: $(READY)
	$(ON_SCREEN) $(BIN)/python scripts/check_wheel.py

# Each pyproject.toml has its own environment.
$(READY): pyproject.toml scripts/bootstrap.py
	$(PYTHON) scripts/bootstrap.py
	@touch $@

clean:
	rm -rf .venv dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
