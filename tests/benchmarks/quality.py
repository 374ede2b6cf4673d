"""The scorer against what one would use without it, on texts whose levels are known.

    python tests/benchmarks/quality.py SOURCE:LEVEL[:GROUP] ... [--long-texts truncate]
    python tests/benchmarks/quality.py --speed 100000

--long-texts: mean reads whole texts, truncate what the encoder reads of them, as the kit does by default. LEVEL: a
column of whole numbers. GROUP: rows of one group, such as versions of one article, stay on one side. Five
folds, each scored by what the other four lead to: the length alone (ridge on its logarithm), TF-IDF and ridge, this
kit's scorer on the vectors of MiniLM alone, with the length beside them, and as it is made, with figures of style.
Spearman and quadratic kappa over all rows, each with a 95 % interval by drawing groups 2,000 times anew, and macro-F1.

--speed: seconds for so many rows, the median of five: vectors of 384 numbers in memory by each kind of head, and from
Parquet to Parquet with one worker; and for 2,000 texts of 1,000 characters the figures of how they are written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold

from helpers.quality.heads import STRENGTHS, fit_head
from helpers.quality.inputs import make_inputs
from helpers.quality.score import score_source
from helpers.quality.scorer import Scorer, fit_scorer, save_scorer
from helpers.runs import RUNS
from helpers.text.audit import count_texts
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows
from helpers.text.style import style_figures
from helpers.text.truncate import truncate_texts
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import find_embedder, unit_length

FOLDS = 5
DRAWS = 2_000


def measure(source: str, level: str, group: str | None, long_texts: str) -> None:
    """Print a line a method."""
    rows, _ = load_rows(path=source)
    texts, _ = convert_rows(rows, format="text", column="text")
    records = [json.loads(record) for record in rows.set_index("id").loc[texts["id"], "record"]]
    levels = np.array([int(record[level]) for record in records])
    groups = np.array([str(record[group]) if group else str(line) for line, record in enumerate(records)])
    embedder = find_embedder(model="all-MiniLM-L6-v2")
    if long_texts == "truncate":  # all methods read what the encoder reads
        counts = count_texts(texts, tokenizer=embedder.tokenizer, language_rows=0)
        texts = truncate_texts(texts, counts, tokenizer=embedder.tokenizer, max_tokens=embedder.window)
    numbered = number_vectors(texts)
    vectors, _ = embed_texts(numbered, embedder=embedder, long_texts=long_texts, runs=RUNS, run="benchmark")
    vectors = unit_length(vectors.astype(np.float32))[numbered["vector"]]
    length = np.log([[len(text)] for text in texts["text"]])
    style = style_figures(texts["text"].tolist())
    known = {"length": length, "TF-IDF": texts["text"].to_numpy(), "vectors alone": vectors}
    known |= {"vectors and length": vectors, "this kit": vectors}
    print(f"{source}: {len(levels)} texts, levels {np.bincount(levels).tolist()}, long_texts {long_texts}")
    for name, given in known.items():
        told = np.zeros(len(levels))
        for seen, unseen in GroupKFold(FOLDS).split(given, levels, groups):
            told[unseen] = _told(name, given, length, style, levels, groups, seen, unseen)
        print(f"  {name:20s} {_figures(levels, told, groups)}", flush=True)


def _told(name, given, length, style, levels, groups, seen, unseen):  # noqa: ANN001, ANN202 - see measure
    if name == "length":
        return RidgeCV(np.logspace(-3, 3, 13)).fit(given[seen], levels[seen]).predict(given[unseen])
    if name == "TF-IDF":
        words = TfidfVectorizer(sublinear_tf=True, min_df=2)
        return Ridge(1.0).fit(words.fit_transform(given[seen]), levels[seen]).predict(words.transform(given[unseen]))
    if name == "vectors and length":  # as one more number, spread as the others are
        scaled = (length - length[seen].mean()) / length[seen].std() / np.sqrt(given.shape[1])
        given = np.concatenate([given, 3 * scaled], axis=1)
    style = style if name == "this kit" else None
    known = {"levels": (int(levels.min()), int(levels.max())), "groups": groups[seen]}
    scorer, figures = fit_scorer(given[seen], levels[seen], style=None if style is None else style[seen], **known)
    print(f"    {name}: {figures['inputs']}, {figures['kind']}, {figures['strength']}")
    return scorer.score(given[unseen], None if style is None else style[unseen])["score"]


def _figures(levels: np.ndarray, told: np.ndarray, groups: np.ndarray) -> str:
    whole = np.clip(np.floor(told + 0.5), levels.min(), levels.max()).astype(int)
    random, names = np.random.default_rng(0), np.unique(groups)
    lines = {name: np.flatnonzero(groups == name) for name in names}
    drawn = []
    for _ in range(DRAWS):
        some = np.concatenate([lines[name] for name in random.choice(names, len(names))])
        drawn.append((spearmanr(told[some], levels[some])[0], _kappa(whole[some], levels[some])))
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    return (
        f"Spearman {spearmanr(told, levels)[0]:.3f} ({low[0]:.3f} to {high[0]:.3f}), kappa {_kappa(whole, levels):.3f} "
        f"({low[1]:.3f} to {high[1]:.3f}), macro-F1 {f1_score(levels, whole, average='macro'):.3f}"
    )


def _kappa(one: np.ndarray, other: np.ndarray) -> float:
    return float(cohen_kappa_score(one, other, weights="quadratic"))


def measure_speed(count: int) -> None:
    """Print seconds for each way to score `count` rows."""
    vectors, known = unit_length(np.random.default_rng(0).normal(size=(count, 384))), np.arange(500) % 6
    heads = {kind: fit_head(vectors[:500], known, kind=kind, strength=1.0, levels=(0, 5)) for kind in STRENGTHS}
    for kind, head in heads.items():
        scorer = Scorer(head, make_inputs("vectors", None), "random", 384)
        print(f"{count:,} vectors in memory, {kind}: {_seconds(lambda one=scorer: one.score(vectors)):.3f} s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = pa.table({"id": pa.array(map(str, range(count))), "vector": pa.array(list(vectors.astype(np.float16)))})
        pq.write_table(table, folder / "rows.parquet", row_group_size=50_000)
        save_scorer(Scorer(heads["hidden"], make_inputs("vectors", None), "random", 384), {}, folder / "scorer")
        about = {"column": "vector", "workers": 1, "rows": count}
        source = (str(folder / "rows.parquet"), folder / "scorer")
        outputs = (folder / f"out{number}" for number in range(9))
        took = _seconds(lambda: score_source(*source, next(outputs), **about))
        print(f"{count:,} vectors, Parquet to Parquet, hidden, one worker: {took:.2f} s")
    words = "The cell is, as far as we know, the smallest unit of life; all plants and animals are made of them. " * 10
    print(f"2,000 texts, how they are written: {_seconds(lambda: style_figures([words] * 2_000)):.2f} s")


def _seconds(do: Callable[[], object]) -> float:
    found = []
    for _ in range(5):
        started = time.perf_counter()
        do()
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def main() -> None:
    """Measure every source."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("sources", nargs="*")
    ask.add_argument("--speed", type=int)
    ask.add_argument("--long-texts", choices=["truncate", "mean"], default="truncate")
    asked = ask.parse_args()
    if asked.speed:
        measure_speed(asked.speed)
    for source in asked.sources:
        path, level, *group = source.split(":")
        measure(path, level, group[0] if group else None, asked.long_texts)


if __name__ == "__main__":
    main()
