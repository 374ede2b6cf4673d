"""Embedding against sentence-transformers' own encode, in one process on the same texts.

    python tests/benchmarks/embed.py [--rows 1000] [--model NAME] [--text FILE.parquet] [--repeats 3]

Stock is `SentenceTransformer(...).encode(texts)` with nothing set, in fp32; ours is what the embed stage does, from an
empty cache. Both cut at the model's window. Without --text, the demo's conversations.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from helpers.config import read_config
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows
from helpers.vectors.embed import embed_texts, number_vectors
from helpers.vectors.embedder import find_embedder, unit_length


def demo_texts(rows: int) -> pd.DataFrame:
    """Return the demo's conversations as texts."""
    _, config = read_config("demo", {"sample": rows})
    loaded, _ = load_rows(**config.source, **config.sampling)
    return convert_rows(loaded, **config.text, sample=config.sample, seed=config.seed)[0]


def main() -> None:
    """Print texts a second of both, the ratio, and the mean cosine of their vectors."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--rows", type=int, default=1_000)
    ask.add_argument("--model", default="auto")
    ask.add_argument("--text")
    ask.add_argument("--repeats", type=int, default=3)
    asked = ask.parse_args()
    texts = pd.read_parquet(asked.text).head(asked.rows) if asked.text else demo_texts(asked.rows)
    texts = number_vectors(texts)
    unique = texts.drop_duplicates("vector").sort_values("vector")["text"].tolist()
    embedder = find_embedder(model=asked.model)
    import torch
    from sentence_transformers import SentenceTransformer

    device = embedder.device
    stock = SentenceTransformer(str(embedder.path), device=device, model_kwargs={"dtype": torch.float32})
    stock.encode(unique[:32])
    embedder.encode(unique[:32])
    seconds: dict[str, list[float]] = {"stock": [], "ours": []}
    for _ in range(asked.repeats):
        started = time.perf_counter()
        expected = stock.encode(unique)
        seconds["stock"].append(time.perf_counter() - started)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            vectors, _ = embed_texts(texts, embedder=embedder, runs=Path(folder), run="benchmark")
            seconds["ours"].append(time.perf_counter() - started)
    cosines = (unit_length(expected) * unit_length(vectors)).sum(axis=1)
    print(f"{embedder.name}, {len(unique):,} texts, {device}, ours in {embedder.precision}")
    for name, taken in seconds.items():
        print(f"{name}: {len(unique) / median(taken):.1f} texts/s (median of {asked.repeats})")
    ratios = np.array(seconds["stock"]) / np.array(seconds["ours"])
    print(f"ratio {np.median(ratios):.2f}, mean cosine {cosines.mean():.6f}, least {cosines.min():.6f}")


if __name__ == "__main__":
    main()
