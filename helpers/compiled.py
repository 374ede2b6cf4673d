"""What numba compiles anew in every process, or in the first one -> compiled once, and kept beside the packages."""

from __future__ import annotations

from functools import partial
from unittest.mock import patch


def compile_all() -> None:
    """Compile what a run needs: half a minute and more of the first run on two cores, if it is left to that."""
    import numpy as np
    import pandas as pd

    from helpers.clean.dedup import find_near_duplicates
    from helpers.topics.reduce import reduce_vectors

    keep_datashader()
    find_near_duplicates(pd.DataFrame({"id": ["a", "b"], "text": ["one text", "another text"]}))
    reduce_vectors(np.random.default_rng(0).normal(size=(100, 8)))


def keep_umap() -> None:
    """Have umap-learn's graph of neighbours compiled once: otherwise it takes some seconds of every process."""
    from umap import umap_

    for function in (umap_.smooth_knn_dist, umap_.compute_membership_strengths):
        function.enable_caching()


def keep_datashader() -> None:
    """Have datashader's bundles of edges compiled once: whatever imports datamapplot, as BERTopic does, compiles them.

    It takes some seconds of every process otherwise, though no edge is ever bundled here.
    """
    import numba

    with patch("numba.jit", partial(numba.jit, cache=True)):
        import datashader.bundling  # noqa: F401
