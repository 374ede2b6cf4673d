"""The fit as a whole: the same for any number of threads, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIT = """
import hashlib
import numba
import numpy as np
import pandas as pd
from helpers.settings import Cluster
from helpers.topics.cluster import cluster_points
from helpers.topics.layers import stack_layers
from helpers.topics.neighbours import EXACT
from helpers.topics.reduce import reduce_vectors
from helpers.topics.tree import grow_tree
from helpers.topics.tune import choose_size, tune_sizes

n = EXACT + 500  # so many that neighbours are found in cells
generator = np.random.default_rng(0)
vectors = generator.normal(size=(30, 24))[generator.integers(30, size=n)] + generator.normal(size=(n, 24)) * 0.6
vectors = vectors.astype(np.float32)
own = pd.DataFrame({"vector": np.arange(n)})
layout = reduce_vectors(vectors, device="cpu", n_epochs=50)
edges = grow_tree(layout[0])
again, tuning = tune_sizes(vectors, layout[0], *layout[2:], edges, own, seeds=1, reduce={"n_epochs": 50})
choice = choose_size(tuning, edges, own, **Cluster().model_dump())
clusters = cluster_points(edges, own, **choice.settings)
placed, table = stack_layers(clusters, edges, again, own, **choice.settings)
kmeans = cluster_points(edges, own, layout[0], algorithm="kmeans", topics=30)
arrays = [*layout, edges, again]
frames = [tuning, clusters, placed, table, kmeans]
hashes = [hashlib.sha256(part.tobytes()).hexdigest() for part in arrays]
hashes += [hashlib.sha256(frame.to_json(double_precision=15).encode()).hexdigest() for frame in frames]
print(numba.get_num_threads(), choice.min_cluster_size, clusters["topic"].max(), *hashes)
"""


def test_one_thread_and_two_in_processes_of_their_own_give_the_same_fit_bit_for_bit():
    said = []
    for threads in ("1", "2"):
        counts = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", FIT],
            cwd=ROOT,
            env={**os.environ, **counts},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.splitlines()[-1].split())
    assert [line[0] for line in said] == ["1", "2"]
    assert said[0][1:] == said[1][1:] and len(said[0]) == 14
    assert 20 <= int(said[0][2]) <= 40
