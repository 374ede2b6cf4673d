import json

import nbformat
import pytest
import yaml

from helpers.config import DATASETS
from helpers.notebooks import NOTEBOOKS, new_dataset, run_notebook
from helpers.runs import open_run

NAME = "zz_test_of_new"


@pytest.fixture
def clean():
    """Whatever a test makes under its name in the kit's own folders is taken away again."""
    yield
    for path in (DATASETS / f"{NAME}.yaml", NOTEBOOKS / f"{NAME}_topics.ipynb"):
        path.unlink(missing_ok=True)


def test_new_writes_settings_and_a_notebook_for_the_format_it_finds(kit, clean, dataset):
    path = dataset([{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}] * 3)
    shown = kit("new", NAME, "--source", path, "--title", "Small talk").stdout
    settings = yaml.safe_load((DATASETS / f"{NAME}.yaml").read_text())
    assert settings == {
        "title": "Small talk",
        "source": {"path": str(path)},
        "text": {"format": "sharegpt", "column": "conversations"},
    }
    assert f"python -m helpers run topics {NAME}" in shown and "conversations" in shown
    assert f'DATASET = "{NAME}"' in (NOTEBOOKS / f"{NAME}_topics.ipynb").read_text().replace('\\"', '"')


def test_new_never_writes_over_what_is_there(clean, dataset):
    path = str(dataset([{"text": "hello"}]))
    new_dataset(NAME, path)
    before = (DATASETS / f"{NAME}.yaml").read_bytes()
    with pytest.raises(FileExistsError, match="is there already"):
        new_dataset(NAME, path, title="Other")
    assert (DATASETS / f"{NAME}.yaml").read_bytes() == before


@pytest.mark.parametrize(("rows", "message"), [([], "no row could be read"), ([{"n": 1}], "no column of text")])
def test_new_leaves_nothing_behind_when_the_source_is_of_no_use(clean, dataset, rows, message):
    with pytest.raises(ValueError, match=message):
        new_dataset(NAME, str(dataset(rows)))
    assert not (DATASETS / f"{NAME}.yaml").exists() and not (NOTEBOOKS / f"{NAME}_topics.ipynb").exists()


def test_the_users_copy_is_run_and_its_results_are_kept_in_the_run_folder(clean, dataset, tmp_path):
    path = dataset([{"text": f"hello {i}"} for i in range(3)])
    new_dataset(NAME, str(path))
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells = notebook.cells[:3]
    code = "from helpers.files import write_value\nfrom pathlib import Path\n"
    code += 'write_value(Path(RUNS, DATASET, "report.json"), {"own": DATASET})'
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    nbformat.write(notebook, copy)
    assert run_notebook("topics", NAME, runs=tmp_path) == {"own": NAME}
    assert (tmp_path / NAME / "topics.ipynb").stat().st_mode & 0o077 == 0
    assert json.loads(copy.read_text())["cells"][-1]["outputs"] == []


def test_a_notebook_without_the_parameters_is_an_error(clean, dataset, tmp_path):
    new_dataset(NAME, str(dataset([{"text": "hello"}])))
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    copy.write_text(copy.read_text().replace("RUNS = None", "FOLDER = None"))
    with pytest.raises(ValueError, match="no RUNS in its parameters cell"):
        run_notebook("topics", NAME, runs=tmp_path)


def test_an_unknown_template_names_the_known_ones(tmp_path, dataset):
    with pytest.raises(ValueError, match="no template 'topcs'; templates are topics"):
        run_notebook("topcs", str(dataset([{"text": "hello"}])), runs=tmp_path)


def test_forget_takes_the_rows_out_of_the_users_notebook_and_leaves_the_notebook(clean, dataset, kit, tmp_path):
    new_dataset(NAME, str(dataset([{"text": "hello"}])))
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="a private row")]
    nbformat.write(notebook, copy)
    open_run(NAME, None, tmp_path)
    assert "cleared the outputs of 1 notebooks" in kit("forget", NAME, "--runs", tmp_path).stdout
    assert "a private row" not in copy.read_text() and not (tmp_path / NAME).exists()
