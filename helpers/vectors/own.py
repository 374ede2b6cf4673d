"""The user's own vectors, in a column or a file -> vectors as embed.py makes them, checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.vectors.embedder import unit_length


def take_vectors(texts: pd.DataFrame, *, column: str | None = None, file: str | None = None) -> tuple:
    """Return the user's own vectors as embed_texts does: (n unique, d) float16 of unit length, and facts.

    column: a column of texts; file: .npy with a line for each source row, in the source's order (`position`).
    Raises ValueError for vectors of unequal length, no numbers, NaN, only zeros, or a file with too few lines.
    """
    raw = _from_file(Path(file), texts["position"].to_numpy()) if file else _from_column(texts, column)
    wrong = ~np.isfinite(raw).all(axis=1) | (np.abs(raw).max(axis=1, initial=0) == 0)
    if wrong.any():
        where = texts["id"].to_numpy()[wrong][:5].tolist()
        raise ValueError(f"{wrong.sum()} own vectors hold NaN, infinity or only zeros; rows {where}: mend or drop them")
    first = ~texts["vector"].duplicated().to_numpy()
    vectors = unit_length(raw[first]).astype(np.float16)
    facts = {
        "model": None,
        "own": column or Path(file).name,
        "dimensions": int(raw.shape[1]),
        "vectors": len(vectors),
    }
    return vectors, facts


def _from_column(texts: pd.DataFrame, column: str | None) -> np.ndarray:
    if column not in texts:
        raise ValueError(f"embed.column: no column {column!r}; columns are {', '.join(map(str, texts.columns))}")
    lengths = texts[column].map(lambda value: len(value) if hasattr(value, "__len__") else -1)
    if lengths.nunique() > 1 or lengths.iloc[0] < 1:
        usual = lengths.mode().iloc[0]
        odd = texts["id"][lengths != usual].head(5).tolist()
        raise ValueError(f"embed.column: own vectors must all be of one length; most have {usual}, not so rows {odd}")
    try:
        return np.stack([np.asarray(value, dtype=np.float32) for value in texts[column]])
    except ValueError as error:
        raise ValueError(f"embed.column: {column!r} holds no vectors: {error}") from None


def _from_file(file: Path, positions: np.ndarray) -> np.ndarray:
    try:
        vectors = np.load(file, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ValueError(f"embed.file: expected numbers saved by numpy.save; {file}: {error}") from None
    if vectors.ndim != 2 or len(vectors) <= positions.max(initial=-1):
        raise ValueError(
            f"embed.file: expected (rows, dimensions) with a line for each of the source's rows, at least "
            f"{positions.max(initial=-1) + 1}; {file.name} holds {vectors.shape}"
        )
    return np.asarray(vectors[positions], dtype=np.float32)
