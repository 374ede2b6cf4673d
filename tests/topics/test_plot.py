"""The map: every row under its own topic's label, whatever the labels say; files that a person can open."""

import io
import json
import re
from base64 import b64decode
from gzip import decompress

import numpy as np
import pandas as pd
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.assets import assets_ready
from helpers.topics.drawing import make_drawing, name_topics, place_points, shorten
from helpers.topics.plot import write_map, write_map_png

needs_assets = pytest.mark.skipif(not assets_ready(), reason="the page's scripts are not installed")
# Out of order, with a gap, -1 in the middle: a lookup by position would go wrong everywhere.
TOPICS = pd.DataFrame({"topic": [7, -1, 2], "label": ["dogs", "Unassigned", "cats"], "size": [1, 1, 2]})
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
ROWS = np.array([2, 7, -1, 2])


def topics(*labels, first=0):
    return pd.DataFrame({"topic": range(first, first + len(labels)), "label": labels})


def page_data(path, name):
    """Return what the page unpacks in the browser."""
    return json.loads(decompress(b64decode(re.search(rf'const {name} = "([^"]+)"', path.read_text())[1])))


def test_labels_are_looked_up_by_id():
    drawing = make_drawing(POINTS, TOPICS, ROWS)
    assert drawing.names.tolist() == ["cats", "dogs", "Unassigned", "cats"]
    assert drawing.labels[["topic", "label", "size"]].to_dict("records") == [
        {"topic": 2, "label": "cats", "size": 2},
        {"topic": 7, "label": "dogs", "size": 1},
    ]
    assert drawing.colours[0] == drawing.colours[3] == drawing.labels["colour"][0] != drawing.colours[1]


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
def test_points_keep_their_shape_and_stay_on_the_globe(points):
    points = np.array(points)
    placed, (left, right, bottom, top) = place_points(points)
    assert np.isfinite(placed).all()
    assert np.abs(placed).max() <= 80.001
    assert left < 0 < right and bottom < 0 < top
    moved = points - points[0]
    size = np.abs(moved).max()
    if size > 1e-3:
        ratio = np.abs(placed - placed[0]).max() / size
        assert np.allclose(placed - placed[0], moved * ratio, atol=1e-3)


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
def test_what_cannot_be_drawn_is_refused(points, rows, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_map_png(np.array(points), topics("a"), np.array(rows, dtype=int), path=tmp_path / "map.png", title="t")
    assert not list(tmp_path.iterdir())


@needs_assets
def test_every_row_gets_its_label_and_its_shortened_text(tmp_path):
    path = tmp_path / "map.html"
    texts = ["a cat sleeps", "", "  ", "x" * 50]
    report = write_map(POINTS, TOPICS, ROWS, texts, path=path, title="Pets", hover_chars=10)
    assert report == {"bytes": path.stat().st_size, "points": 4}
    assert page_data(path, "hoverDataEncoded") == {
        "hover_text": ["cats\na cat sle…", "dogs", "Unassigned", "cats\nxxxxxxxxx…"]
    }
    labels = page_data(path, "labelDataEncoded")
    assert [label["label"] for label in labels] == ["cats", "dogs"]
    assert labels[0]["collision_priority"] > labels[1]["collision_priority"]


@needs_assets
def test_texts_that_do_not_match_the_points_are_refused(tmp_path):
    with pytest.raises(ValueError, match="4 points, but 3 texts"):
        write_map(POINTS, TOPICS, ROWS, ["a", "b", "c"], path=tmp_path / "map.html", title="t")


@needs_assets
def test_the_page_points_nowhere_and_allows_its_own_scripts_only(tmp_path):
    path = tmp_path / "map.html"
    write_map(POINTS, TOPICS, ROWS, [], path=path, title="</script><script>bad()</script>", sub_title='"><img src=x>')
    page = path.read_text()
    assert not re.findall(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)\s*=(?!\s*[\"']?data:)", page)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert policy.start() < page.index("<script")
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert not re.findall(r"connect-src|https?:|script-src[^;]*unsafe", policy[1])
    assert "<script>bad" not in page and "<img src=x" not in page
    assert (path.stat().st_mode & 0o777) == 0o600


@needs_assets
@pytest.mark.parametrize("rows", [[-1, -1, -1, -1], [2, 2, 7, 7]])
@pytest.mark.parametrize("points", [POINTS, POINTS * 0], ids=["spread", "identical"])
def test_all_or_none_in_topics_and_identical_points_are_drawn(points, rows, tmp_path):
    assert write_map(points, TOPICS, np.array(rows), [], path=tmp_path / "map.html", title="t")["points"] == 4
    counts = write_map_png(points, TOPICS, np.array(rows), path=tmp_path / "map.png", title="t")
    assert counts == {"points": 4, "outside": 0, "named": len({*rows} - {-1}), "unnamed": 0}


@needs_assets
def test_a_table_without_topics_and_a_single_point_are_drawn(tmp_path):
    none = pd.DataFrame({"topic": [], "label": []})
    write_map(POINTS[:1], none, ROWS[2:3], ["alone"], path=tmp_path / "map.html", title="t")
    assert page_data(tmp_path / "map.html", "hoverDataEncoded") == {"hover_text": ["Unassigned\nalone"]}


@needs_assets
def test_the_users_own_datamapplot_cache_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    write_map(POINTS, TOPICS, ROWS, [], path=tmp_path / "map.html", title="t")
    assert not (tmp_path / "home").exists()


def test_without_scripts_the_page_says_how_to_get_them(tmp_path):
    from helpers.topics.page import offline_cache

    with pytest.raises(FileNotFoundError, match="python -m helpers assets"), offline_cache(folder=tmp_path):
        pass


@pytest.mark.parametrize("text", ["$x$ and \\frac", "a\nb\x00", "שלום עולם", "💥 <b>", "\ud800", "{{7*7}}"])
def test_any_text_can_stand_in_a_picture(text, tmp_path):
    from PIL import Image

    path = tmp_path / "map.png"
    write_map_png(POINTS, topics(text, "b"), np.array([0, 0, 1, 1]), path=path, title=text, sub_title=text)
    assert Image.open(io.BytesIO(path.read_bytes())).size[0] > 1000


def test_a_picture_names_the_largest_topics_and_shows_every_colour(tmp_path):
    from PIL import Image

    many = topics(*(f"topic {i}" for i in range(50)))
    rows = np.repeat(np.arange(50), 4)
    points = np.column_stack([rows % 10, rows // 10]) + np.tile([[0, 0], [0, 0.2], [0.2, 0], [0.2, 0.2]], (50, 1))
    counts = write_map_png(points, many, rows, path=tmp_path / "map.png", title="Many", max_labels=12)
    assert counts == {"points": 200, "outside": 0, "named": 12, "unnamed": 38}
    colours = Image.open(tmp_path / "map.png").convert("HSV").getcolors(maxcolors=10**7)
    hues = {hue // 16 for _, (hue, saturation, _) in colours if saturation > 90}
    assert len(hues) >= 12


def test_drawing_leaves_its_inputs_and_the_screen_alone(tmp_path, capsys):
    points, frame, rows = POINTS.copy(), TOPICS.copy(), ROWS.copy()
    write_map_png(points, frame, rows, path=tmp_path / "map.png", title="t")
    assert (points == POINTS).all() and frame.equals(TOPICS) and (rows == ROWS).all()
    said = capsys.readouterr()
    assert said.out == said.err == ""


def test_no_hover_characters_mean_no_text_in_the_page(tmp_path):
    from helpers.topics.drawing import shorten

    assert shorten("hello secret world", 0) == "" and shorten("hello", 1) == "…"
