"""The sixth notebook, run as a user would on the demo's map; and its answers on a map of several sources with dates."""

import json
import shutil
from dataclasses import replace

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.explore import answers
from helpers.explore.read_map import read_map
from helpers.findings import columns_to_colour
from helpers.runs import continue_run
from helpers.stages import ANSWERS
from tests.notebooks.test_edited_run import rows_of


@pytest.fixture(scope="module")
def explored(demo, kit, tmp_path_factory):
    """A copy of the demo's run that was explored without a network, and what was shown."""
    runs = tmp_path_factory.mktemp("for_explore")
    shutil.copytree(demo, runs / "demo", ignore=shutil.ignore_patterns("assigned", "quality", "uses", "synthetic"))
    asked = ["explore.pick=40", "explore.pick_best_by=confidence", f"explore.run={demo}", "explore.where=[topic != -1]"]
    sets = [part for one in asked for part in ("--set", one)]
    shown = kit("run", "explore", "demo", *sets, "--runs", runs, network=False)
    return runs / "demo", shown.stdout


def test_all_answers_are_files_and_figures(explored):
    folder, shown = explored
    report = json.loads((folder / "explore_report.json").read_text())
    assert report["answered"] == ["questions", "classes", "run", "pick"]
    assert "questions, classes, run, pick" in shown and str(folder / "explore") in shown
    rows = pd.read_parquet(folder / "rows.parquet").set_index("id")
    hits = pd.read_parquet(folder / "explore/questions.parquet")
    assert hits["question"].nunique() == 2 and len(hits) == 20 and (rows.loc[hits["id"], "topic"] != -1).all()
    film = hits[hits["question"].str.contains("movie")]
    assert rows.loc[film["id"], "text"].str.contains("movie|film|hero|Marvel|Avengers", regex=True).mean() >= 0.7
    picked = pd.read_parquet(folder / "explore/picked.parquet")
    assert len(picked) == 40 and picked["id"].is_unique and picked["vector"].is_unique
    assert report["pick"]["picked"]["mean"] < report["pick"]["random"]["mean"]
    aligned = pd.read_parquet(folder / "explore/aligned.parquet")
    assert set(aligned["state"]) == {"same"} and report["run"]["all"]["ari"] == 1
    for name in ("questions", "classes", "run", "pick"):
        assert (folder / f"explore/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "explore/time.png").exists()
    assert all(oct(path.stat().st_mode)[-3:] == "600" for path in (folder / "explore").iterdir())


def test_the_executed_notebook_has_no_error_and_says_how_to_ask_for_the_rest(explored):
    folder, _ = explored
    cells = nbformat.read(folder / "explore.ipynb", as_version=4).cells
    shown = "".join(str(output) for cell in cells for output in cell.get("outputs", []))
    assert "explore.time names the column" in shown and "source.also puts others" in shown
    assert "NMI, all shared rows" in shown and "1.00" in shown
    assert not [output for cell in cells for output in cell.get("outputs", []) if output.output_type == "error"]
    assert "in a topic · question" in (folder / "explore/questions.html").read_text()


def test_several_sources_and_dates_on_one_map(tmp_path, run_cells):
    """A topic that only the other source has, one that it lacks, and one that rises are found, and nothing else."""
    chance = np.random.default_rng(5)

    def lines(themes, copies):
        for theme in themes:
            for at, text in enumerate(rows_of(theme) * copies):
                late = theme == "rain" and chance.random() < 0.8
                month = chance.integers(7, 13) if late else chance.integers(1, 13)
                yield {
                    "id": f"{theme}{at}",
                    "text": f"{text} {at // 45}",
                    "day": f"2024-{month:02d}-15",
                    "theme": theme,
                }

    for name, themes in (("old", ["dogs", "rain", "bread", "chess"]), ("new", ["dogs", "rain", "bread", "stars"])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines(themes, 2)))
    asked = {"source__also": {"new": str(tmp_path / "new.jsonl")}, "explore__time": "day", "cluster__column": "theme"}
    asked |= {"tune__seeds": 0, "explore__questions": ["snow and ice on the street"]}
    run_cells(tmp_path / "old.jsonl", **asked)
    overrides = {name.replace("__", "."): value for name, value in asked.items() if name.startswith("explore")}
    run = continue_run(str(tmp_path / "old.jsonl"), overrides, tmp_path / "runs", chapter="explore")
    topic_map, how = read_map(run), run.config.explore
    topic = topic_map.topics.set_index("label")["topic"]

    found = answers.answer_sources(topic_map, how, run=run)
    assert found.figures["sources"]["base"] == "old"
    assert found.figures["sources"]["new"] == {"only here": [topic["stars"]], "only in base": [topic["chess"]]}
    added = answers.answer_additions(topic_map, how, run=run)
    assert added.table["topic"][0] == topic["stars"] and added.tables["additions"]["source"].eq("new").all()
    by_theme = added.tables["additions"].groupby("topic")[["new"]].mean()["new"]
    assert by_theme[topic["stars"]] > 0.9 and by_theme.drop(topic["stars"]).max() < 0.2
    copies = added.tables["additions"].groupby("topic")["near_duplicate_of"].count()
    assert copies[topic["dogs"]] == 90  # the same texts under other ids
    times = answers.answer_time(topic_map, how)
    assert times.figures["time"]["up"] == [topic["rain"]] and times.figures["time"]["spans"] == 12
    asked_for = answers.answer_questions(topic_map, how, run=run)
    assert asked_for.tables["questions"]["topic"].mode()[0] == topic["rain"]
    colours = columns_to_colour(run, pd.read_parquet(run.path("rows.parquet")))["source_name"]
    assert set(colours) == {"old", "new", "new, old"}
    report = answers.collect_report(run, topic_map, found, added, times, asked_for)
    assert report["answered"] == ["sources", "additions", "time", "questions"]
    for one in (found, times, asked_for):
        answers.keep(run, one)
    assert {"sources.png", "sources.parquet", "time.png", "over_time.parquet"} <= set(answers.files(run))
    unasked = continue_run(str(tmp_path / "old.jsonl"), {"explore.time": None}, tmp_path / "runs", chapter="explore")
    answers.keep(run, answers.answer_time(topic_map, unasked.config.explore))  # an older answer stays
    assert {"time.png", "over_time.parquet", "trends.parquet"} <= set(answers.files(run))
    known = [name for tables in ANSWERS.values() for name in tables]
    assert {name for one in (found, added, times, asked_for) for name in one.tables} <= set(known)


def test_what_was_not_asked_for_says_how(explored):
    folder, _ = explored
    run = continue_run(
        "demo", {"explore.questions": [], "explore.classes": None, "explore.pick": 0}, folder.parent, chapter="explore"
    )
    topic_map, how = read_map(run), run.config.explore
    told = [
        answers.answer_questions(topic_map, how, run=run),
        answers.answer_time(topic_map, how),
        answers.answer_classes(topic_map, how),
        answers.answer_sources(topic_map, how, run=run),
        answers.answer_additions(topic_map, how, run=run),
        answers.answer_run(topic_map, how, run=run),
        answers.answer_pick(topic_map, how),
    ]
    assert all(isinstance(one.table, str) and not one.tables for one in told)
    assert answers.collect_report(run, topic_map, *told)["answered"] == []
    scored = replace(topic_map, rows=topic_map.rows.assign(source_score=1.0))
    with pytest.raises(ValueError, match="no notebook has found 'score' yet; the source's own .* source_score here"):
        scored.column("score", setting="explore.pick_best_by")
    alone = replace(topic_map, rows=topic_map.rows.assign(side=["a"] * (len(topic_map.rows) - 1) + ["b"]))
    chosen = how.model_copy(update={"sources": "side", "base": "b"})
    assert "b has 1 different text" in answers.answer_additions(alone, chosen, run=run).table
    for name, why in (("time", "no column 'day'"), ("classes", "no column 'day'"), ("sources", "no column 'day'")):
        wrong = continue_run("demo", {f"explore.{name}": "day"}, folder.parent, chapter="explore")
        asks = {"time": answers.answer_time, "classes": answers.answer_classes}.get(
            name, lambda topic_map, how, wrong=wrong: answers.answer_sources(topic_map, how, run=wrong)
        )
        with pytest.raises(ValueError, match=f"explore.{name}: {why}.*text.keep"):
            asks(topic_map, wrong.config.explore)
    with pytest.raises(FileNotFoundError, match="explore.run: no run 'nowhere'; .* has demo"):
        other = continue_run("demo", {"explore.run": "nowhere"}, folder.parent, chapter="explore")
        answers.answer_run(topic_map, other.config.explore, run=other)
