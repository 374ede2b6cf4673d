"""A file of ids that the map's page exported -> the ids, and the rows of rows.parquet that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.text.sources.values import kind_name

SEPARATORS = ",;\t"  # a spreadsheet that saves the file anew may take another one
NAMED = 5  # ids named in an error


def selected_ids(path: str | Path) -> list[str]:
    """Return the ids in a file that the map's lasso exported, in its order, without repeats.

    path: JSON (an object with `ids`, or a list of ids) or CSV with a column `id`, in UTF-8 with or without a byte order
    mark. Numbers become strings, as ids of rows are. Raises FileNotFoundError, and ValueError that says what was
    found in place of ids.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}: select rows on the map and save them there, then name that file")
    readers = {".json": _ids_of_json, ".csv": _ids_of_csv}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: expected a .json or .csv file of ids")
    try:
        ids = readers[path.suffix.lower()](path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    return list(dict.fromkeys(ids))


def selected_rows(rows: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Return the rows whose ids stand in the file, in the file's order.

    rows: as in rows.parquet, with `id`. path: see selected_ids, which raises what is said there. Raises ValueError
    that names the first ids that rows lack.
    """
    ids = selected_ids(path)
    places = pd.Index(rows["id"].astype(str)).get_indexer(ids)
    lacking = [row_id for row_id, place in zip(ids, places, strict=True) if place < 0]
    if lacking:
        more = f" and {len(lacking) - NAMED:,} more" if len(lacking) > NAMED else ""
        raise ValueError(
            f"{path}: {len(lacking):,} of {len(ids):,} ids are not among the {len(rows):,} rows: "
            f"{', '.join(map(repr, lacking[:NAMED]))}{more}; was it saved from the map of another run?"
        )
    return rows.iloc[places].reset_index(drop=True)


def _ids_of_json(path: Path) -> list[str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    if isinstance(found, dict) and "ids" not in found:
        raise ValueError(f"{path}: not a list of ids: an object without `ids`; it has {', '.join(found) or 'nothing'}")
    ids = found["ids"] if isinstance(found, dict) else found
    if not isinstance(ids, list):
        raise ValueError(f"{path}: not a list of ids: expected [...], got {kind_name(ids)}")
    wrong = next((place for place, one in enumerate(ids) if not _is_id(one)), None)
    if wrong is not None:
        raise ValueError(f"{path}: not a list of ids: number {wrong + 1} is {kind_name(ids[wrong])}")
    return [str(one) for one in ids]


def _ids_of_csv(path: Path) -> list[str]:
    # Everything is read as text, so that the ids 007 and NA stay what they are.
    reading = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig", "index_col": False}
    try:
        headers = {mark: list(pd.read_csv(path, sep=mark, nrows=0, **reading)) for mark in SEPARATORS}
        separator = next((mark for mark, names in headers.items() if "id" in names), None)
        if separator is None:
            columns = max(headers.values(), key=len)
            raise ValueError(f"{path}: no column id; columns are {', '.join(columns)}")
        ids = pd.read_csv(path, sep=separator, usecols=["id"], **reading)["id"]
        # The page puts a sign before an id that a spreadsheet would take for a formula.
        return ids.str.replace(r"^'(?='*[=+\-@\t\r])", "", regex=True).tolist()
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: an empty file; expected a line of column names with id among them") from None
    except pd.errors.ParserError as error:
        raise ValueError(f"{path}: not CSV: {error}") from None


def _is_id(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, (str, int)) and not isinstance(value, bool)
