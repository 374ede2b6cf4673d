"""What was found is counted as pandas would count it, and what changed is told from chance."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.assign.drift import advice, collect_figures, compare_topics, compared_table, count_found, first_rows
from helpers.assign.shards import assign_source
from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import fit_assigner, read_assigner, save_assigner
from helpers.vectors.embedder import unit_length
from tests.assign.conftest import around

LIKE_THE_MAP = [1200, 1000, 800, 600, 400, 200]


@pytest.fixture
def found(known, write_vectors, tmp_path):
    """A function that assigns vectors and returns parts, counts, the comparison and the figures."""
    model, topics = known

    def assign(vectors, **settings):
        source = write_vectors(vectors)
        parts = assign_source(str(source), model, tmp_path / "out", column="vector", id="id", **settings)
        counts = count_found(parts, model)
        compared = compare_topics(counts, topics, model, **settings)
        return parts, counts, compared, collect_figures(counts, compared, model)

    return assign


def test_counts_are_those_of_the_rows(found):
    vectors, _ = around([50, 40, 30, 20, 10, 0], seed=3)
    vectors[[3, 77]] = np.nan
    parts, counts, compared, figures = found(vectors)
    rows = pd.concat([pd.read_parquet(part) for part in parts])
    assert counts.rows == len(rows) == 148 and counts.rejected == {"a vector with NaN, infinity or nothing in it": 2}
    sizes = rows["topic"].value_counts()
    assert compared["rows"].tolist() == [sizes.get(topic, 0) for topic in compared["topic"]]
    away = rows[rows["topic"] == -1]["runner_up"].value_counts()
    assert counts.away.tolist() == [away.get(topic, 0) for topic in range(6)]
    wanted = np.histogram(rows.loc[rows["topic"] != -1, "confidence"], bins=20, range=(0, 1))[0]
    assert counts.confidence.tolist() == wanted.tolist()
    assert figures["rows"] == 150 and figures["rejected"] == 2
    assert figures["assigned"] + sizes.get(-1, 0) + figures["rejected"] == figures["rows"]
    assert compared["found"].sum() == pytest.approx(1) and compared["expected"].sum() == pytest.approx(1)


def test_rows_like_those_of_the_map_are_as_expected(found):
    """Twice as many rows with the same shares: nothing grew, nothing shrank, and the map holds."""
    _, _, compared, figures = found(around(LIKE_THE_MAP, seed=4)[0])
    assert (compared["found"] - compared["expected"]).abs().max() < 0.04
    assert figures["grew"] == figures["shrank"] == [] and "The map holds" in advice(figures)
    assert figures["coverage"] == pytest.approx(figures["expected_coverage"], abs=0.04)
    inside = compared[compared["topic"] != -1]
    assert (inside["coverage"] - inside["expected_coverage"]).abs().max() < 0.1


def test_what_grew_and_shrank_is_told_whatever_else_is_new(found):
    """Topic 5 has far more than its share, topic 0 a third; a third of all rows is something else."""
    vectors, _ = around([400, 1000, 800, 600, 400, 1600], seed=5)
    new = np.random.default_rng(6).normal(size=(2100, 24))
    _, _, compared, figures = found(np.concatenate([vectors, new / np.linalg.norm(new, axis=1)[:, None]]))
    assert figures["grew"] == [5] and figures["shrank"] == [0]
    assert figures["new"] > 0.2 and figures["moved"] > 0.2
    told = advice(figures)
    assert "something new that the map has no topic for" in told and "would be in another" in told
    assert compared.set_index("topic").loc[5, "times"] > 3


def test_a_few_rows_more_are_chance(found):
    """Four rows where two are expected are twice as many and say nothing."""
    _, _, _, figures = found(around([12, 10, 8, 6, 4, 4], seed=8)[0])
    assert figures["grew"] == figures["shrank"] == []


def test_nothing_usable_is_said_and_not_divided_by(found):
    _, counts, compared, figures = found(np.full((4, 24), np.nan))
    assert counts.rows == 0 and figures["coverage"] is None and figures["rejected"] == 4
    assert "No row could be used" in advice(figures) and compared["found"].sum() == 0


def test_expected_counts_the_rows_of_the_map_as_if_they_were_new(tmp_path):
    """With a hand-worked case: the middle row of three is so many rows, and one is far from all."""
    vectors, topics = around([100, 100], seed=0)
    rows = np.ones(200, dtype=int)
    rows[150:] = 3
    save_assigner(fit_assigner(vectors, topics, rows=rows), tmp_path)
    assigner = read_assigner(tmp_path)
    assert assigner.expected(0).tolist() == pytest.approx([100 / 300, 200 / 300])
    assert assigner.shares.tolist() == pytest.approx([100 / 300, 200 / 300])
    assert assigner.expected(0.2).sum() == pytest.approx(0.8) and assigner.agreement(0) == 1


def test_the_expectation_holds_for_rows_that_the_fit_did_not_see(tmp_path):
    """Few rows and many dimensions: the fitted rows themselves are nearer to the centres than any new ones."""
    centres = np.random.default_rng(1).normal(size=(5, 200))

    def drawn(count, seed):
        random = np.random.default_rng(seed)
        topics = random.integers(5, size=count)
        return unit_length(centres[topics] + 1.5 * random.normal(size=(count, 200))), topics

    assigner = fit_assigner(*drawn(2000, 2))
    new = assign_vectors(drawn(4000, 3)[0], assigner, reject=0.1)
    assert (new["topic"] != -1).mean() == pytest.approx(assigner.expected(0.1).sum(), abs=0.03)
    assert assigner.near(0.1).mean() > assigner.expected(0.1).sum()  # what the fitted rows alone would tell


def test_chance_is_not_taken_for_change(found, known):
    """Small draws of rows like the map's: the advice does not speak of change in any of them."""
    for seed in range(5):
        vectors, topics = around([600, 500, 400, 300, 200, 100], seed=0)
        some = np.random.default_rng(seed).permutation(len(vectors))[:60]
        figures = found(vectors[some])[3]
        assert figures["moved"] < 0.1 and "The map holds" in advice(figures)


def test_reasons_are_counted_by_kind_and_first_rows_read_alone(found, tmp_path, known):
    vectors, _ = around([20] * 6, seed=0)
    parts, *_ = found(vectors)
    assert first_rows(parts, count=3)["id"].tolist() == ["n0", "n1", "n2"]
    table = pa.table({"reason": [f"not JSON: at column {i}" for i in range(40)]})
    pq.write_table(table, parts[0].parent / "_rejected" / parts[0].name)
    assert count_found(parts, known[0]).rejected == {"not JSON: at column …": 40}


def test_the_table_is_to_be_read(found):
    _, _, compared, _ = found(around([50, 40, 30, 20, 10, 0], seed=3)[0])
    shown = compared_table(compared)
    assert shown["found"].str.fullmatch(r"\d+\.\d%").all() and shown["times"].iloc[-1] == ""
    assert shown["label"].tolist() == [*"ABCDEF", "Unassigned"]
