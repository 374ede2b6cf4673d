import json

import nbformat
import pytest
import yaml

from helpers.config import DATASETS
from helpers.notebooks import NOTEBOOKS, copy_template, new_dataset, run_notebook
from helpers.past_runs import forget
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


def run_copy(tmp_path, code, **settings):
    """Run a copy that has only its parameters and one cell of code, which writes the report."""
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells = [*notebook.cells[:3], nbformat.v4.new_code_cell(code)]
    nbformat.write(notebook, copy)
    return run_notebook("topics", NAME, runs=tmp_path, **settings)


REPORT = """
from helpers.files import write_value
from pathlib import Path
write_value(Path(RUNS, "zz_test_of_new", "report.json"), {"overrides": OVERRIDES, "dataset": DATASET})
"""


def test_what_the_copy_overrides_holds_and_the_command_line_comes_on_top(clean, dataset, tmp_path):
    new_dataset(NAME, str(dataset([{"text": "hello"}])))
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    copy.write_text(copy.read_text().replace("OVERRIDES = {}", "OVERRIDES = {'sample': 7, 'title': 'Mine'}"))
    report = run_copy(tmp_path, REPORT, overrides={"sample": 9})
    assert report["overrides"] == {"sample": 9, "title": "Mine"}
    manifest = json.loads((tmp_path / NAME / "manifest.json").read_text())
    assert (manifest["settings"]["sample"], manifest["settings"]["title"]) == (9, "Mine")
    assert not list(NOTEBOOKS.glob("kernel-ipc*"))


def test_a_notebook_that_writes_no_report_did_not_succeed(clean, dataset, tmp_path):
    new_dataset(NAME, str(dataset([{"text": "hello"}])))
    with pytest.raises(RuntimeError, match="ended without writing report.json"):
        run_copy(tmp_path, "1 + 1")


def test_a_file_may_be_named_from_where_one_stands(dataset, tmp_path, monkeypatch):
    path = dataset([{"text": "hello"}], "one.jsonl")
    monkeypatch.chdir(path.parent)
    with pytest.raises(ValueError, match="no template"):
        run_notebook("nothing", "one.jsonl", runs=tmp_path)
    report = run_notebook("topics", "one.jsonl", overrides={"label.model": "none"}, runs=tmp_path / "runs")
    assert report["rows"] == 1 and report["settings"]["source"]["path"] == str(path)


def test_a_notebook_without_the_parameters_is_an_error(clean, dataset, tmp_path):
    new_dataset(NAME, str(dataset([{"text": "hello"}])))
    copy = NOTEBOOKS / f"{NAME}_topics.ipynb"
    copy.write_text(copy.read_text().replace("RUNS = None", "FOLDER = None"))
    with pytest.raises(ValueError, match="no RUNS in its parameters cell"):
        run_notebook("topics", NAME, runs=tmp_path)


def test_an_unknown_template_names_the_known_ones(tmp_path, dataset):
    with pytest.raises(ValueError, match="no template .topcs.; templates are topics, assign"):
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


def test_forget_finds_copies_by_the_dataset_they_name_and_no_others(clean, dataset, tmp_path):
    path = dataset([{"text": "hello"}], f"{NAME}.jsonl")
    open_run(str(path), None, tmp_path)
    cell = nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("stream", text="a private row")])
    texts = {}
    places = {"hand": NOTEBOOKS / f"{NAME}_hand.ipynb", "other": NOTEBOOKS / f"{NAME}_2_topics.ipynb"}
    places["checkpoint"] = NOTEBOOKS / ".ipynb_checkpoints" / f"{NAME}-checkpoint.ipynb"
    try:
        for name, place in places.items():
            place.parent.mkdir(exist_ok=True)
            copy_template("topics", f"{NAME}_2" if name == "other" else str(path), place)
            notebook = nbformat.read(place, as_version=4)
            notebook.cells.append(cell)
            nbformat.write(notebook, place)
        assert forget(str(path), tmp_path)["notebooks"] == 2
        texts = {name: place.read_text() for name, place in places.items()}
    finally:
        for place in places.values():
            place.unlink(missing_ok=True)
    assert {name for name, text in texts.items() if "a private row" in text} == {"other"}
