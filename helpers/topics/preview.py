"""A sample of the texts -> what the long step of embedding would bring and cost: a first map, and encoders compared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.shown import percent
from helpers.topics.cluster import cluster_points
from helpers.topics.evaluate import agreement
from helpers.topics.neighbours import find_neighbours
from helpers.topics.reduce import reduce_vectors
from helpers.topics.sizes import draw_cut
from helpers.topics.tree import grow_tree
from helpers.topics.tune import choose_size, tune_sizes
from helpers.vectors.embedder import Embedder, find_embedder
from helpers.vectors.static import evenly, static_vectors

NEAR = 10  # neighbours by which encoders are compared


@dataclass(frozen=True)
class Fit:
    """A sample's points (n, 2), topics (n,), -1 for none, and the size that was taken."""

    points: np.ndarray
    topics: np.ndarray
    min_cluster_size: int

    @property
    def count(self) -> int:
        """The number of topics."""
        return int(self.topics.max(initial=-1)) + 1

    @property
    def coverage(self) -> float:
        """The share of texts in a topic."""
        return float((self.topics != -1).mean()) if len(self.topics) else 0.0


def preview_map(
    texts: pd.DataFrame,
    *,
    embedder: Embedder,
    rows: int = 20_000,
    seed: int = 42,
    long_texts: str = "truncate",
    own_vectors: bool = False,
    **_: object,
) -> Any:  # noqa: ANN401
    """Return a picture of a first map of up to `rows` unique texts, by static vectors; print what the long run takes.

    The numbers of topics and rows are printed too, with the estimated time and memory of embedding all texts with the
    embedder. long_texts: `mean` reads all windows of a text (see embed_texts). With rows 0 a sentence says how to get
    one.
    """
    from IPython.display import Image

    if own_vectors:
        return "no preview: the vectors are there already"
    if not rows:
        return 'no preview; "preview.rows": 20000 in OVERRIDES makes a first map in about a minute'
    unique = texts.drop_duplicates("text")["text"].tolist()
    some = [unique[line] for line in evenly(len(unique), rows)]
    vectors, rate = static_vectors(some, embedder=embedder, seed=seed)
    rate /= _windows(some, embedder, long_texts)
    fit = fit_sample(vectors, seed=seed)
    dimensions = embedder.model.get_embedding_dimension()
    print(  # noqa: T201
        f"preview of {len(some):,} texts: {fit.count} topics, coverage {percent(fit.coverage)}, at "
        f"min_cluster_size {fit.min_cluster_size}\n{embedder.name} will take about {duration(len(unique) / rate)} for "
        f"{len(unique):,} texts ({rate:,.0f} texts/s), {_weights_mb(embedder):,.0f} MB for the model and "
        f"{len(unique) * dimensions * 2 / 1e6:,.0f} MB for the vectors"
    )
    return Image(draw_cut(fit.points, fit.topics))


def compare_encoders(
    texts: pd.DataFrame,
    *,
    encoders: Sequence[str],
    embed: Mapping[str, Any] | None = None,
    sample: int = 1_000,
    truth: str | None = None,
    seed: int = 42,
    **_: object,
) -> pd.DataFrame | str:
    """Return a line an encoder: speed, what all texts would take, and how its neighbours and topics agree.

    texts: not cut yet, for each encoder reads as far as it can. encoders: names as for embed.model; embed: the other
    settings of that section, device and precision among them. neighbours: the share of a text's ten nearest that the
    first encoder has as well; topics_ami: agreement of the topics with the first's, and truth_ami: with known ones,
    both on all rows of the sample. memory_mb is that of the weights. Without encoders a sentence says how to name them.
    """
    if not encoders:
        return 'no encoders to compare; "preview.encoders": ["BAAI/bge-small-en-v1.5", ...] in OVERRIDES names them'
    unique = texts.drop_duplicates("text").reset_index(drop=True)
    some = unique.iloc[evenly(len(unique), sample)]
    lines, first, settings = [], None, dict(embed or {})
    for name in encoders:
        model = find_embedder(**{**settings, "model": name, "revision": None})
        vectors, rate = _encode(some["text"].tolist(), model)
        rate /= _windows(some["text"].tolist(), model, settings.get("long_texts", "truncate"))
        fit = fit_sample(vectors, seed=seed)
        near, _ = find_neighbours(vectors, n_neighbors=NEAR + 1, device="cpu")
        first = first or (near, fit)
        line = {
            "encoder": name,
            "dimensions": vectors.shape[1],
            "window": model.window,
            "texts_per_second": round(rate, 1),
            "all_texts": duration(len(unique) / rate),
            "memory_mb": round(_weights_mb(model)),
            "topics": fit.count,
            "coverage": percent(fit.coverage),
            "neighbours": percent(_shared(first[0], near)),
            "topics_ami": round(_ami(first[1].topics, fit.topics), 2),
        }
        if truth:
            line["truth_ami"] = round((agreement(some[truth], fit.topics)["all"] or {}).get("ami", np.nan), 2)
        lines.append(line)
        model.free()
    return pd.DataFrame(lines)


def fit_sample(vectors: np.ndarray, *, seed: int = 42) -> Fit:
    """Return the map and topics of vectors (n, d), all settings left to themselves."""
    own = pd.DataFrame({"vector": np.arange(len(vectors))})
    reduced, points, near, distances = reduce_vectors(vectors, seed=seed)
    edges = grow_tree(reduced)
    _, tuning = tune_sizes(vectors, reduced, near, distances, edges, own, seeds=0)
    settings = {"min_cluster_size": "auto", "topics": None, "method": "eom", "algorithm": "hdbscan", "column": None}
    choice = choose_size(tuning, edges, own, **settings)
    clusters = cluster_points(edges, own, **choice.settings)
    return Fit(points, clusters["topic"].to_numpy(), choice.min_cluster_size)


def duration(seconds: float) -> str:
    """Return seconds as people say it.

    >>> duration(7.4), duration(200), duration(9000)
    ('7 s', '3 min 20 s', '2 h 30 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _encode(texts: list[str], embedder: Embedder) -> tuple[np.ndarray, float]:
    """Return the texts' vectors and how many are made in a second, the model being warm."""
    embedder.encode(texts[:4])
    order = np.argsort([-len(text) for text in texts], kind="stable")
    vectors, started = [], time.perf_counter()
    for start in range(0, len(texts), embedder.usual_batch):
        vectors.append(embedder.encode([texts[line] for line in order[start : start + embedder.usual_batch]]))
    rate = len(texts) / (time.perf_counter() - started)
    back = np.argsort(order, kind="stable")
    return np.concatenate(vectors)[back], rate


def _windows(texts: list[str], embedder: Embedder, long_texts: str) -> float:
    """Return how many windows the embedder reads of a text, on average."""
    if long_texts != "mean":
        return 1.0
    found = embedder.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    return float(np.mean([max(1, -(-len(ids) // embedder.window)) for ids in found]))


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    pairs = zip(one[:, 1:].tolist(), other[:, 1:].tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / max(1, len(a)) for a, b in pairs]))


def _ami(one: np.ndarray, other: np.ndarray) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(one, other))


def _weights_mb(embedder: Embedder) -> float:
    return sum(weight.numel() * weight.element_size() for weight in embedder.model.parameters()) / 1e6
