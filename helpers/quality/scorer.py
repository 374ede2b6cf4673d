"""Ratings, vectors and style -> the head that suits them, chosen on rows it has not seen, and how good it is on others.

The heads themselves are told in heads.py, what they read in inputs.py, the figures in figures.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.files import read_value, write_folder, write_value
from helpers.quality.figures import score_figures
from helpers.quality.heads import STRENGTHS, Head, fit_head, level_weights
from helpers.quality.inputs import KINDS, Inputs, make_inputs
from helpers.vectors.embedder import unit_length

FEWEST, FEWEST_TEXTS = 30, 15  # ratings, and different texts that they are of
LEAST_SPREAD = 1e-3  # between ratings that are not all the same
SHARE = 7  # a seventh of the ratings is tested on, another one is chosen by
ENOUGH = 2_500  # ratings, counted once for each seventh that is chosen by: few ratings are chosen by several times
MOST_CHOICES = 5
FRACTIONS = (0.1, 0.2, 0.4, 0.7, 1.0)  # of the rows that are learnt from, for the learning curve
TENSORS, FACTS = "scorer.safetensors", "scorer.json"
HEAD, INPUTS = ("first", "first_bias", "last", "last_bias"), ("middle", "spread")  # names of tensors


@dataclass(frozen=True)
class Scorer:
    """A head, what it reads, and the embedder whose vectors these are; see Embedder.identity.

    directions: whether vectors count by their direction alone, as embedders' do; a classifier's are numbers.
    """

    head: Head
    inputs: Inputs
    embedder: str
    dimensions: int
    directions: bool = True

    @property
    def levels(self) -> tuple[int, int]:
        """Return the lowest and the highest level."""
        return self.head.lowest, self.head.highest

    def score(self, vectors: np.ndarray, style: np.ndarray | None = None) -> pd.DataFrame:
        """Return score (float32) and int_score (int16, within the levels) of vectors (n, d) and style (n, m).

        Raises ValueError for vectors of another length, and where style is needed and not given.
        """
        shape = np.shape(vectors)
        if len(shape) != 2 or shape[1] != self.dimensions:
            raise ValueError(f"expected vectors of {self.dimensions} dimensions, of {self.embedder}, got shape {shape}")
        vectors = unit_length(vectors) if self.directions else vectors
        scores = self.head.scores(self.inputs.matrix(vectors, style))
        return pd.DataFrame({"score": scores, "int_score": self.head.whole(scores)})


def fit_scorer(
    vectors: np.ndarray,
    scores: np.ndarray,
    *,
    levels: tuple[int, int],
    style: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    counts: np.ndarray | None = None,
    embedder: str = "",
    seed: int = 42,
) -> tuple[Scorer, dict[str, Any]]:
    """Return the scorer made of vectors (n, d) and scores (n,), and plain figures of it.

    A seventh of the rows, of all levels, is kept for the figures, another seventh to choose inputs, kind and strength
    by, of few ratings one seventh after the other; the scorer is made anew of all but those for the figures. style: (n,
    m), see text/style.py; None: vectors alone. groups: (n,), rows of one group, such as duplicates, are on one side.
    counts: (n,), how many rows each rating stands for, where some are rated more often than others. The figures are
    those of score_figures on rows that were never seen, and rows (of the parts), tried (a line for inputs and kind: the
    best strength and its weighted squared error), inputs, kind, strength, and curve (figures by how many rows were
    learnt from). Raises ValueError for too few ratings or different texts, and for ratings that are all the same.
    """
    scores = np.asarray(scores, dtype=np.float64)
    vectors = unit_length(vectors)
    whole = np.clip(np.floor(scores + 0.5), *levels).astype(int)
    groups = np.arange(len(scores)) if groups is None else np.asarray(groups)
    _need_enough(scores, groups)
    test, *parts = split_rows(whole if len(np.unique(whole)) > 1 else _thirds(scores), groups, seed=seed)
    seen = np.sort(np.concatenate(parts))
    settings = {"levels": levels, "seed": seed}
    times = max(1, min(MOST_CHOICES, ENOUGH // len(scores)))
    tried = _compare(vectors, style, scores, parts, times, **settings)
    best = min(tried, key=lambda line: line["error"])
    inputs = make_inputs(best["inputs"], style, rows=seen)
    matrix = inputs.matrix(vectors, style)
    chosen = {"kind": best["kind"], "strength": best["strength"], **settings}
    head = fit_head(matrix[seen], scores[seen], weights=level_weights(scores[seen]), **chosen)
    figures = {
        "rows": {"learn": len(seen) - len(parts[0]), "choose": len(parts[0]), "times": times, "test": len(test)},
        "tried": tried,
        "inputs": best["inputs"],
        "kind": best["kind"],
        "strength": best["strength"],
        **score_figures(
            scores[test], head.scores(matrix[test]), levels=levels, weights=None if counts is None else counts[test]
        ),
        "curve": _curve(matrix, scores, seen, test, chosen),
    }
    return Scorer(head, inputs, embedder, vectors.shape[1]), figures


def ready_scorer(
    *, levels: tuple[int, int], classes: Sequence[int] | None = None, embedder: str = "", dimensions: int = 1
) -> Scorer:
    """Return the scorer of a classifier, whose vectors say the score (dimensions 1) or how likely each class is.

    classes: the level of each; the score is their mean. levels: the lowest and the highest of a regression.
    """
    weights = np.ones((1, 1)) if classes is None else np.array(classes, dtype=float)[:, None]
    levels = levels if classes is None else (min(classes), max(classes))
    tensors = (weights, np.zeros(1), np.ones((1, 1)), np.zeros(1))
    head = Head("ridge", *(tensor.astype(np.float32) for tensor in tensors), lowest=levels[0], highest=levels[1])
    return Scorer(head, make_inputs("vectors", None), embedder, dimensions, directions=False)


def _need_enough(scores: np.ndarray, groups: np.ndarray) -> None:
    texts = len(np.unique(groups))
    if len(scores) < FEWEST or texts < FEWEST_TEXTS:
        raise ValueError(
            f"a scorer needs {FEWEST} ratings or more, of {FEWEST_TEXTS} different texts; got {len(scores)} of "
            f"{texts}: rate more rows"
        )
    if np.ptp(scores) < LEAST_SPREAD:
        raise ValueError(
            f"all {len(scores)} ratings are {scores[0]:.2f}, so there is nothing to learn: take another model to rate "
            "with, or another rubric"
        )


def _thirds(scores: np.ndarray) -> np.ndarray:
    """Return of scores that are all nearest to one level whether each is among the lower, middle or upper ones."""
    return pd.qcut(scores, 3, labels=False, duplicates="drop")


def split_rows(levels: np.ndarray, groups: np.ndarray | None = None, *, seed: int = 42) -> list[np.ndarray]:
    """Return the lines of SHARE parts, each with all levels where there are enough, groups never parted."""
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.arange(len(levels)) if groups is None else pd.factorize(np.asarray(groups))[0]
    folds = StratifiedGroupKFold(SHARE, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a level with fewer rows than folds is in some of them only
        return [part for _, part in folds.split(levels, levels, groups)]


def save_scorer(scorer: Scorer, figures: dict[str, Any], folder: Path) -> Path:
    """Write a scorer and its figures to a folder of its own and return it; tensors as safetensors, the rest as JSON."""
    from safetensors.numpy import save_file

    head, inputs = scorer.head, scorer.inputs
    tensors = {name: getattr(head, name) for name in HEAD} | {name: getattr(inputs, name) for name in INPUTS}
    facts = {"kind": head.kind, "lowest": head.lowest, "highest": head.highest, "inputs": inputs.kind}
    facts |= {name: getattr(scorer, name) for name in ("embedder", "dimensions", "directions")}

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
        levels = {"lowest": facts["lowest"], "highest": facts["highest"]}
        head = Head(facts["kind"], **{name: tensors[name] for name in HEAD}, **levels)
        inputs = Inputs(facts["inputs"], **{name: tensors[name] for name in INPUTS})
        return Scorer(head, inputs, facts["embedder"], facts["dimensions"], facts["directions"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder} is not what this version of the kit saves ({error}): make the scorer anew"
        ) from None


def _compare(
    vectors: np.ndarray,
    style: np.ndarray | None,
    scores: np.ndarray,
    parts: list[np.ndarray],
    times: int,
    **settings: Any,  # noqa: ANN401
) -> list[dict[str, Any]]:
    """Return for all inputs and kinds the best strength, and its error on the rows to choose by."""
    tried = []
    kinds = KINDS if style is not None else KINDS[:1]
    for reads in tqdm(kinds, "compare heads", unit=" inputs", leave=False):
        errors: dict[tuple[str, float], list[float]] = {}
        for place in range(times):
            choose = parts[place]
            learn = np.concatenate([part for at, part in enumerate(parts) if at != place])
            matrix = make_inputs(reads, style, rows=learn).matrix(vectors, style)
            weights, judged = level_weights(scores[learn]), level_weights(scores[choose])
            for kind, strength in [(kind, one) for kind, strengths in STRENGTHS.items() for one in strengths]:
                about = {"kind": kind, "strength": strength, "weights": weights, **settings}
                told = fit_head(matrix[learn], scores[learn], **about).scores(matrix[choose])
                errors.setdefault((kind, strength), []).append(np.average((told - scores[choose]) ** 2, weights=judged))
        mean = {key: float(np.mean(found)) for key, found in errors.items()}
        for kind in STRENGTHS:
            strength = min(STRENGTHS[kind], key=lambda one, kind=kind: mean[kind, one])
            tried.append({"inputs": reads, "kind": kind, "strength": strength, "error": mean[kind, strength]})
    return tried


def _curve(
    matrix: np.ndarray, scores: np.ndarray, seen: np.ndarray, test: np.ndarray, chosen: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return figures on the same rows of heads that learnt from ever more of the others."""
    order = np.random.default_rng(chosen["seed"]).permutation(seen)
    curve = []
    for fraction in FRACTIONS:
        some = order[: max(2, round(fraction * len(order)))]
        head = fit_head(matrix[some], scores[some], weights=level_weights(scores[some]), **chosen)
        figures = score_figures(scores[test], head.scores(matrix[test]), levels=chosen["levels"])
        curve.append({"rows": len(some)} | {name: figures[name] for name in ("spearman", "kappa", "macro_f1")})
    return curve
