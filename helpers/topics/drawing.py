"""Points and topics -> what every map draws: places around 0, a colour a topic, a label a topic, the view.

The drawing itself is done in page.py and plot.py; nothing here is looked up by a label's text, only by its id.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.text.excerpt import one_line, shorten

NOISE = -1
NOISE_LABEL = "Unassigned"
NOISE_COLOUR = "#c3c7cc"
LABEL_CHARS = 60
LIGHTNESS = (40.0, 64.0, 48.0, 74.0, 56.0)  # CIECAM02 J of topics in turn around the map
FENCE = 3.0  # interquartile ranges; Tukey calls what lies further "far out"


@dataclass(frozen=True)
class Drawing:
    """Points (n, 2) float32 and the view (left, right, bottom, top) around 0, its longer half of length 1.

    topics: (n,) ids. labels: a line a topic that has points, the largest first: topic, label, x, y, size, colour.
    """

    points: np.ndarray
    topics: np.ndarray
    labels: pd.DataFrame
    view: tuple[float, float, float, float]

    @property
    def in_view(self) -> np.ndarray:
        """Return for every row whether its point is inside the view."""
        left, right, bottom, top = self.view
        x, y = self.points.T
        return (x >= left) & (x <= right) & (y >= bottom) & (y <= top)


def make_drawing(points: np.ndarray, topics: pd.DataFrame, row_topics: np.ndarray) -> Drawing:
    """Return what the maps draw, for points (n, 2) and each row's topic id (n,); `topics` has topic and label."""
    points, row_topics = _checked(points, row_topics)
    names = name_topics(topics)
    if unknown := sorted(set(row_topics.tolist()) - set(names)):
        raise ValueError(f"rows are in topics {unknown}; the table of topics has only {sorted(names)}")
    placed, view = place_points(points)
    return Drawing(placed, row_topics, place_labels(placed, row_topics, names), view)


def name_topics(topics: pd.DataFrame) -> dict[int, str]:
    """Return topic id -> label, each on one line and no two alike: where texts repeat, the ids are added."""
    given = zip(topics["topic"].tolist(), topics["label"].tolist(), strict=True)
    names = {int(topic): _label(label, int(topic)) for topic, label in given}
    noise = names.pop(NOISE, NOISE_LABEL)
    while repeated := [topic for topic, name in names.items() if [*names.values(), noise].count(name) > 1]:
        names |= {topic: f"{names[topic]} ({topic})" for topic in repeated}
    return names | {NOISE: noise}


def place_points(points: np.ndarray) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Return points moved and scaled, their shape kept, and a view that islands far from the rest do not stretch."""
    low, high = np.quantile(points, [0.25, 0.75], axis=0)
    reach = FENCE * (high - low)
    near = points[((points >= low - reach) & (points <= high + reach)).all(axis=1)]
    # Where the middle is one place as good as exactly, the points around it are the shape and not islands.
    near = near if len(near) and np.ptp(near, axis=0).max() > 1e-6 * np.ptp(points, axis=0).max() else points
    centre, half = (near.min(axis=0) + near.max(axis=0)) / 2, np.ptp(near, axis=0) / 2
    if half.max() < np.finfo(np.float64).tiny:
        return np.zeros(points.shape, dtype=np.float32), (-1.0, 1.0, -1.0, 1.0)
    scale = 1 / half.max()
    width, height = (float(side) for side in np.maximum(half * scale, 0.1) * 1.05)
    return ((points - centre) * scale).astype(np.float32), (-width, width, -height, height)


def place_labels(points: np.ndarray, row_topics: np.ndarray, names: dict[int, str]) -> pd.DataFrame:
    """Return a line a topic that has points, the largest first: topic, label, x, y, size (points), colour."""
    rows = pd.DataFrame({"topic": row_topics, "x": points[:, 0], "y": points[:, 1]})
    grouped = rows[row_topics != NOISE].groupby("topic")
    # The middle by rank: a topic with one part far away is named where most of it is.
    labels = grouped[["x", "y"]].median().assign(size=grouped.size()).reset_index()
    labels.insert(1, "label", [names[topic] for topic in labels["topic"]])
    labels["colour"] = _palette(labels[["x", "y"]].to_numpy(float))
    return labels.sort_values(["size", "topic"], ascending=[False, True], ignore_index=True)


def _checked(points: np.ndarray, row_topics: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points, row_topics = np.asarray(points, dtype=np.float64), np.asarray(row_topics)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"a map needs points of shape (n, 2) with n > 0; these have {points.shape}")
    if len(row_topics) != len(points):
        raise ValueError(f"{len(points)} points, but topics of {len(row_topics)} rows; give one a point")
    if broken := int((~np.isfinite(points)).any(axis=1).sum()):
        raise ValueError(f"{broken} of {len(points)} points have a place that is not a finite number")
    return points, row_topics.astype(np.int64)


def _palette(places: np.ndarray) -> list[str]:
    """Return a colour a place: hues go once round the map's centre, and every next one differs in lightness too."""
    if len(places) == 0:
        return []
    from colorspacious import cspace_convert
    from matplotlib.colors import rgb2hex

    count = len(places)
    x, y = places.T
    rank = np.argsort(np.argsort(np.arctan2(y, x), kind="stable"))
    # Near hues look alike without full colour vision; lightness tells neighbours apart then.
    lightness = np.array(LIGHTNESS)[rank % len(LIGHTNESS)] + 4 * rank / count
    colours = cspace_convert(np.column_stack([lightness, np.full(count, 55.0), 360 * rank / count]), "JCh", "sRGB1")
    return [rgb2hex(colour) for colour in np.clip(colours, 0, 1)]


def _label(label: object, topic: int) -> str:
    text = one_line(label) if isinstance(label, str) else ""
    return shorten(text, LABEL_CHARS) or f"Topic {topic}"
