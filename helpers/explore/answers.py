"""A map and what is asked of it (settings of explore) -> an answer a question: a table, a picture, what is kept.

What was not asked for is answered with how to ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.explore import (
    additions,
    compare_runs,
    compare_sources,
    coverage,
    over_time,
    pick,
    pictures,
    search,
    shares,
)
from helpers.explore.pictures_pick import plot_pick
from helpers.explore.pictures_runs import plot_runs
from helpers.explore.pictures_search import plot_hits
from helpers.explore.read_map import TopicMap, read_map
from helpers.explore_settings import Explore
from helpers.runs import Run, continue_run
from helpers.stages import ANSWERS
from helpers.text.load import name_sources
from helpers.text.sources.several import SOURCE_NAME

FOLDER = "explore"  # of the run folder


@dataclass(frozen=True)
class Answer:
    """What came out: a table and a picture, or why there is none; tables to keep, by name; figures for the report.

    name: of the setting that asked for it, and of its files.
    """

    name: str
    table: pd.DataFrame | str
    picture: Any = ""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)


def answer_questions(topic_map: TopicMap, how: Explore, *, run: Run) -> Answer:
    """Return the rows nearest to each question, and the map with them."""
    if not how.questions:
        return Answer("questions", "nothing was asked: explore.questions takes some, such as [a late parcel, refunds]")
    asked = {"n": how.found, "where": how.where, "embedder": search.find_asker(run)}
    hits = search.search_all(topic_map, how.questions, **asked)
    first = hits[hits["rank"] == 1]
    told = {one.question: {"similarity": one.similarity, "topic": int(one.topic)} for one in first.itertuples()}
    picture = plot_hits(topic_map, hits)
    return Answer("questions", search.hits_table(hits), picture, {"questions": hits}, {"questions": told})


def answer_time(topic_map: TopicMap, how: Explore) -> Answer:
    """Return the topics that rise or fall over time, the steepest first, and their shares by span."""
    if not how.time:
        return Answer("time", "no dates: explore.time names the column that holds them")
    values = topic_map.column(how.time, setting="explore.time")
    spans = over_time.time_spans(values, every=how.every)
    found = shares.topic_shares(topic_map.rows.assign(span=spans), by="span")
    trends, ranked = over_time.rising(found, topic_map.topics), shares.changes(found, topic_map.topics)
    figures = {"spans": int(found["group"].nunique()), "told": over_time.tell_undated(values, spans)}
    figures |= {way: trends.loc[trends["trend"] == way, "topic"].tolist() for way in ("up", "down")}
    tables = {"over_time": found.assign(group=shares.group_names(found["group"])), "trends": trends}
    picture = pictures.plot_over_time(found, ranked)
    return Answer("time", over_time.rising_table(trends), picture, tables, {"time": figures})


def answer_classes(topic_map: TopicMap, how: Explore) -> Answer:
    """Return the topics that differ between classes, and the share of each topic in each class."""
    if not how.classes:
        return Answer("classes", "no classes: explore.classes names the column that holds them")
    topic_map.column(how.classes, setting="explore.classes")
    found = shares.topic_shares(topic_map.rows, by=how.classes)
    ranked = shares.changes(found, topic_map.topics)
    figures = {"classes": int(found["group"].nunique()), "told": shares.tell_left_out(topic_map.rows, by=how.classes)}
    figures |= {"differ": ranked.loc[~ranked["noise"], "topic"].tolist()}
    tables = {"classes": found.assign(group=shares.group_names(found["group"]))}
    picture = pictures.plot_classes(found, ranked)
    return Answer("classes", shares.changes_table(ranked), picture, tables, {"classes": figures})


def answer_sources(topic_map: TopicMap, how: Explore, *, run: Run) -> Answer:
    """Return what each source has more or less of than the base, topic by topic."""
    by, base = _sources(topic_map, how, run)
    if by is None:
        return Answer("sources", "one source: source.also puts others on the same map, explore.sources names a column")
    compared = compare_sources.compare_sources(topic_map.rows, topic_map.topics, by=by, base=base)
    others = compared[~compared["state"].isin([compare_sources.BASE, compare_sources.ALIKE])]
    base = compared.loc[compared["state"] == compare_sources.BASE, "source"].iloc[0]
    found = others.groupby(["source", "state"])["topic"].agg(list)
    told = {source: lines.droplevel(0).to_dict() for source, lines in found.groupby(level=0)}
    figures = {"base": base, "rows": compared.drop_duplicates("source").set_index("source")["of"].to_dict(), **told}
    table, picture = compare_sources.sources_table(compared), pictures.plot_sources(compared)
    return Answer("sources", table, picture, {"sources": compared}, {"sources": figures})


def answer_additions(topic_map: TopicMap, how: Explore, *, run: Run) -> Answer:
    """Return what each of the other sources would add to the base, the topic with most new rows first."""
    by, base = _sources(topic_map, how, run)
    if by is None:
        return Answer("additions", "one source: nothing is added to it")
    names = compare_sources.name_sources(topic_map.rows, by=by)
    base = compare_sources.choose_base(names, base=base)
    others = sorted(set(names.dropna()) - {base})
    texts = topic_map.rows.loc[names == base, "vector"].nunique()
    if texts < 2:
        return Answer("additions", f"{base} has {texts} different text: what is new beside it cannot be told")
    rows = {other: additions.added_rows(topic_map, by=by, source=other, base=base) for other in others}
    lines = {other: additions.additions(topic_map, added, by=by, base=base) for other, added in rows.items()}
    table = pd.concat([additions.additions_table(one).assign(source=other) for other, one in lines.items()])
    table = table[["source", *(name for name in table if name != "source")]].reset_index(drop=True)
    told = {
        other: {"rows": len(added), "new": int(added["new"].sum()), "copies": int(added["near_duplicate_of"].count())}
        for other, added in rows.items()
    }
    kept = pd.concat(rows.values(), ignore_index=True)
    return Answer("additions", table, "", {"additions": kept}, {"additions": told})


def answer_run(topic_map: TopicMap, how: Explore, *, run: Run) -> Answer:
    """Return what became of the topics of another run of these rows."""
    if not how.run:
        return Answer("run", "no other run: explore.run names one of the same rows, made otherwise, or its folder")
    folder = Path(how.run).expanduser()
    runs = folder.parent if (folder / "manifest.json").exists() else run.folder.parent
    if not (runs / folder.name / "manifest.json").exists():
        known = ", ".join(sorted(path.parent.name for path in runs.glob("*/manifest.json")))
        raise FileNotFoundError(f"explore.run: no run {how.run!r}; {runs} has {known}")
    other = continue_run(folder.name, None, runs, chapter="explore")
    before = read_map(other)
    aligned = compare_runs.align_topics(before, topic_map)
    agreed = compare_runs.agree(before, topic_map)
    states = aligned["state"].value_counts().to_dict()
    picture = plot_runs(before, topic_map, names=(other.name, run.name))
    figures = {"run": {"other": other.name, "states": states, **agreed}}
    return Answer("run", compare_runs.aligned_table(aligned), picture, {"aligned": aligned}, figures)


def agreement(answer: Answer) -> pd.DataFrame | str:
    """Return how far the two maps of answer_run agree, to be read, or that there is no other run."""
    return compare_runs.agreement_table(answer.figures["run"]) if answer.figures else answer.table


def answer_pick(topic_map: TopicMap, how: Explore, *, seed: int = 42) -> Answer:
    """Return rows that cover the map, against as many random ones."""
    if not how.pick:
        return Answer("pick", "nothing was picked: explore.pick says how many rows are to cover the map")
    asked = {"by": how.pick_by, "shares": how.pick_shares or None, "best_by": how.pick_best_by}
    picked, lines = pick.pick_rows(topic_map, how.pick, keep=how.pick_keep, seed=seed, **asked)
    compared = coverage.against_random(topic_map, picked, keep=how.pick_keep, seed=seed)
    picture = plot_pick(topic_map, picked, compared, keep=how.pick_keep, seed=seed)
    figures = {"rows": len(picked), **{line.pop("sample"): line for line in compared.to_dict("records")}}
    return Answer("pick", lines, picture, {"picked": picked, "picked_by_topic": lines}, {"pick": figures})


def keep(run: Run, answer: Answer) -> Any:  # noqa: ANN401 - an Image, a sentence, or nothing
    """Write an answer's tables and picture to the run's folder explore/, and return the picture to be shown.

    Those of an earlier answer that this one has not are removed; what was not asked leaves them as they are.
    """
    if not answer.tables:
        return None
    for name in ANSWERS[answer.name]:
        if name in answer.tables:
            run.save(f"{FOLDER}/{name}.parquet", answer.tables[name])
        else:
            run.path(f"{FOLDER}/{name}.parquet").unlink(missing_ok=True)
    shown = run.show(answer.picture, f"{FOLDER}/{answer.name}.png")
    return None if isinstance(shown, str) and not shown else shown


def collect_report(run: Run, topic_map: TopicMap, *answers: Answer) -> dict[str, Any]:
    """Return name, title, rows, topics, settings, output and the figures of all answers."""
    figures = {name: told for answer in answers for name, told in answer.figures.items()}
    about = {"name": run.name, "title": run.config.title, "rows": len(topic_map.rows)}
    about |= {"topics": int((topic_map.topics["topic"] != -1).sum()), "settings": run.config.explore.model_dump()}
    return about | figures | {"answered": [name for name in figures], "output": str(run.path(FOLDER))}


def files(run: Run) -> list[str]:
    """Return the names of what stands in the run's folder explore/."""
    return sorted(path.name for path in Path(run.path(FOLDER)).glob("*"))


def _sources(topic_map: TopicMap, how: Explore, run: Run) -> tuple[str | None, str | None]:
    """Return the column of sources, and the base: those that are named, else several sources on one map, the first."""
    if how.sources:
        topic_map.column(how.sources, setting="explore.sources")
        return how.sources, how.base
    if SOURCE_NAME not in topic_map.rows:
        return None, None
    source = run.config.source
    return SOURCE_NAME, how.base or next(iter(name_sources(source, source.name, source.also)))
