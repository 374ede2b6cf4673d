"""Edits are found by rows, done in order, told of, undone by deleting their line, and outlast a refit."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.runs import open_run
from helpers.topics import edits as writing
from helpers.topics.apply_edits import apply_edits, effects_table
from helpers.topics.cluster import number_by_size
from helpers.topics.edits import FILE, Drop, Merge, Move, Pin, Rename, Split, edit_line, read_edits
from helpers.vectors.embedder import unit_length

SIZES = [40, 30, 20, 12, 8]  # of topics 0 to 4
LOOSE = 6  # texts in no topic


def made(sizes=SIZES, *, loose=LOOSE, seed=0, dimensions=12):
    """Clusters, layers, vectors and own of groups around different directions; every fifth text stands in two rows."""
    draw = np.random.default_rng(seed)
    topics = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(loose, -1)])
    middles = np.eye(dimensions)[: len(sizes)]
    spread = draw.normal(scale=0.1, size=(len(topics), dimensions))
    vectors = unit_length(np.where(topics[:, None] >= 0, middles[topics], 0.0) + spread)
    own = pd.DataFrame({"vector": [*range(len(topics)), *range(0, len(topics), 5)]})
    own["id"] = [f"r{line}" + "-2" * (place >= len(topics)) for place, line in enumerate(own["vector"])]
    clusters = pd.DataFrame({"topic": topics, "confidence": np.where(topics >= 0, 0.9, 0).astype(np.float32)})
    clusters["topic_middle"] = np.where(topics >= 3, 1, np.where(topics >= 0, 0, -1))
    layers = pd.DataFrame(
        {
            "layer": ["fine"] * len(sizes) + ["middle"] * 2,
            "topic": [*range(len(sizes)), 0, 1],
            "size": 0,
            "parent": [0, 0, 0, 1, 1][: len(sizes)] + [-1, -1],
            "stability": [0.9, 0.8, 0.7, 0.6, 0.5][: len(sizes)] + [np.nan] * 2,
        }
    )
    return clusters, layers, vectors, own


MAP = made()
BEFORE = [one.copy() for one in MAP]
EXEMPLARS = {t: [f"r{line}" for line in np.flatnonzero(MAP[0]["topic"] == t)[:6]] for t in range(len(SIZES))}


def groups(clusters, own):
    """The topics as sets of ids, whatever their numbers."""
    topic = clusters["topic"].to_numpy()[own["vector"]]
    return {frozenset(own["id"][topic == one]) for one in np.unique(topic) if one >= 0}


def ids_of(*topics, given=MAP):
    return frozenset(given[3]["id"][np.isin(given[0]["topic"].to_numpy()[given[3]["vector"]], topics)])


def test_without_edits_nothing_changes():
    clusters, layers, effects = apply_edits(*MAP)
    assert clusters is MAP[0] and layers is MAP[1] and effects.empty
    assert effects_table(effects).startswith("no edits")


def test_merged_topics_are_one_under_its_name_and_the_others_move_up():
    merged = Merge(merge=[EXEMPLARS[1], EXEMPLARS[3]], name="Parcels", about="1 a; 3 b")
    clusters, layers, effects = apply_edits(*MAP, edits=[merged])
    assert groups(clusters, MAP[3]) == {ids_of(1, 3), ids_of(0), ids_of(2), ids_of(4)}
    assert clusters["name"].value_counts().to_dict() == {"Parcels": 42}
    assert clusters["topic"].value_counts().to_dict() == {0: 42, 1: 40, 2: 20, 3: 8, -1: 6}
    line = effects.iloc[0].to_dict()
    assert line == {"edit": 1, "what": "merge", "about": "1 a; 3 b", "topic": 0, "status": "applied", "why": ""} | {
        "rows": len(ids_of(3))
    }
    assert clusters["edited"].sum() == 12 and clusters.loc[clusters["edited"], "topic"].eq(0).all()
    # The broader topic of most of its rows holds it whole; only what is as before has a stability.
    fine = layers[layers["layer"] == "fine"].set_index("topic")
    assert fine["parent"].tolist() == [0, 0, 0, 1] and fine["stability"].round(1).tolist()[1:] == [0.9, 0.7, 0.5]
    assert np.isnan(fine["stability"][0]) and fine["size"].sum() == len(ids_of(0, 1, 2, 3, 4))


def test_rename_drop_and_move():
    moved = ["r0", "r0-2", "r1", "r114"]
    wished = [
        Rename(rename=EXEMPLARS[2], name="Refunds"),
        Drop(drop=EXEMPLARS[0]),
        Move(move=["r41", "r42"], to=EXEMPLARS[2]),
        Move(move=moved, to=EXEMPLARS[4]),
        Move(move=["r43"], to="unassigned"),
    ]
    clusters, _, effects = apply_edits(*MAP, edits=wished)
    named = clusters.loc[clusters["name"] == "Refunds"]
    assert len(named) == 22 and effects["status"].eq("applied").all()
    rows = effects["rows"].tolist()
    assert rows == [0, len(ids_of(0)), 2, 2 + 1 + 1, 1]  # r0 in two rows, r1, r116
    assert {"r0", "r0-2", "r1", "r114"} | ids_of(4) in groups(clusters, MAP[3])
    assert ids_of(1) - {"r41", "r42", "r43"} in groups(clusters, MAP[3])
    assert clusters["topic"][43] == -1 and clusters["confidence"][43] == 0
    assert 0 < clusters["confidence"][114] < 0.9 and clusters["confidence"][1] == np.float32(0.9)
    assert effects["topic"].tolist()[1] == -1 and effects["topic"][0] == effects["topic"][2]


def test_a_split_by_number_and_by_rows():
    both = apply_edits(*MAP, edits=[Merge(merge=[EXEMPLARS[0], EXEMPLARS[1], EXEMPLARS[2]], name="All")])[0]
    given_map = (both.drop(columns=["edited"]), MAP[1], *MAP[2:])
    clusters, _, effects = apply_edits(*given_map, edits=[Split(split=EXEMPLARS[0], into=3)])
    assert groups(clusters, MAP[3]) == {ids_of(topic) for topic in range(5)}
    assert clusters.loc[clusters["name"] == "All", "topic"].unique().tolist() == [0]  # the largest part keeps the name
    some = [f"r{line}" for line in range(50, 60)]
    whole = Split(split=EXEMPLARS[1], rows=sorted(ids_of(1)), name="Whole")
    assert apply_edits(*MAP, edits=[whole])[2]["status"].tolist() == ["no change"]
    clusters, _, effects = apply_edits(*MAP, edits=[Split(split=EXEMPLARS[1], rows=[*some, "r2"], name="Ten")])
    assert {one for one in ids_of(1) if one.removesuffix("-2") in some} in groups(clusters, MAP[3])
    assert clusters.loc[clusters["name"] == "Ten"].index.tolist() == list(range(50, 60))
    assert effects["why"].tolist() == ["1 texts are of other topics"]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Rename(rename=["gone1", "gone2", "r0"], name="x"), "1 of its 3 exemplar rows are in the data"),
        (Rename(rename=["r0", "r41", "r71"], name="x"), "its exemplar rows are in 3 topics, none with more than half"),
        (Merge(merge=[EXEMPLARS[0], ["r114", "r115"]]), "most of its exemplar rows are in no topic"),
        (Split(split=EXEMPLARS[4], into=9), "it has 8 different texts, too few for 9 topics"),
        (Split(split=EXEMPLARS[4], rows=["gone"]), "none of its rows are in the data"),
        (Move(move=["gone"], to=EXEMPLARS[0]), "none of its rows are in the data"),
        (Pin(pin=["gone", "gone2", "r1"], near=0.5), "1 of its 3 exemplar rows are in the data"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.verb,
)
def test_what_no_longer_fits_changes_nothing_and_is_told(edit, why):
    clusters, _, effects = apply_edits(*MAP, edits=[edit])
    pd.testing.assert_series_equal(clusters["topic"], MAP[0]["topic"])
    assert effects["status"].tolist() == ["does not fit"] and why in effects["why"][0]
    assert "does not fit: " in effects_table(effects)["status"][0]


def test_a_pinned_topic_that_is_there_stays_as_it_is_and_gets_its_name():
    clusters, _, effects = apply_edits(*MAP, edits=[Pin(pin=EXEMPLARS[2], near=0.6, name="Kept")])
    pd.testing.assert_series_equal(clusters["topic"], MAP[0]["topic"])
    assert clusters.loc[clusters["name"] == "Kept"].index.tolist() == list(range(70, 90)) and effects["rows"][0] == 0


@pytest.mark.parametrize("lump", ["in a larger one", "unassigned", "in pieces"])
def test_a_pinned_topic_outlasts_a_refit_with_other_rows_that_has_it_no_longer(lump):
    _, _, vectors, own = MAP
    keep = np.random.default_rng(3).random(len(vectors)) < 0.8
    keep[[int(one[1:]) for one in EXEMPLARS[2][:4]]] = True
    new = made([40, 30, 25, 12, 8], seed=9)
    both = np.concatenate([vectors[keep], new[2]])
    topics = np.concatenate([MAP[0]["topic"].to_numpy()[keep], new[0]["topic"].to_numpy()])
    truth = topics == 2
    topics[truth] = {"in a larger one": 0, "unassigned": -1, "in pieces": 2}[lump]
    if lump == "in pieces":
        topics[truth] = np.where(np.arange(truth.sum()) % 3 == 0, -1, np.where(np.arange(truth.sum()) % 3 == 1, 0, 1))
    ids = [f"r{line}" for line in np.flatnonzero(keep)] + [f"n{line}" for line in range(len(new[2]))]
    clusters = pd.DataFrame({"topic": number_by_size(topics), "confidence": np.float32(0.5)})
    layers = MAP[1].iloc[:0]
    rows = pd.DataFrame({"id": ids, "vector": range(len(ids))})
    pin = Pin(pin=EXEMPLARS[2], near=0.75, name="Kept")
    after, _, effects = apply_edits(clusters, layers, both, rows, edits=[pin])
    kept = (after["name"] == "Kept").to_numpy()
    assert effects["status"].tolist() == ["applied"] and "made of the rows near" in effects["why"][0]
    assert (kept & truth).sum() >= 0.9 * truth.sum() and not (kept & ~truth).any()
    assert after.loc[kept, "topic"].nunique() == 1


def test_a_broader_topic_that_holds_none_any_longer_is_gone():
    clusters, layers, _ = apply_edits(*MAP, edits=[Drop(drop=EXEMPLARS[3]), Drop(drop=EXEMPLARS[4])])
    assert layers.loc[layers["layer"] == "middle", "topic"].tolist() == [0]
    assert set(clusters.loc[clusters["topic"] == -1, "topic_middle"]) == {-1}
    every = [Drop(drop=exemplars) for exemplars in EXEMPLARS.values()]
    clusters, layers, effects = apply_edits(*MAP, edits=every)
    assert layers.empty and (clusters["topic"] == -1).all() and effects["status"].eq("applied").all()
    clusters, layers, _ = apply_edits(*MAP, edits=[*every, Pin(pin=EXEMPLARS[0], near=0.5)])
    assert clusters["topic"].value_counts()[0] == 40 and layers["layer"].tolist() == ["fine", "middle"]


def test_a_topic_gets_no_number_that_another_had_and_so_no_name_of_it():
    wished = [
        Rename(rename=EXEMPLARS[4], name="Refunds"),
        Move(move=sorted(ids_of(4)), to=EXEMPLARS[3]),
        Split(split=EXEMPLARS[0], rows=EXEMPLARS[0]),
    ]
    clusters, _, effects = apply_edits(*MAP, edits=wished)
    assert clusters["name"].isna().all() and effects["topic"].tolist()[0] == -1
    assert frozenset(one for one in ids_of(0) if one.removesuffix("-2") in EXEMPLARS[0]) in groups(clusters, MAP[3])


def test_a_pin_that_no_row_is_near_enough_to_is_told():
    loose = [f"r{line}" for line in range(110, 116)]
    effects = apply_edits(*MAP, edits=[Pin(pin=loose, near=0.99, name="Refunds"), Split(split=EXEMPLARS[0], into=2)])[2]
    assert effects["status"].tolist() == ["does not fit", "applied"]
    assert effects["why"][0] == "no row is as near its exemplars as it asks for"


def test_a_pin_of_any_nearness_can_be_read_again(tmp_path):
    (tmp_path / FILE).write_text(edit_line(Pin(pin=["a"], near=0.0)))
    assert read_edits(tmp_path / FILE) == [Pin(pin=["a"], near=0.0)]


POOL = [
    Merge(merge=[EXEMPLARS[0], EXEMPLARS[1]], name="A"),
    Merge(merge=[EXEMPLARS[1], EXEMPLARS[2], EXEMPLARS[4]]),
    Rename(rename=EXEMPLARS[3], name="B"),
    Rename(rename=EXEMPLARS[0], name="C"),
    Split(split=EXEMPLARS[0], into=2),
    Split(split=EXEMPLARS[1], rows=["r45", "r46", "r47", "r90"], name="D"),
    Drop(drop=EXEMPLARS[2]),
    Move(move=["r3", "r115", "r71"], to=EXEMPLARS[3]),
    Move(move=["r60"], to="unassigned"),
    Pin(pin=EXEMPLARS[4], near=0.7, name="E"),
    Pin(pin=EXEMPLARS[2], near=0.7),
    Pin(
        pin=["r2", "r3", "r44", "r45", "r72"], near=0.3, name="F"
    ),  # of no topic: it is made, with some that are not near
]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(POOL), max_size=6))
def test_an_edit_twice_is_once_and_no_row_is_lost(wished):
    clusters, layers, effects = apply_edits(*MAP, edits=wished)
    doubled = [one for edit in wished for one in (edit, edit)]
    again, layers_again, _ = apply_edits(*MAP, edits=doubled)
    pd.testing.assert_frame_equal(again, clusters)
    pd.testing.assert_frame_equal(layers_again, layers)
    # What was there before is untouched, so that a line that is deleted is undone.
    for one, before in zip(MAP, BEFORE, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(before))
    assert effects["edit"].tolist() == [*range(1, len(wished) + 1)] and len(clusters) == len(MAP[0])
    # Topics are numbered by size without a gap, and each is in one broader topic.
    sizes = np.bincount(MAP[3]["vector"])
    by_topic = pd.Series(sizes).groupby(clusters["topic"].to_numpy()).sum().drop(-1)
    assert by_topic.index.tolist() == [*range(len(by_topic))] and by_topic.is_monotonic_decreasing
    placed = clusters[clusters["topic"] >= 0]
    if wished:
        assert placed.groupby("topic")["topic_middle"].nunique().eq(1).all() and (placed["topic_middle"] >= 0).all()
        assert layers.loc[layers["layer"] == "fine", "size"].tolist() == by_topic.tolist()


@settings(max_examples=25)
@given(st.permutations(range(len(MAP[3]))), st.lists(st.sampled_from(POOL), min_size=1, max_size=4))
def test_the_order_of_the_rows_does_not_matter(order, wished):
    shuffled = MAP[3].iloc[list(order)].reset_index(drop=True)
    first, other = apply_edits(*MAP, edits=wished), apply_edits(*MAP[:3], shuffled, edits=wished)
    for one, two in zip(first, other, strict=True):
        pd.testing.assert_frame_equal(one, two)


@pytest.fixture
def run(tmp_path):
    """A run with the tables that edits are written from."""
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "one"}\n')
    run = open_run(str(source), {}, tmp_path / "runs")
    clusters, _, vectors, own = MAP
    topics = pd.DataFrame({"topic": [-1, *EXEMPLARS], "label": ["Unassigned", "Älpha: x", "b", "c", "d", "e"]})
    topics["representative_ids"] = [[], *EXEMPLARS.values()]
    run.save("topics.parquet", topics)
    run.save("vectors.npy", vectors.astype(np.float16))
    run.save("rows.parquet", own.assign(topic=clusters["topic"].to_numpy()[own["vector"]]))
    return run


def test_every_wish_is_a_line_that_is_read_back(run, tmp_path):
    chosen = tmp_path / "chosen.csv"
    chosen.write_text("id\nr50\nr51\n")
    said = [
        writing.merge(run, [0, 3], name="Parcels: late\n{or not}, 50% 🎉\x85"),
        writing.rename(run, 1, "Refunds"),
        writing.split(run, 1, into=2),
        writing.split(run, 1, rows=str(chosen), name="Ten"),
        writing.drop(run, 4),
        writing.pin(run, 2),
        writing.move(run, ["r0", "r1"], to=-1),
        writing.move(run, chosen, to=2),
    ]
    assert said[0].endswith("edit 1 of edits.yaml (0 Älpha: x; 3 d); run all cells to see it")
    lines = run.path(FILE).read_text("utf-8").splitlines()
    assert len(lines) == len(said) and all(line.startswith("- {") for line in lines)
    read = read_edits(run.path(FILE))
    assert [edit.verb for edit in read] == "merge rename split split drop pin move move".split()
    assert read[0].merge == [EXEMPLARS[0], EXEMPLARS[3]] and read[0].name == "Parcels: late\n{or not}, 50% 🎉"
    assert read[3].rows == ["r50", "r51"] and read[6].to == "unassigned" and read[7].to == EXEMPLARS[2]
    assert read[5].name == "c" and 0.5 < read[5].near < 1
    assert oct(run.path(FILE).stat().st_mode)[-3:] == "600"


def test_a_cell_that_is_run_again_writes_nothing_more(run):
    """Numbers mean other topics then."""
    first = writing.merge(run, [0, 1])
    assert "edit 1 of edits.yaml already" in writing.merge(run, [0, 1]) and "already" not in first
    writing.move(run, ["r0"], to=1)
    assert "edit 2 of edits.yaml already" in writing.move(run, ["r0"], to=1)
    assert "already" not in writing.move(run, ["r1"], to=1)
    assert len(read_edits(run.path(FILE))) == 3
    writing.merge(run, [0, 1], again=True)
    assert len(read_edits(run.path(FILE))) == 4


def test_names_of_another_run_are_carried_over_where_they_differ(run):
    assert len(writing.rename_all(run, {0: "Älpha: x", 1: "Parcels", 3: "Refunds"})) == 2
    assert [(edit.rename, edit.name) for edit in read_edits(run.path(FILE))] == [
        (EXEMPLARS[1], "Parcels"),
        (EXEMPLARS[3], "Refunds"),
    ]


def test_wishes_for_what_is_not_there_are_refused_and_nothing_is_written(run):
    for wish, why in (
        (lambda: writing.drop(run, 9), "no topic 9: topics of rows are 0 to 4"),
        (lambda: writing.rename(run, -1, "x"), "no topic -1"),
        (lambda: writing.merge(run, [1, 1]), "expected the numbers of two or more topics, such as [3, 7], got [1, 1]"),
        (lambda: writing.merge(run, 3), "expected the numbers of two or more topics, such as [3, 7], got 3"),
        (lambda: writing.split(run, 0), "one of them"),
        (lambda: writing.split(run, 0, into=1), "edits: into: Input should be greater than or equal to 2"),
        (lambda: writing.rename(run, 0, "  "), "expected a name, got '  '"),
        (lambda: writing.move(run, [], to=0), "expected ids of rows, or a file of them, got []"),
        (lambda: writing.drop(run, [1]), "expected the number of a topic, got [1]"),
        (lambda: writing.rename(run, True, "x"), "expected the number of a topic, got True"),
        (lambda: writing.move(run, ["nobody"], to=0), "1 of 1 ids are of no row of rows, 'nobody' for example"),
    ):
        with pytest.raises(ValueError, match=re.escape(why)):
            wish()
    assert not run.path(FILE).exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- {merge: [[a], [b]]", "not YAML"),
        ("merge: 1", "expected a list of edits"),
        ("- {melt: [a]}", "edit 1: expected one of merge, rename, split, drop, pin, move with ids of rows"),
        ("- {drop: [a]}\n- {merge: [[a]]}", "edit 2: expected at least 2, got \"[['a']]\"; merge takes merge, name"),
        ("- {rename: [a]}", "edit 1: name: missing; rename takes rename, name"),
        ("- {drop: [a], nmae: b}", "edit 1: nmae: not known; drop takes drop"),
        ("- {rename: [a], nmae: b}", "edit 1: name: missing"),
        ("- {merge: [[a], [b]], nmae: c}", "edit 1: nmae: not known; did you mean name?"),
        ("- {rename: 3, name: x}", "edit 1: expected a list of ids of rows, got '3'; rename takes rename, name"),
        ("- {drop: [a], drop: [b]}", "not YAML: 'drop' stands twice, the second time in line 1"),
        ("- {split: [a], into: 2, rows: [b]}", "edit 1: split needs `into`"),
        ("- {drop: [a], merge: [[a], [b]]}", "edit 1: expected one of"),
        ("- {move: [a], to: 3}", "edit 1: to: expected ids of rows of a topic, or unassigned"),
        ("- {drop: []}", "edit 1: expected at least 1, got '[]'; drop takes drop"),
    ],
)
def test_a_file_that_says_no_edit_is_refused_by_line(text, why, tmp_path):
    path = tmp_path / FILE
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(why)):
        read_edits(path)


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=4, unique=True))
def test_any_id_comes_back_as_it_was(tmp_path_factory, ids):
    path = tmp_path_factory.mktemp("edits") / FILE
    path.write_text(edit_line(Move(move=ids, to=ids, about=ids[0])) + "\n", "utf-8", newline="")
    assert read_edits(path) == [Move(move=ids, to=ids, about=ids[0])]
    path.write_text("- {drop: [7, 007, yes, 12:30:45, null]}\n- {move: [1], to: -1}\n")  # as they stand
    assert (
        read_edits(path)[0].drop == ["7", "007", "yes", "12:30:45", "null"] and read_edits(path)[1].to == "unassigned"
    )
