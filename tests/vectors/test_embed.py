import numpy as np
import pandas as pd
import pytest

from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import Embedder, find_embedder, unit_length

SENTENCES = [
    "How do I bake sourdough bread at home?",
    "My bread did not rise, is the yeast old?",
    "The train to Madrid leaves at nine.",
    "Which platform is the train to Lisbon?",
    "x",
    "A much longer sentence about nothing in particular, written only so that the lengths differ a lot. " * 4,
]


def frame(sentences, **columns):
    return number_vectors(
        pd.DataFrame({"id": [f"r{i}" for i in range(len(sentences))], "position": range(len(sentences)),
                      "text": sentences, **columns}),
        given=list(columns),
    )  # fmt: skip


def test_vectors_are_those_of_sentence_transformers(minilm, tmp_path):
    vectors, facts = embed_texts(frame(SENTENCES), embedder=minilm, runs=tmp_path, run="r")
    oracle = minilm.model.encode(SENTENCES, normalize_embeddings=True)
    np.testing.assert_allclose(vectors.astype(np.float32), oracle, atol=2e-3)
    assert vectors.dtype == np.float16 and facts["vectors"] == 6 and facts["dimensions"] == 384
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=2e-3)


def test_near_meanings_are_near(minilm, tmp_path):
    vectors, _ = embed_texts(frame(SENTENCES[:4]), embedder=minilm, runs=tmp_path, run="r")
    similarity = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    assert similarity[0, 1] > similarity[0, 2] and similarity[2, 3] > similarity[2, 0]


def test_same_text_is_embedded_once(minilm, tmp_path):
    texts = frame(["a cat", "a dog", "a cat", "a cat"])
    assert texts["vector"].tolist() == [0, 1, 0, 0]
    vectors, facts = embed_texts(texts, embedder=minilm, runs=tmp_path, run="r")
    assert len(vectors) == facts["vectors"] == 2


def test_the_second_time_nothing_is_embedded_and_the_vectors_are_the_same(minilm, tmp_path):
    first, facts = embed_texts(frame(SENTENCES), embedder=minilm, batch_size=2, runs=tmp_path, run="one")
    assert facts["reused"] == 0
    again, _ = embed_texts(frame(SENTENCES), embedder=Unable(minilm), batch_size=2, runs=tmp_path, run="one")
    np.testing.assert_array_equal(first, again)


def test_vectors_of_an_earlier_dataset_are_reused_and_named(minilm, tmp_path):
    embed_texts(frame(SENTENCES[:4]), embedder=minilm, runs=tmp_path, run="one")
    _, facts = embed_texts(frame(SENTENCES), embedder=minilm, runs=tmp_path, run="two")
    assert facts["reused"] == 4


class Unable(Embedder):
    """Stands for a machine that stops: it fails after some batches, and counts what it was given."""

    def __init__(self, embedder, batches=0):
        super().__init__(**{name: getattr(embedder, name) for name in embedder.__dataclass_fields__})
        self.__dict__["left"], self.__dict__["inner"], self.__dict__["seen"] = batches, embedder, []

    def encode(self, texts):
        if self.left == 0:
            raise KeyboardInterrupt
        self.__dict__["left"] -= 1
        self.seen.append(list(texts))
        return self.inner.encode(texts)


def test_after_a_stop_the_same_batches_are_made_and_the_vectors_are_equal_bit_for_bit(minilm, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.vectors.embed.SAVE_EVERY", 1)
    texts = frame([f"{word} number {n}" for n in range(10) for word in ("apple", "a rather longer text about a pear")])
    whole, _ = embed_texts(texts, embedder=minilm, batch_size=4, runs=tmp_path / "whole", run="r")
    with pytest.raises(KeyboardInterrupt):
        embed_texts(texts, embedder=Unable(minilm, 2), batch_size=4, runs=tmp_path / "cut", run="r")
    counting = Unable(minilm, 99)
    resumed, facts = embed_texts(texts, embedder=counting, batch_size=4, runs=tmp_path / "cut", run="r")
    np.testing.assert_array_equal(whole, resumed)
    assert len(counting.seen) == 3 and all(len(batch) == 4 for batch in counting.seen)
    assert facts["reused"] == 0


class Small(Unable):
    """Stands for a card whose memory holds three texts."""

    def encode(self, texts):
        if len(texts) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.inner.encode(texts)


def test_a_batch_that_does_not_fit_is_halved_and_named(minilm, tmp_path):
    vectors, facts = embed_texts(frame(SENTENCES), embedder=Small(minilm), batch_size=6, runs=tmp_path, run="r")
    whole, _ = embed_texts(frame(SENTENCES), embedder=minilm, batch_size=6, runs=tmp_path / "other", run="r")
    np.testing.assert_allclose(vectors.astype(np.float32), whole.astype(np.float32), atol=2e-3)
    assert facts["halved_batches"] == 1


def test_another_model_or_prefix_does_not_take_these_vectors(minilm, tmp_path, tiny_bge):
    embed_texts(frame(SENTENCES), embedder=minilm, runs=tmp_path, run="r")
    prefixed = find_embedder(model="all-MiniLM-L6-v2", prefix="query: ")
    assert embed_texts(frame(SENTENCES), embedder=prefixed, runs=tmp_path, run="r")[1]["reused"] == 0
    bge = find_embedder(model=str(tiny_bge))
    vectors, facts = embed_texts(frame(SENTENCES), embedder=bge, runs=tmp_path, run="r")
    assert facts["reused"] == 0 and vectors.shape == (6, 32)


def test_bge_reads_510_tokens_by_its_first(tiny_bge, tmp_path):
    """CLS pooling: the vector is the hidden state of the first token, made unit length."""
    import torch

    bge = find_embedder(model=str(tiny_bge))
    assert bge.window == 510
    transformer = bge.model[0]
    tokens = bge.tokenizer(SENTENCES[0], return_tensors="pt")
    with torch.inference_mode():
        hidden = transformer.model(**tokens).last_hidden_state[0, 0].float().numpy()
    vectors, _ = embed_texts(frame(SENTENCES[:1]), embedder=bge, runs=tmp_path, run="r")
    np.testing.assert_allclose(vectors[0].astype(np.float32), unit_length(hidden[None])[0], atol=2e-3)


def test_the_mean_over_windows_is_the_weighted_mean_of_the_windows(tiny_bge, tmp_path):
    bge = find_embedder(model=str(tiny_bge))
    long = " ".join(["a"] * 510 + ["b"] * 100)
    vectors, _ = embed_texts(frame([long]), embedder=bge, long_texts="mean", runs=tmp_path, run="r")
    parts = bge.encode([" ".join(["a"] * 510), " ".join(["b"] * 100)])
    expected = unit_length((510 * parts[0] + 100 * parts[1])[None])[0]
    np.testing.assert_allclose(vectors[0].astype(np.float32), expected, atol=2e-3)
    short, _ = embed_texts(frame(["a b"]), embedder=bge, long_texts="mean", runs=tmp_path, run="r")
    np.testing.assert_allclose(short.astype(np.float32), bge.encode(["a b"]), atol=2e-3)


def test_fp16_on_a_cpu_is_refused():
    with pytest.raises(ValueError, match="100 times slower"):
        find_embedder(model="all-MiniLM-L6-v2", device="cpu", precision="fp16")


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/model", "nonsense"])
def test_a_model_that_does_not_exist_says_what_is_expected(name):
    with pytest.raises(FileNotFoundError, match="expected a folder or a .gguf file that exists, a hub name"):
        find_embedder(model=name)


def test_a_hub_model_that_is_not_here_is_told_without_the_hub():
    with pytest.raises(FileNotFoundError, match="not on this machine and the hub did not give it"):
        find_embedder(model="nobody/nothing-v1")


def test_own_vectors_of_a_column_are_scaled_and_used(tmp_path):
    texts = frame(["a", "b", "a"], own=[[3.0, 4.0], [0.0, 2.0], [3.0, 4.0]])
    vectors, facts = embed_texts(texts, embedder=None, column="own", runs=tmp_path, run="r")
    np.testing.assert_allclose(vectors.astype(np.float32), [[0.6, 0.8], [0, 1]], atol=1e-3)
    assert facts["own"] == "own"


def test_equal_texts_with_unequal_own_vectors_stay_apart():
    assert frame(["a", "a", "a"], own=[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])["vector"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0, 2.0], [1.0]], "one length; most have .*rows"),
        ([[1.0, 2.0], [float("nan"), 1.0]], r"NaN, infinity or only zeros; rows \['r1'\]"),
        ([[1.0, 2.0], [0.0, 0.0]], "only zeros"),
        ([[1.0], None], "one length"),
    ],
)
def test_bad_own_vectors_are_told_with_their_rows(values, message, tmp_path):
    texts = frame(["a", "b"]).assign(own=pd.Series(values, dtype=object))
    with pytest.raises(ValueError, match=message):
        embed_texts(texts, embedder=None, column="own", runs=tmp_path, run="r")


def test_own_vectors_of_a_file_go_by_the_sources_positions(tmp_path):
    np.save(tmp_path / "own.npy", np.eye(4, dtype=np.float32))
    texts = frame(["a", "b"]).assign(position=[2, 0])
    vectors, _ = embed_texts(texts, embedder=None, file=str(tmp_path / "own.npy"), runs=tmp_path, run="r")
    np.testing.assert_array_equal(vectors, np.eye(4, dtype=np.float16)[[2, 0]])
    with pytest.raises(ValueError, match=r"at least 10; own.npy holds \(4, 4\)"):
        embed_texts(
            texts.assign(position=[9, 0]), embedder=None, file=str(tmp_path / "own.npy"), runs=tmp_path, run="r"
        )


@pytest.mark.gpu
def test_fp16_on_the_gpu_is_as_good_as_fp32(tmp_path):
    gpu, cpu = find_embedder(model="all-MiniLM-L6-v2"), find_embedder(model="all-MiniLM-L6-v2", device="cpu")
    assert (gpu.device, gpu.precision) == ("cuda", "fp16")
    cosine = (gpu.encode(SENTENCES) * cpu.encode(SENTENCES)).sum(axis=1)
    assert cosine.min() > 0.999


@pytest.mark.hub
def test_the_real_bge_base(tmp_path):
    bge = find_embedder(model="BAAI/bge-base-en-v1.5")
    vectors, _ = embed_texts(frame(SENTENCES[:4]), embedder=bge, runs=tmp_path, run="r")
    similarity = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    assert bge.window == 510 and vectors.shape == (4, 768)
    assert similarity[0, 1] > similarity[0, 2] and similarity[2, 3] > similarity[2, 0]


def test_rows_with_equal_texts_keep_their_own_vectors_of_a_file(tmp_path):
    from helpers.config import read_config

    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    distinct = read_config("demo", {"embed.file": str(tmp_path / "v.npy")})[1].distinct
    same = pd.DataFrame({"id": list("abc"), "position": [2, 0, 1], "text": ["same"] * 3})
    numbered = number_vectors(same, given=distinct)
    vectors, _ = embed_texts(numbered, embedder=None, file=str(tmp_path / "v.npy"), runs=tmp_path, run="r")
    assert vectors.argmax(axis=1).tolist() == [2, 0, 1]
    (tmp_path / "bad.npy").write_text("no numbers")
    with pytest.raises(ValueError, match="embed.file: expected numbers saved by numpy.save"):
        embed_texts(numbered, embedder=None, file=str(tmp_path / "bad.npy"), runs=tmp_path, run="r")


@pytest.mark.parametrize("scale", [1e-25, 1, 1e25])
def test_own_vectors_of_any_scale_become_of_unit_length(scale):
    np.testing.assert_allclose(unit_length(np.array([[3, 4]]) * scale), [[0.6, 0.8]], rtol=1e-5)


def test_a_folder_named_like_a_packaged_model_is_that_folder(tiny_bge, tmp_path):
    folder = tmp_path / "all-MiniLM-L6-v2"
    folder.symlink_to(tiny_bge)
    assert find_embedder(model=str(folder)).path == folder
    with pytest.raises(FileNotFoundError, match="someone/all-MiniLM-L6-v2"):
        find_embedder(model="someone/all-MiniLM-L6-v2")


def test_a_device_that_is_not_there_is_refused_with_a_remedy():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA card")
    with pytest.raises(ValueError, match="embed.device: 'cuda:1' is not to be had here"):
        find_embedder(model="all-MiniLM-L6-v2", device="cuda:1")
