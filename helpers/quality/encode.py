"""Rows of a run -> what a scorer reads of each different text: its vector, and figures of how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import read_value
from helpers.runs import Run
from helpers.settings import Config, Embed
from helpers.text.audit import count_texts
from helpers.text.style import style_figures
from helpers.text.truncate import truncate_texts
from helpers.vectors.embed import embed_texts
from helpers.vectors.embedder import Embedder, find_embedder, unit_length
from helpers.vectors.new_rows import READING

OWN = "own vectors"


@dataclass(frozen=True)
class Encoded:
    """Vectors (u, d) and style (u, m), or None, by the number in the rows' column vector; what made them.

    identity: see Embedder.identity. reading: how new rows are read alike, see Config.reading. embedder: None where the
    vectors are the map's.
    """

    vectors: np.ndarray
    style: np.ndarray | None
    identity: str
    reading: dict[str, Any]
    embedder: Embedder | None = None


def encode_rows(
    run: Run,
    rows: pd.DataFrame,
    *,
    encoder: str | None = None,
    classifier: str | None = None,
    style: bool = True,
    **_: object,
) -> tuple[pd.DataFrame, Encoded]:
    """Return the rows, their texts cut to what is read of them, and what a scorer reads (settings of quality).

    The vectors are the map's where there is one and no other encoder is named; else texts are embedded, and what was
    embedded before comes from the cache. classifier: a sequence classification model, whose answers are the vectors;
    its texts need no style.
    """
    folder = run.path("model")
    if not encoder and not classifier and (folder / READING).exists() and run.path("rows.parquet").exists():
        vectors = unit_length(np.load(run.path("vectors.npy")))
        reading = read_value(folder / READING)
        identity = reading["identity"] if not run.config.own_vectors else OWN
        return rows, Encoded(vectors, _style(rows) if style else None, identity, reading)
    config = _with_encoder(run.config, encoder, classifier)
    embedder = find_embedder(**config.embed, kind="classifier" if classifier else "embedder")
    rows = _cut(rows, config.cut(embedder.window), embedder)
    vectors, _ = embed_texts(rows, embedder=embedder, **config.embed, runs=run.folder.parent, run=run.name)
    vectors = vectors.astype(np.float32) if classifier else unit_length(vectors)
    told = _style(rows) if style and not classifier else None
    reading = config.reading(embedder)
    reading["embed"] |= {"kind": "classifier"} if classifier else {}
    return rows, Encoded(vectors, told, embedder.identity, reading, embedder)


def _with_encoder(config: Config, encoder: str | None, classifier: str | None) -> Config:
    """Return the settings as they would be had the encoder, if one is named, been that of the run."""
    if not (encoder or classifier):
        return config
    # What a classifier says of a text's windows cannot be put together as their vectors are.
    long_texts = "truncate" if classifier else config.embed.long_texts
    embed = Embed(model=encoder or classifier, device=config.embed.device, long_texts=long_texts)
    window = find_embedder(**embed, kind="classifier" if classifier else "embedder").window
    limit = config.truncate.max_tokens and min(config.truncate.max_tokens, window)
    return config.model_copy(
        update={"embed": embed, "truncate": config.truncate.model_copy(update={"max_tokens": limit})}
    )


def _style(rows: pd.DataFrame) -> np.ndarray:
    return style_figures(rows.drop_duplicates("vector").sort_values("vector")["text"].tolist())


def _cut(rows: pd.DataFrame, cut: dict[str, Any], embedder: Embedder) -> pd.DataFrame:
    counts = count_texts(rows, tokenizer=embedder.tokenizer, language_rows=0)
    return rows.assign(text=truncate_texts(rows, counts, tokenizer=embedder.tokenizer, **cut)["text"])
