"""Topics -> broader topics that hold them, from the same tree, and how surely each topic comes back.

A cut at a larger size joins what the tree joins: topics are within broader ones as a whole, never in parts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.topics.cluster import number_by_size, rows_of
from helpers.topics.tree import SMALLEST, Tree, condense, cut_tree
from helpers.topics.tune import dense, jaccard

LAYERS = ("middle", "broad")  # each with about a third of the topics of the one before
SHARE = 3
FEWER = 0.75  # a layer of more than this share of the topics before it says nothing new
STEPS = 80  # sizes that are tried for a layer


def stack_layers(
    clusters: pd.DataFrame,
    edges: np.ndarray,
    again: np.ndarray,
    own: pd.DataFrame,
    *,
    min_cluster_size: int = 50,
    method: str = "eom",
    **_: object,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return clusters with each point's topic on the broader layers, and a line a topic of every layer.

    clusters: as cluster_points returned them for edges, the same size and method; the columns topic_middle and
    topic_broad are added, as far as there are topics to join. A topic that no broader one holds stands for itself
    there; an unassigned point may be in a broader topic. The table has layer (fine, middle, broad), topic, size (rows),
    parent (its topic on the next layer, -1 for none) and stability, see tune.jaccard, of the fine ones. again: edges
    with other seeds, see tune_sizes.
    """
    weights = rows_of(own)
    fine = clusters["topic"].to_numpy()
    if not len(edges):
        return clusters, layer_table([("fine", fine)], weights, np.full(fine.max(initial=-1) + 1, np.nan))
    smallest = min(SMALLEST, min_cluster_size)
    settings = {"min_cluster_size": min_cluster_size, "method": method}
    others = [dense(cut_tree(condense(one, smallest=smallest), **settings)[0]) for one in again]
    tree = condense(edges, smallest=smallest)
    nodes, layers = cut_tree(tree, **settings)[0], [("fine", fine)]
    for name in LAYERS:
        nodes = _broader(tree, nodes, above=min_cluster_size, method=method)
        if nodes is None:
            break
        layers.append((name, number_by_size(nodes, weights=weights)))
    placed = clusters.assign(**{f"topic_{name}": topics for name, topics in layers[1:]})
    return placed, layer_table(layers, weights, jaccard(fine, others, weights))


def _broader(tree: Tree, nodes: np.ndarray, *, above: int, method: str) -> np.ndarray | None:
    """Return the clusters (n,) of the cut that has nearest to a third of these; None where none has fewer enough."""
    count = len(np.unique(nodes[nodes >= 0]))
    sizes = np.unique(np.geomspace(above + 1, max(above + 1, len(nodes) // 2), STEPS).astype(int))
    best, least = None, np.inf
    for size in sizes.tolist():
        held = _held(tree, nodes, cut_tree(tree, min_cluster_size=size, method=method)[0])
        found = len(np.unique(held[held >= 0]))
        away = abs(np.log(found * SHARE / count)) if found > 1 else np.inf
        if found <= FEWER * count and away < least:
            best, least = held, away
    return best


def _held(tree: Tree, nodes: np.ndarray, wider: np.ndarray) -> np.ndarray:
    """Return the wider cluster that holds each point's, the point's own where none does or where it holds the wider."""
    known = set(wider[wider >= 0].tolist())
    holder = {}
    for node in np.unique(nodes[nodes >= 0]).tolist():
        up, holder[node] = node, node
        while up:
            holder[node] = up if up in known else holder[node]
            up = int(tree.parent[up])
    held = np.where(nodes >= 0, [holder.get(node, -1) for node in nodes.tolist()], wider)
    return held


def layer_table(layers: list[tuple[str, np.ndarray]], weights: np.ndarray, stability: np.ndarray) -> pd.DataFrame:
    """Return a line a topic of every layer: layer, topic, size, parent, stability, see stack_layers.

    layers: name and topic of each point (n,), from the finest; weights: (n,) rows; stability: of the fine topics.
    """
    lines = []
    for at, (name, topics) in enumerate(layers):
        count = topics.max(initial=-1) + 1
        first = pd.Series(np.arange(len(topics))).groupby(topics).first()  # all of a topic's points have one parent
        above = layers[at + 1][1] if at + 1 < len(layers) else None
        lines.append(
            pd.DataFrame(
                {
                    "layer": name,
                    "topic": np.arange(count),
                    "size": np.bincount(topics[topics >= 0], weights=weights[topics >= 0], minlength=count).astype(int),
                    "parent": [-1 if above is None else int(above[first[topic]]) for topic in range(count)],
                    "stability": stability if name == "fine" else np.nan,
                }
            )
        )
    return pd.concat(lines, ignore_index=True)
