"""The rows that are looked at, and the groups of those that fit no topic."""

import numpy as np
import pandas as pd

from helpers.assign.samples import Sample
from helpers.assign.shards import assign_source
from helpers.assign.turned_away import group_turned_away, groups_table, read_samples
from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import read_assigner
from helpers.vectors.embedder import unit_length
from tests.assign.conftest import around


def test_a_sample_is_the_same_in_any_batches(known):
    assigner = read_assigner(known[0])
    vectors, _ = around([300] * 6, seed=1)
    vectors[::7] = unit_length(np.random.default_rng(0).normal(size=vectors[::7].shape))
    rows = assign_vectors(vectors, assigner)
    rows.insert(0, "position", np.arange(len(rows)))
    texts = np.array([f"text {i}" for i in range(len(rows))], dtype=object)
    tables = []
    for batch in (50, 1800):
        sample = Sample(list, 100)
        for start in range(0, len(rows), batch):
            lines = slice(start, start + batch)
            sample.add(rows[lines].reset_index(drop=True), vectors[lines], texts[lines])
        tables.append(sample.table(assigner).to_pandas())
    pd.testing.assert_frame_equal(tables[0].drop(columns="vector"), tables[1].drop(columns="vector"))
    shown = tables[0]
    assert (shown["topic"] == -1).sum() == (shown["topic"] != -1).sum() == 100
    assert shown["text"].tolist() == [f"text {i}" for i in shown["position"]] and shown["x"].notna().all()
    kept = shown[shown["topic"] == -1]
    given = np.stack(kept["vector"].to_list()).astype(np.float32)
    np.testing.assert_allclose(given, vectors[kept["position"]], atol=1e-3)
    assert shown.loc[shown["topic"] != -1, "vector"].isna().all()


def test_what_is_new_is_found_as_groups_with_its_words(known, write_vectors, tmp_path):
    """Two new themes among rows of the map: each is a group, with its words, and not those of the topics."""
    model, topics = known
    vectors, _ = around([120, 100, 80, 60, 40, 20], seed=2)
    centres = unit_length(np.random.default_rng(99).normal(size=(2, 24)))
    themes = np.repeat([0, 1], [150, 90])
    new = unit_length(centres[themes] + 0.1 * np.random.default_rng(3).normal(size=(240, 24)))
    words = np.array(["cards and banks", "ships at sea"])
    texts = [f"talk of dogs, number {i}" for i in range(len(vectors))]
    texts += [f"a talk of {words[theme]} again, {words[theme]}, number {i}" for i, theme in enumerate(themes)]
    source = write_vectors(np.concatenate([vectors, new]), texts, files=2)
    from helpers.assign.shards import assign_rows
    from helpers.assign.source import open_source

    opened = open_source(str(source), model, column="vector", id="id", text={"column": "text"})
    parts = assign_rows(opened, model, tmp_path / "out")
    samples = read_samples(parts)
    groups = group_turned_away(samples, topics)
    assert groups["share"].is_monotonic_decreasing and abs(groups["share"].sum() - 1) < 1e-9
    found = {word for line in groups["keywords"] for word in line[:3]}
    assert {"cards", "banks", "ships", "sea"} <= found
    for words, examples in zip(groups["keywords"], groups["examples"], strict=True):  # edges of topics are a group too
        assert ("dogs" in words) == any("dogs" in one for one in examples)
    mixed = [set(line) & {"banks", "ships"} for line in groups["keywords"]]
    assert all(len(one) < 2 for one in mixed)
    assert all(len(line) <= 3 and all(line) for line in groups["examples"])
    assert set().union(*groups["nearest"]) <= set("ABCDEF")
    shown = groups_table(groups)
    assert shown["share"].str.endswith("%").all() and ", ".join(groups["keywords"][0]) == shown["keywords"][0]


def test_nothing_turned_away_and_rows_without_texts(known, write_vectors, tmp_path):
    model, topics = known
    vectors, _ = around([20] * 6, seed=2)
    parts = assign_source(str(write_vectors(vectors)), model, tmp_path / "a", column="vector", id="id", reject=0)
    assert group_turned_away(read_samples(parts), topics).empty
    vectors[:30] = unit_length(np.random.default_rng(0).normal(size=(30, 24)))
    parts = assign_source(str(write_vectors(vectors)), model, tmp_path / "b", column="vector", id="id")
    groups = group_turned_away(read_samples(parts), topics)
    assert groups["keywords"].tolist() == [[]] * len(groups)
    assert all(one.startswith("n") for line in groups["examples"] for one in line)
