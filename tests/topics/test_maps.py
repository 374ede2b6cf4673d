"""A run's maps: every row under its point, files for other tools, a frame where something serves the file."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from helpers.runs import open_run
from helpers.topics.maps import draw_maps, rows_of_points, show_page

POINTS = np.eye(3, 2)
CLUSTERS = pd.DataFrame({"topic": [0, 0, -1], "confidence": [1.0, 0.5, 0.0]})
TEXTS = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "vector": [0, 1, 2, 1],
        "text": ["one", 'two, "2"\nlines', "three", 'two, "2"\nlines'],
        "turns": [[0], [0, 9], [0], [0, 9]],
        "speakers": [["user"], ["user", "assistant"], ["user"], ["user", "assistant"]],
        "city": ["Rome", "Oslo", "Rome", "Bern"],
    }
)


@pytest.fixture
def drawn(tmp_path, dataset):
    """A function that draws a small map in a new run."""
    run = open_run(str(dataset([{"text": "hello"}])), {"title": "Small <b>map</b>"}, tmp_path / "runs")
    topics = pd.DataFrame({"topic": [-1, 0], "label": ["Unassigned", "Numbers"], "size": [1, 3]})
    layers = pd.DataFrame({"layer": ["fine"], "topic": [0], "size": [3], "parent": [-1], "label": ["Numbers"]})
    return run, lambda **settings: draw_maps(POINTS, topics, layers, CLUSTERS, TEXTS, run=run, **settings)


def test_equal_texts_are_one_point_with_all_their_ids():
    rows, columns = rows_of_points(TEXTS.iloc[[3, 2, 0, 1]], CLUSTERS)
    assert rows["ids"].tolist() == [["a"], ["d", "b"], ["c"]] and columns.shape == (3, 0)
    assert rows["text"].tolist() == ["one", 'two, "2"\nlines', "three"]
    assert rows["confidence"].tolist() == [1.0, 0.5, 0.0]


def test_equal_texts_are_as_many_points_as_their_columns_have_values():
    rows, columns = rows_of_points(TEXTS.assign(confidence=[1, 2, 3, 4]), CLUSTERS, ["city", "confidence"])
    assert rows["ids"].tolist() == [["a"], ["d"], ["b"], ["c"]] and rows["vector"].tolist() == [0, 1, 1, 2]
    assert columns.to_dict("list") == {"city": ["Rome", "Bern", "Oslo", "Rome"], "confidence": [1, 4, 2, 3]}
    rows, _ = rows_of_points(TEXTS.assign(city=[["x"], None, ["x"], None]), CLUSTERS, ["city"])
    assert rows["ids"].tolist() == [["a"], ["b", "d"], ["c"]]


def test_points_are_coloured_by_what_was_found_and_a_source_column_of_that_name_stays(drawn, monkeypatch):
    run, draw = drawn
    colours = pd.DataFrame({"city": [4.0, 2.0, 1.0, 2.0], "near_duplicate": ["", "yes", "", "yes"]})
    given = []
    monkeypatch.setattr("helpers.topics.maps.write_map", lambda *args, **_: given.append(args) or {})
    draw(hover_columns=["city"], colours=colours)
    _, _, _, rows, columns = given[0]
    assert columns.to_dict("list") == {
        "city": [4.0, 2.0, 2.0, 1.0],
        "near_duplicate": ["", "yes", "yes", ""],
        "source_city": ["Rome", "Bern", "Oslo", "Rome"],
    }
    assert rows["ids"].tolist() == [["a"], ["d"], ["b"], ["c"]]


def test_the_files_of_a_map_are_written_and_its_costs_recorded(drawn):
    run, draw = drawn
    maps = draw(models=["/home/me/MiniLM", None], hover_columns=["city"])
    assert maps.facts["points"] == 4 and maps.facts["bytes"] == run.path("map.html").stat().st_size
    assert run.path("map.png").read_bytes() == maps.picture.data
    page = run.path("map.html").read_text()
    assert "/home" not in page
    assert "4 rows, 1 topic, 75% of the rows in a topic · MiniLM · 20" in page and "Small &lt;b&gt;map" in page
    assert not run.path("map.svg").exists()
    assert run.manifest["stages"]["plot"]["seconds"] > 0 and run.costs()["stage"].tolist() == ["plot"]


def test_an_svg_is_written_on_request(drawn):
    run, draw = drawn
    draw(svg=True)
    assert "Numbers" in run.path("map.svg").read_text()


def test_the_table_for_other_tools_has_every_row(drawn):
    run, draw = drawn
    draw()
    table = pd.read_csv(run.path("map.csv"))
    assert table.columns.tolist() == ["text", "x", "y", "topic"]
    assert table["text"].tolist() == TEXTS["text"].tolist() and table["topic"].tolist() == [0, 0, -1, 0]
    assert table[["x", "y"]].to_numpy().tolist() == POINTS[[0, 1, 2, 1]].tolist()


def test_a_frame_shows_the_page_where_a_server_has_it_and_a_sentence_elsewhere(drawn, tmp_path, monkeypatch):
    run, draw = drawn
    draw()
    monkeypatch.delenv("TOPIC_MAP_HEADLESS", raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    assert show_page(run) == f"open {run.path('map.html').as_uri()} in a browser"
    server = {"pid": os.getpid(), "root_dir": str(tmp_path), "base_url": "/lab/", "url": "http://x/lab/"}
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "jpserver-1.json").write_text(json.dumps(server))
    other = server | {"pid": os.getppid(), "base_url": "/other/"}
    (tmp_path / "runtime" / "jpserver-0.json").write_text(json.dumps(other))
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    assert show_page(run).src == f"/lab/files/runs/{run.name}/map.html"
    monkeypatch.setenv("TOPIC_MAP_HEADLESS", "1")
    assert "in a browser" in show_page(run)
