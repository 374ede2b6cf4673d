import ast

import nbformat
import papermill
import pytest

from helpers.notebooks import copy_template, templates

TEMPLATES = list(templates().values())


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_cells_are_short_and_plain(path):
    """At most ten lines, no def, for, if, try, while or with: a colleague reads prose and results."""
    for cell in code_cells(path):
        assert len([line for line in cell.source.splitlines() if line.strip()]) <= 10, cell.source
        banned = (ast.FunctionDef, ast.For, ast.If, ast.Try, ast.While, ast.With, ast.ClassDef)
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, banned)], cell.source


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_hold_no_outputs(path):
    for cell in code_cells(path):
        assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_code_cell_follows_prose(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    assert words > 300


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_parameters_are_the_three_that_every_template_takes(path):
    assert list(papermill.inspect_notebook(str(path))) == ["DATASET", "OVERRIDES", "RUNS"]


def test_a_copy_names_its_dataset_and_is_the_template_otherwise(tmp_path):
    copy = copy_template("topics", 'od"d', tmp_path / "copy.ipynb")
    template = templates()["topics"]
    assert papermill.inspect_notebook(str(copy))["DATASET"]["default"] == '"od\\"d"'
    changed = [
        (old.source, new.source)
        for old, new in zip(code_cells(template), code_cells(copy), strict=True)
        if old.source != new.source
    ]
    assert len(changed) == 1
