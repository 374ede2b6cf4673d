"""What the pictures of shares show is what the tables are, with labels and groups of any kind."""

import numpy as np
import pandas as pd
import pytest

from helpers.explore import pictures
from helpers.explore.compare_sources import compare_sources
from helpers.explore.over_time import rising, time_spans
from helpers.explore.shares import changes, noise_band, topic_shares
from tests.drawn import drawn

HOSTILE = ["$\\frac{$", "W" * 200, "<script>a</script>\n\nb", "", "\x07 a$b", "_^{}", "_ naïve"]
TOPICS = pd.DataFrame({"topic": range(-1, 60), "label": [HOSTILE[at % len(HOSTILE)] for at in range(61)]})


def by_span(*, topics=12, skip="2024-04"):
    random = np.random.default_rng(0)
    topic = random.integers(-1, topics, 3000)
    place = np.where(topic == 3, random.random(3000) ** 0.3, random.random(3000))
    dates = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(place * 360, unit="D"))
    rows = pd.DataFrame({"topic": topic, "span": time_spans(dates, every="month")})
    return topic_shares(rows[rows["span"].astype(str) != skip], by="span")


def test_each_small_picture_is_its_topic_and_breaks_where_no_row_is():
    shares = by_span()
    ranked = changes(shares, TOPICS)
    figure = pictures.plot_over_time(shares, ranked)
    assert len(figure.axes) == pictures.SMALL and "a gap: spans without rows" in figure.get_suptitle()
    assert "(9 of 13)" in figure.get_suptitle()
    banded = noise_band(shares)
    for axes, line in zip(figure.axes, ranked.itertuples(), strict=False):
        own = banded[banded["topic"] == line.topic]
        assert axes.collections[-1].get_offsets()[:, 1].tolist() == pytest.approx(own["share"].tolist())
        assert [len(part.get_xdata()) for part in axes.lines] == [3, 8]  # April is missing
        red = (axes.collections[-1].get_facecolors()[:, 0] > 0.65).tolist()
        assert red == own["outside"].tolist() if not line.noise else True
        assert axes.get_title("left").startswith(str(line.topic))
    assert ranked["topic"].iloc[0] == 3 and drawn(figure)


def test_spans_one_after_the_other_have_no_gap_and_many_have_few_names():
    shares = by_span(skip="")
    figure = pictures.plot_over_time(shares, rising(shares, TOPICS), most=2)
    assert "gap" not in figure.get_suptitle() and len(figure.axes) == 2
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert names == ["2024-01", "2024-03", "2024-05", "2024-07", "2024-09", "2024-11"] and drawn(figure)
    ordered = shares.assign(group=pd.Categorical(shares["group"].astype(str), ordered=True))
    assert drawn(pictures.plot_over_time(ordered, rising(ordered, TOPICS), most=1))


def test_cells_are_shares_and_only_what_is_no_noise_has_a_colour():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"topic": random.integers(-1, 40, 6000), "lang": random.choice(["$a$", "_b", "c" * 90], 6000)})
    rows.loc[rows["topic"] == 7, "lang"] = "_b"
    shares = topic_shares(rows, by="lang")
    figure = pictures.plot_classes(shares, changes(shares, TOPICS))
    axes = figure.axes[0]
    colours = axes.images[0].get_array()
    assert colours.shape == (pictures.MOST, 3) and len(axes.texts) == colours.size
    assert (colours[0] != 0).all() and colours[0].tolist()[1] == pytest.approx(
        np.log2(1 / (rows["lang"] == "_b").mean())
    )
    assert (colours != 0).mean() < 0.1
    assert "30 that differ most of 41 topics" in figure.get_suptitle()
    assert axes.get_xticklabels()[0].get_text().startswith("$a$ (") and drawn(figure)
    assert not any(text.get_parse_math() for text in [*axes.get_xticklabels(), *axes.get_yticklabels()])


def test_of_many_groups_the_largest_are_shown_in_their_order():
    rows = pd.DataFrame([(at % 3, group) for group in range(20) for at in range(10 + group)], columns=["topic", "age"])
    shares = topic_shares(rows, by="age")
    figure = pictures.plot_classes(shares, changes(shares, TOPICS))
    names = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert names == [f"{group} ({10 + group})" for group in range(8, 20)]
    assert "the 12 largest of 20 groups" in figure.get_suptitle() and drawn(figure)


def test_each_source_has_a_dot_a_topic_and_its_name():
    rows = pd.DataFrame(
        [(topic, name) for name, n in (("_a", 40), ("$b$", 20)) for topic in range(-1, 5) for _ in range(n)],
        columns=["topic", "src"],
    )
    rows.loc[(rows["topic"] == 2) & (rows["src"] == "$b$"), "topic"] = 4
    compared = compare_sources(rows, TOPICS, by="src")
    figure = pictures.plot_sources(compared)
    axes = figure.axes[0]
    dots = [one for one in axes.collections if hasattr(one, "get_offsets") and len(one.get_offsets()) == 6]
    for name, one in zip(["_a", "$b$"], dots, strict=True):
        own = compared[compared["source"] == name]
        assert one.get_offsets()[:, 0].tolist() == pytest.approx(own["share"].tolist())
        assert one.get_alpha().tolist() == [1, 1, 0.35, 0.35, 0.35, 0.35]
    legend = axes.get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["_a, base (240 rows)", "$b$ (120 rows)"]
    assert not any(text.get_parse_math() for text in [*legend, *axes.get_yticklabels()]) and drawn(figure)


def test_of_many_sources_and_topics_the_largest_are_shown():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"topic": random.integers(-1, 50, 5000), "src": np.sqrt(random.integers(0, 64, 5000)) // 1})
    figure = pictures.plot_sources(compare_sources(rows, TOPICS, by="src"))
    axes = figure.axes[0]
    assert len(axes.get_legend().get_texts()) == pictures.SOURCES and len(axes.get_yticks()) == pictures.MOST
    assert "the 30 that differ most of 51" in figure.get_suptitle()
    assert "4 smaller sources are left out" in figure.get_suptitle() and drawn(figure)


def test_where_there_is_nothing_to_draw_a_sentence_says_so():
    one = topic_shares(pd.DataFrame({"topic": [0, 1], "by": ["a", "a"]}), by="by")
    none = topic_shares(pd.DataFrame({"topic": [0, 1], "by": [None, None]}), by="by")
    ranked = changes(one, TOPICS)
    assert pictures.plot_over_time(one, ranked) == "1 span with rows: nothing changes over time"
    assert pictures.plot_over_time(none, ranked) == "0 spans with rows: nothing changes over time"
    assert pictures.plot_classes(one, ranked) == "1 group with rows: there is nothing to compare"
    assert pictures.plot_classes(none, ranked) == "0 groups with rows: there is nothing to compare"
    compared = compare_sources(pd.DataFrame({"topic": [0, 0], "by": ["a", "b"]}), TOPICS, by="by")
    assert pictures.plot_sources(compared.head(0)) == "no row is in a topic: there is nothing to compare"


def test_one_topic_that_is_none_is_drawn():
    rows = pd.DataFrame({"topic": [-1] * 6, "by": ["a", "b"] * 3})
    shares = topic_shares(rows, by="by")
    ranked = changes(shares, TOPICS)
    assert drawn(pictures.plot_over_time(shares, ranked)) and drawn(pictures.plot_classes(shares, ranked))
    assert drawn(pictures.plot_sources(compare_sources(rows, TOPICS, by="by")))
