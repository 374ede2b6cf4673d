"""Texts -> vectors in seconds, from an encoder's view of single tokens: good enough for a first look.

The encoder reads every frequent token by itself, once; a text is the weighted mean of its tokens. It is how model2vec
distils an encoder (Tulkens and van Dongen 2024), with the weights and the common direction of Arora et al. 2017.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from tqdm import tqdm

from helpers.vectors.embedder import Embedder, unit_length

MOST = 10_000  # tokens that the encoder reads, the most frequent ones
AT_ONCE = 256  # of them, in one batch
RARE = 1e-3  # share of all tokens at which a token counts half: the constant a of Arora et al. 2017


def static_vectors(texts: list[str], *, embedder: Embedder) -> np.ndarray:
    """Return (n, d) float32 of unit length, zeros for a text without a known token.

    Texts are read as far as the embedder's window.
    """
    counts = _count_tokens(texts, embedder)
    frequent = np.sort(np.argsort(-counts.sum(axis=0).A1, kind="stable")[:MOST])
    frequent = frequent[counts.sum(axis=0).A1[frequent] > 0]
    counts = counts[:, frequent]
    words = [embedder.tokenizer.decode([token]).replace("##", "") for token in frequent.tolist()]
    batches = [words[start : start + AT_ONCE] for start in range(0, len(words), AT_ONCE)]
    read = [embedder.encode(batch) for batch in tqdm(batches, "read tokens", unit=" batch", mininterval=1)]
    shares = counts.sum(axis=0).A1 / max(1, counts.sum())
    weighted = np.concatenate(read) * (RARE / (RARE + shares))[:, None]
    means = unit_length(counts @ weighted)
    return unit_length(_without_common_direction(means))


def _count_tokens(texts: list[str], embedder: Embedder) -> csr_matrix:
    tokenizer, window = embedder.tokenizer, embedder.window
    found = [
        ids[:window]
        for start in range(0, len(texts), 1000)
        for ids in tokenizer(texts[start : start + 1000], add_special_tokens=False, verbose=False)["input_ids"]
    ]
    lengths = [len(ids) for ids in found]
    tokens = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in found]) if sum(lengths) else np.zeros(0, int)
    starts = np.cumsum([0, *lengths])
    return csr_matrix((np.ones(len(tokens), dtype=np.float32), tokens, starts), shape=(len(texts), len(tokenizer)))


def _without_common_direction(vectors: np.ndarray) -> np.ndarray:
    if len(vectors) < 2:
        return vectors
    _, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    common = axes[:, -1:].astype(np.float32)
    return vectors - vectors @ common @ common.T
