"""A template -> a user's copy for one dataset; and a notebook -> run from end to end without a browser.

What happens in the cells is told in the notebooks themselves.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from helpers.config import DATASETS, ROOT, configured, file_stem, place_files, read_config, run_name
from helpers.files import read_value, write_atomically
from helpers.runs import continue_run, open_run, runs_folder
from helpers.shown import HEADLESS

NOTEBOOKS = ROOT / "notebooks"
FIRST = "topics"  # the template that makes a run; the others go on from it
WITHOUT_MAP = ("quality", "uses", "synthetic")  # of the others those that do without it
REPORTS = {FIRST: "report.json"}  # of the others it is called after them
PARAMETERS = ("DATASET", "OVERRIDES", "RUNS")


def templates() -> dict[str, Path]:
    """Return the templates by name (topics, assign, ...), in the order of their numbers."""
    found = sorted(NOTEBOOKS.glob("[0-9]_*_template.ipynb"))
    return {path.stem.split("_", 1)[1].removesuffix("_template"): path for path in found}


def new_dataset(name: str, source: str, *, title: str | None = None) -> tuple[Path, Path, dict[str, Any]]:
    """Write NAME.yaml with the detected format and a copy of the topics template; return both paths and the format.

    Raises FileExistsError rather than write over either, FileNotFoundError or ValueError for a source that cannot
    be read.
    """
    from helpers.text.load import describe_source, load_rows
    from helpers.text.strings import detect_format

    name = file_stem(name)
    settings_path, notebook_path = DATASETS / f"{name}.yaml", NOTEBOOKS / f"{name}_topics.ipynb"
    for path in (settings_path, notebook_path):
        if path.exists():
            raise FileExistsError(f"{path.relative_to(ROOT)} is there already; choose another name or delete it")
    _, config = read_config(source)
    described = describe_source(config.source.path)
    rows, _ = load_rows(path=config.source.path, end=200)
    if rows.empty:
        raise ValueError(f"{source}: no row could be read among the first 200")
    found = detect_format([json.loads(record) for record in rows["record"]])
    settings = {
        "title": title or name.replace("_", " "),
        "source": {"path": config.source.path},
        "text": found,
    }
    write_atomically(settings_path, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    copy_template("topics", name, notebook_path)
    return settings_path, notebook_path, {**described, "format": found}


def copy_template(template: str, dataset: str, path: Path) -> Path:
    """Write a copy of a template to path in which DATASET is the dataset's name."""
    import nbformat

    notebook = nbformat.read(_template(template), as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = re.sub(r"^DATASET = .*$", f"DATASET = {json.dumps(dataset)}", cell.source, flags=re.M)
    return write_atomically(path, nbformat.writes(notebook) + "\n")


def clear_copies(name: str) -> int:
    """Take the outputs, which show rows, out of the notebooks of a run and their checkpoints; return how many had any.

    A notebook belongs to the run that its DATASET names, whatever its file is called.
    """
    import nbformat

    cleared = 0
    copies = {*NOTEBOOKS.rglob("*.ipynb"), *NOTEBOOKS.glob(".ipynb_checkpoints/*.ipynb")} - {*templates().values()}
    for path in sorted(copies):
        notebook = nbformat.read(path, as_version=4)
        if run_name(str(_parameters(notebook).get("DATASET", ""))) != name:
            continue
        shown = [cell for cell in notebook.cells if cell.get("outputs")]
        for cell in shown:
            cell.outputs, cell.execution_count = [], None
        if shown:
            write_atomically(path, nbformat.writes(notebook) + "\n")
        cleared += bool(shown)
    return cleared


def run_notebook(
    template: str, dataset: str, *, overrides: dict[str, Any] | None = None, runs: str | Path | None = None
) -> dict[str, Any]:
    """Run a template, or the user's copy of it, for a dataset and return the report that it writes.

    The notebook's output is shown as it comes; the executed notebook is kept in the run folder. Raises ValueError
    for a parameter that the notebook lacks, FileNotFoundError where it needs a map that is not there, and RuntimeError
    with the cause when a cell fails.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    if Path(dataset).expanduser().exists() and dataset not in configured():
        dataset = str(Path(dataset).expanduser().resolve())  # the notebook works in a folder of its own
    own = NOTEBOOKS / f"{run_name(dataset)}_{template}.ipynb"
    notebook = own if own.exists() else _template(template)
    written = _parameters(nbformat.read(notebook, as_version=4))
    if unknown := [name for name in PARAMETERS if name not in written]:
        raise ValueError(f"{notebook.name}: no {unknown[0]} in its parameters cell; it needs {', '.join(PARAMETERS)}")
    # What a user wrote into the copy holds; what the command line says comes on top.
    overrides = place_files({**(written["OVERRIDES"] or {}), **(overrides or {})})
    folder = runs_folder(runs or written["RUNS"])
    if template == FIRST:
        run = open_run(dataset, overrides, folder)
    else:
        run = continue_run(dataset, overrides, folder, chapter=template, need_map=template not in WITHOUT_MAP)
    parameters = {"DATASET": str(dataset), "OVERRIDES": overrides, "RUNS": str(folder)}
    executed = run.path(f"{template}.ipynb")
    write_atomically(executed, notebook.read_bytes())  # so that it is the owner's alone before rows are in it
    os.environ[HEADLESS] = "1"  # for the kernel: a picture in place of a slider
    started, sockets = time.time(), tempfile.mkdtemp(prefix="topic-map-")
    try:
        papermill.execute_notebook(
            str(notebook),
            str(executed),
            parameters=parameters,
            cwd=str(NOTEBOOKS),
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            config=_kernel_settings(sockets),
            shutdown_kernel="immediate",
        )
    except PapermillExecutionError as error:
        raise RuntimeError(f"{error.ename}: {error.evalue}") from None
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    report = run.path(REPORTS.get(template, f"{template}_report.json"))
    if not report.exists() or report.stat().st_mtime < started - 2:  # clocks of file systems are coarse
        raise RuntimeError(f"{notebook.name} ended without writing {report.name}: was its last chapter deleted?")
    return read_value(report)


def _parameters(notebook: Any) -> dict[str, Any]:  # noqa: ANN401 - nbformat's NotebookNode
    """Return the names and values that the parameters cell of a notebook sets; None for what is no plain value."""
    cells = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    found: dict[str, Any] = {}
    for name, value in re.findall(r"^([A-Z_]+) *= *(.*?)(?=^[A-Z_]+ *=|\Z)", "\n".join(cells), flags=re.M | re.S):
        try:
            found[name] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            found[name] = None
    return found


def _kernel_settings(sockets: str) -> Any:  # noqa: ANN401 - traitlets' Config
    """Return settings by which the kernel talks over files in a folder of its own, not ports, where a system can."""
    from traitlets.config import Config

    return Config() if os.name == "nt" else Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})


def _template(name: str) -> Path:
    known = templates()
    if name not in known:
        raise ValueError(f"no template {name!r}; templates are {', '.join(known)}")
    return known[name]
