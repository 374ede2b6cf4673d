"""Datasets labelled by one list are put beside each other, others are named and left out."""

import pandas as pd
import pytest

from helpers.files import read_value, write_value
from helpers.past_runs import list_runs
from helpers.quality.uses import Labels
from helpers.quality.uses_together import ALL, datasets_table, notes, put_together
from helpers.runs import Run

LABELS = Labels({"Health": "", "Law": ""}, {"Answers": "", "E-commerce": ""})


@pytest.fixture
def write(tmp_path):
    """A function that writes a labelled run and returns it."""

    def make(name, domains, *, rejected=0, labels=LABELS, model="m", table=True):
        run = Run(name, None, tmp_path / name)
        lines = [(f"{name}{i}", one, ["Answers"] * bool(one)) for i, one in enumerate(domains)]
        if table:
            run.save("uses/labels.parquet", pd.DataFrame(lines, columns=["id", "domains", "uses"]))
        covered = sum(map(bool, domains)) / len(domains) if domains else None
        report = {"title": name.upper(), "rows": len(domains) + rejected, "labelled": len(domains)}
        report |= {"rejected": rejected, "coverage": covered, "mode": "likelihood", "model": model}
        run.save("uses_report.json", report | {"labels_hash": labels.hash})
        run.save("manifest.json", {"name": name})
        return run

    return make


def test_shares_by_dataset_and_of_all_rows(write, tmp_path):
    write("b", [["Law"], ["Law", "Health"], [], ["Law"]], rejected=1)
    together = put_together(write("a", [["Health"]]), LABELS)
    assert together.datasets["dataset"].tolist() == ["a", "b"] and (together.rows, together.labelled) == (6, 5)
    domains = together.shares[together.shares["kind"] == "domain"]
    assert {(line.dataset, line.label): (line.rows, line.share) for line in domains.itertuples()} == {
        ("a", "Health"): (1, 1.0),
        ("a", "Law"): (0, 0.0),
        ("b", "Health"): (1, 0.25),
        ("b", "Law"): (3, 0.75),
        (ALL, "Health"): (2, 0.4),
        (ALL, "Law"): (3, 0.6),
    }
    assert together.shares["dataset"].unique().tolist() == [ALL, "a", "b"]
    assert together.cross.to_numpy().tolist() == [[2, 0], [3, 0]]
    assert together.gaps.iloc[0][["domain", "use", "rows"]].tolist() == ["any", "E-commerce", 0]
    shown = datasets_table(together)
    assert shown["coverage"].tolist() == ["100%", "75%", "80%"] and shown["rows"].tolist() == [1, 5, 6]
    assert "2 datasets labelled by this list" in notes(together) and "models" not in notes(together)


def test_the_tables_are_the_owners_alone_and_no_run(write, tmp_path):
    put_together(write("a", [["Health"], []]), LABELS)
    folder = tmp_path / "uses_together"
    names = {"datasets.parquet", "shares.parquet", "cross.parquet", "gaps.parquet", "uses_together.json"}
    assert {file.name for file in folder.iterdir()} == names
    assert all(file.stat().st_mode & 0o077 == 0 for file in [folder, *folder.iterdir()])
    report = read_value(folder / "uses_together.json")
    assert report["domains"] == {"Health": 1, "Law": 0} and report["datasets"][0]["coverage"] == 0.5
    assert list_runs(tmp_path)["name"].tolist() == ["a"]


def test_what_another_list_or_model_labelled_is_said(write):
    write("other", [["Law"]], labels=Labels({"Law": "x"}, {"Answers": ""}))
    write("unfinished", [["Law"]], table=False)
    write("b", [["Law"]], model="larger")
    together = put_together(write("a", [["Health"]]), LABELS)
    assert together.datasets["dataset"].tolist() == ["a", "b"] and together.left_out == ["other"]
    assert "left out: other." in notes(together) and "different models or modes" in notes(together)


def test_a_dataset_without_a_valid_answer_is_there_with_no_share(write):
    write("none", [], rejected=4)
    together = put_together(write("a", [["Health"]]), LABELS)
    shares = together.shares
    assert shares.loc[shares["dataset"] == "none", "share"].isna().all() and together.rows == 5
    assert datasets_table(together)["coverage"].tolist() == ["100%", "", "100%"]


def test_what_cannot_be_put_together_is_an_error(write, tmp_path):
    run = write("a", [["Health"]], labels=Labels({"A": ""}, {"B": ""}))
    with pytest.raises(ValueError, match="is labelled by this list"):
        put_together(run, LABELS)
    write_value(tmp_path / "uses_together" / "manifest.json", {})
    with pytest.raises(ValueError, match="is the run of a dataset"):
        put_together(run, LABELS)
