"""What a map draws: every row under its own topic's label, whatever the labels say, in colours that differ."""

import numpy as np
import pandas as pd
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.text.excerpt import shorten
from helpers.topics.drawing import make_drawing, name_topics, place_points

# Out of order, with a gap, -1 in the middle: a lookup by position would go wrong everywhere.
TOPICS = pd.DataFrame({"topic": [7, -1, 2], "label": ["dogs", "Unassigned", "cats"], "size": [1, 1, 2]})
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
ROWS = np.array([2, 7, -1, 2])


def topics(*labels, first=0):
    return pd.DataFrame({"topic": range(first, first + len(labels)), "label": labels})


def test_labels_are_looked_up_by_id():
    drawing = make_drawing(POINTS, TOPICS, ROWS)
    assert drawing.topics.tolist() == ROWS.tolist()
    assert drawing.labels[["topic", "label", "size"]].to_dict("records") == [
        {"topic": 2, "label": "cats", "size": 2},
        {"topic": 7, "label": "dogs", "size": 1},
    ]
    # in the middle of its points, which are opposite corners
    assert np.allclose(drawing.labels[["x", "y"]].iloc[0], drawing.points[[0, 3]].mean(axis=0))


@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 2), min_size=1, max_size=60))
def test_every_topic_has_a_colour_of_its_own(places):
    points, rows = np.array(places), np.arange(len(places))
    colours = make_drawing(points, topics(*map(str, rows)), rows).labels["colour"]
    assert colours.str.fullmatch("#[0-9a-f]{6}").all()
    assert colours.is_unique


def test_topics_of_one_text_keep_apart():
    assert name_topics(topics("Cats", "Cats", "Dogs")) == {0: "Cats (0)", 1: "Cats (1)", 2: "Dogs", -1: "Unassigned"}


def test_a_topic_that_is_called_like_no_topic_keeps_apart():
    assert name_topics(topics("Unassigned", "Unassigned", first=-1)) == {-1: "Unassigned", 0: "Unassigned (0)"}


@pytest.mark.parametrize("label", ["", "   ", "\n\x00", None, float("nan")])
def test_a_topic_without_words_is_called_by_its_number(label):
    assert name_topics(topics("Cats", label))[1] == "Topic 1"


@given(st.lists(st.text(alphabet="ab (01)", max_size=6), max_size=8))
def test_no_two_topics_share_a_label(labels):
    names = name_topics(topics(*labels))
    assert len(names) == len(labels) + 1
    assert len(set(names.values())) == len(names)


@given(st.text(max_size=80), st.integers(2, 60))
def test_shortened_text_is_a_beginning_and_whole_characters(text, chars):
    short = shorten(text, chars)
    assert len(short) <= max(chars, 1)
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_an_emoji_of_several_parts_is_not_cut():
    family = "👩\u200d👩\u200d👧"
    assert shorten(family * 3, 12) == family * 2 + "…"
    assert [*regex.findall(r"\X", shorten("e\u0301" * 9, 8))] == ["e\u0301"] * 3 + ["…"]


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=30))
@example([(0.0, 3.8e-297), (0.0, -1.0), (0.0, -1.0), (1.7e-249, -1.0)])
def test_points_keep_their_shape(points):
    points = np.array(points)
    placed, (left, right, bottom, top) = place_points(points)
    assert np.isfinite(placed).all()
    assert left < 0 < right and bottom < 0 < top
    moved, drawn = points - points[0], placed - placed[0]
    size = np.abs(moved).max()
    if size > 1e-3:
        assert np.allclose(drawn, moved * np.abs(drawn).max() / size, atol=1e-3 * max(1, np.abs(drawn).max()))


def test_a_far_island_does_not_set_the_view():
    points = np.vstack([np.random.default_rng(0).normal(size=(200, 2)), [[900.0, 0.0]] * 3])
    drawing = make_drawing(points, topics("a"), np.zeros(203, dtype=int))
    assert drawing.in_view.tolist() == [True] * 200 + [False] * 3
    width = drawing.view[1] - drawing.view[0]
    assert np.ptp(drawing.points[:200, 0]) > 0.8 * width


@pytest.mark.parametrize(
    ("points", "rows", "message"),
    [
        (np.zeros((0, 2)), [], r"n > 0; these have \(0, 2\)"),
        (np.zeros((3, 3)), [0] * 3, r"shape \(n, 2\)"),
        (np.zeros((3, 2)), [0] * 2, "3 points, but topics of 2 rows"),
        ([[0, np.nan], [0, 0]], [0, 0], "1 of 2 points"),
        (np.zeros((2, 2)), [0, 5], r"topics \[5\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(points, rows, message):
    with pytest.raises(ValueError, match=message):
        make_drawing(np.array(points), topics("a"), np.array(rows, dtype=int))


def test_no_hover_characters_mean_no_text():
    assert shorten("hello secret world", 0) == "" and shorten("hello", 1) == "…"


@pytest.mark.parametrize("count", [5, 10, 19, 40])
@pytest.mark.parametrize("sight", [None, "deuteranomaly", "protanomaly"])
def test_neighbours_on_the_map_differ_to_readers_who_see_no_red_or_green(sight, count):
    """Topics in a ring: each must be well apart from the next in CAM02-UCS, where 1 is just noticed."""
    from colorspacious import cspace_convert
    from matplotlib.colors import to_rgb

    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    labels = make_drawing(ring, topics(*map(str, range(count))), np.arange(count)).labels.sort_values("topic")
    colours = np.array([to_rgb(colour) for colour in labels["colour"]])
    seen = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100} if sight else "sRGB1"
    places = cspace_convert(colours, seen, "CAM02-UCS")
    assert np.linalg.norm(places - np.roll(places, 1, axis=0), axis=1).min() > 8
