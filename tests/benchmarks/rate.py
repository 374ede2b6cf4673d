"""How fast a model of this machine rates texts, how far its two modes agree, and how far both are right.

    python tests/benchmarks/rate.py SOURCE[:LEVEL] ... [--rows 200] [--reason 100] [--rubric educational]

LEVEL: a column of known scores. Texts are cut to what the packaged encoder reads. direct rates --rows of them, reason
the first --reason of these; printed: rows a minute of both and their ratio, valid ratings, the tokens that a text and a
reason have in the mean, and Spearman's correlation of direct with reason, of each with the known scores, and of direct
with itself when the rubric is told backwards, each with a 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.llm.find import find_llm
from helpers.quality.figures import score_figures
from helpers.quality.rate import rate_texts
from helpers.quality.rubric import read_rubric
from helpers.quality.sample import sample_texts
from helpers.text.audit import count_texts
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows
from helpers.text.truncate import truncate_texts
from helpers.vectors.embed import number_vectors
from helpers.vectors.embedder import find_embedder


def measure(source: str, level: str | None, asked: argparse.Namespace) -> None:
    """Print a line a figure."""
    rows, _ = load_rows(path=source)
    texts, _ = convert_rows(rows, format="auto")
    embedder = find_embedder(model="all-MiniLM-L6-v2")
    counts = count_texts(texts, tokenizer=embedder.tokenizer, language_rows=0)
    texts = number_vectors(truncate_texts(texts, counts, tokenizer=embedder.tokenizer, max_tokens=embedder.window))
    records = rows.set_index("id")["record"]
    chosen = sample_texts(texts, sample=asked.rows)
    rubric = read_rubric(asked.rubric, texts=chosen["text"])
    llm = find_llm(model=asked.model, quantization=asked.quantization)
    assert llm.model  # loaded before the clock runs
    print(f"{source}: {len(chosen)} texts of {chosen['n_tokens'].mean():.0f} tokens, {rubric.name}, {llm.facts}")
    found, speed = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for mode, count in (("direct", len(chosen)), ("reason", min(asked.reason, len(chosen)))):
            some = chosen.head(count)
            started = time.perf_counter()
            ratings, rejected = rate_texts(some, rubric, llm=llm, mode=mode, log=Path(folder) / "log")
            speed[mode] = 60 * count / (time.perf_counter() - started)
            found[mode] = ratings.set_index("id")["score"]
            print(f"  {mode}: {speed[mode]:.0f} rows a minute, {len(ratings)} valid, {len(rejected)} rejected")
        back = chosen.head(asked.reason)
        again, _ = rate_texts(back, rubric, llm=llm, backwards=True, log=Path(folder) / "log")
        found["direct, told backwards"] = again.set_index("id")["score"]
    words = [len(llm.tokenizer(reason)["input_ids"]) for reason in ratings["reason"]]
    print(f"  direct is {speed['direct'] / speed['reason']:.1f} times reason; a reason has {np.mean(words):.0f} tokens")
    if level:
        known = {one: json.loads(records[one])[level] for one in chosen["id"]}
        found["known"] = pd.Series(known, dtype=float)
    names = list(found)
    for one, other in [(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]:
        both = pd.concat([found[one], found[other]], axis=1, keys=["one", "other"]).dropna()
        figures = score_figures(both["one"], both["other"], levels=rubric.levels)
        low, high = figures["spearman_interval"] or (np.nan, np.nan)
        told = f"Spearman {figures['spearman'] or np.nan:.3f} ({low:.3f} to {high:.3f})"
        print(f"  {one} and {other}: {told}, n {len(both)}")


def main() -> None:
    """Measure every source."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("sources", nargs="+")
    ask.add_argument("--rows", type=int, default=200)
    ask.add_argument("--reason", type=int, default=100)
    ask.add_argument("--rubric", default="educational")
    ask.add_argument("--model", default="SmolLM2-135M-Instruct")
    ask.add_argument("--quantization", default="none")
    asked = ask.parse_args()
    for source in asked.sources:
        path, level = (source, None) if source.startswith("package:") or ":" not in source else source.rsplit(":", 1)
        measure(path, level, asked)


if __name__ == "__main__":
    main()
