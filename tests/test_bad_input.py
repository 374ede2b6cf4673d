"""What can go on goes on, bad rows in rejected.parquet; what cannot ends with an error that says what to do."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.files import read_value
from helpers.vectors.cache import VectorCache

ROOT = Path(__file__).resolve().parent.parent
TOPICS = ("fresh bread from the oven {}", "the night train to madrid {}", "two moons of the planet mars {}")


def sentences(n):
    return [TOPICS[i % 3].format(f"number {i // 3} {'very ' * (i % 7)}good") for i in range(n)]


def check(folder):
    """Every run folder, however small, has its files, and its figures add up."""
    rows, topics = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "topics.parquet")
    report, rejected = read_value(folder / "report.json"), pd.read_parquet(folder / "rejected.parquet")
    assert report["rows"] == len(rows) + len(rejected) and topics["size"].sum() == len(rows)
    assert (folder / "map.png").stat().st_size > 1000
    assert rows["id"].is_unique and np.isfinite(rows[["x", "y"]].to_numpy()).all()
    assert rejected["reason"].str.len().gt(0).all()
    return rows, topics, rejected, report


def test_one_row(run_cells, dataset, capsys):
    rows, topics, _, report = check(run_cells(dataset([{"text": "hello there"}])))
    assert rows["topic"].tolist() == [-1] and report["topics"] == 0 and report["coverage"] == 0
    assert "1 different texts are too few for topics of more than 5" in capsys.readouterr().out


def test_all_rows_the_same(run_cells, dataset):
    rows, _, _, report = check(run_cells(dataset([{"text": "hello there"}] * 200)))
    assert report["unique"] == 1 and report["duplicates"] == 199 and rows["id"].nunique() == 200


def test_only_emoji(run_cells, dataset):
    rows, _, _, report = check(run_cells(dataset([{"text": "🙂" * (1 + i % 40)} for i in range(60)])))
    assert report["kept"] == 60


def test_white_space_null_and_numbers_are_rejected_with_their_reasons(run_cells, dataset):
    good = [{"text": sentence} for sentence in sentences(90)]
    bad = [{"text": "  \n\t"}, {"text": None}, {"text": 7}, {"other": "x"}]
    rows, _, rejected, report = check(run_cells(dataset(good + bad), cluster__min_cluster_size=10))
    assert len(rows) == 90 and len(rejected) == 4 and report["topics"] >= 2
    assert rejected["position"].tolist() == [90, 91, 92, 93]
    assert rejected["reason"].str.contains("empty|not text|no column").all()


def test_a_row_of_five_megabytes(run_cells, dataset):
    long = {"text": "word " * 1_000_000}
    rows, _, _, report = check(run_cells(dataset([{"text": s} for s in sentences(20)] + [long])))
    assert report["truncated"] == 1 and rows["n_tokens"].max() == 254 and rows["text"].str.len().max() < 2000


def test_one_broken_line_among_ten_thousand(run_cells, tmp_path):
    lines = [json.dumps({"text": sentence}) for sentence in sentences(300)] * 34
    lines = lines[:10_000]
    lines[6789] = lines[6789][:-5]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    rows, _, rejected, report = check(run_cells(tmp_path / "rows.jsonl", cluster__min_cluster_size=20))
    assert len(rows) == 9_999 and rejected["line"].tolist() == [6790] and "JSON" in rejected["reason"].iloc[0]
    assert report["unique"] == 300


def test_repeated_ids_are_numbered(run_cells, dataset):
    rows, *_ = check(run_cells(dataset([{"id": f"r{i % 30}", "text": s} for i, s in enumerate(sentences(60))])))
    assert len(rows) == 60 and {"r0", "r0-2"} <= set(rows["id"])


def test_the_same_rows_in_another_order_give_the_same_topics(run_cells, dataset):
    records = [{"id": str(i), "text": s} for i, s in enumerate(sentences(150))]
    first, *_ = check(run_cells(dataset(records, "one.jsonl"), cluster__min_cluster_size=10))
    generator = np.random.default_rng(0)
    shuffled = [records[i] for i in generator.permutation(len(records))]
    path = dataset(shuffled, "two.jsonl")
    VectorCache(path.parent / "runs").path.unlink()  # from an empty cache, so that nothing is merely read again
    second, *_ = check(run_cells(path, cluster__min_cluster_size=10))
    pd.testing.assert_frame_equal(first.drop(columns="position"), second.drop(columns="position"))


def test_own_vectors_points_and_clusters_take_the_place_of_the_kits(run_cells, dataset):
    kinds = ["bread", "trains", "planets"]
    records = [
        {"text": s, "vec": np.eye(8)[i % 3].tolist(), "px": i % 3, "py": i // 3, "kind": kinds[i % 3]}
        for i, s in enumerate(sentences(60))
    ]
    path = dataset(records)
    folder = run_cells(path, embed__column="vec", reduce__columns=["px", "py"], cluster__column="kind")
    rows, topics, *_ = check(folder)
    assert set(topics["label"]) == {"Unassigned", *kinds} and (rows["topic"] != -1).all()
    assert np.load(folder / "vectors.npy").shape[1] == 8
    assert "vec" not in rows and set(rows["x"]) == {0, 1, 2}
    keywords = topics.set_index("label")["keywords"]
    assert "bread" in keywords["bread"] and "mars" in keywords["planets"]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [([[1.0, 0.0], [1.0]] * 5, "one length"), ([[1.0, float("nan")], [1.0, 0.0]] * 5, "NaN")],
)
def test_bad_own_vectors_end_with_what_to_mend(run_cells, dataset, vectors, message):
    records = [{"text": s, "vec": v} for s, v in zip(sentences(10), vectors, strict=True)]
    with pytest.raises(ValueError, match=message):
        run_cells(dataset(records), embed__column="vec")


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        ("", [], "no row with text; 0 rejected .the source is empty"),
        ('{"text": " "}\n{"text": null}\n', [], "no row with text; 2 rejected .2 x empty"),
        ('{"text": "a"}\n', ["--set", "text.column=body"], "no column 'body'.*text"),
        ('{"text": "a"}\n', ["--set", "embed.model=./no/such/model"], "no model './no/such/model'"),
        ('{"text": "a"}\n', ["--set", "cluster.min_size=3"], "cluster.min_size: not known; cluster takes"),
        ('{"text": "a"}\n', ["--set", "sample=many"], 'sample: .*got "many"'),
    ],
)
def test_what_cannot_go_on_ends_with_the_cause_and_status_1(kit, tmp_path, content, settings, message):
    (tmp_path / "rows.jsonl").write_text(content)
    command = ["run", "topics", tmp_path / "rows.jsonl", "--runs", tmp_path / "runs", *settings]
    done = kit(*command, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(message, last), done.stderr[-2000:]
    assert "Traceback" not in last
    assert not [path for path in tmp_path.rglob("*.part")]


def test_one_failing_dataset_does_not_stop_the_next_and_is_told_last(kit, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "list.txt").write_text(f"# two that fail\n{tmp_path / 'empty.jsonl'}\n\nno_such_dataset\n")
    done = kit("run", "topics", f"@{tmp_path / 'list.txt'}", "--runs", tmp_path / "runs", check=False)
    assert done.returncode == 1
    assert "2 of 2 failed" in done.stderr and "no_such_dataset: no dataset" in done.stderr


FULL_DISK = """
import resource, sys
from pathlib import Path
import pandas as pd
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import find_embedder
import helpers.vectors.embed as embed
embed.SAVE_EVERY = 1
texts = number_vectors(pd.DataFrame({"id": range(400), "text": [f"text number {i}" for i in range(400)]}))
embedder = find_embedder(model="all-MiniLM-L6-v2")
embedder.model
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
embed_texts(texts, embedder=embedder, batch_size=8, runs=Path(sys.argv[1]), run="r")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are set as Unix does")
def test_a_full_disk_in_the_middle_of_embedding_loses_nothing(minilm, tmp_path):
    from helpers.vectors.embed import embed_texts, number_vectors

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "runs"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode != 0 and "disk" in done.stderr.lower().splitlines()[-1], done.stderr[-500:]
    texts = number_vectors(pd.DataFrame({"id": range(400), "text": [f"text number {i}" for i in range(400)]}))
    whole, _ = embed_texts(texts, embedder=minilm, batch_size=8, runs=tmp_path / "whole", run="r")
    resumed, facts = embed_texts(texts, embedder=minilm, batch_size=8, runs=tmp_path / "runs", run="r")
    np.testing.assert_array_equal(whole, resumed)
