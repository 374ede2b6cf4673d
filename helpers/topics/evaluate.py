"""Topics -> figures of how good they are: without known topics, and held against known ones where a column has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.topics.describe import make_vectorizer
from helpers.topics.tree import relative_validity

V_MEASURE = ("homogeneity", "completeness", "v_measure")
WORDS = 10  # keywords of a topic that are looked at, as in the papers named below


def evaluate_topics(
    texts: pd.DataFrame,
    clusters: pd.DataFrame,
    topics: pd.DataFrame,
    edges: np.ndarray,
    *,
    truth: str | None = None,
    stops: Sequence[str] = (),
    ngrams: int = 2,
) -> dict[str, Any]:
    """Return the figures of a fit, from 0 or -1 (poor) to 1, None where there is nothing to measure.

    coverage: rows in a topic. validity: see tree.relative_validity. diversity: share of the topics' keywords that no
    other has (Dieng et al. 2020). coherence: how often a topic's keywords stand in one text, by NPMI (Bouma 2009, Lau
    et al. 2014), the topics' mean. stability: the rows' mean, see tune.jaccard. With truth, a column of texts:
    agreement on all rows, where unassigned ones count as a topic, and on the covered ones, always to be read beside
    coverage; rows whose truth is empty are left out.
    """
    row_topics = clusters["topic"].to_numpy()[texts["vector"].to_numpy()]
    described = topics[topics["topic"] != -1]
    words = [list(found)[:WORDS] for found in described["keywords"]]
    stable = described[["stability", "size"]].dropna() if "stability" in described else pd.DataFrame()
    figures: dict[str, Any] = {
        "coverage": float((row_topics != -1).mean()) if len(texts) else None,
        "validity": relative_validity(edges, clusters["topic"].to_numpy()[: len(edges) + 1]) if len(edges) else None,
        "stability": float(np.average(stable["stability"], weights=stable["size"])) if len(stable) else None,
        "diversity": keyword_diversity(words),
        "coherence": keyword_coherence(texts.drop_duplicates("vector")["text"].tolist(), words, stops, ngrams=ngrams),
    }
    if truth:
        figures["truth"] = {"column": truth} | agreement(texts[truth], row_topics)
    return figures


def keyword_diversity(words: list[list[str]]) -> float | None:
    """Return the share of different keywords among all topics' keywords; None without any."""
    every = [word for found in words for word in found]
    return len(set(every)) / len(every) if every else None


def keyword_coherence(
    documents: list[str], words: list[list[str]], stops: Sequence[str] = (), *, ngrams: int = 1
) -> float | None:
    """Return the mean over topics of the mean NPMI of all pairs of a topic's keywords, -1 to 1; None without a pair.

    documents: unique texts; a word and a word that stand in the same text count as together. Pairs that never do count
    as -1, those in every text as 1 (Bouma 2009). stops, ngrams: as when the keywords were found, for "terms of service"
    holds "terms service" only without its stop words.
    """
    vocabulary = sorted({word for found in words for word in found})
    if not any(len(found) > 1 for found in words) or not documents:
        return None
    counter = make_vectorizer(documents, list(stops), ngrams).set_params(vocabulary=vocabulary, binary=True)
    held = counter.transform(documents).astype(np.int64)
    together = (held.T @ held).toarray() / len(documents)
    alone = together.diagonal()
    line = {word: at for at, word in enumerate(vocabulary)}
    means = []
    for found in words:
        lines = [line[word] for word in found]
        one, other = (np.array(lines)[side] for side in np.triu_indices(len(lines), 1))
        if len(one):
            means.append(_npmi(together[one, other], alone[one], alone[other]).mean())
    return float(np.mean(means))


def agreement(truth: pd.Series, topics: np.ndarray) -> dict[str, Any]:
    """Return how topics (n,) agree with known ones (n,), on all rows and on the covered ones.

    By NMI, AMI, ARI, homogeneity, completeness and their V-measure. Rows without a truth are left out; `rows` says how
    many are not, and coverage is theirs.
    """
    from sklearn import metrics

    known = truth.notna().to_numpy() & (truth.astype("string").fillna("").str.strip() != "").to_numpy(dtype=bool)
    names, found = truth[known].astype(str).to_numpy(), topics[known]
    inside = found != -1
    figures: dict[str, Any] = {"rows": int(known.sum()), "known_topics": len(set(names.tolist()))}
    figures["coverage"] = float(inside.mean()) if len(found) else None
    for which, chosen in (("all", np.ones(len(found), dtype=bool)), ("covered", inside)):
        pair = names[chosen], found[chosen]
        if not chosen.any():
            figures[which] = None
            continue
        figures[which] = {
            "nmi": float(metrics.normalized_mutual_info_score(*pair)),
            "ami": float(metrics.adjusted_mutual_info_score(*pair)),
            "ari": float(metrics.adjusted_rand_score(*pair)),
            **dict(zip(V_MEASURE, map(float, metrics.homogeneity_completeness_v_measure(*pair)), strict=True)),
        }
    return figures


def evaluation_table(figures: dict[str, Any]) -> pd.DataFrame:
    """Return the figures as a table to be read; those against known topics once for all rows, once for covered ones."""
    lines = {name: value for name, value in figures.items() if name != "truth"}
    if "truth" in figures:
        lines[f"coverage of the {figures['truth']['rows']:,} rows with a truth"] = figures["truth"]["coverage"]
    for which in ("all", "covered"):
        for name, value in (figures.get("truth", {}).get(which) or {}).items():
            lines[f"{name}, {which} rows"] = value
    shown = ["" if value is None else f"{value:.2f}" for value in lines.values()]
    return pd.DataFrame({"figure": lines.keys(), "value": shown})


def _npmi(both: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        pointwise = np.log(both / (one * other)) / -np.log(both)
    return np.where(both == 0, -1.0, np.where(both == 1, 1.0, pointwise))
