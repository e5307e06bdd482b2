# The menu: what a developer, CI and a newcomer run.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.run-$(shell cksum < requirements.txt | cut -d' ' -f1)
STAMP := $(VENV)/.installed-$(shell cksum < requirements-dev.txt | cut -d' ' -f1)

.PHONY: help run test check messages browsers kannel nginx crawl pictures lock rehearse debootstrap installed rules bench faults

help: ## Show this menu
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(RUN_STAMP):
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@rm -f $(VENV)/.run-*
	@touch $@

$(STAMP):
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@rm -f $(VENV)/.installed-*
	@touch $@

run: $(RUN_STAMP) ## Install, migrate, load the demo world and serve http://127.0.0.1:8000/ (PORT and VAR_DIR change where)
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py compilemessages
	$(BIN)/python manage.py demo
	$(BIN)/python manage.py runserver 127.0.0.1:$(PORT)

test: $(STAMP) ## Run the tests on SQLite (DATABASE_URL and CACHE_URL choose others)
	$(BIN)/python -m pytest

check: $(STAMP) ## Lint, types, imports, dependencies, migrations, messages, deploy check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml accounts agencies deploy etax realname staff
	$(BIN)/djlint --check --lint templates
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py compilemessages
	$(BIN)/python -m tests.messages
	$(BIN)/python -m tests.deploy_check

messages: $(STAMP) ## Bring the catalogues of 繁體中文 and English in line with the words of the sources
	$(BIN)/python -m tests.catalogues
	$(BIN)/python manage.py compilemessages

browsers: ## Install Debian's Chromium and the CJK fonts (needs root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk

kannel: ## Install Debian's Kannel with its fake SMSC, for the tests of a real SMS gateway (needs root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq kannel kannel-extras

nginx: ## Install Debian's nginx, for the tests of a deployed node (needs root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-light openssl

crawl: $(STAMP) ## Look at every page as everybody in every language and light (CRAWL=everybody, languages: less); CRAWL_PICTURES=folder keeps pictures
	CRAWL=$(or $(CRAWL),whole) $(BIN)/python -m pytest -q -rP --dist load tests/browser/test_crawl.py

pictures: $(STAMP) ## Take README's pictures anew: the demo world on a free port, in Chromium
	$(BIN)/python -m tests.browser.pictures

lock: $(STAMP) ## Pin all requirements anew, with hashes
	for extra in '' production dev; do \
	  $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    $${extra:+--extra $$extra} --output-file requirements$${extra:+-$$extra}.txt pyproject.toml; \
	done

rehearse: $(STAMP) ## Run the commands of docs/operation.md on a PostgreSQL cluster of their own: backup, restore, migration, keys
	TEST_REHEARSES=1 $(BIN)/python -m pytest -n0 tests/rehearse

debootstrap: ## Install what a Debian of its own is made and started with (needs root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap systemd-container

installed: $(STAMP) debootstrap ## Install a node by the commands of docs/operation.md in a Debian of its own, start it with systemd, use it (needs root)
	TEST_INSTALLS=1 $(BIN)/python -m pytest -n0 tests/installed

rules: $(STAMP) ## Which rules are proven by which tests, and which not yet
	$(BIN)/python -m tests.rules

bench: $(STAMP) ## Run the benchmarks (SIZE=full with up to a million taxpayers)
	$(BIN)/python bench/import_register.py
	$(BIN)/python bench/staff_page.py
	$(BIN)/python bench/enumeration.py
	$(BIN)/python bench/agency_lists.py
	$(BIN)/python bench/load.py --size $(or $(SIZE),quick)

faults: $(STAMP) ## Break things on purpose under a whole portal: F1 to F28 (FAULTS=full for the full counts, ONLY="F04 or F05")
	$(BIN)/python -m pytest -n0 -q -m fault tests/faults $(if $(ONLY),-k "$(ONLY)")
