import numpy as np
import pandas as pd
import pytest

from helpers.topics.assign import assign_vectors
from helpers.topics.assigner import read_assigner
from helpers.topics.describe import (
    choose_representatives,
    describe_topics,
    main_languages,
    open_model,
    stop_word_list,
)
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import unit_length

BREAD = "my sourdough bread dough needs yeast flour and an oven number {}"
TRAIN = "the train from madrid station was late and the ticket cost too much {}"
PLANET = "the planet mars has two moons and orbits the sun in space {}"


@pytest.fixture(scope="module")
def described(minilm, tmp_path_factory):
    """Three topics of equal size, where BERTopic's own sorting may move numbers, and one row in none."""
    folder = tmp_path_factory.mktemp("described")
    sentences = [form.format(i) for i in range(20) for form in (TRAIN, BREAD, PLANET)] + ["zzz", TRAIN.format(0)]
    texts = number_vectors(pd.DataFrame({"id": [f"r{i}" for i in range(62)], "position": range(62), "text": sentences}))
    vectors, _ = embed_texts(texts, embedder=minilm, runs=folder, run="r")
    topics = np.array([[0, 1, 2][i % 3] for i in range(60)] + [-1])
    clusters = pd.DataFrame({"topic": topics, "confidence": np.ones(61, dtype=np.float32)})
    table = describe_topics(texts, vectors, clusters, embedder=minilm, model_folder=folder / "model")
    return table.set_index("topic"), texts, vectors, clusters, folder / "model"


def test_keywords_are_of_their_own_topic(described):
    table = described[0]
    assert {"train", "ticket", "station"} & set(table.loc[0, "keywords"])
    assert {"bread", "dough", "sourdough", "yeast"} & set(table.loc[1, "keywords"])
    assert {"planet", "mars", "moons"} & set(table.loc[2, "keywords"])
    assert "the" not in sum(table["keywords"].map(list).tolist(), [])
    for column in ("keybert", "mmr"):
        assert set(table.loc[1, column]) & {"bread", "dough", "sourdough", "oven", "yeast", "flour", "sourdough bread"}


def test_topics_of_equal_size_keep_their_numbers_in_the_saved_model(described):
    table, _, _, clusters, folder = described
    model = open_model(folder)
    assert model.topics_ == clusters["topic"].tolist()
    for topic in range(3):
        assert [word for word, _ in model.get_topic(topic)][: len(table.loc[topic, "keywords"])] == list(
            table.loc[topic, "keywords"]
        )


def test_rows_are_counted_with_their_copies_and_unassigned_ones_stay(described):
    table = described[0]
    assert table["size"].to_dict() == {-1: 1, 0: 21, 1: 20, 2: 20}
    assert table["unique"].to_dict() == {-1: 1, 0: 20, 1: 20, 2: 20}
    assert table["share"].sum() == pytest.approx(1)


def test_representative_rows_are_of_their_topic_and_all_different(described):
    table, texts, _, clusters, _ = described
    topic_of = dict(zip(texts["id"], clusters["topic"].to_numpy()[texts["vector"]], strict=True))
    for topic, ids in table["representative_ids"].items():
        assert len(set(ids)) == len(ids) > 0
        assert {topic_of[i] for i in ids} == {topic}


def test_centroids_are_those_of_the_members_and_new_rows_can_be_assigned(described):
    from safetensors.numpy import load_file

    _, _, vectors, clusters, folder = described
    saved = load_file(folder / "centroids.safetensors")
    full, topics = vectors.astype(np.float32), clusters["topic"].to_numpy()
    for topic in range(3):
        centre = unit_length(full[topics == topic].mean(axis=0)[None])[0]
        np.testing.assert_allclose(saved["centroids"][topic], centre, atol=1e-4)
    found = assign_vectors(full, read_assigner(folder), reject=0)["topic"].to_numpy()
    assert (found == topics)[topics >= 0].mean() > 0.95


def test_no_pickle_is_written(described):
    kinds = {path.suffix for path in described[4].rglob("*") if path.is_file()}
    assert kinds <= {".json", ".safetensors"}


def test_without_any_topic_there_is_a_table_and_no_model(described, minilm, tmp_path):
    _, texts, vectors, clusters, _ = described
    none = clusters.assign(topic=-1)
    table = describe_topics(texts, vectors, none, embedder=minilm, model_folder=tmp_path / "model")
    assert table["topic"].tolist() == [-1] and table["size"].tolist() == [62]
    assert not (tmp_path / "model").exists()


class Listener:
    """An embedder that notes what it is asked."""

    def __init__(self, embedder):
        self.embedder, self.asked = embedder, []

    def encode(self, texts):
        self.asked += texts
        return self.embedder.encode(texts)

    def free(self):
        pass


def test_no_row_is_embedded_again_and_every_word_once(described, minilm, tmp_path):
    table, texts, vectors, clusters, _ = described
    listener = Listener(minilm)
    again = describe_topics(texts, vectors, clusters, embedder=listener, model_folder=tmp_path / "model")
    assert again["keybert"].tolist() == table["keybert"].tolist()
    assert not set(listener.asked) & set(texts["text"]) and len(listener.asked) == len(set(listener.asked)) > 0


def test_beside_own_vectors_rows_are_embedded_to_be_compared_with_words(described, minilm, tmp_path):
    table, texts, vectors, clusters, _ = described
    listener, own = Listener(minilm), np.tile(vectors, 2)
    again = describe_topics(
        texts, own, clusters, embedder=listener, own_vectors=True, model_folder=tmp_path / "model"
    ).set_index("topic")
    assert set(listener.asked) & set(texts["text"])
    assert [set(words) for words in again["keybert"]] == [set(words) for words in table["keybert"]]


@pytest.mark.parametrize("sentence", ["the {} of", "🙂 🎉 {}", "猫が好きです {}"])
def test_texts_of_stop_words_emoji_or_other_scripts_get_keywords(sentence, minilm, tmp_path):
    texts = number_vectors(
        pd.DataFrame({"id": list("abcd"), "position": range(4), "text": [sentence.format("🙃" * i) for i in range(4)]})
    )
    vectors, _ = embed_texts(texts, embedder=minilm, runs=tmp_path, run="r")
    clusters = pd.DataFrame({"topic": [0, 0, 0, 0], "confidence": np.ones(4)})
    table = describe_topics(texts, vectors, clusters, embedder=minilm, model_folder=tmp_path / "model")
    assert table.set_index("topic").loc[0, "keywords"]


def test_representatives_are_near_the_centre_yet_unlike_one_another():
    """Ninety copies of one direction and ten of another: the second shows up although it is further away."""
    vectors = unit_length(np.array([[1, 0.01 * (i % 9)] for i in range(90)] + [[0.6, 0.8]] * 10))
    chosen = choose_representatives(vectors, np.arange(100), n=3)
    assert chosen[0] < 90 and any(i >= 90 for i in chosen) and len(set(chosen.tolist())) == 3
    nearest = choose_representatives(vectors, np.arange(100), n=3, spread=0.0)
    assert (nearest < 90).all()
    assert choose_representatives(vectors, np.array([], dtype=int), n=3).size == 0


def test_main_languages_leave_out_rare_and_unknown_ones():
    counts = pd.DataFrame({"language": ["en"] * 60 + ["es"] * 30 + ["und"] * 9 + ["fi"]})
    assert main_languages(counts) == ["en", "es"]
    assert main_languages(pd.DataFrame({"language": ["und"]})) == ["en"]


def test_stop_words_are_of_the_languages_asked_for():
    both = stop_word_list("auto", ["en", "es"])
    assert {"the", "pero"} <= set(both) and "pero" not in stop_word_list(["en"], [])
    assert stop_word_list("none", ["en"]) == []
    assert stop_word_list("auto", ["xx", "en"]) == stop_word_list("auto", ["en"])
    with pytest.raises(ValueError, match="no list for 'xx'"):
        stop_word_list(["xx"], [])
