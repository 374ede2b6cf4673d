"""Rows in topics and a column of groups -> each topic's share of each group, and which topics differ between groups.

A group is a class, a span of time (over_time.py) or a source (compare_sources.py). Tests stand in chance.py.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers.explore.chance import NOISE, adjust, independence, noise_limits
from helpers.proportions import wilson_interval
from helpers.shown import percent
from helpers.text.excerpt import one_line, shorten

UNASSIGNED = -1  # the topic of rows in none
GROUPS = 5_000  # different values beyond which a column is none of groups
SPANS = {"D": "%Y-%m-%d", "W": "%G-W%V", "M": "%Y-%m", "Q": "%Y-Q%q", "Y": "%Y"}  # how a span is written
CHARS = 60  # of a group's name


def topic_shares(rows: pd.DataFrame, *, by: str, layer: str = "topic") -> pd.DataFrame:
    """Return a line a (group, topic), those without rows too: group, topic, rows, of, share, low and high.

    of: rows of the group; share: rows / of; low and high: its 95% interval (Wilson 1927). Groups are the values of the
    column `by`: ordered categories, dates and numbers by value, all else by name; topics those of the column `layer` by
    number, -1 (unassigned) as one of them, last. Rows without a value are left out, see tell_left_out. Raises
    ValueError for a column that is not there, that holds lists, or more than 5,000 different values.
    """
    groups, codes = group_rows(rows, by)
    found = np.unique(_column(rows, layer).to_numpy(dtype=np.int64))
    topics = np.concatenate([found[found != UNASSIGNED], found[found == UNASSIGNED]])
    places = pd.Index(topics).get_indexer(rows[layer])
    there, width = codes >= 0, len(topics)
    counts = np.bincount(codes[there] * width + places[there], minlength=len(groups) * width)
    of = np.bincount(codes[there], minlength=len(groups)).repeat(width)
    low, high = wilson_interval(counts, of)
    columns = {"group": groups.repeat(width), "topic": np.tile(topics, len(groups)), "rows": counts, "of": of}
    return pd.DataFrame(columns | {"share": counts / of, "low": low, "high": high})


def group_rows(rows: pd.DataFrame, by: str) -> tuple[pd.Index, np.ndarray]:
    """Return the different values of a column in their order, and for each row (n,) the place of its own, -1 for none.

    See topic_shares for the order, for what is none, and for the errors.
    """
    values = _column(rows, by)
    there = ~_is_missing(values)
    present = values[there].infer_objects()
    if isinstance(present.dtype, pd.CategoricalDtype) and not present.cat.ordered:
        present = present.astype(present.cat.categories.dtype)
    if present.dtype == object:
        if lists := [one for one in present if isinstance(one, (list, dict, set, np.ndarray))]:
            raise ValueError(f"column {by!r} holds {type(lists[0]).__name__}s: expected one value a row")
        present = present.astype(str)
    found, groups = pd.factorize(present, sort=True)
    if len(groups) > GROUPS:
        raise ValueError(
            f"column {by!r} has {len(groups):,} different values, such as {str(groups[0])[:CHARS]!r}: expected at most "
            f"{GROUPS:,} groups; name a column of classes, sources or dates"
        )
    codes = np.full(len(values), -1)
    codes[there] = found
    return pd.Index(groups), codes


def tell_left_out(rows: pd.DataFrame, *, by: str) -> str:
    """Return a sentence of how many rows have no value, null or a blank text, in the column `by`."""
    missing = int(_is_missing(_column(rows, by)).sum())
    if not missing:
        return f"all {len(rows):,} rows have a {by}"
    return f"{missing:,} of {len(rows):,} rows ({percent(missing / len(rows))}) have no {by} and are left out"


def count_grid(shares: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return rows by topic (lines, -1 last) and group (columns), and of how many rows each group is.

    shares: as topic_shares returns them, in any order.
    """
    counts = shares.pivot(index="topic", columns="group", values="rows").sort_index(key=unassigned_last)
    return counts, shares.drop_duplicates("group").set_index("group")["of"].reindex(counts.columns)


def changes(shares: pd.DataFrame, topics: pd.DataFrame, *, seed: int = 42) -> pd.DataFrame:
    """Return a line a topic, what differs most between the groups first, then what may be noise, -1 at the end.

    topic, label, rows, share (of the rows of all groups); most and most_ratio: the group most surely above what that
    share gives it (largest adjusted residual, Haberman 1973), and how many times as many rows it has; least and
    least_ratio: the one most surely below; null where no group differs. effect: Cramer's V, 0 to 1. p: of the test that
    topic and group are independent, see chance.independence; adjusted: for asking all topics; noise: adjusted >= 0.05.
    shares: see topic_shares. topics: topic, label. Raises ValueError for topics that have no label.
    """
    table, of = count_grid(shares)
    counts, sizes = table.to_numpy(dtype=np.float64), of.to_numpy(dtype=np.float64)
    total = max(1.0, sizes.sum())
    overall = counts.sum(axis=1) / total
    expected = np.outer(overall, sizes)
    error = np.sqrt(expected * np.outer(1 - overall, 1 - sizes / total))
    sure = np.divide(counts - expected, error, out=np.zeros(counts.shape), where=error > 0)
    squares, p = independence(counts, sizes, seed=seed)
    lines = pd.DataFrame({"topic": table.index, "label": labels_of(topics, table.index)})
    lines = lines.assign(rows=counts.sum(axis=1).astype(int), share=overall)
    for name, sign in (("most", 1), ("least", -1)):
        lines[name], lines[f"{name}_ratio"] = _furthest(
            sign * sure, counts / np.maximum(expected, 1e-12), table.columns
        )
    lines = lines.assign(effect=np.sqrt(squares / total).clip(0, 1), p=p, adjusted=adjust(p))
    return real_first(lines.assign(noise=lines["adjusted"] >= NOISE), by="effect")


def noise_band(shares: pd.DataFrame) -> pd.DataFrame:
    """Return shares with expected (the topic's share of all rows), band_low, band_high and outside (bool).

    The band is of shares that a topic of one share everywhere would have in a group of so many rows; it is within it in
    all groups 95 times of 100, see chance.noise_limits. outside: the share is not within it.
    """
    table, of = count_grid(shares)
    overall = table.sum(axis=1) / max(1, of.sum())
    low, high = noise_limits(overall.to_numpy(dtype=np.float64), of.to_numpy())
    lines, columns = table.index.get_indexer(shares["topic"]), table.columns.get_indexer(shares["group"])
    least, most = low[lines, columns], high[lines, columns]
    outside = (shares["rows"] < least) | (shares["rows"] > most)
    expected = shares["topic"].map(overall)
    return shares.assign(
        expected=expected, band_low=least / shares["of"], band_high=most / shares["of"], outside=outside
    )


def shares_table(shares: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    """Return what topic_shares returns to be read: a line a topic, a column a group; shares in percent."""
    table, of = count_grid(shares)
    told = pd.DataFrame({"topic": table.index, "label": labels_of(topics, table.index)})
    for name, group in zip(group_names(of.index), of.index, strict=True):
        column = [share_text(rows / of[group]) for rows in table[group]]
        told.insert(len(told.columns), f"{name} ({of[group]:,})", column, allow_duplicates=True)
    return told


def changes_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what changes returns to be read: shares in percent, the groups with how many times as many rows."""
    told = pd.DataFrame({"topic": lines["topic"], "label": lines["label"]})
    told["rows"] = [f"{rows:,}" for rows in lines["rows"]]
    told["share"] = [share_text(share) for share in lines["share"]]
    for name, head in (("most", "most above"), ("least", "most below")):
        pairs = zip(group_names(lines[name]), lines[f"{name}_ratio"], strict=True)
        told[head] = [f"{group} ({ratio_text(ratio)})" if group else "" for group, ratio in pairs]
    told["effect"] = [f"{one:.2f}" for one in lines["effect"]]
    told["p, adjusted"] = [p_text(one) for one in lines["adjusted"]]
    told["difference"] = ["may be noise" if noise else "real" for noise in lines["noise"]]
    return told


def group_names(groups: Iterable) -> list[str]:
    """Return groups as they are read, on one line: spans as 2024-03, 2024-Q1 or 2024-W05, days without a time."""
    return [_group_name(group) for group in groups]


def share_text(share: float) -> str:
    """Return a share in percent, one below a tenth with a digit more.

    >>> share_text(0.5), share_text(0.0312), share_text(0.0001), share_text(0)
    ('50%', '3.1%', '<0.1%', '0%')
    """
    if np.isnan(share):
        return ""
    if share == 0 or share >= 0.0995:
        return percent(share)
    return f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%"


def ratio_text(ratio: float) -> str:
    """Return how many times as many, nothing where that is of none.

    >>> ratio_text(2.04), ratio_text(0.123), ratio_text(14.2), ratio_text(0), ratio_text(float("inf"))
    ('2.0x', '0.12x', '14x', '0x', '')
    """
    if not np.isfinite(ratio):
        return ""
    return f"{ratio:.{0 if ratio >= 9.95 or ratio == 0 else 1 if ratio >= 0.995 else 2}f}x"


def p_text(p: float) -> str:
    """Return a p value.

    >>> p_text(0.0312), p_text(0.00001)
    ('0.031', '<0.001')
    """
    return "" if np.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def labels_of(topics: pd.DataFrame, wanted: Iterable[int]) -> list[str]:
    """Return the labels of topics, -1 as Unassigned where it has none. Raises ValueError for others without."""
    names = {UNASSIGNED: "Unassigned"} | dict(zip(topics["topic"].tolist(), topics["label"].tolist(), strict=True))
    if unknown := sorted({int(topic) for topic in wanted} - set(names)):
        raise ValueError(f"rows are in topics {unknown}; the table of topics has only {sorted(names)}")
    return [str(names[topic]) for topic in wanted]


def real_first(lines: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Return lines by how large their column `by` is, either way, those that may be noise below, -1 at the end."""
    keys = {"last": lines["topic"] == UNASSIGNED, "noise": lines["noise"], "far": -lines[by].abs().round(12)}
    order = pd.DataFrame(keys | {"topic": lines["topic"]}).sort_values(["last", "noise", "far", "topic"]).index
    return lines.loc[order].reset_index(drop=True)


def unassigned_last(topics: pd.Index) -> pd.Index:
    """Return numbers of topics as keys to sort by."""
    return topics.where(topics != UNASSIGNED, np.iinfo(np.int64).max)


def _furthest(sure: np.ndarray, ratio: np.ndarray, groups: pd.Index) -> tuple[list, np.ndarray]:
    """Return for each topic the group that is furthest off, and its ratio; null where none is."""
    if not sure.size:
        return [], np.empty(0)
    at, lines = np.round(sure, 9).argmax(axis=1), np.arange(len(sure))
    far = sure[lines, at] > 1e-9
    return [groups[one] if off else None for one, off in zip(at, far, strict=True)], np.where(
        far, ratio[lines, at], np.nan
    )


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows:
        raise ValueError(f"no column {name!r}; columns are {', '.join(map(str, rows.columns))}")
    return rows[name]


def _is_missing(values: pd.Series) -> np.ndarray:
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype != object and not pd.api.types.is_string_dtype(values):
        return missing
    return missing | np.array([isinstance(one, str) and not one.strip() for one in values], dtype=bool)


def _group_name(group: object) -> str:
    if isinstance(group, pd.Period):
        return group.strftime(SPANS.get(group.freqstr[0], "%Y-%m-%d %H:%M"))
    if group is None or group is pd.NaT or group != group:
        return ""
    if isinstance(group, (bool, np.bool_)):
        return "yes" if group else "no"
    if isinstance(group, (float, np.floating)):
        return str(int(group)) if float(group).is_integer() else repr(float(group))
    plain = str(group).removesuffix(" 00:00:00") if isinstance(group, pd.Timestamp) else str(group)
    return shorten(one_line(plain), CHARS) or "(blank)"
