"""A column of dates -> the span of time of each row, and which topics rise or fall from span to span.

Shares by span are those of shares.topic_shares, what a constant share would show that of shares.noise_band.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd

from helpers.explore.chance import NOISE, adjust, trend
from helpers.explore.shares import GROUPS, count_grid, labels_of, p_text, real_first, share_text
from helpers.shown import counted
from helpers.text.excerpt import one_line, shorten

Every = Literal["auto", "day", "week", "month", "quarter", "year"]
UNITS = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
WANTED = 12  # spans; the unit of time nearest to that, by ratio, has 6 to 24 of them wherever one has
EDGE = 0.02  # of the rows at either end, which tell nothing of how long a span should be: a date of 1970 is often none
ROWS = 100  # from which on that is done
DATES = 0.5  # of the values that have to be dates
KNOWN_YEARS = range(pd.Timestamp.min.year + 1, pd.Timestamp.max.year)  # which nanoseconds reach
YEARS = (1800, 2200)  # whole numbers that are years
# Seconds of an epoch time since 1970 and how many of a unit are one: 1973 to 2286, so that no two units overlap.
NOT_DATES = ("now", "today")  # which pandas reads as the time of reading
EPOCH, PARTS = (1e8, 1e10), {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}


def time_spans(values: pd.Series, *, every: Every = "auto") -> pd.Series:
    """Return the span of time that each value is in, as pandas Periods with the same index, NaT where it is no date.

    values: see read_dates. every: day, week (of ISO 8601, from Monday), month, quarter, year, or auto: the one that
    makes about 12 spans, 6 to 24 where one does, of the dates without the first and last 2%. A span is written as
    2024-03-05, 2024-W05, 2024-03, 2024-Q1 or 2024, see shares.group_names. Raises ValueError for a column that holds no
    dates and for another `every`.
    """
    if every != "auto" and every not in UNITS:
        raise ValueError(f"explore.every: expected auto, {', '.join(UNITS)}; got {every!r}")
    dates = read_dates(values)
    spans = dates.dt.to_period(UNITS[_fitting_unit(dates.dropna()) if every == "auto" else every])
    if (count := spans.nunique()) > GROUPS:
        raise ValueError(
            f"explore.every: {count:,} spans of a {every} have rows, expected at most {GROUPS:,}; take longer ones"
        )
    return spans


def read_dates(values: pd.Series) -> pd.Series:
    """Return values as times in UTC without a zone (datetime64), NaT where that is not possible.

    Read are dates and times, ISO 8601 texts with or without a zone, epoch seconds, milli-, micro- and nanoseconds,
    years (1800 to 2200) and days as 20240131; numbers may be texts, and of the readings of a number the one counts that
    most values have. A time without a zone is taken for UTC. Raises ValueError where less than half of the values,
    nulls and blank texts aside, are dates.
    """
    there = _present(values)
    dates = _read(values, there)
    if dates.notna().sum() < max(1, DATES * there.sum()):
        raise ValueError(_what_it_holds(values, there, dates))
    return dates


def tell_undated(values: pd.Series, spans: pd.Series) -> str:
    """Return a sentence of how many values have no span: those that are missing, and those that could not be read."""
    there = _present(values)
    unread = values[there & spans.isna()]
    missing = int((~there).sum())
    if unread.empty and not missing:
        return f"all {len(values):,} rows have a date"
    told = [f"{missing:,} have no date"] if missing else []
    told += [f"{len(unread):,} have one that cannot be read, such as {_shown(unread.iloc[0])}"] if len(unread) else []
    return f"of {counted(len(values), 'row')} {' and '.join(told)}: left out"


def rising(shares: pd.DataFrame, topics: pd.DataFrame, *, seed: int = 42) -> pd.DataFrame:
    """Return a line a topic, the steepest trend first, then what may be noise, -1 at the end.

    topic, label, rows, share (of the rows of all spans), first and last (its share in the first and the last span);
    per_span: how much the share changes from a span to the next, of a straight line through all rows, where spans that
    hold no row do not count; p: Cochran-Armitage test for trend, see chance.trend; adjusted: p for asking all topics;
    noise: adjusted >= 0.05; trend: "up", "down", or "" where it may be noise. shares: by span, see shares.topic_shares.
    topics: topic, label. Raises ValueError for topics that have no label.
    """
    table, of = count_grid(shares)
    counts, sizes = table.to_numpy(dtype=np.float64), of.to_numpy(dtype=np.float64)
    lines = pd.DataFrame({"topic": table.index, "label": labels_of(topics, table.index)})
    lines["rows"] = counts.sum(axis=1).astype(int)
    lines["share"] = lines["rows"] / max(1.0, sizes.sum())
    for name, at in (("first", 0), ("last", -1)):
        lines[name] = counts[:, at] / sizes[at] if len(sizes) else np.nan
    lines["per_span"], lines["p"] = trend(counts, sizes, seed=seed)
    lines["adjusted"] = adjust(lines["p"].to_numpy())
    lines["noise"] = lines["adjusted"] >= NOISE
    lines["trend"] = np.where(lines["noise"], "", np.where(lines["per_span"] > 0, "up", "down"))
    return real_first(lines, by="per_span")


def rising_table(lines: pd.DataFrame) -> pd.DataFrame:
    """Return what rising returns to be read: shares in percent, changes in points of percent a span."""
    told = pd.DataFrame({"topic": lines["topic"], "label": lines["label"]})
    told["rows"] = [f"{rows:,}" for rows in lines["rows"]]
    for name in ("share", "first", "last"):
        told[name] = [share_text(share) for share in lines[name]]
    told["points a span"] = [f"{100 * one:+.2f}" for one in lines["per_span"]]
    told["p, adjusted"] = [p_text(one) for one in lines["adjusted"]]
    told["trend"] = lines["trend"].where(~lines["noise"], "may be noise")
    return told


def _fitting_unit(dates: pd.Series) -> str:
    edge = EDGE if len(dates) >= ROWS else 0
    low, high = (dates.quantile(at, interpolation=way) for at, way in ((edge, "higher"), (1 - edge, "lower")))
    low, high = min(low, high), max(low, high)
    # Years that stand for all of one tell no quarters, nor months of them weeks.
    of_years, of_months = ((dates.dt.to_period(code).dt.start_time == dates).all() for code in ("Y", "M"))
    coarse = {"year": "Y"} if of_years else {name: UNITS[name] for name in ("month", "quarter", "year")}
    units = coarse if of_months else UNITS
    spans = {unit: high.to_period(code).ordinal - low.to_period(code).ordinal + 1 for unit, code in units.items()}
    return min(spans, key=lambda unit: abs(math.log(spans[unit] / WANTED)))


def _read(values: pd.Series, there: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = pd.to_datetime(values.map(lambda one: one.start_time if one.year in KNOWN_YEARS else pd.NaT))
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.where(values.dt.year.isin(KNOWN_YEARS))
        return pd.to_datetime(values, utc=True).dt.tz_localize(None).astype("datetime64[ns]")
    numbers = _numbers(values.where(there))
    words = values.astype(object).where(there & numbers.isna() & ~values.map(_is_truth).astype(bool))
    words = words.map(lambda one: one.strip().removesuffix(" UTC") if isinstance(one, str) else one)
    words = words.where(~words.isin(NOT_DATES))
    dates = pd.to_datetime(words, utc=True, errors="coerce", format="ISO8601").dt.tz_localize(None)
    return dates.fillna(_from_numbers(numbers))


def _present(values: pd.Series) -> pd.Series:
    blank = [isinstance(one, str) and not one.strip() for one in values]
    return values.notna() & ~np.array(blank, dtype=bool)


def _is_truth(value: object) -> bool:
    return isinstance(value, (bool, np.bool_))


def _numbers(values: pd.Series) -> pd.Series:
    """Return what is a number, or a text of digits, as float64; all else NaN."""
    plain = values.astype(object).map(
        lambda one: one if isinstance(one, (int, float, np.number, str)) and not _is_truth(one) else np.nan
    )
    return pd.to_numeric(plain, errors="coerce").astype(np.float64)


def _from_numbers(numbers: pd.Series) -> pd.Series:
    """Return numbers as dates by the one of the readings that most of them have."""
    whole = numbers.where(numbers % 1 == 0)
    readings = {
        "%Y": whole.where(whole.between(*YEARS)),
        "%Y%m%d": whole.where(whole.between(*(10_000 * y for y in YEARS))),
    }
    texts = {
        form: pd.to_datetime(some.astype("Int64").astype("string"), format=form, errors="coerce")
        for form, some in readings.items()
    }
    times = {unit: _from_seconds(numbers / parts) for unit, parts in PARTS.items()}
    return max([*texts.values(), *times.values()], key=lambda dates: dates.notna().sum()).astype("datetime64[ns]")


def _from_seconds(seconds: pd.Series) -> pd.Series:
    # Not by to_datetime(unit=...): pandas 2.3 multiplies the memory of what is null, which may overflow.
    fits = seconds.between(*EPOCH)
    milliseconds = np.round(seconds.where(fits, 0).to_numpy() * 1000).astype("datetime64[ms]")
    return pd.Series(milliseconds, index=seconds.index).where(fits)


def _what_it_holds(values: pd.Series, there: pd.Series, dates: pd.Series) -> str:
    name = f"column {values.name!r}" if values.name is not None else "the column"
    wanted = "dates, ISO 8601 texts such as 2024-01-31T08:00:00Z, epoch seconds or years"
    if not there.any():
        return f"{name}: expected {wanted}; all {len(values):,} values are missing"
    others = ", ".join(_shown(one) for one in values[there & dates.isna()].head(3))
    return (
        f"{name}: expected {wanted}; {dates.notna().sum():,} of {there.sum():,} values are, others are such as {others}"
    )


def _shown(value: object) -> str:
    return repr(shorten(one_line(str(value)), 40))
