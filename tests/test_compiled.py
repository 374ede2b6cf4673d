import json
import subprocess
import sys

SAY = """
import json, warnings
warnings.filterwarnings("ignore")
import numpy as np
from helpers.compiled import compile_all, keep_umap
compile_all()
import datashader.bundling, datamapplot
from umap import umap_
kept = [umap_.smooth_knn_dist, umap_.compute_membership_strengths, datashader.bundling.distance_between]
print(json.dumps([sum(one.stats.cache_hits.values()) for one in kept]))
"""


def test_what_was_compiled_once_is_not_compiled_in_the_next_process():
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True)
    assert all(hits == 1 for hits in json.loads(done.stdout.splitlines()[-1]))
