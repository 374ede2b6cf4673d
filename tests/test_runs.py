import shutil

import numpy as np
import pandas as pd
import pytest

from helpers.files import read_value, write_value
from helpers.past_runs import forget, list_runs
from helpers.runs import continue_run, open_run
from helpers.shown import settings_table
from helpers.stages import STAGES
from helpers.topics.cluster import cluster_points
from helpers.topics.tree import grow_tree


@pytest.fixture
def run(tmp_path, dataset):
    return open_run(str(dataset([{"text": "hello"}])), None, tmp_path / "runs")


@pytest.fixture
def edges():
    generator = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 10], [20, 0]])
    return grow_tree(np.concatenate([generator.normal(centre, 0.5, (40, 2)) for centre in centres]))


def own(edges):
    return pd.DataFrame({"id": [str(i) for i in range(len(edges) + 1)], "vector": range(len(edges) + 1)})


def test_a_stage_is_done_once(run, edges, capsys):
    first = run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    second = run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    pd.testing.assert_frame_equal(first, second)
    assert "as before" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["setting", "data", "file"])
def test_a_stage_is_done_again_when_what_it_depends_on_changes(run, edges, capsys, change):
    run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    size = 20 if change == "setting" else 10
    moved = edges[::-1] if change == "data" else edges
    if change == "file":
        run.path("stages/clusters.parquet").unlink()
    capsys.readouterr()
    run.stage(cluster_points, moved, own(edges), min_cluster_size=size)
    assert "as before" not in capsys.readouterr().out


def test_a_stage_that_failed_half_way_is_not_taken_for_done(run, edges):
    run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    with pytest.raises(ValueError):
        run.stage(cluster_points, edges, own(edges), min_cluster_size=10, method="no such method")
    # the files of the first settings are still there, but nothing says so: they are made again
    assert "cluster" not in run.manifest["stages"]


def test_every_stage_says_what_it_cost(run, edges, capsys):
    run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    record = run.manifest["stages"]["cluster"]
    assert record["seconds"] >= 0 and record["peak_memory_mb"] > 10
    assert run.costs()["stage"].tolist() == ["cluster"]
    assert "peak memory" in capsys.readouterr().out


def test_the_manifest_names_settings_and_versions(run):
    assert run.manifest["settings"]["seed"] == 42
    assert run.manifest["versions"]["bertopic"][0].isdigit()
    assert run.manifest["versions"]["topic-map-kit"] != "not installed"


def test_the_run_folder_is_its_owners_alone(run):
    assert run.folder.stat().st_mode & 0o077 == 0
    assert run.path("manifest.json").stat().st_mode & 0o077 == 0


def test_settings_show_what_was_changed_apart_from_defaults(tmp_path, dataset):
    path = str(dataset([{"text": "hello"}]))
    shown = settings_table(open_run(path, {"cluster.min_cluster_size": 7}, tmp_path / "runs").config)
    assert shown.loc["cluster", "set"] == "min_cluster_size: 7"
    assert "method: eom" in shown.loc["cluster", "default"]


def test_forget_deletes_the_run_and_only_its_own_vectors(tmp_path, dataset):
    from helpers.vectors.cache import VectorCache

    folder = tmp_path / "runs"
    open_run(str(dataset([{"text": "a"}], "one.jsonl")), None, folder)
    open_run(str(dataset([{"text": "b"}], "two.jsonl")), None, folder)
    cache = VectorCache(folder)
    cache.add(b"m", [(b"a", np.ones(2)), (b"both", np.ones(2))], run="one")
    cache.use(b"m", [b"both"], run="two")
    gone = forget("one", folder)
    assert gone["vectors"] == 1 and not (folder / "one").exists() and (folder / "two").exists()
    assert set(cache.find(b"m", [b"a", b"both"])) == {b"both"}
    with pytest.raises(FileNotFoundError, match="runs are: two"):
        forget("one", folder)


def test_forget_deletes_the_tables_of_all_together_only_where_they_tell_of_the_run(tmp_path, dataset):
    runs, together = tmp_path / "runs", tmp_path / "runs" / "uses_together"
    for name in ("one", "two"):
        open_run(str(dataset([{"text": "a"}], f"{name}.jsonl")), None, runs)
    together.mkdir()
    write_value(together / "datasets.parquet", pd.DataFrame({"dataset": ["two"]}))
    forget("one", runs)
    assert together.exists()
    forget("two", runs)
    assert not together.exists()


def test_list_shows_runs_with_and_without_results(tmp_path, dataset):
    run = open_run(str(dataset([{"text": "a"}], "one.jsonl")), None, tmp_path / "runs")
    run.save("report.json", {"rows": 10, "topics": 2, "coverage": 0.5})
    open_run(str(dataset([{"text": "b"}], "two.jsonl")), None, tmp_path / "runs")
    table = list_runs(tmp_path / "runs").set_index("name")
    assert table.loc["one", "topics"] == 2 and table.loc["two", "rows"] == "not finished"


def test_results_go_when_a_stage_is_made_anew_and_stay_when_one_fails(run, edges):
    run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    run.save("report.json", {"topics": 3})
    run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    with pytest.raises(ValueError):
        run.stage(cluster_points, edges, own(edges), min_cluster_size=10, method="no such method")
    assert run.path("report.json").exists()
    run.stage(cluster_points, edges, own(edges), min_cluster_size=20)
    assert not run.path("report.json").exists()


def write_beside(texts, *, model_folder):
    model_folder.mkdir(exist_ok=True)
    return texts


write_beside.__module__ = "helpers.text.load"


def test_a_stage_whose_folder_was_deleted_is_done_again(run, edges, monkeypatch, capsys):
    monkeypatch.setitem(STAGES, "load", ("stages/x.parquet",))
    for _ in range(2):
        run.stage(write_beside, own(edges), model_folder=run.path("model"))
        assert run.path("model").is_dir()
        run.path("model").rmdir()
    assert "as before" not in capsys.readouterr().out


def test_two_at_once_do_not_mix_their_files(run, edges, dataset):
    again = open_run(run.config.source.path, None, run.folder.parent)
    again.stage(cluster_points, edges, own(edges), min_cluster_size=20)
    with pytest.raises(RuntimeError, match="opened again, or deleted, by another"):
        run.stage(cluster_points, edges, own(edges), min_cluster_size=10)
    assert again.stage(cluster_points, edges, own(edges), min_cluster_size=20)["topic"].max() == 2


def test_another_file_of_the_same_name_does_not_take_the_place_of_a_run(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.jsonl").write_text('{"text": "hello"}')
    open_run(str(tmp_path / "a" / "data.jsonl"), None, tmp_path / "runs")
    with pytest.raises(ValueError, match="holds the run of .*a/data.jsonl: give this dataset a name of its own"):
        open_run(str(tmp_path / "b" / "data.jsonl"), None, tmp_path / "runs")


def test_a_broken_manifest_or_cache_says_what_to_do(run, tmp_path):
    cache = tmp_path / "runs" / ".cache"
    cache.mkdir()
    (cache / "vectors.sqlite").write_text("no database, but long enough to be looked at by sqlite " * 40)
    with pytest.raises(OSError, match="vectors.sqlite: .*delete it"):
        forget(run.name, tmp_path / "runs")
    assert not run.folder.exists()  # what can be deleted is
    other = open_run(run.config.source.path, None, tmp_path / "runs")
    other.path("manifest.json").write_text("")
    assert "delete it" in list_runs(tmp_path / "runs")["title"][0]
    with pytest.raises(ValueError, match="manifest.json: .*delete it and run again"):
        open_run(run.config.source.path, None, tmp_path / "runs")


def test_changed_instructions_name_the_topics_anew(monkeypatch, tmp_path):
    from helpers import keys
    from helpers.topics.label import label_topics

    before = [keys.stage_key(function, (), {}) for function in (label_topics, cluster_points)]
    for name in ("topics", "instructions"):
        (tmp_path / "helpers" / name).mkdir(parents=True)
    (tmp_path / "helpers" / "llm.py").write_text("")
    (tmp_path / "helpers" / "instructions" / "label.md").write_text("changed")
    monkeypatch.setattr(keys, "ROOT", tmp_path)
    after = [keys.stage_key(function, (), {}) for function in (label_topics, cluster_points)]
    assert before[0] != after[0] and before[1] == after[1]


def test_a_tokenizer_counts_as_the_same_after_it_was_used(words):
    from helpers.files import fingerprint

    before = fingerprint(words)
    words(["one two three", "one"], truncation=True, max_length=2)
    assert fingerprint(words) == before


def test_a_copy_of_a_run_is_a_run_of_its_own(run, edges):
    """Its chapter goes on in the copy, with the copy's settings, and the other stays as it is."""
    for name in ("report.json", "topics.parquet", "rows.parquet"):
        run.save(name, {} if name.endswith("json") else pd.DataFrame({"id": ["1"]}))
    copy = run.folder.parent / "before"
    shutil.copytree(run.folder, copy)
    settings = read_value(copy / "manifest.json")
    settings["settings"]["seed"] = 7
    write_value(copy / "manifest.json", settings)
    found = continue_run("before", {"explore.pick": 3}, run.folder.parent, chapter="explore")
    assert found.folder == copy and found.name == "before" and found.config.seed == 7 and found.config.explore.pick == 3
    assert continue_run(run.name, {}, run.folder.parent, chapter="explore").folder == run.folder
