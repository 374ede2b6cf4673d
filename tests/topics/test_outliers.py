import numpy as np
import pandas as pd
import pytest

from helpers.topics.assigner import fit_assigner, save_assigner
from helpers.topics.outliers import nearest_topics
from helpers.vectors.embedder import unit_length

AXES = np.eye(3, 8)


@pytest.fixture
def model(tmp_path):
    """Three topics around the first three of eight axes."""
    random = np.random.default_rng(0)
    topics = np.repeat([0, 1, 2], 200)
    save_assigner(fit_assigner(unit_length(AXES[topics] + 0.15 * random.normal(size=(600, 8))), topics), tmp_path)
    return tmp_path


def found(model, vectors, topics):
    clusters = pd.DataFrame({"topic": topics, "confidence": np.float32(1)})
    return nearest_topics(unit_length(np.array(vectors, dtype=np.float32)), clusters, model_folder=model)


def test_only_what_is_near_enough_gets_a_topic(model):
    far, between = np.eye(8)[7], np.array([1, 1, 0, 0, 0, 0, 0, 0])
    table = found(model, [*AXES, between, far], [-1] * 5)
    assert table["nearest_topic"].tolist() == [0, 1, 2, -1, -1]
    assert (table["similarity"][:3] > 0.97).all()
    assert table["similarity"][3] == pytest.approx(0.7, abs=0.1) and abs(table["similarity"][4]) < 0.2


def test_a_topic_that_is_there_never_moves(model):
    """The second row is far nearer to topic 1 than to its own, and the third is nowhere near its own."""
    table = found(model, [AXES[0], AXES[1], np.eye(8)[7]], [0, 2, 1])
    assert table["nearest_topic"].tolist() == [0, 2, 1]
    assert table["similarity"].tolist() == pytest.approx([1, 0, 0], abs=0.2)


def test_numbers_are_the_topics_own_and_do_not_shift(model):
    """BERTopic 0.17.4 names every topic one too low after reduce_outliers and update_topics where none is left out."""
    assert found(model, AXES, [-1, -1, -1])["nearest_topic"].tolist() == [0, 1, 2]
    assert found(model, AXES, [0, 1, -1])["nearest_topic"].tolist() == [0, 1, 2]


def test_without_topics_nothing_is_near(tmp_path):
    assert found(tmp_path, AXES, [-1, -1, -1])["nearest_topic"].tolist() == [-1, -1, -1]
