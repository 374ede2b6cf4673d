"""A fit on a sample: what was fitted stays as it is, the rest is assigned as new rows are, and all are counted."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from helpers.config import read_config
from helpers.topics.assign import assign_vectors, place_vectors
from helpers.topics.assign_rest import assign_rest, take_fitted
from helpers.topics.assigner import fit_assigner, read_assigner
from helpers.topics.cluster import cluster_points
from helpers.topics.layers import stack_layers
from helpers.topics.tree import grow_tree
from helpers.vectors.embedder import unit_length

FITTED = 400


@pytest.fixture(scope="module")
def fit():
    """Vectors around eight centres in four pairs, a few of them many rows, and a fit of the first 400."""
    random = np.random.default_rng(0)
    pairs = random.normal(size=(4, 12))
    centres = np.repeat(pairs, 2, axis=0) + 0.5 * random.normal(size=(8, 12))
    truth = random.integers(8, size=1000)
    vectors = unit_length(centres[truth] + 0.12 * random.normal(size=(1000, 12)))
    own = pd.DataFrame({"vector": np.repeat(np.arange(1000), np.where(np.arange(1000) % 50 == 0, 5, 1))})
    some, own_some = take_fitted(vectors, own, sample=FITTED)
    edges = grow_tree(some.astype(np.float32), min_samples=5)
    clusters = cluster_points(edges, own_some, some, some, min_cluster_size=15)
    clusters, layers = stack_layers(clusters, edges, np.zeros((0, *edges.shape)), own_some, min_cluster_size=15)
    return vectors, own, clusters, layers, some[:, :2].astype(np.float32), truth


def test_the_sample_is_the_first_vectors_with_all_their_rows(fit):
    vectors, own, *_ = fit
    some, lines = take_fitted(vectors, own, sample=FITTED)
    assert len(some) == FITTED and lines["vector"].tolist() == own["vector"][own["vector"] < FITTED].tolist()
    for all_of_them in (0, 1000, 5000):
        assert take_fitted(vectors, own, sample=all_of_them)[0] is vectors


def test_what_was_fitted_stays_and_the_rest_is_as_new_rows_are(fit):
    vectors, own, clusters, layers, points, truth = fit
    whole, _, places = assign_rest(clusters, layers, points, vectors, own)
    pd.testing.assert_frame_equal(whole[:FITTED].drop(columns="assigned"), clusters)
    assert whole["assigned"].tolist() == [False] * FITTED + [True] * 600 and len(places) == 1000
    rows = np.bincount(own["vector"])
    assigner = fit_assigner(vectors[:FITTED], clusters["topic"].to_numpy(), points, rows=rows[:FITTED])
    alone = assign_vectors(vectors[FITTED:], assigner)
    assert whole["topic"][FITTED:].tolist() == alone["topic"].tolist()
    inside = alone["topic"] != -1
    assert whole["confidence"][FITTED:][inside.to_numpy()].tolist() == alone["confidence"][inside].tolist()
    assert np.array_equal(places[FITTED:], place_vectors(vectors[FITTED:], assigner))
    assert adjusted_rand_score(truth[FITTED:], whole["topic"][FITTED:]) > 0.85


def test_broader_topics_and_sizes_are_those_of_all_rows(fit):
    vectors, own, clusters, layers, points, _ = fit
    whole, sized, _ = assign_rest(clusters, layers, points, vectors, own)
    assert "topic_middle" in clusters
    rows = np.bincount(own["vector"])
    for line in sized.itertuples():
        column = "topic" if line.layer == "fine" else f"topic_{line.layer}"
        assert line.size == rows[whole[column] == line.topic].sum()
    held = whole[whole["topic"] != -1].groupby("topic")["topic_middle"].nunique()
    assert (held == 1).all() and whole.dtypes.drop("assigned").equals(clusters.dtypes)
    assert sized.loc[sized["layer"] == "fine", "size"].sum() == rows[whole["topic"] != -1].sum()


def test_a_fit_of_all_and_one_without_topics(fit):
    vectors, own, clusters, layers, points, _ = fit
    same = assign_rest(clusters, layers, points, vectors[:FITTED], own[own["vector"] < FITTED])
    assert same[0] is clusters and same[1] is layers and same[2] is points
    none = clusters.assign(topic=np.int64(-1), topic_middle=np.int64(-1))
    whole, _, places = assign_rest(none, layers[:0], points, vectors, own)
    assert (whole["topic"] == -1).all() and not places[FITTED:].any()


def test_what_is_ready_is_not_fitted():
    with pytest.raises(ValueError, match="fit.sample: cluster.column has what a fit would find"):
        read_config("demo", {"fit.sample": 10, "cluster.column": "kind"})


def test_a_run_on_a_sample_has_all_rows_and_a_model_of_what_was_fitted(run_cells, dataset):
    """Through the whole notebook: half of the texts are fitted, all have topics, names, places."""
    themes = ["the cat sleeps on the sofa", "a train leaves the station", "the soup needs more salt"]
    rows = [{"text": f"{themes[i % 3]} {i}", "theme": i % 3} for i in range(240)]
    made = {"fit.sample": 120, "cluster.min_cluster_size": 15, "tune.seeds": 0, "evaluate.truth": "theme"}
    folder = run_cells(dataset(rows), **made)
    table = pd.read_parquet(folder / "rows.parquet")
    assert len(table) == 240 and table["assigned"].sum() == 120
    assert table.groupby("assigned")["topic"].apply(lambda topics: (topics != -1).mean()).min() > 0.8
    inside = table[table["assigned"] & (table["topic"] != -1)]
    assert inside.groupby("theme")["topic"].nunique().eq(1).all() and table[["x", "y"]].notna().all(axis=None)
    assert read_assigner(folder / "model").fitted_rows.sum() == 120
    topics = pd.read_parquet(folder / "topics.parquet").set_index("topic")["size"]
    assert topics[topics > 0].to_dict() == table["topic"].value_counts().to_dict()
