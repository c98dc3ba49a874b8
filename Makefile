# Every target makes its own virtual environment first; nothing is assumed but Python 3.9-3.13, make and git.
VENV ?= .venv
STYLE ?= shinkai
DATA ?= data
RUN ?= runs/$(STYLE)
OUT ?= out
PAIRS ?=
PERCEPTUAL ?=
ARGS ?=
EXTRAS ?= dev
PYTEST_ARGS ?= -n 2

BIN := $(VENV)/bin
ifneq ($(words $(VENV)),1)
$(error VENV='$(VENV)' must be one path without spaces)
endif
# Named by what was installed, and from where: other files, another PYTHON, EXTRAS or checkout installs again.
STAMP := $(VENV)/.installed-$(shell { pwd; echo '$(PYTHON) $(EXTRAS)'; cat setup.cfg pyproject.toml constraints/*; } | cksum | tr ' ' '-')

.PHONY: help demo test train runs inspect prepare stylize export lint docs venv
.DEFAULT_GOAL := help

help:  ## this list
	@echo "make demo                          turn bundled photos into anime; ARGS=--train: train for a minute first"
	@echo "make test                          run the tests"
	@echo "make inspect STYLE=shinkai         report on DATA: sizes, colours, duplicates, bad files, warnings"
	@echo "make prepare STYLE=shinkai         precompute the training targets of DATA"
	@echo "make train STYLE=shinkai           prepare, then train on DATA/photo and DATA/STYLE/style into RUN"
	@echo "make train STYLE=portrait PAIRS=DIR  train on pairs of photos and drawings (animegan3 pairs makes them)"
	@echo "make runs                          list the runs below runs/: state, step, losses, pictures"
	@echo "make stylize IN=photos OUT=anime MODEL=runs/shinkai"
	@echo "                                   turn photos into anime (a run, weights, a SavedModel or .tflite)"
	@echo "make export MODEL=portrait         write SavedModel and TFLite into OUT (RUN=runs/shinkai, ARGS='--format onnx')"
	@echo "make lint                          ruff and mypy"
	@echo "make docs EXTRAS=dev,docs          the pages of docs/ and the API as a site, in site/"
	@echo "Variables: DATA=data PHOTOS= ANIME= PAIRS= PERCEPTUAL= ARGS=(more options) PYTHON=python3.12 VENV=.venv"
	@echo "           EXTRAS=dev,beam (what to install besides: Apache Beam, for prepare --runner)"

venv: $(STAMP)

$(STAMP):
	@PYTHON='$(PYTHON)' EXTRAS='$(EXTRAS)' sh tools/setup_venv.sh "$(VENV)"
	@rm -f $(VENV)/.installed-* && touch $@

demo: $(STAMP)
	@$(BIN)/animegan3 demo $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

PREPARED = --prepare $(FOLDERS)
PAIRED = --style "$(STYLE)" --pairs "$(PAIRS)"
SOURCES = --style "$(STYLE)" $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(ANIME),--anime "$(ANIME)")
FOLDERS = --data "$(DATA)" $(SOURCES)

inspect: $(STAMP)
	@$(BIN)/animegan3 inspect $(SOURCES) $(ARGS) "$(DATA)"

prepare: $(STAMP)
	@$(BIN)/animegan3 prepare $(FOLDERS) $(ARGS)

train: $(STAMP)
	@$(BIN)/animegan3 train $(if $(PAIRS),$(PAIRED),$(PREPARED)) $(if $(PERCEPTUAL),--perceptual "$(PERCEPTUAL)") --out "$(RUN)" $(ARGS)

runs: $(STAMP)
	@$(BIN)/animegan3 runs $(ARGS)

stylize: $(STAMP)
	@test -n "$(IN)" || { echo "name the photos: make stylize IN=photos OUT=anime" >&2; exit 1; }
	@$(BIN)/animegan3 stylize "$(IN)" --out "$(OUT)" $(if $(MODEL),--model "$(MODEL)") $(ARGS)

export: $(STAMP)
	@$(BIN)/animegan3 export "$(if $(MODEL),$(MODEL),$(RUN))" --out "$(OUT)" $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 PATH="$(BIN):$$PATH" $(BIN)/mkdocs build --quiet
