"""What the pictures of scores show is what the figures are, with data and labels of any kind."""

import numpy as np
import pandas as pd
import pytest

from helpers.quality import pictures
from helpers.quality.by_topic import score_topics
from helpers.quality.figures import score_figures
from helpers.quality.thresholds import compare_thresholds
from tests.drawn import drawn

HOSTILE = ["$\\frac{$", "W" * 200, "<b>a</b>\n\nb", "", "\x07 a$b", "_^{}", "😀 naïve"]


def points(line):
    return [tuple(point) for point in line.get_xydata()]


def scored_topics(count):
    random = np.random.default_rng(0)
    topics = [*range(count), -1]
    table = pd.DataFrame({"topic": topics, "label": [HOSTILE[topic % len(HOSTILE)] for topic in topics]})
    rows = pd.DataFrame({"topic": np.repeat(topics, 8), "score": random.uniform(0, 5, 8 * len(topics))})
    rows["x"], rows["y"] = rows["topic"] % 15 + random.normal(0, 0.1, len(rows)), rows["topic"] // 15
    rated = pd.DataFrame({"topic": range(count), "score": random.integers(0, 6, count)})
    return rows, table, score_topics(rows, table, threshold=3, rated=rated)


@pytest.mark.parametrize("levels", [(0, 5), (1, 3), (0, 100)])
def test_the_bars_of_a_spread_are_all_rows(levels):
    scores = np.append(np.random.default_rng(0).uniform(levels[0] - 2, levels[1] + 2, 500), [np.nan] * 9)
    threshold = levels[0] + 1.3
    figure = pictures.plot_distribution(
        scores, pd.DataFrame({"score": [levels[0], levels[1]] * 5}), levels=levels, threshold=threshold
    )
    axes = figure.axes[0]
    below, above = ([bar.get_height() for bar in bars] for bars in axes.containers)
    assert sum(below) == pytest.approx((scores < threshold).sum() / 500)
    assert sum(above) == pytest.approx((scores >= threshold).sum() / 500)
    outline = axes.patches[-1].get_data()
    width = axes.containers[0][0].get_width()
    assert (outline.values * np.diff(outline.edges)).sum() == pytest.approx(width)  # the area of the bars
    assert outline.values[[0, -1]] == pytest.approx(outline.values.max())
    assert f"{500:,} rows" in axes.get_title("left") and drawn(figure)


def test_scores_that_are_all_equal_are_one_bar():
    figure = pictures.plot_distribution(np.full(20, 2.2), levels=(0, 5), threshold=3)
    heights = [bar.get_height() for bar in figure.axes[0].containers[0]]
    assert max(heights) == sum(heights) == 1 and "0% of 20 rows" in figure.axes[0].get_title("left") and drawn(figure)
    assert "no row has a score" in pictures.plot_distribution([np.nan], levels=(0, 5), threshold=3)


def test_agreement_shows_the_counts_and_the_calibration():
    random = np.random.default_rng(0)
    known = random.integers(1, 5, 300)
    figures = score_figures(known, known + random.normal(size=300), levels=(1, 4))
    figure = pictures.plot_agreement(figures)
    matrix, calibration = figure.axes
    told = {text.xy: int(text.get_text()) for text in matrix.texts}
    assert told == {(c + 1, k + 1): n for k, line in enumerate(figures["confusion"]) for c, n in enumerate(line)}
    assert matrix.images[0].get_array().sum(axis=1).tolist() == pytest.approx([1] * 4)
    assert points(calibration.lines[1]) == [(one["told"], one["known"]) for one in figures["calibration"]]
    assert f"kappa {figures['kappa']:.2f}" in figure.get_suptitle() and drawn(figure)


def test_agreement_of_one_level_and_of_many_and_of_nothing():
    same = pictures.plot_agreement(score_figures(np.full(40, 2), np.full(40, 2.1), levels=(0, 5)))
    assert "kappa" not in same.get_suptitle() and "40" in [text.get_text() for text in same.axes[0].texts]
    many = pictures.plot_agreement(score_figures(np.arange(101), np.arange(101), levels=(0, 100)))
    assert not many.axes[0].texts and drawn(same) and drawn(many)
    assert "no rating was held out" in pictures.plot_agreement(None)


def curve(kappas):
    lines = [{"rows": 25 * 2**n, "kappa": one, "spearman": one, "macro_f1": None} for n, one in enumerate(kappas)]
    return {"n": 70, "curve": lines}


def test_the_curve_says_whether_more_ratings_would_help():
    rising = pictures.plot_curve(curve([0.3, 0.4, 0.5, 0.6, 0.7]))
    assert "twice as many, about +0.10" in rising.axes[0].get_title("left")
    level = pictures.plot_curve(curve([0.3, 0.5, 0.7, 0.7, 0.71]))
    assert level.axes[0].get_title("left") == "More ratings would help little"
    assert points(rising.axes[0].lines[0])[-1] == (400, 0.7) and len(rising.axes[0].lines) == 2
    assert drawn(rising) and drawn(pictures.plot_curve(curve([-0.4, -0.2, -0.1])))
    for nothing in (None, {"n": 5}, curve([0.1, 0.2]), curve([None] * 5)):
        assert "no learning curve" in pictures.plot_curve(nothing)


def test_names_beside_lines_do_not_lie_on_each_other():
    axes = pictures.plot_curve(curve([0.5, 0.5, 0.5])).axes[0]
    heights = sorted(text.xy[1] for text in axes.texts)
    assert len(heights) == 2 and heights[1] - heights[0] > 0.07


def test_thresholds_show_rows_kept_and_what_is_expected_of_them():
    random = np.random.default_rng(0)
    known, told = random.integers(0, 6, 300), random.uniform(0, 5, 300)
    table = compare_thresholds(told, score_figures(known, told, levels=(0, 5)), levels=(0, 5))
    figure = pictures.plot_thresholds(table)
    kept, precision, recall = (points(line) for line in figure.axes[0].lines)
    assert kept == list(zip(table["threshold"], table["share"], strict=True))
    measured = table.dropna()
    assert precision == list(zip(measured["threshold"], measured["precision"], strict=True)) and len(precision) == 5
    assert recall == list(zip(measured["threshold"], measured["recall"], strict=True)) and drawn(figure)
    alone = pictures.plot_thresholds(compare_thresholds(told, None, levels=(0, 5)))
    assert len(alone.axes[0].lines) == 1 and "no held-out ratings" in alone.axes[0].get_title("left")
    assert "no row scores" in pictures.plot_thresholds(compare_thresholds([], None, levels=(0, 5)))


def test_topics_are_drawn_from_the_best_down():
    _, _, scored = scored_topics(12)
    scored["note"] = ["it disagrees", *[""] * 12]
    axes = pictures.plot_topics(scored).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "none"]
    means = [line.get_xdata()[0] for line in dots]
    assert means == sorted(scored["mean"], reverse=True) and axes.yaxis_inverted()
    rings = [line.get_xdata()[0] for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert sorted(rings) == sorted(scored["topic_score"].dropna())
    red = [line.get_xdata()[0] for line in dots if line.get_color() == pictures.NEW]
    assert red == [scored.loc[0, "mean"]]
    bars = {tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2}
    assert bars == set(zip(scored["low"], scored["high"], strict=True))


@pytest.mark.parametrize("count", [1, 200])
def test_one_topic_and_many_with_labels_of_any_kind(count):
    rows, topics, scored = scored_topics(count)
    figure = pictures.plot_topics(scored)
    assert len(figure.axes[0].get_yticks()) == min(count, 30) + 1 and drawn(figure)
    assert ("the 30 largest of 200" in figure.get_suptitle()) == (count == 200)
    assert drawn(pictures.plot_score_map(rows, topics, levels=(0, 5)))
    assert "no topic has a row" in pictures.plot_topics(scored[scored["topic"] == -1])


def test_the_map_has_every_row_in_the_colour_of_its_score():
    rows, topics, _ = scored_topics(6)
    lost = rows.assign(x=[np.nan, 1e9, *rows["x"][2:]], score=[*rows["score"][:-1], np.nan])
    figure = pictures.plot_score_map(lost, topics, levels=(0, 5))
    dots = figure.axes[0].collections[0]
    assert sorted(dots.get_array()) == pytest.approx(sorted(lost["score"].iloc[2:-1]))
    assert dots.get_clim() == pytest.approx(tuple(np.quantile(lost["score"].iloc[2:-1], [0.01, 0.99])))
    assert figure.axes[0].get_title("left") == f"Scores on the map: {len(rows) - 3} rows; 1 more far outside"
    places = np.asarray(dots.get_offsets())
    by_score = dict(zip(dots.get_array(), places[:, 0], strict=True))
    assert by_score[lost["score"].iloc[20]] == pytest.approx(lost["x"].iloc[20])


def test_scores_that_are_all_the_same_are_seen_on_the_scale():
    rows, topics, _ = scored_topics(3)
    figure = pictures.plot_score_map(rows.assign(score=2.0), topics, levels=(0, 5))
    assert figure.axes[0].collections[0].get_clim() == (0, 5)


def test_ratings_that_stand_for_more_rows_count_for_more():
    ratings = pd.DataFrame({"score": [1, 4], "weight": [3.0, 1.0]})
    figure = pictures.plot_distribution(np.full(20, 2.2), ratings, levels=(0, 5), threshold=3)
    (outline,) = [one for one in figure.axes[0].patches if hasattr(one, "get_data")]
    values = outline.get_data().values
    assert values[1] == pytest.approx(3 * values[4]) and values[1] > 0


def test_the_map_names_the_largest_topics_where_there_is_room():
    place = {0: (0, 0), 1: (0, 5), 2: (0, 5.01), 3: (5, 0)}
    rows = pd.DataFrame({"topic": np.repeat([0, 1, 2, 3, -1], [9, 8, 7, 6, 50]), "score": 2.0})
    rows["x"], rows["y"] = ([place.get(topic, (5, 5))[axis] for topic in rows["topic"]] for axis in (0, 1))
    topics = pd.DataFrame({"topic": [0, 1, 2, 3, -1], "label": ["A$", "B", "hidden", "", "Unassigned"]})
    figure = pictures.plot_score_map(rows, topics, levels=(0, 5))
    assert [text.get_text() for text in figure.axes[0].texts] == ["A$", "B", "Topic 3"]
    assert drawn(figure) and drawn(pictures.plot_score_map(rows.head(1), topics, levels=(0, 5)))
    plain = pictures.plot_score_map(rows.drop(columns="topic"), topics, levels=(0, 5))
    assert not plain.axes[0].texts and drawn(plain)


@pytest.mark.parametrize("gone", ["x", "y", "score"])
def test_no_map_is_said(gone):
    rows, topics, _ = scored_topics(3)
    assert "make the map first" in pictures.plot_score_map(rows.drop(columns=gone), topics, levels=(0, 5))
    assert "make the map first" in pictures.plot_score_map(rows.assign(**{gone: np.nan}), topics, levels=(0, 5))
