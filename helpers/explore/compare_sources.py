"""Rows of several sources on one map -> what each has more or less of than the base.

What one of them would add to the base, row by row, stands in additions.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.explore.chance import NOISE, adjust
from helpers.explore.shares import (
    UNASSIGNED,
    count_grid,
    group_names,
    group_rows,
    labels_of,
    p_text,
    ratio_text,
    share_text,
    topic_shares,
)

BASE, ALIKE, MORE, LESS, ONLY_HERE, ONLY_BASE = "base", "alike", "more", "less", "only here", "only in base"


def name_sources(rows: pd.DataFrame, *, by: str) -> pd.Series:
    """Return the name of each row's source as a text, null where it has none; see shares.group_rows for the errors."""
    groups, codes = group_rows(rows, by)
    names = [one if isinstance(one, str) else group_names([one])[0] for one in groups]
    return pd.Series(np.array([*names, None], dtype=object)[codes], index=rows.index)


def choose_base(sources: pd.Series, *, base: str | None = None) -> str:
    """Return base, or the source with the most rows, the first by name of several.

    Raises ValueError for fewer than two sources, and for a base that is none of them.
    """
    sizes = sources.value_counts()
    known = ", ".join(f"{name!r} ({size:,} rows)" for name, size in sizes.head(20).items())
    if len(sizes) < 2:
        raise ValueError(f"sources are compared where there are two or more; there is {known or 'none'}")
    if base is not None and str(base) not in sizes.index:
        raise ValueError(f"explore.base: no source {str(base)!r}; sources are {known}")
    return str(base) if base is not None else min(sizes.index, key=lambda name: (-sizes[name], name))


def compare_sources(
    rows: pd.DataFrame, topics: pd.DataFrame, *, by: str, base: str | None = None, layer: str = "topic"
) -> pd.DataFrame:
    """Return a line a (topic, source), the base first in each topic, what differs most first, then noise, then -1.

    topic, label, source, rows, of (rows of the source), share, low and high (95% interval, Wilson 1927); for the others
    than the base difference (its share - the base's), ratio (its share / the base's, inf where the base has none), p
    (Fisher's exact test, two-sided), adjusted (for all topics and sources asked at once, Benjamini and Hochberg 1995)
    and state: "alike" where adjusted >= 0.05, else "more", "less", "only here" or "only in base"; of the base: "base".
    A topic without rows in one of two is "only" in the other where that is no chance: with equal shares, n rows of the
    one, N of both and R of these in the topic, none of R is in the one with the probability C(N - R, n) / C(N, n), and
    Fisher's p is never less. by: the column of sources; base: one of them, by default that with the most rows. Rows
    without a source are left out. Raises ValueError for fewer than two sources, see choose_base.
    """
    sources = name_sources(rows, by=by)
    chosen = choose_base(sources, base=base)
    shares = topic_shares(rows.assign(**{by: sources}), by=by, layer=layer)
    table, of = count_grid(shares)
    known = shares[shares["group"] == chosen].set_index("topic")
    there = shares.rename(columns={"group": "source"})
    own = there["topic"].map(known["share"])
    with np.errstate(divide="ignore", invalid="ignore"):
        there = there.assign(difference=there["share"] - own, ratio=there["share"] / own)
    p = fisher(table, of, chosen)
    there["p"] = [p.at[topic, source] for topic, source in zip(there["topic"], there["source"], strict=True)]
    there["adjusted"] = adjust(there["p"].to_numpy())
    is_base = there["source"] == chosen
    there.loc[is_base, ["difference", "ratio"]] = np.nan
    there["state"] = _states(there, there["topic"].map(known["rows"]), is_base)
    there.insert(1, "label", there["topic"].map(dict(zip(table.index, labels_of(topics, table.index), strict=True))))
    columns = ["topic", "label", "source", *(name for name in there if name not in ("topic", "label", "source"))]
    return furthest_first(there[columns])


def fisher(counts: pd.DataFrame, of: pd.Series, base: str) -> pd.DataFrame:
    """Return p of Fisher's exact test, two-sided, of each topic in each source against the base, NaN for the base.

    counts: (topics, sources) rows; of: rows of each source.
    """
    from scipy.stats import fisher_exact

    def one(here: int, there: int, source: str) -> float:
        return fisher_exact([[here, of[source] - here], [there, of[base] - there]]).pvalue

    columns = {
        source: [one(*pair, source) for pair in zip(counts[source], counts[base], strict=True)]
        for source in counts
        if source != base
    }
    return pd.DataFrame(columns | {base: np.nan}, index=counts.index)


def furthest_first(lines: pd.DataFrame) -> pd.DataFrame:
    """Return lines of compare_sources in the order that it tells, of those sources that are among them."""
    real = ~lines["state"].isin([BASE, ALIKE])
    any_real = real.groupby(lines["topic"]).transform("any")
    # Of a topic that differs somewhere, what differs by chance elsewhere is not counted.
    far = lines["difference"].abs().where(real | ~any_real).groupby(lines["topic"]).transform("max").round(12)
    keys = {
        "last": lines["topic"] == UNASSIGNED,
        "noise": ~any_real,
        "far": -far,
        "topic": lines["topic"],
        "other": lines["state"] != BASE,
        "source": lines["source"],
    }
    order = pd.DataFrame(keys).sort_values(list(keys)).index
    return lines.loc[order].reset_index(drop=True)


def sources_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Return what compare_sources returns to be read: a line a topic, in its order.

    topic, label, for each source its share with the interval and rows, and what is found: which have more or less of it
    than the base, how many times as much, and p.
    """
    base = compared.loc[compared["state"] == BASE, "source"].iloc[0]
    order = [base, *sorted(set(compared["source"]) - {base})]
    sizes = compared.drop_duplicates("source").set_index("source")["of"]
    told = []
    for (topic, label), lines in compared.groupby(["topic", "label"], sort=False):
        by_source = lines.set_index("source")
        shares = {f"{name} ({sizes[name]:,})": _share_told(by_source.loc[name]) for name in order}
        found = [_state_told(by_source.loc[name], name, base) for name in order[1:]]
        told.append({"topic": topic, "label": label, **shares, "found": "; ".join(filter(None, found)) or ALIKE})
    return pd.DataFrame(told)


def _states(lines: pd.DataFrame, base_rows: pd.Series, is_base: pd.Series) -> np.ndarray:
    real = lines["adjusted"] < NOISE
    cases = [is_base, ~real, base_rows == 0, lines["rows"] == 0, lines["difference"] > 0]
    return np.select(cases, [BASE, ALIKE, ONLY_HERE, ONLY_BASE, MORE], default=LESS)


def _share_told(line: pd.Series) -> str:
    interval = f" ({share_text(line['low'])} to {share_text(line['high'])})"
    return f"{share_text(line['share'])}{interval}, {line['rows']:,}"


def _state_told(line: pd.Series, source: str, base: str) -> str:
    told = {
        ONLY_HERE: f"only in {source}",
        ONLY_BASE: f"not in {source}",
        MORE: f"more in {source}, {ratio_text(line['ratio'])}",
        LESS: f"less in {source}, {ratio_text(line['ratio'])}",
    }
    return f"{told[line['state']]} (p {p_text(line['adjusted'])})" if line["state"] in told else ""
