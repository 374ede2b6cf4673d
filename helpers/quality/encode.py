"""Rows of a run -> what a scorer reads of each different text: its vector, and figures of how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.assign_settings import NewSource
from helpers.files import read_value
from helpers.findings import has_map
from helpers.quality_settings import Model
from helpers.runs import Run
from helpers.settings import Config, Embed
from helpers.stages import STAGES
from helpers.text.audit import count_texts
from helpers.text.style import style_figures
from helpers.text.truncate import truncate_texts
from helpers.vectors.classifier import Classifier
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import Embedder, find_embedder, unit_length
from helpers.vectors.new_rows import READING

OWN = "own vectors"
CUT = ("n_tokens", "truncated", "duplicate_of")  # columns that tell of a cut


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
    encoder: Model | None = None,
    classifier: Model | None = None,
    style: bool = True,
    source: NewSource | None = None,
    column: str | None = None,
    **_: object,
) -> tuple[pd.DataFrame, Encoded]:
    """Return the rows, their texts cut to what is read of them, and what a scorer reads (settings of quality).

    The vectors are the map's, or the user's own, unless an encoder is named; without a map the run's embedder is taken.
    A named encoder reads whole texts anew, up to its own window, so that those of the map and of other sources are read
    alike; what was embedded before comes from the cache. classifier: a sequence classification model, whose answers are
    the vectors. Style is left out where vectors are all there is: of own ones, and where source has a column of them.
    """
    config, named = run.config, encoder or classifier
    told = style and not classifier and not config.own_vectors and not (source and column)
    if not named and (config.own_vectors or has_map(run)):
        vectors, reading = _known(run, rows)
        identity = OWN if config.own_vectors else reading["identity"]
        return rows, Encoded(vectors, _style(rows) if told else None, identity, reading)
    kind = {"kind": "classifier" if classifier else "embedder"}
    if named:
        # What a classifier says of a text's windows cannot be put together as their vectors are.
        long_texts = "truncate" if classifier else config.embed.long_texts
        embed = Embed(**named, device=config.embed.device, long_texts=long_texts)
        config, rows = config.model_copy(update={"embed": embed}), _whole_texts(run, rows)
    embedder = find_embedder(**config.embed, **kind)
    if named:
        config = _within(config, embedder.window)
    if isinstance(embedder, Classifier):
        embedder.levels()  # refused before anything is read
    rows = _cut(rows, config.cut(embedder.window), embedder)
    vectors, _ = embed_texts(rows, embedder=embedder, **config.embed, runs=run.folder.parent, run=run.name)
    vectors = vectors.astype(np.float32) if classifier else unit_length(vectors)
    reading = config.reading(embedder)
    reading["embed"] |= kind if classifier else {}
    embedder.free()  # last: a window is asked of the loaded model
    return rows, Encoded(vectors, _style(rows) if told else None, embedder.identity, reading, embedder)


def _known(run: Run, rows: pd.DataFrame) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the vectors of the map, or the user's own where there is no map, and how new rows are read."""
    if has_map(run):
        return unit_length(np.load(run.path("vectors.npy"))), read_value(run.path("model") / READING)
    embed = run.config.embed
    vectors, _ = embed_texts(rows, embedder=None, **embed, runs=run.folder.parent, run=run.name)
    return unit_length(vectors), {"embed": embed.model_dump(), "redact": run.config.redact.model_dump()}


def _within(config: Config, window: int) -> Config:
    """Return the settings with a limit that this window allows: truncate.max_tokens was set for the map's embedder."""
    limit = config.truncate.max_tokens and min(config.truncate.max_tokens, window)
    return config.model_copy(update={"truncate": config.truncate.model_copy(update={"max_tokens": limit})})


def _whole_texts(run: Run, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the texts that they had before the map's embedder cut them, where these are still there."""
    path = run.path(STAGES["redact"][0])
    if not path.exists():
        return rows
    whole = read_value(path)
    if len(whole) != len(rows) or (whole["id"].to_numpy() != rows["id"].to_numpy()).any():
        return rows
    return number_vectors(rows.assign(**{name: whole[name].to_numpy() for name in ("text", "turns", "speakers")}))


def _style(rows: pd.DataFrame) -> np.ndarray:
    return style_figures(rows.drop_duplicates("vector").sort_values("vector")["text"].tolist())


def _cut(rows: pd.DataFrame, cut: dict[str, Any], embedder: Embedder) -> pd.DataFrame:
    counts = count_texts(rows, tokenizer=embedder.tokenizer, language_rows=0)
    found = truncate_texts(rows, counts, tokenizer=embedder.tokenizer, **cut)
    return rows.assign(**{name: found[name] for name in ("text", *CUT)})
