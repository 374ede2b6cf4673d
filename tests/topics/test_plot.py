"""The map as a picture: fit for a slide, with any text in it."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.topics.plot import write_map_picture

# Out of order, with a gap, -1 in the middle: a lookup by position would go wrong everywhere.
TOPICS = pd.DataFrame({"topic": [7, -1, 2], "label": ["dogs", "Unassigned", "cats"], "size": [1, 1, 2]})
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
ROWS = np.array([2, 7, -1, 2])


def topics(*labels, first=0):
    return pd.DataFrame({"topic": range(first, first + len(labels)), "label": labels})


def draw(tmp_path, *, points=POINTS, table=TOPICS, rows=ROWS, title="t", kind="png", **more):
    path = tmp_path / f"map.{kind}"
    return path, write_map_picture(points, table, rows, paths=[path], title=title, **more)


@pytest.mark.parametrize("rows", [[-1, -1, -1, -1], [2, 2, 7, 7]])
@pytest.mark.parametrize("points", [POINTS, POINTS * 0], ids=["spread", "identical"])
def test_all_or_none_in_topics_and_identical_points_are_drawn(points, rows, tmp_path):
    _, counts = draw(tmp_path, points=points, rows=np.array(rows))
    assert counts == {"points": 4, "outside": 0, "named": len({*rows} - {-1}), "unnamed": 0}


@pytest.mark.parametrize("text", ["$x$ and \\frac", "a\nb\x00", "שלום עולם", "💥 <b>", "\ud800", "{{7*7}}"])
def test_any_text_can_stand_in_a_picture(text, tmp_path):
    path, _ = draw(tmp_path, table=topics(text, "b"), rows=np.array([0, 0, 1, 1]), title=text, sub_title=text)
    assert Image.open(io.BytesIO(path.read_bytes())).size[0] > 1000


def test_a_picture_names_the_largest_topics_and_shows_every_colour(tmp_path):
    many = topics(*(f"topic {i}" for i in range(50)))
    rows = np.repeat(np.arange(50), 4)
    points = np.column_stack([rows % 10, rows // 10]) + np.tile([[0, 0], [0, 0.2], [0.2, 0], [0.2, 0.2]], (50, 1))
    path, counts = draw(tmp_path, points=points, table=many, rows=rows, title="Many", max_labels=12)
    assert counts == {"points": 200, "outside": 0, "named": 12, "unnamed": 38}
    colours = Image.open(path).convert("HSV").getcolors(maxcolors=10**7)
    hues = {hue // 16 for _, (hue, saturation, _) in colours if saturation > 60}
    assert len(hues) >= 12


def test_an_svg_holds_its_names_and_remarks_as_text(tmp_path):
    """Of five points one is in no topic and one lies far outside; both are said."""
    from xml.etree import ElementTree

    points = np.vstack([np.random.default_rng(0).normal(size=(50, 2)), [[900.0, 0.0]]])
    rows = np.array([0] * 40 + [-1] * 11)
    path, counts = draw(tmp_path, points=points, table=topics("cats & dogs"), rows=rows, title="Pets <b>", kind="svg")
    texts = [one.text for one in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert counts["outside"] == 1
    assert "cats & dogs" in texts and "Pets <b>" in texts
    said = " ".join(filter(None, texts))
    assert "grey: in no topic (22% of the points)" in said and "outside this view: 1 point far from the others" in said
    assert path.stat().st_size < 1_000_000


def test_drawing_leaves_its_inputs_and_the_screen_alone(tmp_path, capsys):
    points, frame, rows = POINTS.copy(), TOPICS.copy(), ROWS.copy()
    draw(tmp_path, points=points, table=frame, rows=rows)
    assert (points == POINTS).all() and frame.equals(TOPICS) and (rows == ROWS).all()
    said = capsys.readouterr()
    assert said.out == said.err == ""
