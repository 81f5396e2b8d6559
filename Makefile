# The two commands of a newcomer: `make run` and `make test`.
PORT ?= 8000
HOST ?= 127.0.0.1
DATA_DIR ?= data
MODELS_DIR ?= models
PYTHON ?= python3.11
BIN := .venv/bin

export DATA_DIR MODELS_DIR

.PHONY: run test check lock mlflow models samples format licences sbom audit clean

run: .venv/.serves models
	@$(BIN)/python -m compileall -q rag chainlit_app.py || true
	@$(BIN)/python -m rag.start --host $(HOST) --port $(PORT)

models: .venv/.serves
	@$(BIN)/python -m rag.models

check: .venv/.checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -m "not slow and not browser"

test: .venv/.checks .venv-evals/.evaluates models
	@sh tests/install_tools.sh
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# Judging needs ragas, which the service must do without: first, in an environment apart.
	.venv-evals/bin/python -m pytest -q tests/evals_judged
	$(BIN)/pytest -n 2 --dist loadfile

mlflow: .venv-evals/.evaluates
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false .venv-evals/bin/mlflow ui --workers 1 --port 5000 \
		--backend-store-uri sqlite:///$(abspath $(DATA_DIR))/mlflow.db

samples: .venv/.checks
	$(BIN)/python -m evals.samples

licences: .venv/.checks
	$(BIN)/python -m evals.licences

sbom: .venv/.checks models
	$(BIN)/python -m evals.sbom build/sbom.json

audit: .venv/.checks
	$(BIN)/python -m evals.audit

format: .venv/.checks
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/.uv
	$(UV) pip compile -q --no-header --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	$(UV) pip compile -q --no-header --no-emit-index-url --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(UV) pip compile -q --no-header --no-emit-index-url --python-version 3.11 evals/requirements.in -o evals/requirements.txt

# uv is used where it is installed, and else fetched into a small environment of its own.
UV = $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)

# Debian keeps venv in a package of its own.
.venv/.uv:
	@command -v uv >/dev/null 2>&1 || test -x .venv-uv/bin/uv || { \
		{ $(PYTHON) -m venv .venv-uv 2>/dev/null || { rm -rf .venv-uv; \
			apt-get install -y -q python3-venv >/dev/null && $(PYTHON) -m venv .venv-uv; } } \
		&& .venv-uv/bin/pip install -q uv; } || \
		{ echo "uv is missing and could not be fetched: install uv, or python3-venv, and try again."; exit 1; }
	@mkdir -p .venv && touch $@

.venv/.serves: requirements.txt | .venv/.uv
	@test -x $(BIN)/python || $(UV) venv -q --allow-existing --python $(PYTHON) .venv
	@# Bytecode now: where nothing may be written later, each start would translate 2,000 modules.
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python -r requirements.txt
	@touch $@

.venv/.checks: requirements-dev.txt .venv/.serves
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python -r requirements-dev.txt
	@touch $@

# Judging answers needs pandas and pyarrow, which would cost the service 76 MB: an environment apart.
.venv-evals/.evaluates: evals/requirements.txt requirements.txt | .venv/.uv
	@test -x .venv-evals/bin/python || $(UV) venv -q --python $(PYTHON) .venv-evals
	$(UV) pip install -q --python .venv-evals/bin/python -r requirements.txt -r evals/requirements.txt
	@touch $@

clean:
	rm -rf .venv .venv-evals .venv-uv .mypy_cache .ruff_cache .pytest_cache
