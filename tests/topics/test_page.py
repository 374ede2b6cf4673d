"""The map's page as a file: what is in it, what is not, how large it may be."""

import json
import re
import zlib
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.topics.page import write_map
from helpers.topics.page_data import as_dates, pack_arrays, pack_column

TOPICS = pd.DataFrame({"topic": [7, -1, 2], "label": ["dogs", "Unassigned", "cats"], "size": [1, 1, 9]})
POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
ROWS = np.array([2, 7, -1, 2])


def frame(texts, **more):
    return pd.DataFrame({"text": texts, "ids": [[f"id{i}"] for i in range(len(texts))], **more})


def block(path, name):
    """Return what the page unpacks in the browser."""
    packed = re.search(rf'id="block-{name}">([^<]*)<', path.read_text())[1]
    plain = zlib.decompress(b64decode(packed))
    return plain if name == "points" else json.loads(plain)


def arrays(path):
    """Return the points' arrays as the page reads them, one plane of bytes after the other."""
    data, found, at = block(path, "points"), {}, 0
    for spec in block(path, "about")["arrays"]:
        width = np.dtype(spec["type"]).itemsize
        planes = np.frombuffer(data, np.uint8, width * spec["length"], at).reshape(width, -1)
        found[spec["name"]] = np.ascontiguousarray(planes.T).view(np.dtype(spec["type"]).newbyteorder("<")).ravel()
        at += width * spec["length"]
    assert at == len(data)
    return found


def write(tmp_path, rows=None, columns=None, **more):
    path = tmp_path / "map.html"
    settings = {"points": POINTS, "topics": TOPICS, "row_topics": ROWS, "title": "Pets"} | more
    return path, write_map(rows=rows, columns=columns, path=path, **settings)


def test_every_point_has_its_topic_its_place_and_its_shortened_text(tmp_path):
    rows = frame(["a cat sleeps", "", "  ", "x" * 50], confidence=[1.0, 0.5, np.nan, 0.254])
    path, facts = write(tmp_path, rows, hover_chars=10)
    assert facts == {"bytes": path.stat().st_size, "points": 4, "hover_chars": 10, "notes": []}
    about, found = block(path, "about"), arrays(path)
    assert [about["topics"][at]["label"] for at in found["topic"]] == ["cats", "dogs", "Unassigned", "cats"]
    assert [topic["size"] for topic in about["topics"]] == [9, 1, 1] and about["allRows"] == 11
    places = np.column_stack([found["x"], found["y"]]) / about["units"]
    assert np.allclose(places - places[0], POINTS * (places[1, 0] - places[0, 0]), atol=1e-4)
    assert found["confidence"].tolist() == [100, 50, 0, 25]
    assert block(path, "rows")["texts"] == ["a cat sle…", "", "", "xxxxxxxxx…"]


def test_a_point_has_the_ids_of_all_its_rows(tmp_path):
    rows = frame(["a", "b", "c", "d"]).assign(ids=[["1", "2"], ["3"], ["4", "5", "6"], ["7"]])
    stored = block(write(tmp_path, rows)[0], "rows")
    assert stored["ids"] == list("1234567") and stored["copies"] == [2, 1, 3, 1]


def test_turns_are_told_apart_and_controls_of_the_text_are_not_taken_for_them(tmp_path):
    text = "user: Hello\x1e1\x1f there\nassistant: Hi\nuser: Bye"
    rows = frame(
        [text, "plain", "", "user: only the start of a very long text"],
        turns=[[0, 21, 35], [0], [], [0, 30]],
        speakers=[["user", "assistant", "user"], [None], [], ["user", "assistant"]],
    )
    stored = block(write(tmp_path, rows, hover_chars=36)[0], "rows")
    # cut in the third turn; what the text itself says of its speakers is not said twice
    assert stored["texts"][0] == "\x1e0\x1fHello 1  there\x1e1\x1fHi…"
    assert stored["texts"][1:3] == ["plain", ""]
    assert stored["roles"] == ["user", "assistant"]


def test_without_characters_no_text_is_in_the_page(tmp_path):
    path, _ = write(tmp_path, frame(["secret one", "secret two", "secret three", "s"]), hover_chars=0)
    assert block(path, "rows")["texts"] is None and "secret" not in json.dumps(block(path, "about"))


def test_columns_are_in_the_page_with_the_rows_or_without(tmp_path):
    columns = pd.DataFrame({"city": ["Rome", None, "Oslo", "Rome"], "text": [1, 2, 3, 4], "ids": [True] * 4})
    for rows in (frame(["a", "b", "c", "d"]), None):
        stored = block(write(tmp_path, rows, columns)[0], "rows")
        assert stored["columns"] == [
            {"name": "city", "kind": "category", "values": ["Rome", "Oslo"], "codes": [0, -1, 1, 0]},
            {"name": "text", "kind": "number", "values": [1, 2, 3, 4]},
            {"name": "ids", "kind": "category", "values": ["True"], "codes": [0, 0, 0, 0]},
        ]


@pytest.mark.parametrize(
    ("values", "kind", "stored"),
    [
        ([1.5, None, 3], "number", [1.5, None, 3]),
        ([1, 2, np.inf], "number", [1, 2, None]),
        ([1234567, 1234568, 20261122], "number", [1234567, 1234568, 20261122]),
        (["2024-01-02", None, "2024-01-02T03:04:05+02:00"], "date", [1704153600000, None, 1704157445000]),
        (pd.to_datetime(["1969-12-31", None, "1970-01-02"]), "date", [-86400000, None, 86400000]),
        ([True, False, True], "category", ["True", "False"]),
        (["1984", "2001", "1984"], "category", ["1984", "2001"]),
        ([["a", 1], {"b": 2}, None], "category", ['["a", 1]', '{"b": 2}']),
    ],
)
def test_a_column_is_stored_as_what_it_holds(values, kind, stored):
    packed = pack_column("c", pd.Series(values))
    assert (packed["kind"], packed["values"]) == (kind, stored)


def test_many_different_texts_are_no_categories():
    packed = pack_column("c", pd.Series([f"text {i} " + "x" * 300 for i in range(100)]))
    assert packed["kind"] == "text" and packed["values"][3].startswith("text 3 x") and len(packed["values"][3]) == 200


def test_a_few_broken_dates_do_not_hide_that_a_column_has_dates():
    for broken in ("2024-99-99", "n/a", 7):
        assert as_dates(pd.Series(["2024-01-02"] * 99 + [broken])).isna().sum() == 1
        assert as_dates(pd.Series(["2024-01-02", broken])) is None
    assert as_dates(pd.Series(["1984", "2001"])) is None and as_dates(pd.Series([None, None])) is None


@settings(deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1)), st.lists(st.integers(0, 65535)))
def test_planes_hold_every_number(whole, small):
    specs, data = pack_arrays({"a": np.array(whole, dtype=np.int32), "b": np.array(small, dtype=np.uint16)})
    assert [(spec["name"], spec["length"]) for spec in specs] == [("a", len(whole)), ("b", len(small))]
    first = np.frombuffer(data[: 4 * len(whole)], np.uint8).reshape(4, -1).astype(np.int64)
    again = sum(first[byte] << (8 * byte) for byte in range(4))
    assert np.where(again >= 2**31, again - 2**32, again).tolist() == whole


def test_broader_topics_hold_the_finer_ones(tmp_path):
    layers = pd.DataFrame(
        {
            "layer": ["fine", "fine", "middle", "broad"],
            "topic": [2, 7, 0, 0],
            "size": [9, 1, 10, 10],
            "parent": [0, 0, 0, -1],
            "label": ["cats", "dogs", "pets", "<i>animals</i>"],
        }
    )
    path, _ = write(tmp_path, topics=TOPICS.assign(parent=[0, None, 0]), layers=layers)
    about = block(path, "about")
    assert [(layer["name"], layer["topics"][0]["label"]) for layer in about["layers"]] == [
        ("middle", "pets"),
        ("broad", "<i>animals</i>"),
    ]
    assert all(sorted(layer["topics"][0]["members"]) == [0, 1] for layer in about["layers"])
    assert [topic["parent"] for topic in about["topics"]] == [0, 0, -1]


def test_the_page_points_nowhere_and_allows_its_own_script_only(tmp_path):
    title, sub_title = "</script><script>bad()</script>", '"><img src=x>'
    path, _ = write(tmp_path, frame(["</script><script>bad()</script>"] * 4), title=title, sub_title=sub_title)
    page = path.read_text()
    assert not re.findall(r"<(?:script|img|iframe|link|object|embed)\b[^>]*(?:src|href|data)\s*=", page)
    assert not re.findall(r"""url\(|@import|(?<!xmlns=")https?://""", page)
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert policy.start() < page.index("<style") < page.index("<script")
    assert policy[1].startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert not re.findall(r"connect-src|https?:|script-src[^;]*unsafe|eval", policy[1])
    assert "<script>bad" not in page and "<img src=x" not in page
    assert (path.stat().st_mode & 0o777) == 0o600


@pytest.mark.parametrize("rows", [[-1, -1, -1, -1], [2, 2, 7, 7]])
@pytest.mark.parametrize("points", [POINTS, POINTS * 0], ids=["spread", "identical"])
def test_all_or_none_in_topics_and_identical_points_are_written(points, rows, tmp_path):
    assert write(tmp_path, points=points, row_topics=np.array(rows))[1]["points"] == 4


def test_a_table_without_topics_and_a_single_point_are_written(tmp_path):
    none = pd.DataFrame({"topic": [], "label": []})
    path, _ = write(tmp_path, frame(["alone"]), points=POINTS[:1], topics=none, row_topics=ROWS[2:3])
    assert [topic["label"] for topic in block(path, "about")["topics"]] == ["Unassigned"]


def test_rows_that_do_not_match_the_points_are_refused(tmp_path):
    with pytest.raises(ValueError, match="4 points, but 3 rows"):
        write(tmp_path, frame(["a", "b", "c"]))
    assert not list(tmp_path.iterdir())


def letters(count, length):
    rng = np.random.default_rng(0)
    return ["".join(line) for line in rng.choice(list("abcdefghijklmnopqrstuvwxyz "), size=(count, length))]


def many(count=3000):
    """Return points, topics of very different sizes, and rows with texts that do not compress."""
    rng = np.random.default_rng(0)
    row_topics = np.sort(np.minimum(rng.geometric(0.3, count) - 2, 9))
    labels = [f"topic {i}" for i in range(-1, 10)]
    table = pd.DataFrame({"topic": range(-1, 10), "label": labels})
    return {"points": rng.normal(size=(count, 2)), "row_topics": row_topics, "topics": table}


def test_a_page_that_is_too_large_gets_shorter_texts_then_fewer_points_and_says_so(tmp_path):
    rows = frame(letters(3000, 400))
    _, full = write(tmp_path, rows, **many(), hover_chars=400)
    assert full["points"] == 3000 and full["hover_chars"] == 400 and full["notes"] == []
    path, shorter = write(tmp_path, rows, **many(), hover_chars=400, max_mb=0.7)
    assert shorter["bytes"] <= 700_000 and shorter["points"] == 3000
    assert 60 < shorter["hover_chars"] < 400
    assert block(path, "about")["notes"] == shorter["notes"] != []
    path, fewer = write(tmp_path, rows, **many(), hover_chars=400, max_mb=0.2)
    assert 120_000 < fewer["bytes"] <= 200_000 and fewer["points"] < 3000
    assert fewer["hover_chars"] == 60
    assert f"{fewer['points']:,} of 3,000 texts are drawn" in fewer["notes"][1]
    topic = arrays(path)["topic"]
    assert len(topic) == fewer["points"] == len(block(path, "rows")["texts"])
    before = np.unique(many()["row_topics"], return_counts=True)
    ids = np.array([one["id"] for one in block(path, "about")["topics"]])[topic]
    after = np.unique(ids, return_counts=True)
    assert before[0].tolist() == after[0].tolist()
    assert np.abs(after[1] - before[1] * fewer["points"] / 3000).max() <= 2


@pytest.mark.parametrize("chars", [0, 40, 400])
def test_a_size_that_no_page_keeps_is_refused_with_the_least_that_works(tmp_path, chars):
    rows = frame(letters(3000, 400))
    with pytest.raises(ValueError, match="plot.max_mb: 0.01 is too small .* topic takes [0-9.]+;") as refused:
        write(tmp_path, rows, **many(), max_mb=0.01, hover_chars=chars)
    least = float(re.search(r"takes ([\d.]+);", str(refused.value))[1])
    assert write(tmp_path, rows, **many(), max_mb=least, hover_chars=chars)[1]["points"] >= 11


def test_points_far_from_the_others_are_told(tmp_path):
    points = np.vstack([np.random.default_rng(0).normal(size=(50, 2)), [[900.0, 0.0]]])
    _, facts = write(tmp_path, points=points, row_topics=np.full(51, 2))
    assert facts["notes"] == ["1 point far from the others: press ⌂ a second time to see all."]
