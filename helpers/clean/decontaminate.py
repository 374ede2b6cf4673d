"""Rows and benchmark items -> which items stand in which rows, and the rows without those that hold one.

How items are read is told in benchmarks.py, what counts as standing in a row in contamination.py; tables and marked
texts are made in contamination_report.py, and sources of many files are worked on in decontaminate_source.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from helpers.clean.contamination import CONTAMINATED, Located, Match, match_texts
from helpers.clean.item_index import ItemIndex, index_items

BATCH_ROWS, BATCH_LETTERS = 2_000, 2_000_000  # looked up at a time, whichever is reached first
ITEM_COLUMNS = ("benchmark", "item", "text")
ADDED = ("reason", "contaminated_by", "share")  # to dropped rows
SPANS = ("row_begins", "row_ends", "item_begins", "item_ends")
HITS = {
    "id": object,
    "benchmark": object,
    "item": object,
    "state": object,
    "share": "float64",
    "longest_run": "int64",
    "found": "int64",
    "words": "int64",
    "row_start": "int64",
    "row_end": "int64",
    **dict.fromkeys(SPANS, object),
}


def find_contamination(
    rows: pd.DataFrame,
    benchmarks: pd.DataFrame,
    *,
    ngram: int = 10,
    share: float = 0.5,
    run: int = 5,
    least: int = 4,
    numbers: bool = True,
    common: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the hits: a line for each benchmark item in a row, in the rows' order, those of a row the best first.

    rows: id, text. benchmarks: benchmark, item, text. An item stands in a row where at least `share` of its words are
    found there, and 10 words of it (all of a shorter one), in runs of `run` words or more that follow each other as in
    the item. state: "contaminated", also ngram words of it in a row, or all of it; "edited", nowhere so many in a row;
    "variant", with most of its numbers replaced by others, unless numbers is False; "shared", where less than `share`
    of what no other item has is found. least: words of an item that is searched at all.

    common: texts, such as a greeting that many rows have, whose words are no item's own. share, longest_run, found and
    words: of the item, in words. row_start, row_end: where in the row's text it stands; row_begins, row_ends,
    item_begins, item_ends: lists of where each run does, in characters of the row's and of the item's text. Neither the
    order of the rows nor the other rows matter. Raises ValueError for a column that is missing and repeated ids.
    """
    from tqdm import tqdm

    _need(rows, ("id", "text"), ["id"], "rows")
    settings = {"ngram": ngram, "share": share, "numbers": numbers}
    index = index_benchmarks(benchmarks, ngram=ngram, share=share, run=run, least=least, common=common)
    texts = rows["text"].fillna("").astype(str).tolist()
    found: list[pd.DataFrame] = []
    with tqdm(total=len(texts), desc="decontaminate", unit=" rows", delay=2, mininterval=0.5) as bar:
        for start, stop in _batches(texts):
            matches = match_texts(texts[start:stop], index, **settings)
            found.append(hits_table(rows["id"].iloc[start:stop], matches, index, benchmarks))
            bar.update(stop - start)
    return pd.concat(found, ignore_index=True) if found else no_hits()


def index_benchmarks(
    benchmarks: pd.DataFrame, *, ngram: int, share: float, run: int, least: int, common: Sequence[str]
) -> ItemIndex:
    """Return the index of the items. Raises ValueError for settings or items that cannot be used."""
    if ngram < 1 or run < 1 or not 0 < share <= 1:
        got = f"ngram {ngram}, run {run}, share {share}"
        raise ValueError(f"expected ngram and run of at least 1, and a share above 0 and up to 1; got {got}")
    _need(benchmarks, ITEM_COLUMNS, ["benchmark", "item"], "benchmarks")
    texts = benchmarks["text"].fillna("").astype(str).tolist()
    return index_items(texts, share=share, run=min(run, ngram), least=least, common=common)


def drop_contaminated(rows: pd.DataFrame, hits: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows without a contaminated hit, and the others with reason, contaminated_by and share of the best.

    Both in the rows' order with a new index; every row is in one of them. Edited items, variants and what is shared
    stay. Raises ValueError for rows that have one of these columns, and for hits of other rows.
    """
    if taken := [name for name in ADDED if name in rows]:
        raise ValueError(f'the rows have a column "{taken[0]}", as dropped rows get one: rename it')
    marks = mark_contaminated(rows, hits)
    gone = marks["contaminated_by"].notna().to_numpy()
    added = marks.assign(reason=CONTAMINATED)[list(ADDED)][gone].reset_index(drop=True)
    return rows[~gone].reset_index(drop=True), pd.concat([rows[gone].reset_index(drop=True), added], axis=1)


def mark_contaminated(rows: pd.DataFrame, hits: pd.DataFrame) -> pd.DataFrame:
    """Return a line a row, in their order: id, contaminated_by, contamination and share.

    contaminated_by: benchmark and item, joined by a space, of the best contaminated hit, else null. contamination,
    share: state and share of the row's best hit of whatever state, null where it has none. Raises ValueError for hits
    of other rows.
    """
    _need(rows, ("id",), ["id"], "rows")
    if len(strange := hits.loc[~hits["id"].isin(rows["id"]), "id"]):
        raise ValueError(f"{len(strange)} hits are of no such row, {strange.iloc[0]!r} for example: find them anew")
    best = hits.drop_duplicates("id").set_index("id").reindex(rows["id"])
    names = best["benchmark"].astype(str) + " " + best["item"].astype(str)
    names = names.where(best["state"] == CONTAMINATED, None)
    told = {"id": rows["id"].to_numpy(), "contaminated_by": names.to_numpy(dtype=object)}
    told |= {"contamination": best["state"].astype(object).where(best["state"].notna(), None).to_numpy()}
    return pd.DataFrame(told | {"share": best["share"].to_numpy()})


def best_hits(hits: pd.DataFrame) -> pd.DataFrame:
    """Return the best contaminated hit of each row that has one, by the row's id."""
    return hits[hits["state"] == CONTAMINATED].drop_duplicates("id").set_index("id")


def hits_table(
    ids: Sequence[object],
    matches: Sequence[list[Match]],
    index: ItemIndex,
    benchmarks: pd.DataFrame,
) -> pd.DataFrame:
    """Return the matches of texts as hits, a line for every item that has the text; see find_contamination."""
    same: dict[int, list[int]] = {}
    for place, number in enumerate(index.numbers.tolist()):
        same.setdefault(number, []).append(place)
    named = list(zip(benchmarks["benchmark"], benchmarks["item"], strict=True))
    items: dict[int, Located] = {}  # those with the same words differ in the signs between them
    lines = []
    for id, found in zip(ids, matches, strict=True):
        for match in found:
            row = match.row_spans
            told = [match.state, match.share, match.longest, match.found, match.words, row[0, 0], row[-1, 1]]
            for place in same[match.text]:
                item = items.setdefault(place, Located(str(benchmarks["text"].iloc[place]))).run_spans(match.runs)
                lines.append((id, *named[place], *told, *(part.tolist() for part in (*row.T, *item.T))))
    return pd.DataFrame(lines, columns=list(HITS)).astype(HITS)


def no_hits() -> pd.DataFrame:
    """Return a table of hits without a line."""
    return pd.DataFrame(columns=list(HITS)).astype(HITS)


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where batches of texts start and end."""
    start = letters = 0
    for place, text in enumerate(texts):
        if place > start and (place - start >= BATCH_ROWS or letters + len(text) > BATCH_LETTERS):
            yield start, place
            start, letters = place, 0
        letters += len(text)
    if start < len(texts):
        yield start, len(texts)


def _need(table: pd.DataFrame, columns: Sequence[str], key: list[str], name: str) -> None:
    if missing := [column for column in columns if column not in table]:
        raise ValueError(f"{name}: no column {missing[0]!r}; columns are {', '.join(map(str, table.columns))}")
    if (again := table.duplicated(key)).any():
        example = " ".join(map(str, table.loc[again, key].iloc[0]))
        raise ValueError(f"{name}: {again.sum()} have the {' and '.join(key)} of another one, {example} for example")
