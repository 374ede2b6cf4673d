import numpy as np
import pandas as pd
import pytest

from helpers.files import write_value
from helpers.runs import open_run
from helpers.topics.cluster import cluster_points
from helpers.topics.tables import advice, assemble_rows, collect_report, report_table
from helpers.topics.tune import Choice


def texts():
    return pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "position": [2, 0, 1],
            "text": ["one", "two", "one"],
            "turns": [[0], [0, 2], [0]],
            "speakers": [[None], ["user", "assistant"], [None]],
            "n_tokens": [1, 1, 1],
            "n_tokens_before": [1, 5, 1],
            "truncated": [False, True, False],
            "duplicate_of": [None, None, "a"],
            "vector": [0, 1, 0],
            "colour": ["red", "blue", "red"],
            "own": [[1.0], [2.0], [1.0]],
        }
    )


CLUSTERS = pd.DataFrame({"topic": [0, -1], "confidence": np.array([0.5, 0], dtype=np.float32)})
POINTS = np.array([[1, 2], [3, 4]], dtype=np.float32)


def test_copies_share_their_topic_and_place():
    rows = assemble_rows(texts(), CLUSTERS, POINTS, without=["own"])
    assert rows["topic"].tolist() == [0, -1, 0] and rows["x"].tolist() == [1, 3, 1] and rows["y"].tolist() == [2, 4, 2]
    assert list(rows.columns) == (
        "id position text n_tokens truncated duplicate_of vector topic confidence x y turns speakers colour".split()
    )


def test_rows_carry_who_speaks_where_through_a_file(tmp_path):
    write_value(tmp_path / "rows.parquet", assemble_rows(texts(), CLUSTERS, POINTS, without=["own"]))
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert [places.tolist() for places in rows["turns"]] == [[0], [0, 2], [0]]
    assert [names.tolist() for names in rows["speakers"]] == [[None], ["user", "assistant"], [None]]


def test_rows_of_texts_without_speakers_can_be_kept_in_a_file(tmp_path):
    plain = texts().assign(turns=[[0], [], [0]], speakers=[[None], [], [None]])
    write_value(tmp_path / "rows.parquet", assemble_rows(plain, CLUSTERS, POINTS, without=["own"]))
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert [names.tolist() for names in rows["speakers"]] == [[None], [], [None]]


def test_layers_and_nearest_topics_have_columns_of_their_own():
    clusters = CLUSTERS.assign(topic_middle=[0, 0])
    nearest = pd.DataFrame({"nearest_topic": [0, 0], "similarity": np.array([0.9, 0.8], dtype=np.float32)})
    rows = assemble_rows(texts().assign(nearest_topic="mine"), clusters, POINTS, nearest, without=["own"])
    assert rows["topic"].tolist() == [0, -1, 0] and rows["nearest_topic"].tolist() == [0, 0, 0]
    assert rows["topic_middle"].tolist() == [0, 0, 0] and rows["similarity"].iloc[1] == np.float32(0.8)
    assert rows["source_nearest_topic"].tolist() == ["mine"] * 3


def test_rows_carry_their_topics_label_and_who_gave_it():
    named = {"topic": [-1, 0], "label": ["Unassigned", "Colours"], "label_source": ["fixed", "llm"]}
    rows = assemble_rows(texts(), CLUSTERS, POINTS, None, pd.DataFrame(named), model_name="small")
    assert rows["summary_label"].tolist() == ["Colours", "Unassigned", "Colours"]
    assert rows["model_name"].tolist() == ["small", None, "small"]


def test_the_figures_add_up(tmp_path, dataset):
    run = open_run(str(dataset([{"text": "a"}])), None, tmp_path / "runs")
    run.stage(cluster_points, np.zeros((0, 3)), pd.DataFrame({"vector": [0, 1]}), min_cluster_size=2)
    topics = pd.DataFrame({"topic": [-1, 0], "label_source": ["fixed", "llm"]})
    rejected = pd.DataFrame({"position": [3, 4], "reason": ["empty", "empty"]})
    rows = assemble_rows(texts(), CLUSTERS, POINTS)
    choice = Choice(50, "set", {})
    report = collect_report(run, rows, rejected, topics, choice=choice, audit={"x": 1})
    assert report["min_cluster_size"] == 50 and report["nearest_coverage"] is None
    assert report["rows"] == 5 == report["kept"] + report["rejected"]
    assert (report["unique"], report["duplicates"], report["truncated"], report["topics"]) == (2, 1, 1, 1)
    assert report["coverage"] == 2 / 3 and report["rejected_by_reason"] == {"empty": 2}
    assert report["label_sources"] == {"llm": 1} and report["audit"] == {"x": 1}
    assert report_table(report).set_index("figure").loc["coverage", "value"] == "67%"


TOPICS = pd.DataFrame({"topic": [-1, 0, 1], "share": [0.1, 0.4, 0.5]})
REPORT = {
    "topics": 10,
    "coverage": 0.996,
    "unique": 1000,
    "texts": 1000,
    "truncated": 700,
    "equal_after_cut": 0,
    "min_cluster_size": 50,
    "settings": {"cluster": {"algorithm": "hdbscan", "column": None, "topics": None}},
    "audit": {"language_shares": {"en": 0.9}, "tokens_lost": 0, "tokens": {"mean": 100}},
    "embedding": {"model": "all-MiniLM-L6-v2"},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "10 topics hold 99% of the texts."),
        ({"topics": 0, "coverage": 0, "unique": 50}, "50 different texts are too few for topics of more than 50"),
        ({"topics": 2}, "That is few: try a cluster.min_cluster_size below 50 in OVERRIDES, and run all cells"),
        ({"topics": 0, "min_cluster_size": 2}, "the size cannot be smaller"),
        ({"coverage": 0.3}, "less than half"),
        ({"audit": {"language_shares": {"en": 0.4, "es": 0.6}}}, "60% of the texts are not English"),
        ({"audit": {"tokens_lost": 50_000, "tokens": {"mean": 100}}}, "50% of all tokens were cut off, as 700 texts"),
        ({"equal_after_cut": 30}, "30 texts differ only in what was cut off"),
    ],
)
def test_advice_says_what_the_figures_mean(change, said):
    assert said in advice({**REPORT, **change}, TOPICS)
    assert change or advice(REPORT, TOPICS) == said


@pytest.mark.parametrize("change", [{"algorithm": "kmeans"}, {"column": "kind"}, {"topics": 7}])
def test_no_size_is_advised_where_it_has_no_say(change):
    cluster = {**REPORT["settings"]["cluster"], **change}
    said = advice({**REPORT, "topics": 2, "unique": 4, "settings": {"cluster": cluster}}, TOPICS)
    assert "min_cluster_size" not in said and "too few" not in said


def test_advice_tells_of_topics_that_come_and_go():
    assert "1 of them comes and goes with the seed" in advice(REPORT, TOPICS.assign(stability=[np.nan, 0.9, 0.2]))
    assert "2 of them come and go with" in advice(REPORT, TOPICS.assign(stability=[np.nan, 0.3, 0.2]))


def test_advice_tells_of_edits_that_no_longer_fit():
    edits = [{"status": "applied"}, {"status": "does not fit"}, {"status": "no change"}]
    assert "1 of 3 edits by hand no longer fits, and was not done" in advice({**REPORT, "edits": edits}, TOPICS)
    assert "by hand" not in advice({**REPORT, "edits": edits[:1]}, TOPICS)


def test_advice_tells_of_a_topic_that_holds_most():
    assert "One topic alone has 60%" in advice(REPORT, TOPICS.assign(share=[0.1, 0.6, 0.3]))
