"""Dates of any kind are the spans that a calendar says, and a trend is found where there is one."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from helpers.explore import chance
from helpers.explore.over_time import UNITS, read_dates, rising, rising_table, tell_undated, time_spans
from helpers.explore.shares import changes, group_names, noise_band, topic_shares

TOPICS = pd.DataFrame({"topic": range(-1, 8), "label": ["Unassigned", *"ABCDEFG", "$\\frac{$ <script>"]})
MOMENT = dt.datetime(2024, 3, 5, 8, 30, tzinfo=dt.UTC)
EAST = dt.timezone(dt.timedelta(hours=5))


def days(values):
    return [None if pd.isna(one) else str(one)[:16] for one in read_dates(pd.Series(values, name="when"))]


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-05T08:30:00Z",
        "2024-03-05 08:30:00",
        "2024-03-05T13:30:00+05:00",
        " 2024-03-05 08:30:00 UTC ",
        MOMENT,
        MOMENT.astimezone(EAST),
        MOMENT.replace(tzinfo=None),
        pd.Timestamp(MOMENT),
        np.datetime64("2024-03-05T08:30"),
        int(MOMENT.timestamp()),
        MOMENT.timestamp() * 1000,
        int(MOMENT.timestamp() * 1e6),
        int(MOMENT.timestamp() * 1e9),
        str(int(MOMENT.timestamp())),
    ],
)
def test_a_moment_is_read_in_each_way_it_is_written(value):
    assert days([value, None]) == ["2024-03-05 08:30", None]
    assert days(pd.Series([None, value], dtype=object)) == [None, "2024-03-05 08:30"]


def test_a_column_of_all_sorts_and_zones_is_read_in_utc():
    values = [
        "2024-01-01T01:00:00+05:00",
        "2024-01-01",
        dt.date(2024, 1, 1),
        MOMENT.astimezone(EAST),
        "2024-03",
        None,
        " ",
    ]
    assert days(values) == [
        *("2023-12-31 20:00", "2024-01-01 00:00", "2024-01-01 00:00", "2024-03-05 08:30", "2024-03-01 00:00"),
        *(None, None),
    ]


def test_numbers_are_what_most_of_them_can_be():
    assert days([2020, 2021, None, 1706659200]) == ["2020-01-01 00:00", "2021-01-01 00:00", None, None]
    assert days([20240131, 20240229, 20240230]) == ["2024-01-31 00:00", "2024-02-29 00:00", None]
    assert days([1706659200, 1706659201.5, 0]) == ["2024-01-31 00:00", "2024-01-31 00:00", None]  # 0 is no moment
    assert days(pd.array([2020, None], dtype="Int64")) == ["2020-01-01 00:00", None]


def test_dates_of_other_columns_of_dates():
    zoned = pd.to_datetime(["2024-01-01 01:00", None]).tz_localize("Europe/Berlin")
    assert days(zoned) == ["2024-01-01 00:00", None]
    assert days(pd.PeriodIndex(["2024-02", None], freq="M")) == ["2024-02-01 00:00", None]
    assert days(pd.Categorical(["2024-01-01", None])) == ["2024-01-01 00:00", None]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["en", "de", None], "0 of 2 values are, others are such as 'en', 'de'"),
        ([3.5, 12.0, 88.0], "0 of 3 values are, others are such as '3.5', '12.0', '88.0'"),
        ([True, False], "0 of 2 values are, others are such as 'True', 'False'"),
        ([None, " "], "all 2 values are missing"),
        ([], "all 0 values are missing"),
        (["2024-01-01", "soon", "later"], "1 of 3 values are, others are such as 'soon', 'later'"),
        ([["2024-01-01"]], "0 of 1 values are, others are such as"),
        (["$\\frac{$", "<script>\n" + "x" * 90], "'<script> xxx"),
    ],
)
def test_a_column_that_holds_no_dates_is_refused_with_what_it_holds(values, told):
    with pytest.raises(ValueError, match="column 'when': expected dates, ISO 8601 texts such as") as refused:
        time_spans(pd.Series(values, name="when", dtype=object))
    assert told in str(refused.value)
    with pytest.raises(ValueError, match="column 'when': expected dates"):
        time_spans(pd.Series([pd.NaT, pd.NaT], name="when"))


def test_what_is_left_out_is_counted():
    values = pd.Series(["2024-01-01", "2024-01-02", "soon", None, " ", "2024-01-03"], index=list("abcdef"))
    spans = time_spans(values, every="day")
    assert spans.index.tolist() == list("abcdef") and spans.isna().tolist() == [False, False, True, True, True, False]
    told = "of 6 rows 2 have no date and 1 have one that cannot be read, such as 'soon': left out"
    assert tell_undated(values, spans) == told
    assert tell_undated(values.head(2), spans.head(2)) == "all 2 rows have a date"


@pytest.mark.parametrize(
    ("every", "names"),
    [
        ("day", ["2024-12-30", "2025-01-05", "2025-01-06"]),
        ("week", ["2025-W01", "2025-W01", "2025-W02"]),  # of ISO 8601: from Monday, in the year of its Thursday
        ("month", ["2024-12", "2025-01", "2025-01"]),
        ("quarter", ["2024-Q4", "2025-Q1", "2025-Q1"]),
        ("year", ["2024", "2025", "2025"]),
    ],
)
def test_spans_are_those_of_the_calendar(every, names):
    spans = time_spans(pd.Series(["2024-12-30", "2025-01-05", "2025-01-06"]), every=every)
    assert group_names(spans) == names
    with pytest.raises(ValueError, match="every: expected auto, day, week, month, quarter, year; got 'hour'"):
        time_spans(pd.Series(["2024-12-30"]), every="hour")


def test_dates_that_nanoseconds_do_not_reach_are_left_out_and_too_many_spans_refused():
    told = np.array(["2024-01-05", "9999-12-31", "0001-01-01"], dtype="datetime64[us]")
    for values in (pd.Series(told), pd.Series(pd.PeriodIndex(["2024-01-05", "9999-12-31", "0001-01-01"], freq="D"))):
        values = pd.concat([values] + [values.head(1)] * 3, ignore_index=True)
        spans = time_spans(values, every="week")
        assert spans.isna().tolist() == [False, True, True, False, False, False]
        assert "2 have one that cannot be read, such as '9999-12-31" in tell_undated(values, spans)
    days = pd.Series(pd.date_range("2000-01-01", periods=5_001).astype(str))
    with pytest.raises(ValueError, match=r"explore.every: 5,001 spans of a day .* at most 5,000; take longer ones"):
        time_spans(days, every="day")


@given(st.dates(dt.date(1950, 1, 1), dt.date(2050, 1, 1)), st.integers(6, 10 * 365))
@settings(max_examples=25)
def test_auto_makes_6_to_24_spans_where_a_unit_does(first, length):
    dates = pd.Series(pd.date_range(first, periods=length).astype(str))
    found = time_spans(dates).nunique()
    counts = [time_spans(dates, every=unit).nunique() for unit in UNITS]
    if any(8 <= count <= 18 for count in counts):  # auto does not look at the outermost rows
        assert 6 <= found <= 24
    assert found in counts


def test_a_junk_date_does_not_choose_the_span():
    dates = pd.Series([*pd.date_range("2024-01-01", "2024-12-31").astype(str), "1970-01-01", "2099-01-01"])
    assert group_names(time_spans(dates).drop_duplicates())[:2] == ["2024-01", "2024-02"]
    assert group_names(time_spans(pd.Series(["2024-05-05"] * 3)))[0] == "2024-05-05"


def yearly(counts, of):
    """Rows of which counts (topics, years) are in topic 0, 1, ..., the others in none."""
    full = [*counts, [total - sum(part) for total, *part in zip(of, *counts, strict=True)]]
    topics = [*range(len(counts)), -1]
    lines = [(t, 2001 + y) for t, line in zip(topics, full, strict=True) for y, n in enumerate(line) for _ in range(n)]
    rows = pd.DataFrame(lines, columns=["topic", "year"])
    return topic_shares(rows.assign(span=time_spans(rows["year"], every="year")), by="span")


def test_rising_and_falling_topics_in_a_hand_worked_case():
    shares = yearly([[10, 20, 30, 40], [40, 30, 20, 10], [20, 20, 20, 20]], [100] * 4)
    lines = rising(shares, TOPICS)
    assert lines["topic"].tolist() == [0, 1, 2, -1] and lines["trend"].tolist() == ["up", "down", "", ""]
    assert lines["per_span"].tolist() == pytest.approx([0.1, -0.1, 0, 0])
    assert lines[["first", "last"]].values.tolist() == [[0.1, 0.4], [0.4, 0.1], [0.2, 0.2], [0.3, 0.3]]
    # Agresti (2013), 5.3.5: z^2 is (slope)^2 sum n (x - mean)^2 / (p (1 - p)): 0.01 * 500 / (0.25 * 0.75) = 26.7.
    assert lines["p"].iloc[0] == pytest.approx(2.42e-7, rel=0.01)
    assert rising_table(lines).iloc[1].tolist() == [1, "B", "100", "25%", "40%", "10%", "-10.00", "<0.001", "down"]
    assert rising_table(lines)["trend"].tolist() == ["up", "down", "may be noise", "may be noise"]


def test_the_slope_is_that_of_a_regression_and_the_p_of_its_score():
    random = np.random.default_rng(0)
    of = random.integers(80, 200, 7)
    counts = random.binomial(of, 0.3, (3, 7))
    slopes, p = chance.trend(counts.astype(float), of.astype(float))
    place = np.repeat(np.arange(7), of)
    for line, slope, found in zip(counts, slopes, p, strict=True):
        inside = np.concatenate([np.arange(n) < k for n, k in zip(of, line, strict=True)]).astype(float)
        known = linregress(place, inside)
        assert slope == pytest.approx(known.slope)
        assert found == pytest.approx(known.pvalue, abs=0.02)  # a t test of the same slope


def test_few_rows_have_no_trend_by_chance():
    """Topics of two rows each, spread over spans by chance: of 150 hardly one is called a trend."""
    random = np.random.default_rng(0)
    of = np.array([300.0, 20, 20, 20])
    counts = random.multivariate_hypergeometric(of.astype(int), 2, 150).astype(float)
    p = chance.trend(counts, of)[1]
    assert (p < 0.05).mean() <= 0.1 and (chance.adjust(p) < 0.05).sum() <= 1
    assert chance.trend(np.array([[0.0, 0, 0, 5]]), of)[1][0] < 0.001


def test_a_burst_is_a_change_but_no_trend_and_lies_outside_of_the_band():
    shares = yearly([[5, 5, 60, 5, 5], [20, 20, 20, 20, 20]], [200] * 5)
    assert rising(shares, TOPICS).set_index("topic").at[0, "noise"]
    line = changes(shares, TOPICS).iloc[0]
    assert line["topic"] == 0 and not line["noise"] and group_names([line["most"]]) == ["2003"]
    banded = noise_band(shares)
    outside = banded[banded["outside"] & (banded["topic"] == 0)]
    assert group_names(outside["group"]) == ["2001", "2002", "2003", "2004", "2005"]
    assert not banded.loc[banded["topic"] == 1, "outside"].any()
    inside = (banded["band_low"] <= banded["share"]) & (banded["share"] <= banded["band_high"])
    assert inside.eq(~banded["outside"]).all()


def test_one_span_one_topic_and_none():
    assert rising(yearly([[3]], [5]), TOPICS)["p"].tolist() == [1, 1]
    all_in = rising(yearly([], [4, 5]), TOPICS)
    assert all_in[["topic", "share", "per_span", "noise"]].values.tolist() == [[-1, 1, 0, True]]
    none = topic_shares(pd.DataFrame({"topic": [0], "span": pd.PeriodIndex([None], freq="M")}), by="span")
    assert rising_table(rising(none, TOPICS)).empty


@pytest.mark.parametrize(
    ("values", "spans"),
    [
        ([2019] * 50 + [2020] * 50 + [2021] * 50, ["2019", "2020", "2021"]),
        (["2024-01", "2024-02", "2024-03"] * 40, ["2024-01", "2024-02", "2024-03"]),
        (["2019-01-01", "2020-01-01", "2021-01-01"], ["2019", "2020", "2021"]),
        (["2024-03-04", "2024-03-05", "2024-03-06"], ["2024-03-04", "2024-03-05", "2024-03-06"]),
    ],
)
def test_a_span_is_never_finer_than_what_the_dates_tell(values, spans):
    found = time_spans(pd.Series(values))
    assert group_names(sorted(found.unique())) == spans


def test_words_that_mean_the_time_of_reading_are_no_dates():
    assert days(["now", "today", "2024-03-05"] + ["2024-03-06"] * 3)[:3] == [None, None, "2024-03-05 00:00"]
