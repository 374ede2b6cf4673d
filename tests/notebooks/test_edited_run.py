"""A map that was edited by hand: the page, the report, the model and new rows know of it, and so does a refit."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from helpers.runs import continue_run
from helpers.topics import edits
from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import read_assigner

THEMES = {
    "dogs": (
        "My dog",
        "The old puppy",
        "Her terrier",
        "barks at the postman",
        "chews the bone",
        "sleeps in its kennel",
    ),
    "rain": (
        "The storm",
        "Heavy rain",
        "Thick fog",
        "came over the coast",
        "will last until Friday",
        "froze the roads",
    ),
    "bread": (
        "Sourdough bread",
        "This cake",
        "The pizza",
        "bakes in a hot oven",
        "needs more flour",
        "rises overnight",
    ),
    "chess": ("The bishop", "Her queen", "A rook", "takes the pawn", "gives checkmate", "guards the king"),
    "stars": (
        "The comet",
        "A telescope",
        "Saturn's moon",
        "shows in the night sky",
        "crosses its orbit",
        "is a light year away",
    ),
}
ENDS = ("again.", "today.", "as always.", "at last.", "they said.")


def rows_of(theme, more=""):
    subjects, verbs = THEMES[theme][:3], THEMES[theme][3:]
    return [" ".join(part).strip() + more for part in itertools.product(subjects, verbs, ENDS)]


def rows(*, without=0.0, more=()):
    """The rows of all themes, some left out by a fixed draw, and others."""
    texts = [
        {"id": f"{theme}{at}", "text": text, "theme": theme}
        for theme in THEMES
        for at, text in enumerate(rows_of(theme))
    ]
    keep = np.random.default_rng(1).random(len(texts)) >= without
    return [one for one, kept in zip(texts, keep, strict=True) if kept] + [*more]


ASKED = {"cluster__min_cluster_size": 30, "text__keep": ["theme"], "tune__seeds": 0}


def theme_of(table):
    """The topic that most rows of each theme are in."""
    return table.groupby("theme")["topic"].agg(lambda topics: topics.mode()[0]).to_dict()


@pytest.fixture
def mapped(dataset, run_cells, tmp_path):
    path = dataset(rows())
    folder = run_cells(path, **ASKED)
    return path, folder, continue_run(str(path), {}, tmp_path / "runs", chapter="explore")


def test_edits_are_in_all_that_a_run_leaves_and_outlast_a_refit(mapped, dataset, run_cells):
    path, folder, run = mapped
    first = pd.read_parquet(folder / "rows.parquet")
    topic = theme_of(first)
    assert sorted(topic.values()) == [0, 1, 2, 3, 4] == sorted(set(first["topic"]) - {-1})
    edits.merge(run, [topic["dogs"], topic["rain"]], name="Outdoors & <b>pets</b>")
    edits.rename(run, topic["bread"], "Baking")
    edits.pin(run, topic["stars"], name="The sky")
    edits.drop(run, topic["chess"])
    again = edits.drop(run, topic["chess"])
    assert "already" in again

    run_cells(path, **ASKED)
    table, topics = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "topics.parquet")
    named = topics.set_index("label")["topic"].to_dict()
    topic = theme_of(table)
    assert topic["dogs"] == topic["rain"] == named["Outdoors & <b>pets</b>"] and topic["bread"] == named["Baking"]
    assert topic["chess"] == -1 and topic["stars"] == named["The sky"] and len(topics) == 4
    assert topics["size"].tolist() == table["topic"].value_counts().reindex(topics["topic"]).tolist()
    assert table["edited"].sum() == 90 and set(topics["label_source"]) == {"fixed", "given"}
    report = json.loads((folder / "report.json").read_text())
    assert [edit["status"] for edit in report["edits"]] == ["applied"] * 4 and report["topics"] == 3
    page, printed = (folder / "map.html").read_text(), (folder / "report.html").read_text()
    assert "<b>pets</b>" not in page and "<b>pets</b>" not in printed and "Outdoors &amp; &lt;b&gt;pets" in printed
    vectors = np.load(folder / "vectors.npy").astype(np.float32)
    assigner = read_assigner(folder / "model")
    found = assign_vectors(vectors[table["vector"]], assigner)["topic"].to_numpy()
    inside = table["topic"].to_numpy() >= 0
    assert assigner.centres.shape[1] == 3 and (found[inside] == table["topic"].to_numpy()[inside]).mean() > 0.85

    # Other rows, and topics so large that the fit has none of the small ones: what was pinned is there.
    more = [{"id": f"new{at}", "text": text, "theme": "stars"} for at, text in enumerate(rows_of("stars", " Indeed."))]
    dataset(rows(without=0.15, more=more[:20]))
    run_cells(path, **{**ASKED, "cluster__min_cluster_size": 60})
    table, topics = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "topics.parquet")
    kept = table[table["topic"] == topics.set_index("label")["topic"]["The sky"]]
    stars = (table["theme"] == "stars").sum()
    assert (
        (kept["theme"] == "stars").mean() > 0.95 and len(kept) > 0.85 * stars and kept["id"].str.startswith("new").any()
    )

    # A line that is deleted is undone.
    lines = (folder / "edits.yaml").read_text().splitlines(keepends=True)
    (folder / "edits.yaml").write_text("".join(line for line in lines if "drop" not in line and "merge" not in line))
    dataset(rows())
    run_cells(path, **ASKED)
    table = pd.read_parquet(folder / "rows.parquet")
    assert theme_of(table)["chess"] >= 0 and theme_of(table)["dogs"] != theme_of(table)["rain"]
    (folder / "edits.yaml").unlink()
    run_cells(path, **ASKED)
    undone = pd.read_parquet(folder / "rows.parquet")
    pd.testing.assert_frame_equal(undone[list(first)], first)
