"""A small map, and new rows on it."""

import numpy as np
import pandas as pd
import pytest

from helpers.topics.assigner import fit_assigner, save_assigner
from helpers.vectors.embedder import unit_length

TOPICS = 6


def around(counts, *, seed, spread=0.6):
    """Return unit vectors, so many around each of the centres, which lie the same for every seed."""
    centres = np.random.default_rng(7).normal(size=(len(counts), 24))
    topics = np.repeat(np.arange(len(counts)), counts)
    return unit_length(centres[topics] + spread * np.random.default_rng(seed).normal(size=(len(topics), 24))), topics


@pytest.fixture(scope="session")
def known(tmp_path_factory):
    """The model folder of a map with six topics of sizes 600 to 100, and the table of its topics."""
    folder = tmp_path_factory.mktemp("known")
    vectors, topics = around([600, 500, 400, 300, 200, 100], seed=0)
    save_assigner(fit_assigner(vectors, topics, np.column_stack([topics, -topics]).astype(float)), folder)
    return folder, pd.DataFrame({"topic": [*range(TOPICS), -1], "label": [*"ABCDEF", "Unassigned"]})


@pytest.fixture
def write_vectors(tmp_path):
    """A function that writes vectors and texts to Parquet files and returns their folder."""

    def write(vectors, texts=None, files=3):
        folder = tmp_path / "new"
        folder.mkdir(exist_ok=True)
        table = pd.DataFrame({"id": [f"n{i}" for i in range(len(vectors))], "vector": list(vectors.astype(float))})
        table["text"] = [f"row {i}" for i in range(len(vectors))] if texts is None else texts
        for number, part in enumerate(np.array_split(np.arange(len(table)), files)):
            table.iloc[part].to_parquet(folder / f"{number}.parquet")
        return folder

    return write
