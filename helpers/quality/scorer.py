"""Ratings and vectors -> the head that suits them, chosen on rows that it has not seen, and how good it is on others.

The heads themselves are told in heads.py, the figures in figures.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.files import read_value, write_folder, write_value
from helpers.quality.figures import score_figures
from helpers.quality.heads import STRENGTHS, Head, fit_head, level_weights

FEWEST = 30  # ratings
SHARE = 7  # a seventh of the ratings is tested on, another one is chosen by
FRACTIONS = (0.1, 0.2, 0.4, 0.7, 1.0)  # of the rows that are learnt from, for the learning curve
TENSORS, FACTS = "scorer.safetensors", "scorer.json"


@dataclass(frozen=True)
class Scorer:
    """A head and the embedder whose vectors it reads; see Embedder.identity."""

    head: Head
    embedder: str

    def score(self, vectors: np.ndarray) -> pd.DataFrame:
        """Return score (float32) and int_score (int16, within the levels) of vectors (n, d).

        Raises ValueError for vectors of another length.
        """
        shape, expected = np.shape(vectors), len(self.head.first)
        if len(shape) != 2 or shape[1] != expected:
            raise ValueError(f"expected vectors of {expected} dimensions, of {self.embedder}, got shape {shape}")
        scores = self.head.scores(vectors)
        return pd.DataFrame({"score": scores, "int_score": self.head.whole(scores)})


def fit_scorer(
    vectors: np.ndarray,
    scores: np.ndarray,
    *,
    levels: tuple[int, int],
    groups: np.ndarray | None = None,
    embedder: str = "",
    seed: int = 42,
) -> tuple[Scorer, dict[str, Any]]:
    """Return the scorer made of vectors (n, d) and scores (n,), and plain figures of it.

    A seventh of the rows, of all levels, is kept for the figures, another seventh to choose kind and strength by; the
    scorer is made anew of these and the rest. groups: (n,), rows of one group, such as duplicates, are on one side.
    The figures are those of score_figures on rows that were never seen, and rows (of the three parts), kinds (the best
    strength of each kind and its weighted squared error on the rows to choose by), kind, strength, and curve (figures
    by how many rows were learnt from). Raises ValueError for fewer than FEWEST ratings and for those of one level only.
    """
    scores = np.asarray(scores, dtype=np.float64)
    vectors = np.asarray(vectors, dtype=np.float32)
    whole = np.clip(np.floor(scores + 0.5), *levels).astype(int)
    if len(scores) < FEWEST or len(np.unique(whole)) < 2:
        raise ValueError(
            f"a scorer needs {FEWEST} ratings or more of two levels or more; got {len(scores)} of "
            f"{len(np.unique(whole))}: rate more rows"
        )
    learn, choose, test = split_rows(whole, groups, seed=seed)
    settings = {"levels": levels, "seed": seed}
    kinds = _compare(vectors, scores, learn, choose, **settings)
    best = min(kinds, key=lambda kind: kinds[kind]["error"])
    chosen = {"kind": best, "strength": kinds[best]["strength"], **settings}
    seen = np.concatenate([learn, choose])
    head = fit_head(vectors[seen], scores[seen], weights=level_weights(scores[seen]), **chosen)
    figures = {
        "rows": {"learn": len(learn), "choose": len(choose), "test": len(test)},
        "kinds": kinds,
        "kind": best,
        "strength": kinds[best]["strength"],
        **score_figures(scores[test], head.scores(vectors[test]), levels=levels),
        "curve": _curve(vectors, scores, seen, test, chosen),
    }
    return Scorer(head, embedder), figures


def split_rows(
    levels: np.ndarray, groups: np.ndarray | None = None, *, seed: int = 42
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lines to learn from, to choose by and to test on: each with all levels, groups never parted."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.arange(len(levels)) if groups is None else pd.factorize(np.asarray(groups))[0]
    folds = StratifiedGroupKFold(SHARE, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a level with fewer rows than folds is in some of them only
        parts = [part for _, part in folds.split(levels, levels, groups)]
    return np.sort(np.concatenate(parts[2:])), parts[1], parts[0]


def save_scorer(scorer: Scorer, figures: dict[str, Any], folder: Path) -> Path:
    """Write a scorer and its figures to a folder of its own and return it; tensors as safetensors, the rest as JSON."""
    from safetensors.numpy import save_file

    head = scorer.head
    tensors = {name: getattr(head, name) for name in ("first", "first_bias", "last", "last_bias")}
    facts = {"kind": head.kind, "lowest": head.lowest, "highest": head.highest, "embedder": scorer.embedder}

    def fill(inside: Path) -> None:
        save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, inside / TENSORS)
        write_value(inside / FACTS, facts | {"figures": figures})

    return write_folder(folder, fill)


def read_scorer(folder: Path) -> Scorer:
    """Return what save_scorer wrote; FileNotFoundError or ValueError say what is wrong with the folder."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not (folder / FACTS).exists() or not (folder / TENSORS).exists():
        raise FileNotFoundError(f"{folder} holds no scorer: expected {TENSORS} and {FACTS}")
    try:
        facts, tensors = read_value(folder / FACTS), load_file(folder / TENSORS)
        return Scorer(
            Head(facts["kind"], **tensors, lowest=facts["lowest"], highest=facts["highest"]), facts["embedder"]
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is not what this version of the kit saves ({error}): make the scorer anew"
        ) from None


def _compare(
    vectors: np.ndarray,
    scores: np.ndarray,
    learn: np.ndarray,
    choose: np.ndarray,
    **settings: Any,  # noqa: ANN401
) -> dict[str, dict[str, float]]:
    """Return the best strength of each kind, and its error on the rows to choose by."""
    weights, judged = level_weights(scores[learn]), level_weights(scores[choose])
    kinds = {}
    for kind, strengths in STRENGTHS.items():
        errors = {}
        for strength in strengths:
            head = fit_head(vectors[learn], scores[learn], kind=kind, strength=strength, weights=weights, **settings)
            errors[strength] = float(np.average((head.scores(vectors[choose]) - scores[choose]) ** 2, weights=judged))
        strength = min(errors, key=errors.get)
        kinds[kind] = {"strength": strength, "error": errors[strength]}
    return kinds


def _curve(
    vectors: np.ndarray, scores: np.ndarray, seen: np.ndarray, test: np.ndarray, chosen: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return figures on the same rows of heads that learnt from ever more of the others."""
    order = np.random.default_rng(chosen["seed"]).permutation(seen)
    curve = []
    for fraction in FRACTIONS:
        some = order[: max(2, round(fraction * len(order)))]
        head = fit_head(vectors[some], scores[some], weights=level_weights(scores[some]), **chosen)
        figures = score_figures(scores[test], head.scores(vectors[test]), levels=chosen["levels"])
        curve.append({"rows": len(some)} | {name: figures[name] for name in ("spearman", "kappa", "macro_f1")})
    return curve
