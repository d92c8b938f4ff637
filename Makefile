# `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

.DEFAULT_GOAL := help
.PHONY: help run test mysql check bench lock generate clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

run: .venv/base.stamp ## start the whole system on http://127.0.0.1:8080; Ctrl-C ends it, var/ keeps its data
	@exec $(BIN)/python -m embedded

test: .venv/test.stamp ## run all tests, on a MariaDB, a MySQL and a Redis of their own (ARGS="-k name": some, without MySQL)
	@sh tests/install.sh
	@$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.everything)

mysql: .venv/test.stamp ## run only the tests that also run on MySQL (ARGS as for pytest)
	@sh tests/install.sh
	@$(BIN)/python -m tests.mysql $(ARGS)

check: .venv/test.stamp ## check style, types and imports, and that locks and generated code are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m requirements.check
	$(BIN)/python -m rpc.generate --check

bench: .venv/test.stamp ## measure this machine (ARGS for its options)
	@sh tests/install.sh
	@exec $(BIN)/python -m bench $(ARGS)

lock: .venv/test.stamp ## pin requirements/*.in anew (ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) --output-file requirements/base.txt requirements/base.in
	$(LOCK) $(ARGS) --output-file requirements/otel.txt requirements/otel.in
	$(LOCK) $(ARGS) --output-file requirements/test.txt requirements/test.in

generate: .venv/test.stamp ## generate the code of the .proto files anew
	$(BIN)/python -m rpc.generate

clean: ## remove .venv and all caches; var/ stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/%.stamp: requirements/%.txt
	@PYTHON="$(PYTHON)" sh requirements/install.sh $*
