"""A sequence classification model does what the scorer does, and says what transformers says."""

import numpy as np
import pandas as pd
import pytest

from helpers.quality.scorer import ready_scorer
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import find_embedder

TEXTS = ["a cell", "b " * 80, "some longer text about plants", "z", "a cell"]


def saved(folder, tiny_bge, labels):
    """Return a folder with a classifier of so many labels, its weights random, its tokenizer that of tiny_bge."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(tiny_bge)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, num_labels=max(1, len(labels)), **sizes)
    if labels:
        config.id2label = dict(enumerate(labels))
    model = BertForSequenceClassification(config)
    model.classifier.weight.data *= 50
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model.eval(), tokenizer


def encoded(folder, tmp_path):
    found = find_embedder(model=str(folder), kind="classifier", device="cpu", precision="fp32")
    texts = number_vectors(pd.DataFrame({"id": list("abcde"), "text": TEXTS}))
    vectors, _ = embed_texts(texts, embedder=found, runs=tmp_path / "runs", run="r")
    return found, vectors.astype(np.float32)[texts["vector"]]


@pytest.mark.parametrize("labels", [[], ["0", "1", "2"], ["5 stars", "1 star", "3 stars"]])
def test_scores_are_those_of_transformers(tiny_bge, tmp_path, labels):
    import torch

    model, tokenizer = saved(tmp_path / "model", tiny_bge, labels)
    found, vectors = encoded(tmp_path / "model", tmp_path)
    assert found.window == 62 and found.dimensions == max(1, len(labels))
    read = tokenizer(TEXTS, padding=True, truncation=True, max_length=64, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**read).logits
    levels = found.levels()
    wanted = logits[:, 0] if levels is None else logits.softmax(-1) @ torch.tensor(levels, dtype=torch.float32)
    scorer = ready_scorer(levels=(0, 5), classes=levels, dimensions=found.dimensions, embedder=found.identity)
    told = scorer.score(vectors)
    np.testing.assert_allclose(told["score"], wanted.numpy(), atol=5e-3)
    lowest, highest = (min(levels), max(levels)) if levels else (0, 5)
    assert told["int_score"].between(lowest, highest).all() and told["score"].iloc[0] == told["score"].iloc[4]
    assert found.identity.startswith("classifier ")


def test_classes_that_are_no_levels_are_refused(tiny_bge, tmp_path):
    saved(tmp_path / "model", tiny_bge, ["NEGATIVE", "POSITIVE"])
    found = find_embedder(model=str(tmp_path / "model"), kind="classifier", device="cpu")
    with pytest.raises(ValueError, match="expected a regression, or classes that are levels.*NEGATIVE, POSITIVE"):
        found.levels()
