"""Clusters, their layers and edits -> clusters and layers as edited, and what each edit did.

What may be asked is told in edits.py. What stands before and after a fit is the same here: topics are found by rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from helpers.topics.cluster import number_by_size, rows_of
from helpers.topics.edits import UNASSIGNED, Drop, Edit, Merge, Move, Pin, Rename, Split
from helpers.topics.layers import LAYERS, layer_table
from helpers.vectors.embedder import unit_length

HALF = 0.5  # of an edit's exemplars that must be there, and more than it of those in one topic
OWN = 0.75  # share of a topic that is near a pin's exemplars, or it is another one: of the pinned one nine in ten are
APPLIED, SAME, UNFIT = "applied", "no change", "does not fit"
EFFECTS = {"edit": "int64", "what": object, "about": object, "topic": "int64", "rows": "int64", "status": object}
EFFECTS |= {"why": object}


class UnfitError(Exception):
    """Why an edit cannot be done with these rows."""


@dataclass
class Edited:
    """A map's topics while they are edited: topic of each vector, names that were given, vectors that were moved."""

    topics: np.ndarray
    names: dict[int, str]
    vectors: np.ndarray
    lines: dict[str, int]  # of each row's id, its vector
    rows: np.ndarray  # (n,) how many rows share each vector
    reduced: np.ndarray  # in which topics are split
    moved: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    seed: int = 42
    last: int = -1  # the highest number that a topic has had: none is given twice, for names and effects stand by it

    def put(self, members: np.ndarray, topic: int) -> int:
        """Give vectors (a mask) a topic, and return how many rows have another one now."""
        changed = members & (self.topics != topic)
        self.topics[changed] = topic
        self.moved |= changed
        return int(self.rows[changed].sum())

    def new(self, members: np.ndarray, name: str | None) -> tuple[int, int]:
        """Give vectors a topic of their own; return it and how many rows it has."""
        self.last += 1
        if name:
            self.names[self.last] = name
        return self.last, self.put(members, self.last)

    def known(self, ids: Sequence[str]) -> np.ndarray:
        """Return the vectors of the rows that are there."""
        return np.array([self.lines[one] for one in ids if one in self.lines], dtype=np.int64)

    def find(self, exemplars: Sequence[str], *, in_topic: bool = True) -> int:
        """Return the topic of most of the exemplars, -1 too unless a topic is asked for. Raises UnfitError."""
        there = self.known(exemplars)
        if len(there) < HALF * len(exemplars) or not len(there):
            raise UnfitError(f"{len(there)} of its {len(exemplars)} exemplar rows are in the data")
        found, counts = np.unique(self.topics[there], return_counts=True)
        if counts.max() <= HALF * len(there):
            raise UnfitError(f"its exemplar rows are in {len(found)} topics, none with more than half of them")
        topic = int(found[counts.argmax()])
        if topic == -1 and in_topic:
            raise UnfitError("most of its exemplar rows are in no topic")
        return topic

    def middle(self, lines: np.ndarray) -> np.ndarray:
        """Return the mean of vectors, of unit length."""
        return unit_length(np.asarray(self.vectors[lines], dtype=np.float32).mean(axis=0, keepdims=True))[0]


def apply_edits(
    clusters: pd.DataFrame,
    layers: pd.DataFrame,
    vectors: np.ndarray,
    own: pd.DataFrame,
    reduced: np.ndarray | None = None,
    *,
    edits: Sequence[Edit] = (),
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return clusters and layers as edited, and a line an edit: edit (from 1), what, about, topic, rows, status, why.

    clusters, layers: see assign_rest. vectors: (n, d) of unit length. own: a line a row, with id and `vector`. reduced:
    (n, k) in which a topic is split; the vectors where it has not so many lines. Where there are edits, clusters have
    the columns edited (whether an edit put the text where it is) and name (that an edit gave the topic, else null or
    the user's own), and topics are numbered by size anew. An edit's topics are those that hold most of its exemplar
    rows. topic: what the edit's topic is in the end, -1 where it is none; rows: that it moved; status: applied, no
    change, or does not fit, which changes nothing, and why. An unassigned text that an edit gives a topic has as
    confidence its similarity to the topic's middle. The same edits on the same rows give the same topics; an edit twice
    is an edit once.
    """
    if not edits:
        return clusters, layers, pd.DataFrame(columns=list(EFFECTS)).astype(EFFECTS)
    before = clusters["topic"].to_numpy()
    named = clusters[["topic", "name"]].dropna().drop_duplicates("topic") if "name" in clusters else []
    full = np.asarray(vectors, dtype=np.float32)
    state = Edited(
        topics=before.astype(np.int64).copy(),
        names=dict(zip(named["topic"], named["name"], strict=True)) if len(named) else {},
        vectors=full,
        reduced=full if reduced is None or len(reduced) != len(full) else reduced,
        lines=dict(zip(own["id"].astype(str), own["vector"].tolist(), strict=True)),
        rows=rows_of(own),
        moved=np.zeros(len(before), dtype=bool),
        seed=seed,
        last=int(before.max(initial=-1)),
    )
    done = [_do(edit, number, state, edits[: number - 1]) for number, edit in enumerate(edits, 1)]
    final = number_by_size(state.topics, weights=state.rows)
    number = dict(zip(state.topics.tolist(), final.tolist(), strict=True))
    effects = pd.DataFrame(done, columns=list(EFFECTS))
    effects["topic"] = [number.get(topic, -1) for topic in effects["topic"]]
    changed = clusters.assign(
        topic=final.astype(before.dtype),
        confidence=_confidence(clusters["confidence"].to_numpy(), before, state),
        edited=state.moved,
        name=pd.Series([state.names.get(topic) for topic in state.topics.tolist()], dtype=object),
    )
    return *_in_layers(changed, layers, before, state), effects.astype(EFFECTS)


def effects_table(effects: pd.DataFrame) -> pd.DataFrame | str:
    """Return what each edit did, to read, or that there is none and how to make one."""
    if effects.empty:
        return "no edits; edits.merge(run, [1, 4]) and the like write them to edits.yaml, see the end of this notebook"
    told = effects.assign(topic=effects["topic"].astype(object).where(effects["topic"] != -1, ""))
    return told.assign(status=told["status"].str.cat(told["why"], sep=": ").str.removesuffix(": ")).drop(columns="why")


def _do(edit: Edit, number: int, state: Edited, earlier: Sequence[Edit]) -> tuple:
    """Do one edit, and return its line of effects."""
    try:
        is_split = isinstance(edit, Split)
        makes = is_split or isinstance(edit, Pin)  # what was parted or made once is not parted or made again
        same = [place for place, one in enumerate(earlier, 1) if one.wish == edit.wish] if makes else []
        if same:
            topic, rows, why = None, 0, f"as edit {same[0]}"
        else:
            topic, rows, why = _DOING[type(edit)](edit, state)
        named = edit["name"] if "name" in edit.keys() and topic is not None and not is_split else None
        status = APPLIED if rows or (named and state.names.get(topic) != named) else SAME
        if named:
            state.names[topic] = named
    except UnfitError as error:
        topic, rows, status, why = None, 0, UNFIT, str(error)
    return number, edit.verb, edit.about, topic, rows, status, why


def _merge(edit: Merge, state: Edited) -> tuple[int, int, str]:
    found = [state.find(exemplars) for exemplars in edit.merge]
    topics, counts = np.unique(state.topics[np.isin(state.topics, found)], return_counts=True)
    target = int(topics[counts.argmax()])
    for topic in set(topics.tolist()) - {target}:
        state.names.pop(topic, None)
    return target, state.put(np.isin(state.topics, found), target), ""


def _rename(edit: Rename, state: Edited) -> tuple[int, int, str]:
    return state.find(edit.rename), 0, ""


def _split(edit: Split, state: Edited) -> tuple[int, int, str]:
    topic = state.find(edit.split)
    members = np.flatnonzero(state.topics == topic)
    if edit.rows is None:
        return topic, _split_into(edit.into, topic, members, state), ""
    there = np.unique(state.known(edit.rows))
    chosen = there[state.topics[there] == topic]
    if not len(there):
        raise UnfitError("none of its rows are in the data")
    if len(chosen) in (0, len(members)):
        return topic, 0, "its rows are all of the topic" if len(chosen) else "its rows are in other topics"
    new, rows = state.new(_mask(chosen, state), edit.name)
    return new, rows, "" if len(there) == len(chosen) else f"{len(there) - len(chosen)} texts are of other topics"


def _split_into(count: int, topic: int, members: np.ndarray, state: Edited) -> int:
    """Part a topic by k-means; the largest part keeps number and name. Return the rows that moved."""
    from sklearn.cluster import KMeans

    if len(members) < count:
        raise UnfitError(f"it has {len(members)} different texts, too few for {count} topics")
    with threadpool_limits(1):  # sums over threads end in another last bit each time
        parts = KMeans(count, n_init=5, random_state=state.seed).fit_predict(
            np.asarray(state.reduced[members], dtype=np.float64)
        )
    parts = number_by_size(parts, weights=state.rows[members])
    return sum(state.new(_mask(members[parts == part], state), None)[1] for part in range(1, parts.max() + 1))


def _drop(edit: Drop, state: Edited) -> tuple[int | None, int, str]:
    topic = state.find(edit.drop, in_topic=False)
    if topic == -1:
        return None, 0, ""
    state.names.pop(topic, None)
    return None, state.put(state.topics == topic, -1), ""


def _move(edit: Move, state: Edited) -> tuple[int | None, int, str]:
    lines = state.known(edit.move)
    if not len(lines):
        raise UnfitError("none of its rows are in the data")
    target = -1 if edit.to == UNASSIGNED else state.find(edit.to)
    lacking = len(edit.move) - len(lines)
    rows = state.put(_mask(lines, state), target)
    return None if target == -1 else target, rows, f"{lacking} of its rows are not in the data" if lacking else ""


def _pin(edit: Pin, state: Edited) -> tuple[int, int, str]:
    """Keep the topic that holds the exemplars where it is not much more than what is near them; else make it.

    It is then made of the texts near the exemplars that are in no topic, or less like the rest of theirs; and, of the
    topics that hold exemplars, of all that are more like these than like the rest.
    """
    there = state.known(edit.pin)
    if len(there) < HALF * len(edit.pin):
        raise UnfitError(f"{len(there)} of its {len(edit.pin)} exemplar rows are in the data")
    similarity = state.vectors @ state.middle(there)
    near = similarity >= edit.near
    try:
        topic = state.find(edit.pin)
        if near[state.topics == topic].mean() >= OWN:
            return topic, 0, ""
    except UnfitError:
        pass
    rest = np.full(len(near), -np.inf)
    for topic in np.unique(state.topics[near & (state.topics >= 0)]):
        others = np.flatnonzero((state.topics == topic) & ~near)
        if len(others):
            rest[state.topics == topic] = state.vectors[state.topics == topic] @ state.middle(others)
    holds = np.isin(state.topics, state.topics[there]) & (state.topics >= 0)
    members = (near | holds) & (similarity > rest)
    if not members.any():
        raise UnfitError("no row is as near its exemplars as it asks for")
    topic, rows = state.new(members, None)
    return topic, rows, "the fit had it no longer: made of the rows near its exemplars"


_DOING = {Merge: _merge, Rename: _rename, Split: _split, Drop: _drop, Move: _move, Pin: _pin}


def _mask(lines: np.ndarray, state: Edited) -> np.ndarray:
    return np.isin(np.arange(len(state.topics)), lines)


def _confidence(confidence: np.ndarray, before: np.ndarray, state: Edited) -> np.ndarray:
    found = np.where(state.topics == -1, 0, confidence)
    for topic in np.unique(state.topics[(before == -1) & (state.topics >= 0)]):
        new = (state.topics == topic) & (before == -1)
        middle = state.middle(np.flatnonzero(state.topics == topic))
        found[new] = np.clip(state.vectors[new] @ middle, 1e-3, 1)
    return found.astype(confidence.dtype)


def _in_layers(
    clusters: pd.DataFrame, layers: pd.DataFrame, before: np.ndarray, state: Edited
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return clusters and layers in which every topic is held whole by the broader one that held most of its rows.

    A topic has its stability only where it is the one of before, row for row.
    """
    rows, moved = state.rows, state.moved
    below = clusters["topic"].to_numpy()
    found = [("fine", below)]
    for name in [name for name in LAYERS if f"topic_{name}" in clusters]:
        upper = clusters[f"topic_{name}"].to_numpy().astype(np.int64)
        held = np.append(_holders(below, upper, rows), -1)  # the last one of what is unassigned
        # What holds no topic any longer is none itself, and what an edit unassigned is in none.
        stays = np.isin(upper, held) & ~(moved & (clusters["topic"].to_numpy() == -1))
        upper = np.where(below >= 0, held[below], np.where(stays, upper, -1))
        found.append((name, number_by_size(upper, weights=rows)))
        below = upper
    stable = layers.loc[layers["layer"] == "fine"].set_index("topic")["stability"]
    same = {}
    for topic in range(found[0][1].max(initial=-1) + 1):
        members = found[0][1] == topic
        old = int(before[members.argmax()])
        same[topic] = stable.get(old, np.nan) if old >= 0 and (members == (before == old)).all() else np.nan
    placed = clusters.assign(**{f"topic_{name}": topics for name, topics in found[1:]})
    return placed, layer_table(found, rows, np.array([same[topic] for topic in sorted(same)], dtype=float))


def _holders(below: np.ndarray, upper: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return for each topic the broader one of most of its rows; a number of its own where it has none."""
    count, free = below.max(initial=-1) + 1, upper.max(initial=-1) + 1
    inside = (below >= 0) & (upper >= 0)
    table = np.zeros((count, free + 1))
    np.add.at(table, (below[inside], upper[inside]), rows[inside])
    return np.where(table.sum(axis=1) > 0, table.argmax(axis=1), free + np.arange(count))
