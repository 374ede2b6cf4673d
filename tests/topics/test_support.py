import numpy as np
import pytest

from helpers.topics.support import lay_ground
from helpers.vectors.embedder import unit_length


def circle(*angles):
    """Return unit vectors at angles in degrees."""
    return np.stack([[np.cos(np.radians(angle)), np.sin(np.radians(angle))] for angle in angles]).astype(np.float32)


def ground(vectors, topics, shown=(), rows=60):
    directions = {"north": 90, "east": 0, "north-east": 45}
    return lay_ground(
        np.array(topics, dtype=int),
        vectors_of=lambda lines: vectors[lines],
        shown=shown,
        embed=lambda labels: circle(*(directions[label] for label in labels)),
        rows=rows,
    )


def test_a_hand_worked_case():
    """Two topics of four rows, two rows of each half; one of the east's rows lies in the north."""
    vectors = circle(85, 88, 92, 95, 2, -2, 5, -5)
    laid = ground(vectors, [0, 0, 0, 0, 1, 1, 1, 1])
    for report in (False, True):
        rated = laid.rate(["north", "east", "east"], [0, 1, 0], report=report)
        assert rated["finds"].tolist() == [1, 1, 0] and rated["rank"].tolist() == [1, 1, 2]


def test_rows_that_were_shown_or_chose_are_not_in_the_report():
    topics = np.repeat([0, 1, -1], 100)
    vectors = unit_length(np.random.default_rng(0).normal(size=(300, 2)))
    seen = []
    laid = lay_ground(topics, vectors_of=lambda lines: seen.append(lines) or vectors[lines], shown=set(range(20)),
                      embed=None, rows=30)  # fmt: skip
    lines = seen[0]
    assert len(set(lines.tolist())) == len(lines) == 120 and not set(lines.tolist()) & set(range(20))
    assert (topics[lines] == laid.topics).all() and -1 not in laid.topics
    assert [(laid.for_report & (laid.topics == topic)).sum() for topic in (0, 1)] == [30, 30]


def test_a_topic_of_which_all_is_shown_is_rated_by_it_but_not_reported():
    vectors = circle(90, 91, 0, 1, 2, 3)
    laid = ground(vectors, [0, 0, 1, 1, 1, 1], shown={0, 1})
    assert laid.rate(["north"], [0])["finds"].tolist() == [1]
    assert laid.rate(["north"], [0], report=True)["finds"].isna().all()


@pytest.mark.parametrize("topics", [[], [-1, -1]])
def test_without_topics_nothing_is_rated(topics):
    laid = ground(circle(*[0] * len(topics)).reshape(len(topics), 2) if topics else np.zeros((0, 2)), topics)
    assert laid.rate(["north"], [0])["finds"].isna().all() and laid.rate([], []).empty


def test_the_figures_are_those_of_a_plain_loop():
    random = np.random.default_rng(1)
    topics = random.integers(-1, 5, 400)
    vectors = unit_length(random.normal(size=(400, 8)) + np.eye(8)[np.maximum(topics, 0)] * 2)
    names = unit_length(random.normal(size=(300, 8)))
    laid = lay_ground(topics, vectors_of=lambda lines: vectors[lines], shown=(), embed=lambda _: names, rows=20)
    wanted = random.integers(0, 5, 300)
    rated = laid.rate(["x"] * 300, wanted.tolist(), report=True)
    own, of = laid.vectors[laid.for_report], laid.topics[laid.for_report]
    for row in range(300):
        near = own @ names[row]
        count = (of == wanted[row]).sum()
        expected = (of[np.argsort(-near)[:count]] == wanted[row]).mean()
        means = [near[of == topic].mean() for topic in range(5)]
        assert rated["finds"][row] == pytest.approx(expected)
        assert rated["rank"][row] == 1 + sum(mean > means[wanted[row]] for mean in means)
