import numpy as np
import pandas as pd

from helpers.runs import open_run
from helpers.topics.cluster import cluster_points
from helpers.topics.tables import advice, assemble_rows, collect_report, report_table


def texts():
    return pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "position": [2, 0, 1],
            "text": ["one", "two", "one"],
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
        "id position text n_tokens truncated duplicate_of vector topic confidence x y colour".split()
    )


def test_the_figures_add_up(tmp_path, dataset):
    run = open_run(str(dataset([{"text": "a"}])), None, tmp_path / "runs")
    run.stage(cluster_points, POINTS, pd.DataFrame({"vector": [0, 1]}), min_cluster_size=2)
    topics = pd.DataFrame({"topic": [-1, 0], "label_source": ["fixed", "llm"]})
    rejected = pd.DataFrame({"position": [3, 4], "reason": ["empty", "empty"]})
    rows = assemble_rows(texts(), CLUSTERS, POINTS)
    report = collect_report(run, rows, rejected, topics, audit={"x": 1})
    assert report["rows"] == 5 == report["kept"] + report["rejected"]
    assert (report["unique"], report["duplicates"], report["truncated"], report["topics"]) == (2, 1, 1, 1)
    assert report["coverage"] == 2 / 3 and report["rejected_by_reason"] == {"empty": 2}
    assert report["label_sources"] == {"llm": 1} and report["audit"] == {"x": 1}
    assert report_table(report).set_index("figure").loc["coverage", "value"] == "66.7%"


def test_advice_names_what_to_change():
    base = {"topics": 10, "coverage": 0.9, "unique": 1000}
    assert "10 topics hold 90%" in advice(base, min_cluster_size=50)
    assert "too few" in advice({**base, "topics": 0, "unique": 40}, min_cluster_size=50)
    assert "too much alike" in advice({**base, "topics": 0}, min_cluster_size=50)
    assert "Only 2 topics" in advice({**base, "topics": 2}, min_cluster_size=50)
    assert "Only 30%" in advice({**base, "coverage": 0.3}, min_cluster_size=50)
