"""Ratings that are known already: of a column or a file, each of them used or rejected with the reason."""

import numpy as np
import pandas as pd
import pytest

from helpers.quality.known import known_levels, known_ratings

ROWS = pd.DataFrame(
    {"id": ["a", "b", "c", "d"], "level": [1, 2.5, None, "x"], "text": ["t"] * 4, "vector": [0, 1, 2, 0]}
)


def test_a_column_of_the_rows():
    ratings, rejected = known_ratings(ROWS, known="level")
    assert ratings[["id", "score"]].values.tolist() == [["a", 1.0], ["b", 2.5]] and set(ratings["mode"]) == {"known"}
    assert rejected.values.tolist() == [["c", "no number: 'None'"], ["d", "no number: 'x'"]]


@pytest.mark.parametrize("name", ["r.csv", "r.parquet", "r.jsonl"])
def test_a_file_with_ids_and_scores(tmp_path, name):
    table = pd.DataFrame({"id": ["b", "a", "z", "b", "d"], "score": ["3", "4.5", "1", "5", "good"]})
    path = tmp_path / name
    write = {"csv": table.to_csv, "parquet": table.to_parquet, "jsonl": table.to_json}[name.split(".")[1]]
    write(path, **({"orient": "records", "lines": True} if name.endswith("jsonl") else {"index": False}))
    ratings, rejected = known_ratings(ROWS, ratings=str(path))
    assert ratings.set_index("id")["score"].to_dict() == {"b": 4.0, "a": 4.5}  # two of one row are averaged
    assert sorted(rejected.values.tolist()) == [["d", "no number: 'good'"], ["z", "no row has this id"]]


def test_numbers_as_ids_are_the_rows_ids(tmp_path):
    rows = pd.DataFrame({"id": ["1", "2"], "text": ["a", "b"], "vector": [0, 1]})
    pd.DataFrame({"id": [2, 1], "score": [0.5, np.inf]}).to_parquet(tmp_path / "r.parquet")
    ratings, rejected = known_ratings(rows, ratings=str(tmp_path / "r.parquet"))
    assert ratings["id"].tolist() == ["2"] and rejected["id"].tolist() == ["1"]


def test_ids_beside_a_missing_one_are_still_whole_numbers_and_a_wide_scale_is_refused(tmp_path):
    rows = pd.DataFrame({"id": ["1", "2"], "text": ["a", "b"], "vector": [0, 1]})
    pd.DataFrame({"id": [1, 2, None], "score": [1, 2, 3]}).to_parquet(tmp_path / "r.parquet")
    ratings, rejected = known_ratings(rows, ratings=str(tmp_path / "r.parquet"))
    assert ratings["id"].tolist() == ["1", "2"] and len(rejected) == 1
    with pytest.raises(ValueError, match="known scores lie between 0 and 100: expected at most 20 levels; divide them"):
        known_levels(pd.Series([0, 100]))


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(
        ValueError, match="quality.known: no column 'stars' among the rows; columns are id, level, text"
    ):
        known_ratings(ROWS, known="stars")
    with pytest.raises(FileNotFoundError, match="quality.ratings: no file"):
        known_ratings(ROWS, ratings=str(tmp_path / "gone.csv"))
    (tmp_path / "r.csv").write_text("id,stars\na,3\n")
    with pytest.raises(ValueError, match="r.csv has no column 'score'; columns are id, stars"):
        known_ratings(ROWS, ratings=str(tmp_path / "r.csv"))
    (tmp_path / "s.csv").write_text("id,score\nq,3\n")
    with pytest.raises(
        ValueError, match="no score belongs to a row: no row has this id; ids there are like q, those of the"
    ):
        known_ratings(ROWS, ratings=str(tmp_path / "s.csv"))


def test_rows_of_one_id_are_told_apart_by_their_texts():
    rows = pd.DataFrame({"id": ["a", "a", "b"], "stars": [1, 5, 3], "vector": [0, 1, 2], "text": list("xyz")})
    ratings, _ = known_ratings(rows, known="stars")
    assert ratings[["vector", "score"]].values.tolist() == [[0, 1], [1, 5], [2, 3]]


@pytest.mark.parametrize(("scores", "levels"), [([1, 3], (1, 3)), ([0.2, 4.1], (0, 5)), ([2, 2], (2, 3))])
def test_the_levels_are_those_that_the_scores_lie_between(scores, levels):
    assert known_levels(pd.Series(scores)) == levels
