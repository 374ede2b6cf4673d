import numpy as np
import pandas as pd
import pytest

from helpers.runs import open_run
from helpers.topics.maps import draw_maps


@pytest.fixture
def drawn(tmp_path, dataset):
    """A function that draws a small map in a new run."""
    run = open_run(str(dataset([{"text": "hello"}])), {"title": "Small <b>map</b>"}, tmp_path / "runs")
    texts = pd.DataFrame({"vector": [0, 1, 2, 1], "text": ["one", "two", "three", "two"]})
    topics = pd.DataFrame({"topic": [-1, 0], "label": ["Unassigned", "Numbers"], "size": [1, 3]})
    clusters = pd.DataFrame({"topic": [0, 0, -1]})
    return run, lambda: draw_maps(np.eye(3, 2), topics, clusters, texts, run=run)


def test_without_the_pages_scripts_the_picture_is_drawn_and_the_reason_recorded(drawn, monkeypatch, tmp_path, capsys):
    run, draw = drawn
    monkeypatch.setattr("helpers.assets.assets_dir", lambda: tmp_path / "no assets")
    maps = draw()
    assert "python -m helpers assets" in maps.facts["missing"] and "map.html was not written" in capsys.readouterr().out
    assert run.path("map.png").stat().st_size > 1000 and not run.path("map.html").exists()


def test_the_costs_of_drawing_are_recorded(drawn):
    run, draw = drawn
    draw()
    assert run.manifest["stages"]["plot"]["seconds"] > 0 and run.costs()["stage"].tolist() == ["plot"]
