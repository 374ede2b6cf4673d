"""Truncated texts -> vectors of unit length, one a unique text; or the user's own vectors, checked.

The model is embedder.py's, the cache cache.py's; cutting long texts is left to text/truncate.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.vectors.cache import VectorCache
from helpers.vectors.embedder import Embedder, unit_length
from helpers.vectors.own import take_vectors

SAVE_EVERY = 8  # batches: a kill loses at most these, a few seconds' work on a CPU


def number_vectors(texts: pd.DataFrame, *, given: Sequence[str] = ()) -> pd.DataFrame:
    """Return texts with the column `vector`: the line of its vector; equal texts share one, in order of appearance.

    given: columns with the user's own vectors, points or clusters; then rows share a line only where these are
    equal as well.
    """
    missing = [name for name in given if name not in texts]
    if missing:
        raise ValueError(f"no column {missing[0]!r} for own vectors, points or clusters; columns are {_listed(texts)}")
    same = texts["text"]
    if given:
        own = zip(*(texts[name].map(lambda value: _hash(_bytes_of(value))) for name in given), strict=True)
        same = pd.Series([(text, *values) for text, values in zip(texts["text"], own, strict=True)], dtype=object)
    return texts.assign(vector=pd.factorize(same.to_numpy())[0].astype(np.int64))


def embed_texts(
    texts: pd.DataFrame,
    *,
    embedder: Embedder,
    batch_size: int | Literal["auto"] = "auto",
    long_texts: str = "truncate",
    column: str | None = None,
    file: str | None = None,
    runs: Path,
    run: str,
    **_: object,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the vectors (n unique, d) float16 of unit length, and where they came from.

    texts: frame with `text` and `vector`. column, file: the user's own vectors, see take_vectors. long_texts: `mean`
    averages the vectors of a text's windows, weighted by their length, where `truncate` takes the text as one.
    Finished batches are kept in the cache under runs; a run that was stopped goes on after them with the batches
    that it would have made.
    """
    if column or file:
        return take_vectors(texts, column=column, file=file)
    unique = texts.drop_duplicates("vector").sort_values("vector")["text"].tolist()
    pieces, owners = _pieces(unique, embedder) if long_texts == "mean" else (unique, np.arange(len(unique)))
    sizes = _token_counts(pieces, embedder)
    batch = embedder.usual_batch if batch_size == "auto" else batch_size
    vectors, facts = _embed_pieces(pieces, sizes, embedder, batch, VectorCache(runs), run)
    if long_texts == "mean":
        vectors = _weighted_means(vectors, owners, sizes, len(unique))
    facts |= {"model": embedder.name, "revision": embedder.revision, "device": embedder.device}
    facts |= {"precision": embedder.precision, "dimensions": int(vectors.shape[1]), "vectors": len(unique)}
    return vectors.astype(np.float16), facts


def encode_texts(
    texts: list[str], embedder: Embedder, *, batch_size: int | str = "auto", long_texts: str = "truncate"
) -> np.ndarray:
    """Return the vectors (n, d) float16 of texts as embed_texts makes them, without its cache and its bar."""
    if not texts:
        return np.zeros((0, embedder.dimensions), dtype=np.float16)
    pieces, owners = _pieces(texts, embedder) if long_texts == "mean" else (texts, np.arange(len(texts)))
    sizes = _token_counts(pieces, embedder)
    vectors: list[np.ndarray | None] = [None] * len(pieces)
    order = np.argsort(-sizes, kind="stable").tolist()
    for batch in _groups(order, embedder.usual_batch if batch_size == "auto" else batch_size):
        for line, vector in zip(batch, _encode(embedder, [pieces[i] for i in batch], []), strict=True):
            vectors[line] = vector
    whole = np.stack(vectors)
    return (_weighted_means(whole, owners, sizes, len(texts)) if long_texts == "mean" else whole).astype(np.float16)


def _embed_pieces(
    pieces: list[str], sizes: np.ndarray, embedder: Embedder, batch_size: int, cache: VectorCache, run: str
) -> tuple[np.ndarray, dict[str, Any]]:
    model = _hash(embedder.fingerprint.encode())
    keys = [_hash(piece.encode()) for piece in pieces]
    plan = _hash(b"".join([model, str(batch_size).encode(), *keys]))
    known = cache.find(model, keys)
    reused = cache.reused(plan, run=run, found=np.array([key in known for key in keys], dtype=bool))
    cache.use(model, keys, run=run)
    halved: list[int] = []
    # Longest first: memory runs out in the first batch or never. Equal lengths keep the order of the rows.
    todo = [i for i in np.argsort(-sizes, kind="stable") if not reused[i]]
    batches = [todo[start : start + batch_size] for start in range(0, len(todo), batch_size)]
    left = [batch for batch in batches if any(keys[i] not in known for i in batch)]
    done = int(sizes.sum() - sum(sizes[batch].sum() for batch in left))
    with tqdm(
        total=int(sizes.sum()), initial=done, desc="embed", unit=" tokens", unit_scale=True, mininterval=1
    ) as bar:
        for group in _groups(left, SAVE_EVERY):
            fresh = {}
            for batch in group:
                encoded = _encode(embedder, [pieces[i] for i in batch], halved)
                fresh |= {keys[i]: vector.astype(np.float16) for i, vector in zip(batch, encoded, strict=True)}
                bar.update(int(sizes[batch].sum()))
            cache.add(model, fresh.items(), run=run)
            known |= fresh
    vectors = np.stack([known[key] for key in keys]).astype(np.float32)
    return vectors, {"reused": int(reused.sum()), "halved_batches": len(halved), "batch_size": batch_size}


def _encode(embedder: Embedder, texts: list[str], halved: list[int]) -> np.ndarray:
    """Return the texts' vectors; a batch that is too large for the memory is halved until it fits."""
    try:
        return embedder.encode(texts)
    except RuntimeError as error:
        if "out of memory" not in str(error).lower() or len(texts) == 1:
            raise
    halved.append(len(texts))
    middle = len(texts) // 2
    return np.concatenate([_encode(embedder, half, halved) for half in (texts[:middle], texts[middle:])])


def _pieces(texts: list[str], embedder: Embedder) -> tuple[list[str], np.ndarray]:
    """Return the windows of all texts, each a piece that fits the model, and for each piece its text's number."""
    pieces, owners = [], []
    window = embedder.window
    for number, text in enumerate(texts):
        spans = embedder.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False, truncation=False
        )["offset_mapping"]
        starts = [spans[i][0] for i in range(0, len(spans), window)] or [0]
        ends = [*starts[1:], len(text)]
        found = [piece for start, end in zip(starts, ends, strict=True) if (piece := text[start:end].strip())]
        pieces += found or [text]
        owners += [number] * max(1, len(found))
    return pieces, np.array(owners)


def _weighted_means(vectors: np.ndarray, owners: np.ndarray, weights: np.ndarray, n: int) -> np.ndarray:
    sums = np.zeros((n, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, owners, vectors * np.maximum(weights, 1)[:, None])
    return unit_length(sums)


def _token_counts(texts: list[str], embedder: Embedder) -> np.ndarray:
    counts = [
        len(ids)
        for group in _groups(texts, 1000)
        for ids in embedder.tokenizer(group, add_special_tokens=False, verbose=False, truncation=False)["input_ids"]
    ]
    return np.array(counts, dtype=np.int64)


def _groups(items: list, size: int) -> Iterator[list]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _bytes_of(value: object) -> bytes:
    """Return bytes that are equal for equal cells, be they numbers, names or vectors."""
    return (
        np.asarray(value).tobytes()
        if hasattr(value, "__len__") and not isinstance(value, str)
        else repr(value).encode()
    )


def _listed(texts: pd.DataFrame) -> str:
    return ", ".join(map(str, texts.columns))


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
