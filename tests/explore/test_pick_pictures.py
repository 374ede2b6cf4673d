"""The picture of picked rows has all of them over all points, beside as many random ones."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from helpers.explore.coverage import against_random, random_rows
from helpers.explore.pick import pick_rows
from helpers.explore.pictures_pick import plot_pick
from helpers.explore.read_map import TopicMap
from helpers.vectors.embedder import unit_length


def made(count, *, places=True):
    chance = np.random.default_rng(0)
    topics = np.arange(count) % 3 - 1
    rows = pd.DataFrame({"id": [f"$x$<b>{at}" for at in range(count)], "vector": range(count), "topic": topics})
    if places:
        rows["x"], rows["y"] = (topics * 5 + chance.normal(size=count)).astype(np.float32), chance.normal(size=count)
    table = pd.DataFrame({"topic": [-1, 0, 1], "label": ["Unassigned", "$\\frac{$", "<script>"]})
    vectors = unit_length(chance.normal(size=(count, 32)))
    return TopicMap(rows, table, pd.DataFrame(), vectors)


def drawn(figure):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*constrained_layout.*")
        figure.savefig(file, format="png", dpi=40)
    return len(file.getvalue()) > 1000


@pytest.mark.parametrize("n", [1, 20, 90])
def test_all_picked_rows_are_in_it_and_as_many_random_ones(n):
    topic_map = made(90)
    picked, _ = pick_rows(topic_map, n)
    compared = against_random(topic_map, picked)
    figure = plot_pick(topic_map, picked, compared)
    shown = [[len(dots.get_offsets()) for dots in axes.collections] for axes in figure.axes]
    assert shown == [[90, n], [90, n]] and drawn(figure)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[0].startswith(f"picked: {n} row") and f"{compared['mean'][0]:.3f}" in titles[0]
    assert titles[1].startswith(f"random: {n} row") and f"{compared['mean'][1]:.3f}" in titles[1]


def test_the_dots_are_where_the_rows_are():
    topic_map = made(60)
    picked, _ = pick_rows(topic_map, 10)
    left, right = plot_pick(topic_map, picked, seed=3).axes
    pale, over = (dots.get_offsets() for dots in left.collections)
    rows = topic_map.rows.set_index("id")
    across = rows.loc[picked["id"], ["x", "y"]].to_numpy(float)
    assert np.corrcoef(across[:, 0], over[:, 0])[0, 1] == pytest.approx(1)
    assert np.corrcoef(across[:, 1], over[:, 1])[0, 1] == pytest.approx(1)
    found, samples = random_rows(topic_map, 10, draws=1, seed=3)
    there = rows.loc[found["id"].iloc[samples[0]], "y"].to_numpy(float)
    assert np.corrcoef(there, right.collections[1].get_offsets()[:, 1])[0, 1] == pytest.approx(1)
    assert "distance" not in left.get_title("left") and len(pale) == 60


def test_rules_hold_for_the_random_rows_too():
    topic_map = made(60)
    picked, _ = pick_rows(topic_map, 6, keep=["topic == 1"])
    figure = plot_pick(topic_map, picked, keep=["topic == 1"])
    rows, samples = random_rows(topic_map, 6, keep=["topic == 1"], draws=1)
    assert (rows["topic"].iloc[samples[0]] == 1).all() and len(rows) == 20
    assert [len(dots.get_offsets()) for dots in figure.axes[1].collections] == [60, 6]


def test_points_in_one_place_or_in_a_line():
    for place in ({"x": 1.0, "y": 2.0}, {"y": 2.0}):
        topic_map = made(30)
        flat = TopicMap(topic_map.rows.assign(**place), topic_map.topics, topic_map.layers, topic_map.vectors)
        assert drawn(plot_pick(flat, pick_rows(flat, 5)[0]))


def test_rows_without_a_place_are_left_out():
    topic_map = made(30)
    rows = topic_map.rows.assign(x=topic_map.rows["x"].where(topic_map.rows["topic"] == 0))
    some = TopicMap(rows, topic_map.topics, topic_map.layers, topic_map.vectors)
    figure = plot_pick(some, pick_rows(some, 9)[0])
    assert [len(dots.get_offsets()) for dots in figure.axes[0].collections] == [10, 3] and drawn(figure)


def test_nothing_to_draw_is_a_sentence():
    topic_map = made(9)
    assert "nothing to show" in plot_pick(topic_map, topic_map.rows.head(0))
    bare = made(9, places=False)
    assert "make the map first" in plot_pick(bare, pick_rows(bare, 3)[0])
