import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from helpers.vectors.embedder import Embedder
from helpers.vectors.static import READ, static_vectors

KINDS = {
    "bread": [
        "fresh bread from the oven",
        "she kneads the dough",
        "a loaf with butter",
        "the baker sells rolls",
    ],
    "trains": [
        "the night train to madrid",
        "a railway ticket",
        "the station was crowded",
        "trams run on rails",
    ],
    "planets": ["two moons of the planet mars", "rings of saturn", "a telescope on a hill", "the orbit of venus"],
}
DAYS = ["on monday", "in spring", "last year", "early in the day", "for my friend", "with great care", "once more"]


def many(n):
    """Texts of three kinds, and the kind of each."""
    kinds = np.random.default_rng(0).choice(list(KINDS), size=n)
    generator = np.random.default_rng(1)
    pairs = [generator.choice(KINDS[kind], 2) for kind in kinds]
    return [f"{one} and {other} {generator.choice(DAYS)}" for one, other in pairs], kinds


def test_groups_are_those_of_the_encoder_though_it_reads_few(minilm):
    from sklearn.cluster import KMeans

    texts, kinds = many(3 * READ)
    vectors, rate = static_vectors(texts, embedder=minilm)
    assert vectors.shape == (len(texts), 384) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    found = KMeans(3, n_init=2, random_state=0).fit_predict(vectors)
    assert adjusted_mutual_info_score(kinds, found) > 0.9 and rate > 1


def test_a_text_that_was_not_read_comes_near_its_own_vector(minilm):
    texts, _ = many(900)
    vectors, _ = static_vectors(texts, embedder=minilm)
    true = minilm.encode(texts[:50])
    own = (vectors[:50] * true).sum(axis=1)
    assert own.mean() > 0.8 and (own > (vectors[450:500] * true).sum(axis=1)).mean() > 0.8


def test_a_slow_encoder_reads_no_more_than_there_is_patience_for(minilm, monkeypatch):
    from helpers.vectors import static

    monkeypatch.setattr(static, "PATIENCE", 0.0)
    read = []

    class Listening(Embedder):
        def encode(self, texts):
            read.extend(texts)
            return minilm.encode(texts)

    slow = Listening(minilm.name, minilm.path, minilm.revision, minilm.device, minilm.precision)
    vectors, _ = static_vectors(many(900)[0], embedder=slow)
    assert len(vectors) == 900 and len(read) <= static.FEWEST + slow.usual_batch


@pytest.mark.parametrize("texts", [["one"], ["one", "two"], ["🙂", "🙂🙂", "x"], ["same"] * 5])
def test_few_texts_have_vectors_too(minilm, texts):
    vectors, _ = static_vectors(texts, embedder=minilm)
    assert vectors.shape == (len(texts), 384) and np.isfinite(vectors).all()
