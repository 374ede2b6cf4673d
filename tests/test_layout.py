import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["text", "vectors", "clean", "topics", "assign", "quality", "synthetic", "explore"]
BESIDES = {"assign": {"topics"}, "explore": {"topics"}}  # both go on from a map
MODULES = sorted((ROOT / "helpers").rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_one_way(path):
    """A room uses what stands before it or at the top; topics, quality and synthetic never each other."""
    room = path.relative_to(ROOT / "helpers").parts[0]
    if room not in ROOMS:
        return
    used = {name.split(".")[1] for name in imported(path) if name.startswith("helpers.") and name.count(".") > 1}
    allowed = set(ROOMS[: min(ROOMS.index(room), 3)]) | {room} | BESIDES.get(room, set())
    assert used & set(ROOMS) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_say_what_they_do(path):
    source = path.read_text("utf-8")
    assert len(source.splitlines()) <= 300
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_importing_everything_is_quick_work_for_the_machine():
    """No heavy library is loaded by importing the helpers: they load inside the functions that need them."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in MODULES if "__" not in path.name]
    heavy = "torch transformers sentence_transformers bertopic umap hdbscan datamapplot datasets matplotlib"
    program = (
        f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if re.match(r"[\w.-]+==", line))


def test_the_three_environments_agree():
    """Whatever pyproject asks for is pinned in constraints, and conda and make install the same torch and project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        asked = Requirement(text)
        assert asked.specifier.contains(pinned[canonicalize_name(asked.name)]), text
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(part["pip"] for part in conda["dependencies"] if isinstance(part, dict))
    torch = f"torch=={pinned['torch']}"
    assert "-c constraints.txt" in pip and "-e .[dev]" in pip and torch in pip
    assert torch in (ROOT / "Makefile").read_text() and torch in (ROOT / "README.md").read_text()


def test_packages_that_break_the_promise_of_privacy_are_not_dependencies():
    assert not {"kernels", "litellm", "optimum-onnx", "toponymy"} & set(pins())


def test_the_readme_tree_is_the_folder():
    readme = (ROOT / "README.md").read_text("utf-8")
    for path in sorted((ROOT / "helpers").iterdir()):
        if not path.name.startswith("__") and not path.name.endswith(".egg-info"):
            assert path.name in readme, f"{path.name} is not in the README's tree"


def test_the_readme_has_the_plain_command_of_every_target():
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in ("make demo", "make test", "make lab", "python -m helpers run topics demo", "python -m pytest"):
        assert command in readme


def test_every_command_is_in_the_readme(kit):
    shown = kit("--help").stdout
    readme = (ROOT / "README.md").read_text("utf-8")
    for command in ("new", "run", "list", "doctor", "models", "forget"):
        assert command in shown and f"helpers {command}" in readme


def test_no_private_copy_of_a_notebook_is_tracked():
    tracked = subprocess.run(["git", "ls-files", "notebooks"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    if not tracked:
        pytest.skip("not a git checkout")
    assert all(name.endswith("_template.ipynb") for name in tracked)
    ignored = subprocess.run(["git", "check-ignore", "notebooks/mine_topics.ipynb", "runs/x/rows.parquet"], cwd=ROOT)
    assert ignored.returncode == 0
