"""A finished map -> so many of its rows that cover it, each topic by its share, no two of them alike.

How well they cover it is told in coverage.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from helpers.clean.filter import filter_rows
from helpers.clean.rules import read_numbers
from helpers.explore.coverage import by_id, mean_distance, nearest_distances
from helpers.explore.read_map import TopicMap
from helpers.proportions import share_out
from helpers.shown import counted
from helpers.topics.drawing import NOISE
from helpers.vectors.embedder import unit_length

WEIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"even": np.ones_like, "size": np.asarray, "root": np.sqrt}
ALIKE = 0.05  # of the mean distance between two texts; by MiniLM that is a cosine of about .96
AS_GOOD = 0.1  # further from its part's rows than the middle one, on average, and a row covers them as well
ROUNDS, POINTS, STARTS = 10, 64, 16  # of k-means; how many texts a part it learns from, and among how many it starts


def pick_rows(
    topic_map: TopicMap,
    n: int,
    *,
    by: str = "even",
    shares: Mapping[int, float] | None = None,
    keep: Sequence[str] = (),
    best_by: str | None = None,
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return n rows that cover the map, and a line a topic, -1 last: topic, label, rows, texts, wanted and picked.

    The picked rows have the map's columns, picked_for (the topic) and pick (1 to n): whoever stops after the first ones
    has every topic by its share. keep: rules that they fulfil, see filter.py. by: as many of each topic ("even"), by
    its rows ("size") or by their root; shares: by topic, all others get none. Counts are exact by largest remainder;
    what a topic has too few texts for goes to the others. The unassigned rows are a group like any topic, for they are
    part of what the map shows and the most varied; "topic != -1" in keep leaves them out.

    In a topic, k-means makes as many parts as rows are wanted (spherical, Dhillon and Modha 2001; from starts by
    k-means++, Arthur and Vassilvitskii 2007), and of each that row is picked which is nearest to all of it on average.
    best_by: a column of scores; of rows whose mean distance is at most AS_GOOD more than that, the best one, those
    without a score last. No text is picked twice, nor a row that is a near-duplicate of one that stays, nor two that
    are nearer (1 - cosine) than ALIKE of the mean distance between two texts; in their place come those of the topic
    that are furthest from all picked ones (Gonzalez 1985), or of other topics. The same rows in any order give the
    same.

    Fewer come back only where all that is left is so much alike. Raises ValueError for more than there are different
    texts, for a topic or column that is not there, for scores that are no numbers, and for what filter_rows refuses.
    """
    kept = filter_rows(topic_map.rows, keep=keep)[0]
    if best_by is not None:
        topic_map.column(best_by, setting="pick_best_by")
        try:
            kept = kept.assign(**{best_by: read_numbers(kept[best_by])})
        except ValueError as error:
            raise ValueError(f"explore.pick_best_by: column {best_by!r}: {error}") from None
    texts = _different_texts(kept, best_by)
    lines = _lines(topic_map, kept, texts)
    weights = _weights(lines, by, shares)
    most = lines["texts"].where(weights > 0, 0)
    if not 0 <= n <= most.sum():
        there = f"{counted(int(most.sum()), 'different text')} to pick from"
        told = f" in topics {list(shares or {})}" * bool(shares) + f" that fulfil {list(keep)}" * bool(keep)
        raise ValueError(
            f"explore.pick: {n} rows were asked for, and there are {there}{told}; ask for no more than these"
        )
    vectors = unit_length(topic_map.vectors[texts["vector"].to_numpy()])
    groups = [np.flatnonzero(texts["topic"] == topic) for topic in lines["topic"]]
    scores = None if best_by is None else texts[best_by].astype(float).fillna(-np.inf).to_numpy()
    wanted = share_out(n, weights.tolist(), most.tolist()) if n else np.zeros(len(lines), dtype=np.int64)
    chosen = _choose(vectors, groups, wanted, scores, seed)
    chosen = _make_up(vectors, groups, chosen, weights.tolist(), n)
    rows = texts.rename(columns={name: f"source_{name}" for name in ("picked_for", "pick")})
    rows = rows.iloc[_in_turn(chosen)].reset_index(drop=True)
    picked = rows.assign(picked_for=rows["topic"], pick=np.arange(1, len(rows) + 1))
    return picked, lines.assign(wanted=wanted, picked=[len(some) for some in chosen])


def _different_texts(rows: pd.DataFrame, best_by: str | None) -> pd.DataFrame:
    """Return a row for each different text in the order of ids: its best one, else the one that others copy."""
    able = rows[rows["near_duplicate_of"].isna()] if "near_duplicate_of" in rows else rows
    first = by_id(able)
    if "duplicate_of" in first:
        first = first.sort_values("duplicate_of", key=lambda of: of.notna(), kind="stable")
    if best_by is not None:
        first = first.sort_values(best_by, ascending=False, na_position="last", kind="stable")
    return by_id(first.drop_duplicates("vector"))


def _lines(topic_map: TopicMap, kept: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    there = sorted(topic_map.rows["topic"].unique(), key=lambda topic: (topic == NOISE, topic))
    lines = pd.DataFrame({"topic": there, "label": [topic_map.names.get(topic, "") for topic in there]})
    counts = (lines["topic"].map(some["topic"].value_counts()).fillna(0).astype(int) for some in (kept, texts))
    return lines.assign(**dict(zip(("rows", "texts"), counts, strict=True)))


def _weights(lines: pd.DataFrame, by: str, shares: Mapping[int, float] | None) -> pd.Series:
    if by not in WEIGHTS:
        raise ValueError(f"explore.pick_by: expected one of {', '.join(WEIGHTS)}, got {by!r}")
    if not shares:
        return pd.Series(WEIGHTS[by](lines["rows"].to_numpy(float)))
    if unknown := sorted(set(shares) - set(lines["topic"])):
        raise ValueError(f"explore.pick_shares: no rows are in topics {unknown}; topics are {lines['topic'].tolist()}")
    if wrong := {topic: share for topic, share in shares.items() if not 0 < share < np.inf}:
        raise ValueError(f"explore.pick_shares: a share is more than 0, got {wrong}; a topic without one gets no row")
    return lines["topic"].map(shares).fillna(0.0).astype(float)


def _choose(
    vectors: np.ndarray, groups: list[np.ndarray], wanted: np.ndarray, scores: np.ndarray | None, seed: int
) -> list[list[int]]:
    """Return lines for each group, those that stand for most first; fewer than wanted where they are too much alike."""
    chosen: list[list[int]] = []
    radius = _radius(vectors)
    for group, count in zip(groups, wanted, strict=True):
        chosen.append([])
        for part in _parts(vectors[group], int(count), seed):
            lines = group[part]
            taken = vectors[[one for some in chosen for one in some]]
            far = nearest_distances(vectors[lines], taken) > radius
            away = np.maximum(1 - vectors[lines] @ vectors[lines].mean(axis=0), 0)  # mean distance to all of the part
            away = np.where(far, away, np.inf)
            if not far.any():
                continue
            as_good = np.flatnonzero(away <= away.min() * (1 + AS_GOOD)) if scores is not None else [away.argmin()]
            value = np.zeros(len(lines)) if scores is None else scores[lines]
            chosen[-1].append(int(lines[max(as_good, key=lambda at: (value[at], -away[at], -at))]))
    return chosen


def _make_up(
    vectors: np.ndarray, groups: list[np.ndarray], chosen: list[list[int]], weights: list[float], n: int
) -> list[list[int]]:
    """Return chosen lines with those that are missing, the furthest from all chosen ones first, by the same shares."""
    radius, found = _radius(vectors), [list(some) for some in chosen]
    while (total := sum(map(len, found))) < n:
        away = nearest_distances(vectors, vectors[[one for some in found for one in some]])
        room = [int((away[group] > radius).sum()) * (share > 0) for group, share in zip(groups, weights, strict=True)]
        if not any(room):
            break
        most = [len(some) + left for some, left in zip(found, room, strict=True)]
        wanted = share_out(min(n, sum(most)), weights, most)
        # A group may have more than a new sharing gives it: nothing is taken back, and all together are never too many.
        for at in sorted(np.flatnonzero(room), key=lambda at: len(found[at]) - wanted[at]):
            for _ in range(min(wanted[at] - len(found[at]), n - total)):
                line = int(groups[at][away[groups[at]].argmax()])
                if away[line] <= radius:
                    break
                found[at].append(line)
                total += 1
                away = np.minimum(away, 1 - vectors @ vectors[line])
    return found


def _parts(vectors: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """Return the lines of so many parts that are alike within, the largest first."""
    if count in (0, len(vectors)):
        return list(np.arange(count)[:, None])
    import faiss
    from sklearn.cluster import kmeans_plusplus
    from threadpoolctl import threadpool_limits

    limits = {"min_points_per_centroid": 1, "max_points_per_centroid": POINTS}
    means = faiss.Kmeans(vectors.shape[1], count, niter=ROUNDS, seed=seed, spherical=True, **limits)
    some = np.sort(np.random.default_rng(seed).permutation(len(vectors))[: STARTS * count])
    with threadpool_limits(1):  # the last bit of a product depends on its threads, and a part on the last bit
        means.train(vectors, init_centroids=kmeans_plusplus(vectors[some], count, random_state=seed)[0])
        part = means.assign(vectors)[1]
    found = [np.flatnonzero(part == one) for one in np.unique(part)]
    return sorted(found, key=len, reverse=True)


def _radius(vectors: np.ndarray) -> float:
    return ALIKE * mean_distance(vectors) + 1e-6  # products of equal vectors are 1 but for their last bits


def _in_turn(chosen: list[list[int]]) -> list[int]:
    """Return all lines so that each group has its share of the first ones, however many those are."""
    turns = [((at + 0.5) / len(some), group, line) for group, some in enumerate(chosen) for at, line in enumerate(some)]
    return [line for _, _, line in sorted(turns)]
