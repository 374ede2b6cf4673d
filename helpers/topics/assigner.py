"""A map's vectors and clusters -> what new rows are compared with, a few tensors saved beside its model.

How new rows are compared is told in assign.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from helpers.vectors.blocks import blocks

FILE = "assign.safetensors"
KEPT_OUT = 0.1  # share of each topic's rows by which similarities are judged; the centres do not know them
DIRECTIONS = 256  # in which rows of one topic differ most, and which count for less; all 384 gain nothing more
LEAST_SHRINKAGE = 0.15  # of the covariance towards a sphere; more where rows are few (Ledoit and Wolf 2004)
FEW = 20  # kept-out rows of a topic at which its own quantile counts as much as that of all topics
ANCHORS = 4_096  # fitted rows whose places on the map are kept
FITTED = 200_000  # fitted vectors whose nearest topic is kept, as what is expected of new ones


def _empty() -> Any:  # noqa: ANN401 - a dataclass field
    return field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass(frozen=True)
class Assigner:
    """What new rows are compared with: tensors only, so that any machine reads them.

    A row's similarity to a topic is the cosine to its centre after whitening with the covariance within topics: in
    directions in which rows of one topic differ anyway, differences count for less. (d dimensions, r directions, k
    topics, m kept-out rows, f fitted ones, a anchors)
    """

    directions: np.ndarray  # (d, r), orthonormal
    weights: np.ndarray  # (r,) what is added along them, below zero where rows of a topic differ much
    tail: np.ndarray  # (1,) weight of all other directions
    centres: np.ndarray  # (d, k), whitened and scaled: their product with a row of whitened length 1 is the similarity
    shares: np.ndarray  # (k,) of the fitted rows that are in the topic
    anchors: np.ndarray  # (a, d) float16
    anchor_points: np.ndarray  # (a, 2)
    # What came out when the rest of the assigner was tried; before that, nothing.
    kept_topics: np.ndarray = _empty()  # (m,) nearest topic of the rows that were kept out
    kept_similarities: np.ndarray = _empty()  # (m,) to it
    kept_margins: np.ndarray = _empty()  # (m,) how much more than to the runner-up
    kept_right: np.ndarray = _empty()  # (m,) uint8, 1 where the nearest topic is the one that the fit gave
    margins: np.ndarray = _empty()  # (c,) lead over the runner-up, growing; and for each of them
    chances: np.ndarray = _empty()  # (c,) how many of ten kept-out rows went where the fit had them, as a share
    fitted_topics: np.ndarray = _empty()  # (f,) nearest topic of fitted vectors, of those in no topic too
    fitted_similarities: np.ndarray = _empty()  # (f,) to it
    fitted_own: np.ndarray = _empty()  # (f,) topic that the fit gave them, -1 for none
    fitted_rows: np.ndarray = _empty()  # (f,) rows that have the vector

    @property
    def dimensions(self) -> int:
        """How long a vector must be."""
        return len(self.directions)

    def thresholds(self, reject: float) -> np.ndarray:
        """Return (k,) the least similarity of each topic's rows, so that a share of the kept-out rows is turned away.

        A topic with few kept-out rows leans on the quantile of all; the share is exact over all topics together.
        """
        if not 0 <= reject < 1:
            raise ValueError(f"assign.reject: expected a share from 0 to below 1, got {reject}")
        topics, similarities = self.kept_topics, self.kept_similarities
        least = np.full(self.centres.shape[1], -np.inf)
        if reject == 0 or not len(topics):
            return least
        common = np.quantile(similarities, reject)
        for topic in range(len(least)):
            own = similarities[topics == topic]
            share = len(own) / (len(own) + FEW)
            least[topic] = share * np.quantile(own, reject) + (1 - share) * common if len(own) else common
        return least + np.quantile(similarities - least[topics], reject)

    def expected(self, reject: float) -> np.ndarray:
        """Return (k,) the share of rows that each topic would get of new rows that are like the fitted ones.

        What is left to 1 is turned away. The fitted rows are assigned as new ones are, those in no topic too; but as
        the centres know those in a topic, of these the share counts that is kept of the rows that were kept out.
        """
        near = np.where(self.fitted_own >= 0, 1 - reject, self.near(reject))
        rows = np.bincount(self.fitted_topics, self.fitted_rows * near, minlength=self.centres.shape[1])
        return rows / self.fitted_rows.sum()

    def near(self, reject: float) -> np.ndarray:
        """Return (f,) which fitted vectors are near enough to their nearest topic to be given it."""
        return self.fitted_similarities >= self.thresholds(reject)[self.fitted_topics]

    def agreement(self, reject: float) -> float:
        """Return the share of the fitted rows in a topic that would be given the same one as new rows."""
        inside = self.fitted_own >= 0
        same = self.near(reject) & (self.fitted_topics == self.fitted_own)
        return float(np.average(same[inside], weights=self.fitted_rows[inside]))

    def similarities(self, vectors: np.ndarray) -> np.ndarray:
        """Return (n, k) float32, from -1 to 1, for vectors (n, d) float32; one of zeros is similar to nothing."""
        along = vectors @ self.directions
        lengths = self.tail[0] * np.einsum("ij,ij->i", vectors, vectors) + np.square(along) @ self.weights
        return (vectors @ self.centres) / np.sqrt(np.maximum(lengths, np.finfo(np.float32).tiny))[:, None]


def fit_assigner(
    vectors: np.ndarray,
    topics: np.ndarray,
    points: np.ndarray | None = None,
    *,
    rows: np.ndarray | None = None,
    seed: int = 42,
) -> Assigner:
    """Return what new rows are compared with, made from a map's vectors (n, d) of unit length and topics (n,).

    A tenth of each topic's rows is kept out of the centres and tells how similar a topic's rows are, and how often the
    nearest topic is the one that the fit gave. points: (n, 2), the map. rows: (n,) how many have the vector, by which
    shares are counted; one each unless told. Raises ValueError for a map without topics.
    """
    topics = np.asarray(topics)
    if not (topics >= 0).any():
        raise ValueError("this map has no topics that new rows could be in: fit it anew with a smaller size")
    full = np.asarray(vectors, dtype=np.float32)
    kept = keep_out(topics, seed=seed)
    inside = (topics >= 0) & ~kept
    means = _means(full[inside], topics[inside])
    directions, weights, tail = _whitening(full[inside] - means[topics[inside]])
    whitened = tail * means + ((means @ directions) * weights) @ directions.T
    centres = (whitened / np.sqrt(np.einsum("ij,ij->i", whitened, means))[:, None]).T
    rows = np.ones(len(topics), dtype=np.int64) if rows is None else np.asarray(rows)
    known = Assigner(
        directions=directions,
        weights=weights,
        tail=np.array([tail], dtype=np.float32),
        centres=np.ascontiguousarray(centres, dtype=np.float32),
        shares=(np.bincount(topics[topics >= 0], rows[topics >= 0]) / rows.sum()).astype(np.float32),
        **_anchors(full, topics, points, seed=seed),
    )
    judged = kept if kept.any() else inside  # of very few rows none can be kept out
    return _with_fitted(_calibrated(known, full[judged], topics[judged]), full, topics, rows, seed=seed)


def keep_out(topics: np.ndarray, *, seed: int = 42) -> np.ndarray:
    """Return which rows (n,) are kept out: a tenth of each topic, none of a topic with fewer than ten."""
    random, kept = np.random.default_rng(seed), np.zeros(len(topics), dtype=bool)
    for topic in range(topics.max(initial=-1) + 1):
        members = np.flatnonzero(topics == topic)
        kept[random.permutation(members)[: int(KEPT_OUT * len(members))]] = True
    return kept


def rising_chances(margins: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return margins, growing, and the chance of each that the nearest topic is right; between them it is linear."""
    from sklearn.isotonic import IsotonicRegression

    least = 1 / (len(margins) + 2)  # no chance is nothing or all on the word of a few rows
    rising = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip").fit(margins, right.astype(float))
    return rising.X_thresholds_.astype(np.float32), rising.y_thresholds_.astype(np.float32)


def nearest_two(vectors: np.ndarray, assigner: Assigner) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return each vector's nearest topic, the second, and the similarity to both."""
    kinds = (np.int32, np.int32, np.float32, np.float32)
    found = tuple(np.zeros(len(vectors), dtype=kind) for kind in kinds)
    for lines, block in blocks(vectors):
        for whole, part in zip(found, _two_nearest(assigner.similarities(block)), strict=True):
            whole[lines] = part[: lines.stop - lines.start]
    return found


def save_assigner(assigner: Assigner, folder: Path) -> Path:
    """Write the assigner to a model's folder and return the file."""
    from safetensors.numpy import save_file

    save_file({one.name: np.ascontiguousarray(getattr(assigner, one.name)) for one in fields(assigner)}, folder / FILE)
    return folder / FILE


def read_assigner(folder: Path) -> Assigner:
    """Return the assigner of a model's folder; FileNotFoundError or ValueError say what is wrong with it."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / FILE
    if not path.exists():
        raise FileNotFoundError(f"no {path}: expected the model/ of a run that found topics; run it first")
    try:
        tensors = load_file(path)
        return Assigner(**{one.name: tensors[one.name] for one in fields(Assigner)})
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is not what this version of the kit saves ({error}): run the map anew") from None


def _means(vectors: np.ndarray, topics: np.ndarray) -> np.ndarray:
    from scipy.sparse import csr_array

    sizes = np.bincount(topics)
    mean = csr_array((1 / sizes[topics], (topics, np.arange(len(topics)))), shape=(len(sizes), len(topics)))
    return (mean @ vectors).astype(np.float32)


def _whitening(rest: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return directions, weights and tail of the inverse of the covariance of what is left of rows beside their means.

    It is I * tail + directions * weights * directions', scaled so that its mean eigenvalue is 1.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    dimensions = rest.shape[1]
    covariance = rest.astype(np.float64).T @ rest / len(rest)
    spread = np.trace(covariance) / dimensions
    if spread <= 0:  # every topic is one vector many times
        return np.zeros((dimensions, 1), dtype=np.float32), np.zeros(1, dtype=np.float32), 1.0
    shrinkage = LEAST_SHRINKAGE
    if len(rest) < 20 * dimensions:  # with more rows it is less than the least
        shrinkage = max(shrinkage, float(ledoit_wolf_shrinkage(rest, assume_centered=True)))
    values, axes = np.linalg.eigh((1 - shrinkage) * covariance / spread + shrinkage * np.eye(dimensions))
    count = min(DIRECTIONS, dimensions)
    tail = 1 / values[: dimensions - count].mean() if count < dimensions else 1 / values[0]
    weights = 1 / values[dimensions - count :] - tail
    scale = dimensions / (tail * dimensions + weights.sum())
    return axes[:, dimensions - count :].astype(np.float32), (scale * weights).astype(np.float32), float(scale * tail)


def _anchors(vectors: np.ndarray, topics: np.ndarray, points: np.ndarray | None, *, seed: int) -> dict[str, np.ndarray]:
    """Return vectors and places of fitted rows: as large a share of every topic, and one of each at least."""
    if points is None:
        return {"anchors": np.zeros((0, vectors.shape[1]), np.float16), "anchor_points": np.zeros((0, 2), np.float32)}
    random, chosen = np.random.default_rng(seed), []
    for topic in range(-1, topics.max() + 1):
        members = random.permutation(np.flatnonzero(topics == topic))
        chosen.append(members[: max(1, int(len(members) * ANCHORS / len(topics)))])
    lines = np.sort(np.concatenate(chosen))
    return {"anchors": vectors[lines].astype(np.float16), "anchor_points": np.asarray(points[lines], dtype=np.float32)}


def _calibrated(known: Assigner, vectors: np.ndarray, topics: np.ndarray) -> Assigner:
    """Return the assigner with what the kept-out rows tell: similarities, and the chance of a lead to be right."""
    nearest, _, similarity, second = nearest_two(vectors, known)
    margin = (similarity - second).astype(np.float64)
    margins, chances = rising_chances(margin, nearest == topics)
    return replace(
        known,
        kept_topics=nearest.astype(np.int64),
        kept_similarities=similarity,
        kept_margins=margin.astype(np.float32),
        kept_right=(nearest == topics).astype(np.uint8),
        margins=margins,
        chances=chances,
    )


def _with_fitted(known: Assigner, vectors: np.ndarray, topics: np.ndarray, rows: np.ndarray, *, seed: int) -> Assigner:
    """Return the assigner with what the fitted vectors would get as new ones."""
    lines = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:FITTED])
    nearest, _, similarity, _ = nearest_two(vectors[lines], known)
    found = {"fitted_topics": nearest, "fitted_similarities": similarity}
    return replace(known, **found, fitted_own=topics[lines].astype(np.int32), fitted_rows=rows[lines])


def _two_nearest(similarities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the nearest topic, the second, and both similarities; -1 and -1 where there is one topic only."""
    lines = np.arange(len(similarities))
    nearest = similarities.argmax(axis=1)
    best = similarities[lines, nearest]
    if similarities.shape[1] == 1:
        return nearest.astype(np.int32), np.full(len(lines), -1, np.int32), best, np.full(len(lines), -1, np.float32)
    similarities[lines, nearest] = -np.inf
    second = similarities.argmax(axis=1)
    return nearest.astype(np.int32), second.astype(np.int32), best, similarities[lines, second]
