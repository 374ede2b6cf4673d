"""What is nearest to a question is what numpy finds by comparing with all, whatever the order of the rows."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.explore.pictures_search import plot_hits
from helpers.explore.read_map import TopicMap
from helpers.explore.search import (
    find_asker,
    hits_table,
    more_like,
    nearest_topics,
    question_vector,
    rows_with_hits,
    search,
    search_all,
)
from helpers.runs import open_run
from helpers.vectors.embedder import find_embedder, unit_length

WORDS = "parcel refund weather movie dog computer football recipe".split()


class Reader:
    """Stands in for an embedder: a text's vector is made of the letters in it."""

    name, identity, prefix = "letters", "letters", ""

    def encode(self, texts):
        return vectors_of(texts)


def vectors_of(texts):
    counts = np.array([[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts], dtype=float)
    return unit_length(counts + 0.01)


def made(texts, *, topics=None, order=None, **columns):
    """A map of texts; equal ones share a vector."""
    unique = list(dict.fromkeys(texts))
    rows = pd.DataFrame({"id": [f"r{place}" for place in range(len(texts))], "text": texts, **columns})
    rows["vector"] = [unique.index(text) for text in texts]
    rows["topic"] = topics if topics is not None else [line % 3 - 1 for line in rows["vector"]]
    names = pd.DataFrame({"topic": [-1, 0, 1], "label": ["Unassigned", "Zero", "<b>One</b>"], "size": [1, 2, 3]})
    rows = rows if order is None else rows.iloc[order].reset_index(drop=True)
    return TopicMap(rows, names, pd.DataFrame(), vectors_of(unique).astype(np.float16))


TEXTS = [f"{first} and {second}" for first in WORDS for second in WORDS] + ["parcel and refund"] * 2


@given(st.text("abcdefghijkl ", min_size=1, max_size=20).filter(str.strip), st.integers(1, 80))
def test_the_nearest_rows_are_those_of_brute_force(question, n):
    topic_map = made(TEXTS)
    hits = search(topic_map, question, embedder=Reader(), n=n)
    similarity = topic_map.vectors.astype(np.float32) @ vectors_of([question])[0]
    first = topic_map.rows.drop_duplicates("vector")
    ranked = sorted(zip(-similarity[first["vector"]].astype(np.float64), first["id"], strict=True))[:n]
    np.testing.assert_allclose(hits["similarity"], [-value for value, _ in ranked], atol=1e-6)
    assert len(hits) == min(n, 64) and hits["rank"].tolist() == [*range(1, len(hits) + 1)]
    assert hits["id"].is_unique and hits["similarity"].is_monotonic_decreasing


@given(st.permutations(range(len(TEXTS))))
def test_the_order_of_the_rows_does_not_matter(order):
    expected = search(made(TEXTS), "a refund", embedder=Reader(), n=9)
    pd.testing.assert_frame_equal(search(made(TEXTS, order=list(order)), "a refund", embedder=Reader(), n=9), expected)


def test_equal_texts_are_one_hit_that_says_how_many_rows_have_it():
    hits = search(made(TEXTS), "parcel and refund", embedder=Reader(), n=1)
    assert hits[["id", "rows", "text"]].values.tolist() == [["r1", 3, "parcel and refund"]]
    assert hits["label"].tolist() == ["Zero"] and hits["similarity"][0] > 0.999


def test_rules_leave_rows_out_and_speak_of_all_columns():
    topic_map = made(TEXTS, score=np.arange(len(TEXTS), dtype=float))
    hits = search(topic_map, "parcel and refund", embedder=Reader(), n=3, where=["score >= 60", "topic != -1"])
    allowed = topic_map.rows[(topic_map.rows["score"] >= 60) & (topic_map.rows["topic"] != -1)]
    assert set(hits["id"]) <= set(allowed["id"]) and hits["id"][0] == "r64" and hits["rows"][0] == 2
    with pytest.raises(ValueError, match="scor"):
        search(topic_map, "x", embedder=Reader(), where=["scor > 1"])
    assert search(topic_map, "x", embedder=Reader(), where=["score > 999"]).empty


def test_words_that_match_are_named_and_the_text_is_shown_from_before_them():
    long = (
        "Something else was said. " * 20
        + "Then my PARCELS, <b>late</b> as ever,\nwere lost: I want a refund!"
        + " x" * 200
    )
    topic_map = made([long, "No such word", "las películas de 電影 y más"])
    hits = search(topic_map, "a parcel, the refund?", embedder=Reader(), n=3, stops=["a", "the"]).set_index("id")
    assert hits.loc["r0", "words"] == "parcels, refund" and hits.loc["r1", "words"] == ""
    shown = hits.loc["r0", "text"]
    assert shown.startswith("…") and "my PARCELS, <b>late</b> as ever, were lost" in shown and len(shown) <= 201
    assert hits.loc["r1", "text"] == "No such word"
    asked = search(topic_map, "電影 pelicula", embedder=Reader(), n=3).set_index("id")
    assert asked.loc["r2", "words"] == "peliculas, 電, 影"


def test_more_like_some_rows_leaves_them_and_their_copies_out():
    topic_map = made(TEXTS)
    hits = more_like(topic_map, ["r1", "r8"], n=5)  # parcel and refund, refund and parcel: the same letters
    middle = unit_length(topic_map.vectors[[1, 8]].astype(np.float32).mean(axis=0, keepdims=True))[0]
    similarity = topic_map.vectors.astype(np.float32) @ middle
    similarity[[1, 8]] = -1
    assert hits["id"][0] == f"r{similarity.argmax()}" and not {"r1", "r64", "r65", "r8"} & set(hits["id"])
    assert more_like(topic_map, "r1", n=1)["id"].tolist() == ["r8"]
    with pytest.raises(ValueError, match="got 'nobody', which none has"):
        more_like(topic_map, ["r1", "nobody"])
    with pytest.raises(ValueError, match="expected ids of rows"):
        more_like(topic_map, [])


def test_the_nearest_topics_are_those_of_their_middles():
    topic_map = made(TEXTS)
    found = nearest_topics(topic_map, question_vector("parcel", embedder=Reader()), n=5, among=10)
    topic_of = topic_map.rows.drop_duplicates("vector").sort_values("vector")["topic"].to_numpy()
    for topic, similarity, nearest in found[["topic", "similarity", "nearest"]].itertuples(index=False):
        middle = topic_map.vectors[topic_of == topic].astype(np.float32).mean(axis=0)
        assert similarity == pytest.approx(middle @ vectors_of(["parcel"])[0] / np.linalg.norm(middle), abs=1e-5)
        near = np.argsort(-(topic_map.vectors.astype(np.float32) @ vectors_of(["parcel"])[0]), kind="stable")[:10]
        assert nearest == pytest.approx((topic_of[near] == topic).mean())
    assert found["topic"].tolist() != [-1] and len(found) == 2 and found["similarity"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("question", "reader", "why"),
    [
        ("  ", Reader(), "expected a question"),
        (["movies"], Reader(), r"expected one question, got \['movies'\]: search_all takes several"),
        ("x", None, "your own"),
    ],
)
def test_what_cannot_be_asked_is_refused(question, reader, why):
    with pytest.raises(ValueError, match=why):
        search(made(TEXTS), question, embedder=reader)
    pd.testing.assert_frame_equal(nearest_topics(made(TEXTS), [1.0] * 26), nearest_topics(made(TEXTS), np.ones(26)))
    with pytest.raises(ValueError, match=re.escape("expected a vector of 26 numbers, as the map's, got (3,)")):
        nearest_topics(made(TEXTS), np.ones(3))


def test_questions_are_read_with_the_map_s_own_embedder(tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text('{"text": "one"}\n')
    run = open_run(str(source), {}, tmp_path / "runs")
    embedder = find_embedder()
    assert find_asker(run) == embedder
    run.save("model/reading.json", {"identity": "another model"})
    with pytest.raises(ValueError, match="the map was made with another model, and the embedder here is"):
        find_asker(run)
    told = open_run(str(source), {"embed.prefix": "passage: "}, tmp_path / "runs2")
    assert find_asker(told) == replace(embedder, prefix="query: ")
    assert find_asker(open_run(str(source), {"embed.column": "v"}, tmp_path / "runs3")) is None


def test_several_questions_stand_one_after_the_other_and_on_the_map():
    topic_map = made(TEXTS, x=np.linspace(-1, 1, len(TEXTS)), y=np.linspace(3, 1, len(TEXTS)))
    questions = ["the parcel $x_1$ <script>", "dog and dog", "the parcel $x_1$ <script>"]
    hits = search_all(topic_map, questions, embedder=Reader(), n=4)
    assert (
        hits["question"].tolist() == [questions[0]] * 4 + [questions[1]] * 4
        and hits["rank"].tolist() == [1, 2, 3, 4] * 2
    )
    assert "the" not in " ".join(hits["words"]).split(", ") and "and" not in hits["words"].tolist()
    marked = rows_with_hits(topic_map, hits).set_index("id")["question"]
    for question in questions[:2]:
        first = hits.loc[(hits["question"] == question) & (hits["rank"] == 1), "id"].item()
        assert marked[first] == question
    copies = marked[["r1", "r64", "r65"]]
    assert copies.nunique() == 1 and (marked == "").sum() > 50
    figure = plot_hits(topic_map, hits)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert [one for one in shown if one.isdigit()] == ["1", "2", "3", "4"] * 2
    assert all(not text.get_parse_math() for text in figure.axes[0].texts + figure.axes[0].get_legend().get_texts())
    nothing = search_all(topic_map, [], embedder=None)
    assert (
        nothing.empty and "explore.questions" in hits_table(nothing) and isinstance(plot_hits(topic_map, nothing), str)
    )
