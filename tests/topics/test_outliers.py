import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from helpers.topics.outliers import nearest_topics


@pytest.fixture
def model(tmp_path):
    """Three topics whose centres are the axes; the third is wider."""
    tensors = {"centroids": np.eye(3, 4, dtype=np.float32), "thresholds": np.array([0.9, 0.9, 0.5], dtype=np.float32)}
    save_file(tensors, tmp_path / "centroids.safetensors")
    return tmp_path


def directions(*lines):
    vectors = np.array(lines, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def found(model, vectors, topics):
    clusters = pd.DataFrame({"topic": topics, "confidence": np.float32(1)})
    return nearest_topics(vectors, clusters, model_folder=model)


def test_only_what_is_near_enough_gets_a_topic(model):
    vectors = directions([1, 0.1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1.5], [0, 0, 1, 2], [0, 0, 0, 1])
    table = found(model, vectors, [-1] * 5)
    assert table["nearest_topic"].tolist() == [0, -1, 2, -1, -1]
    assert table["similarity"].tolist() == pytest.approx([0.995, 0.707, 0.555, 0.447, 0], abs=1e-3)


def test_a_topic_that_is_there_never_moves(model):
    """The second row is far nearer to topic 1 than to its own, and the third is nowhere near its own."""
    vectors = directions([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1])
    table = found(model, vectors, [0, 2, 1])
    assert table["nearest_topic"].tolist() == [0, 2, 1]
    assert table["similarity"].tolist() == pytest.approx([1, 0, 0], abs=1e-6)


def test_numbers_are_the_topics_own_and_do_not_shift(model):
    """BERTopic 0.17.4 names every topic one too low after reduce_outliers and update_topics where none is left out."""
    every = found(model, directions([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]), [-1, -1, -1])
    assert every["nearest_topic"].tolist() == [0, 1, 2]
    some = found(model, directions([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]), [0, 1, -1])
    assert some["nearest_topic"].tolist() == [0, 1, 2]


def test_without_topics_nothing_is_near(tmp_path):
    table = found(tmp_path, directions([1, 0], [0, 1]), [-1, -1])
    assert table["nearest_topic"].tolist() == [-1, -1]
