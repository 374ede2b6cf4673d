"""A run -> its rows as they are rated and labelled: those of its map, or read and converted where there is none."""

from __future__ import annotations

import pandas as pd

from helpers.clean.benchmarks import read_benchmarks
from helpers.clean.decontaminate import find_contamination
from helpers.clean.dedup import find_near_duplicates
from helpers.clean.leave_out import leave_out_contaminated, leave_out_copies
from helpers.files import read_value
from helpers.findings import found_columns, has_map, join_findings
from helpers.runs import Run
from helpers.text.load import load_rows, source_fingerprint
from helpers.text.redact import redact_texts
from helpers.text.reject import join_rejected
from helpers.text.strings import convert_rows
from helpers.vectors.embed import number_vectors


def read_rows(run: Run) -> pd.DataFrame:
    """Return a line a row: id, text (masked as the run asks), vector (equal texts have one number) and what is known.

    Of a finished map: all of rows.parquet, texts cut to what its embedder reads. Without one the source is read, copies
    and benchmark text are looked for as the map does, and what cannot be used is in rejected.parquet; texts are whole.
    Raises what reading raises, and ValueError for no row.
    """
    if has_map(run):
        return read_value(run.path("rows.parquet"))
    config = run.config
    state = source_fingerprint(**config.source, known=run.manifest.get("source"))
    rows, unreadable = run.stage(load_rows, **config.source, **config.sampling, fresh=state)
    run.note(source=state)
    texts, unusable = run.stage(convert_rows, rows, **config.text, sample=config.sample, seed=config.seed)
    run.need_rows(texts, join_rejected(unreadable, unusable))
    texts, _ = run.stage(redact_texts, texts, **config.redact)
    items = read_benchmarks(config.clean.benchmarks, store=run.path("clean/items"))
    hits = run.stage(find_contamination, texts, items, **config.clean.searching)
    texts, contaminated = leave_out_contaminated(texts, hits, drop=config.clean.drop)
    copies, _ = run.stage(find_near_duplicates, texts, **config.clean.copying)
    texts, copied = leave_out_copies(texts, copies, drop=config.clean.drop)
    rejected = join_rejected(unreadable, unusable, contaminated, copied)
    run.save("rejected.parquet", rejected)
    run.need_rows(texts, rejected)
    return number_vectors(texts, given=config.distinct)


def known_columns(run: Run, rows: pd.DataFrame) -> list[str]:
    """Return the columns that rules can speak of in the end: those of the rows and what chapters find of them."""
    there = [*join_findings(run, rows), *found_columns(run, with_scores=True)]
    return list(dict.fromkeys([*there, "n_tokens", "truncated", "duplicate_of"]))


def read_topics(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the topics and the layers of a run's map; tables without a line where there is no map."""
    if has_map(run):
        return read_value(run.path("topics.parquet")), read_value(run.path("layers.parquet"))
    return pd.DataFrame({"topic": pd.Series(dtype=int), "label": pd.Series(dtype=object)}), pd.DataFrame()
