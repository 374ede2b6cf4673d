"""Parts of signed rows -> which of all their rows go, told in a part for each; all in one process.

Of every row a few numbers are held at a time: a band's keys are read when they are compared, and the shingles of rows
that are to be compared wait in a file. How such parts come to be is told in dedup_source.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from helpers.clean.copies import AGAINST, ROWS, Alike, Chosen, choose_lines, order_lines
from helpers.clean.dedup import EXACT
from helpers.clean.minhash import Signed, choose_bands, hash_sets, number_equal, propose_pairs, verify_pairs

BATCH = 10_000  # rows of a part whose shingles are in memory
PAIRS = "pairs.parquet"
# Of a row that goes: the one that stays in its place; of one that stays: of how many it takes the place.
GONE = {"near_duplicate_of": pa.string(), "near_duplicate_in": pa.string(), "near_duplicate_file": pa.string()}
GONE |= {"near_duplicate_position": pa.int64(), "similarity": pa.float64()}
TOLD = {"id": pa.string(), "position": pa.int64(), "copies": pa.int64()} | GONE
NAMES = ["id", "file", "position"]


def signed_table(signed: Signed, texts: pd.DataFrame, scores: np.ndarray, file: str) -> pa.Table:
    """Return signed texts (id, position, text) as a part holds them."""
    hashes = hash_sets(signed)
    columns = {
        "id": pa.array(texts["id"], pa.string()),
        "file": pa.array([file] * len(texts), pa.string()),
        "position": pa.array(texts["position"], pa.int64()),
        "length": pa.array(texts["text"].map(len), pa.int64()),
        "score": pa.array(scores, pa.float64()),
        "hash_0": pa.array(hashes[:, 0]),
        "hash_1": pa.array(hashes[:, 1]),
    }
    columns |= {_band(number): pa.array(keys) for number, keys in enumerate(signed.keys)}
    shingles = pa.LargeListArray.from_arrays(pa.array(signed.offsets), pa.array(signed.shingles))
    return pa.table(columns | {"shingles": shingles})


def find_copies_of_parts(
    parts: Sequence[Path], known: Sequence[Path], folder: Path, *, threshold: float, keep: str, within: bool
) -> None:
    """Write for each part a table of the rows that go, or that others are copies of, and one of all pairs, to folder.

    known: parts of rows that all stay. Copies and pairs are those of find_near_duplicates, each row named by file and
    position beside its id.
    """
    every = [*known, *parts]
    sizes = np.array([pq.read_metadata(part).num_rows for part in every], dtype=np.int64)
    count = int(sizes[: len(known)].sum())
    order = _ordered(every, count, keep)
    same = number_equal(np.stack([_column(every, f"hash_{half}")[order] for half in (0, 1)], axis=1))
    firsts = np.unique(same, return_index=True)[1]
    bands = range(choose_bands(threshold)[0] if len(firsts) > EXACT else 0)
    keys = (_column(every, _band(number))[order[firsts]] for number in tqdm(bands, "bands", delay=1))
    fixed = int((firsts < count).sum())
    proposed = propose_pairs(keys if bands else [np.zeros(len(firsts))], fixed=fixed, within=within)
    with tempfile.TemporaryFile(dir=folder) as file:
        spans, shingles = _lay_out_shingles(every, order[firsts], proposed, file)
        pairs, similarity = verify_pairs(proposed, spans, shingles, threshold=threshold)
    del proposed
    chosen = choose_lines(Alike(same, pairs, similarity), count, within=within)
    told, similar = _named(every, order, chosen, count)
    similar.to_parquet(folder / PAIRS, index=False)
    ends = np.cumsum(sizes)
    for part, start, end in list(zip(every, ends - sizes, ends, strict=True))[len(known) :]:
        here = told[(told["line"] >= start) & (told["line"] < end)].reindex(columns=list(TOLD))
        pq.write_table(pa.Table.from_pandas(here, schema=pa.schema(TOLD), preserve_index=False), folder / part.name)


def _ordered(every: Sequence[Path], known: int, keep: str) -> np.ndarray:
    """Return the lines of all parts, as they stand one after another, in the order in which they are preferred."""
    lengths = _column(every, "length")
    if keep == "first":
        return np.arange(len(lengths))
    scores = _column(every, "score") if keep == "best" else np.zeros(len(lengths))
    ids = pa.chunked_array(
        [chunk for part in every for chunk in pq.read_table(part, columns=["id"])["id"].chunks], pa.string()
    )
    ranks = pc.rank(ids, tiebreaker="dense").to_numpy()
    sets = [slice(0, known), slice(known, None)]
    return np.concatenate([some.start + order_lines(scores[some], lengths[some], ranks[some]) for some in sets])


def _lay_out_shingles(
    every: Sequence[Path], lines: np.ndarray, proposed: np.ndarray, file: BinaryIO
) -> tuple[np.ndarray, np.ndarray]:
    """Write the shingles of all texts that are in a proposed pair to the file; return their spans and the file mapped.

    lines: of the texts, where they stand in the parts. spans: (n, 2), see verify_pairs.
    """
    number = np.full(lines.max(initial=-1) + 1, -1)
    for start in range(0, len(proposed), 1_000_000):
        for texts in np.divmod(proposed[start : start + 1_000_000], len(lines)):
            number[lines[texts]] = texts
    spans, line, written = np.zeros((len(lines), 2), dtype=np.int64), 0, 0
    for part in every:
        with pq.ParquetFile(part) as rows:
            for batch in rows.iter_batches(batch_size=BATCH, columns=["shingles"]):
                here = number[line : line + len(batch)]
                line += len(batch)
                lists = batch.column(0).take(pa.array(np.flatnonzero(here >= 0)))
                ends = written + np.cumsum(pc.list_value_length(lists).to_numpy())
                spans[here[here >= 0]] = np.stack([np.append(written, ends)[:-1], ends], axis=1)
                written = int(np.append(written, ends)[-1])
                file.write(lists.flatten().to_numpy().tobytes())
    file.flush()
    return spans, np.asarray(np.memmap(file, np.uint64, "r", shape=(written,)) if written else np.zeros(0, np.uint64))


def _named(every: Sequence[Path], order: np.ndarray, chosen: Chosen, known: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows that go, and those that others are copies of, with their lines, and the pairs."""
    goes, of, pairs = order[np.flatnonzero(chosen.goes)], order[chosen.of], order[chosen.pairs]
    names = _names(every, np.concatenate([goes, of, *pairs.T]))
    copied, copies = np.unique(of, return_counts=True)
    stays = pd.DataFrame({"line": copied, "copies": copies})
    gone = pd.DataFrame({"line": goes, "copies": 0})
    gone[list(GONE)] = _other(names, of, known, "near_duplicate").assign(similarity=chosen.similarity)[list(GONE)]
    told = pd.concat([gone, stays[stays["line"] >= known]]).sort_values("line")
    told[["id", "position"]] = names.loc[told["line"], ["id", "position"]].to_numpy()
    one = names.loc[pairs[:, 0]].reset_index(drop=True)
    other = _other(names, pairs[:, 1], known, "other").rename(columns={"other_of": "other"})
    return told, pd.concat([one, other], axis=1).assign(similarity=chosen.likeness)


def _other(names: pd.DataFrame, lines: np.ndarray, known: int, name: str) -> pd.DataFrame:
    """Return of which rows these lines are: NAME_of, NAME_in, NAME_file and NAME_position."""
    told = names.loc[lines].reset_index(drop=True)
    told.insert(1, "in", np.where(lines < known, AGAINST, ROWS))
    return told.rename(columns={"id": "of"}).add_prefix(f"{name}_")


def _names(every: Sequence[Path], lines: np.ndarray) -> pd.DataFrame:
    """Return id, file and position of lines, by line, each once."""
    wanted, start, found = np.sort(pd.unique(lines)), 0, []
    for part in every:
        rows = pq.read_table(part, columns=NAMES)
        here = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, start + len(rows))]
        found.append(rows.take(pa.array(here - start)).to_pandas())
        start += len(rows)
    return pd.concat(found).set_axis(wanted, axis=0)


def _column(every: Sequence[Path], name: str) -> np.ndarray:
    return np.concatenate([pq.read_table(part, columns=[name])[name].to_numpy() for part in every])


def _band(number: int) -> str:
    return f"key_{number:02d}"
