"""The parts of an output -> how the new rows are spread over the topics, held against what the map leads to expect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from helpers.shown import percent
from helpers.topics.assigner import Assigner, read_assigner
from helpers.vectors.stream import FOLDERS

BINS = 20  # of the confidence
SURE = 3.0  # standard errors beyond which a difference is none of chance
MUCH = 1.5  # times as many or as few, beyond which a topic grew or shrank
LIKELY = 2.0  # standard errors of the coverage beyond which the advice speaks of new material
NEW = 0.1  # share of rows beyond what is expected that fit no topic, from which on a new fit is advised
MOVED = 0.2  # share of rows that would have to move to another topic for the topics to be as they were


class Found(NamedTuple):
    """Counts over all rows.

    topics: (k + 1,) by topic, those in none last. away: (k,) of those in none by the topic nearest to them. confidence:
    (BINS,) of those in a topic. rejected: rows that could not be used by reason.
    """

    topics: np.ndarray
    away: np.ndarray
    confidence: np.ndarray
    rejected: dict[str, int]

    @property
    def rows(self) -> int:
        """Return how many rows have a result, be it that no topic fits."""
        return int(self.topics.sum())


def count_found(parts: Sequence[Path], model_folder: Path) -> Found:
    """Return the counts of an output, with memory that does not grow with it; parts: what assign_rows returns."""
    count = len(read_assigner(model_folder).shares)
    topics, away = np.zeros(count + 1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    confidence, rejected = np.zeros(BINS, dtype=np.int64), Counter()
    for part in parts:
        for topic, second, sure in _batches(part, ["topic", "runner_up", "confidence"]):
            topics += np.bincount(np.where(topic < 0, count, topic), minlength=count + 1)
            away += np.bincount(second[topic < 0], minlength=count)
            confidence += np.histogram(sure[topic >= 0], bins=BINS, range=(0, 1))[0]
        for (reasons,) in _batches(part.parent / FOLDERS["rejected"] / part.name, ["reason"]):
            rejected.update(map(_kind_of_reason, reasons))
    return Found(topics, away, confidence, dict(rejected.most_common()))


def first_rows(parts: Sequence[Path], *, count: int = 5) -> pd.DataFrame:
    """Return the first rows of an output, of which no more is read."""
    for part in parts:
        with pq.ParquetFile(part) as file:
            for batch in file.iter_batches(batch_size=count):
                return batch.to_pandas()
    return pq.read_schema(parts[0]).empty_table().to_pandas()


def compare_topics(found: Found, topics: pd.DataFrame, model_folder: Path, *, reject: float = 0.05) -> pd.DataFrame:
    """Return a line a topic, -1 last: what was found beside what is expected of rows like the fitted ones.

    topic, label, fitted (share of the fitted rows in it), expected and found (shares of all rows that are given it),
    rows (found), coverage and expected_coverage (of the rows nearest to it, those near enough to be given it), times
    (its share of the rows in a topic, found / expected, so that new material makes no topic shrink), change ("grew",
    "shrank" or ""): half as many again, or a third fewer, and beyond SURE standard errors of the difference of two
    shares. topics: of the run, with topic and label.
    """
    assigner = read_assigner(model_folder)
    expected, nearest = assigner.expected(reject), _nearest_shares(assigner)
    near = found.topics[:-1] + found.away
    fitted, new = assigner.fitted_rows.sum(), max(1, found.rows)
    table = pd.DataFrame(
        {
            "topic": [*range(len(expected)), -1],
            "fitted": [*assigner.shares, 1 - assigner.shares.sum()],
            "expected": [*expected, 1 - expected.sum()],
            "rows": found.topics,
            "found": found.topics / new,
            "coverage": [*(found.topics[:-1] / np.maximum(near, 1)), found.topics[:-1].sum() / new],
            "expected_coverage": [*(expected / np.maximum(nearest, 1e-12)), expected.sum()],
        }
    )
    beyond, times = _changes(expected * fitted, found.topics[:-1])
    table["times"] = [*times, np.nan]
    grew, shrank = (beyond > SURE) & (times > MUCH), (beyond < -SURE) & (times < 1 / MUCH)
    table["change"] = [*np.select([grew, shrank], ["grew", "shrank"], ""), ""]
    table.insert(1, "label", table["topic"].map(topics.set_index("topic")["label"]))
    return table


def compared_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Return what compare_topics returns with shares to read: in percent, those of a tenth of one too."""
    shares = [name for name in compared if name in ("fitted", "expected", "found") or name.endswith("coverage")]
    told = {name: [f"{100 * share:.1f}%" for share in compared[name]] for name in shares}
    times = ["" if np.isnan(one) else f"{one:.2f}" for one in compared["times"]]
    return compared.assign(**told, times=times, rows=[f"{rows:,}" for rows in compared["rows"]])


def collect_figures(
    found: Found, compared: pd.DataFrame, model_folder: Path, *, reject: float = 0.05
) -> dict[str, Any]:
    """Return plain figures: rows, rejected, assigned, coverage, expected_coverage, new, new_error, moved, grew, shrank.

    new: share of rows beyond what is expected that fit no topic, new_error its standard error. moved: share of the rows
    in a topic that would have to be in another one for the topics to be spread as expected, beyond what chance would
    make of it.
    """
    assigner = read_assigner(model_folder)
    fitted = float(assigner.fitted_rows.sum())
    inside = compared[compared["topic"] != -1]
    return {
        "rows": found.rows + sum(found.rejected.values()),
        "rejected": sum(found.rejected.values()),
        "rejected_by_reason": found.rejected,
        "assigned": int(found.topics[:-1].sum()),
        "coverage": float(inside["found"].sum()) if found.rows else None,
        "expected_coverage": float(inside["expected"].sum()),
        "new": float(max(0.0, inside["expected"].sum() - inside["found"].sum())) if found.rows else None,
        "new_error": _error(float(inside["expected"].sum()), found, assigner, reject),
        "moved": _moved(inside["expected"], inside["rows"], fitted),
        "grew": inside.loc[inside["change"] == "grew", "topic"].tolist(),
        "shrank": inside.loc[inside["change"] == "shrank", "topic"].tolist(),
    }


def advice(figures: dict[str, Any]) -> str:
    """Return in sentences whether the map still holds, or what to do where it does not."""
    if figures["coverage"] is None:
        return "No row could be used: look at the reasons in the table above."
    told = [
        f"{percent(figures['coverage'])} of the new rows are in a topic, where {percent(figures['expected_coverage'])} "
        "of rows like those of the map would be."
    ]
    if figures["rejected"] > 0.01 * figures["rows"]:
        told.append(f"{percent(figures['rejected'] / figures['rows'])} of all rows were rejected: see the reasons.")
    is_new = figures["new"] >= max(NEW, LIKELY * figures["new_error"])
    if is_new:
        told.append(
            f"{percent(figures['new'])} of them are something new that the map has no topic for: look at what was "
            "turned away, and fit a map that has such rows in it."
        )
    if (figures["moved"] or 0) >= MOVED:
        told.append(
            f"{percent(figures['moved'])} of those in a topic would be in another if the topics were spread as in the "
            "map: sizes and shares of the map do not tell of these rows."
        )
    if not is_new and (figures["moved"] or 0) < MOVED:
        told.append("The map holds: there is no need to fit it anew.")
    return " ".join(told)


def _batches(part: Path, columns: list[str]) -> Iterator[list[np.ndarray]]:
    with pq.ParquetFile(part) as file:
        for batch in file.iter_batches(batch_size=1_000_000, columns=columns):
            yield [batch.column(name).to_numpy(zero_copy_only=False) for name in columns]


def _kind_of_reason(reason: str) -> str:
    """Return a reason without the places that are another one in every row."""
    return re.sub(r"\d+", "…", reason)


def _moved(expected: pd.Series, found: pd.Series, fitted: float) -> float | None:
    """Return the total variation distance of the shares of two counts, less what chance alone would make of it.

    Of two samples of one spread each share differs by sqrt(2 p (1 - p) (1 / n + 1 / m) / pi) in the mean.
    """
    total, new = expected.sum(), found.sum()
    if not new or not total:
        return None
    before, now = expected / total, found / new
    both = (expected * fitted + found) / (total * fitted + new)
    chance = np.sqrt(2 * both * (1 - both) * (1 / (total * fitted) + 1 / new) / np.pi).sum() / 2
    return float(max(0.0, (now - before).abs().sum() / 2 - chance))


def _error(expected: float, found: Found, assigner: Assigner, reject: float) -> float:
    """Return the standard error of the difference of two coverages.

    Three samples are in it: the new rows, the fitted ones, and those kept out, by which the share turned away is known.
    """
    covered = found.topics[:-1].sum() / max(1, found.rows)
    judges = len(assigner.kept_right)
    kept = max(reject, 1 / judges) * (1 - reject) / judges
    fitted = expected * (1 - expected) / assigner.fitted_rows.sum()
    return float(np.sqrt(covered * (1 - covered) / max(1, found.rows) + fitted + kept))


def _changes(before: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many standard errors the share of each count among all has changed by, and how many times it is."""
    total, new = max(1.0, before.sum()), max(1, now.sum())
    both = (before + now) / (total + new)
    error = np.sqrt(both * (1 - both) * (1 / total + 1 / new))
    return (now / new - before / total) / np.maximum(error, 1e-12), (now / new) / np.maximum(before, 0.5) * total


def _nearest_shares(assigner: Assigner) -> np.ndarray:
    """Return (k,) the share of the fitted rows that are nearest to each topic, near enough or not."""
    rows = np.bincount(assigner.fitted_topics, assigner.fitted_rows, minlength=len(assigner.shares))
    return rows / assigner.fitted_rows.sum()
