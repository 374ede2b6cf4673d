"""What a user finds after `make demo`: one run, made without a network, looked at from all sides."""

import json
import re
import stat

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.files import read_value
from helpers.stages import STAGES


@pytest.fixture(scope="module")
def rows(demo):
    return pd.read_parquet(demo / "rows.parquet")


@pytest.fixture(scope="module")
def topics(demo):
    return pd.read_parquet(demo / "topics.parquet")


@pytest.fixture(scope="module")
def report(demo):
    return read_value(demo / "report.json")


def test_the_terminal_says_where_the_map_is_and_what_came_out(demo, report):
    shown = (demo.parent / "terminal.txt").read_text()
    assert f"map: {demo / 'map.html'}" in shown
    assert f"{report['topics']} topics, coverage {report['coverage']:.0%}" in shown
    for stage in ("load", "embed", "reduce", "cluster", "describe", "label"):
        assert re.search(rf"^{stage}: [\d.]+ s, peak memory [\d,]+ MB", shown, re.M), stage
    assert "tokens/s" in shown  # progress with its rate


def test_nothing_is_lost(report, rows):
    rejected = report["rejected"]
    assert report["rows"] == len(rows) + rejected
    assert report["kept"] == len(rows) and report["rows"] == 400
    assert sum(report["rejected_by_reason"].values()) == rejected


def test_the_topics_are_many_and_hold_most_rows(report, topics, rows):
    assert 5 <= report["topics"] <= 60 and report["coverage"] > 0.5
    assert report["coverage"] == pytest.approx((rows["topic"] != -1).mean())
    assert topics["size"].sum() == len(rows)
    counted = rows["topic"].value_counts()
    assert all(counted[topic] == size for topic, size in zip(topics["topic"], topics["size"], strict=True) if size)


def test_topics_follow_the_prompts_that_the_conversations_began_with(rows):
    """34 prompts are known truth: far more than by chance (0), rows of one topic share theirs."""
    from sklearn.metrics import adjusted_mutual_info_score

    inside = rows[(rows["topic"] != -1) & rows["prompt"].notna()]
    assert adjusted_mutual_info_score(inside["prompt"], inside["topic"]) > 0.1


def test_labels_are_there_unique_and_of_known_sources(topics):
    named = topics[topics["topic"] != -1]
    assert (named["label"].str.len() > 0).all() and named["label"].str.lower().is_unique
    assert set(named["label_source"]) <= {"llm", "keywords"}
    assert topics.set_index("topic").loc[-1, "label"] == "Unassigned"


def test_no_label_fails_a_check_and_at_least_half_are_the_llms_own(topics, rows, report):
    from helpers.topics.checks import find_problem

    own = topics[topics["label_source"] == "llm"]
    assert len(own) >= report["topics"] / 2 and report["labels"]["sources"]["llm"] == len(own)
    texts = rows.groupby("topic")["text"].agg(list)
    found = [find_problem(line.label, documents=texts[line.topic], language="en") for line in own.itertuples()]
    assert found == [None] * len(own)


def test_labels_find_their_rows_about_as_well_as_keywords_do(report):
    """On rows that neither the LLM saw nor the choice between names used."""
    figures = report["labels"]
    assert figures["measured_topics"] >= report["topics"] - 1
    assert figures["accuracy"] >= figures["keywords_accuracy"] - 2 / report["topics"]
    assert figures["finds"] >= figures["keywords_find"] - 0.1 and figures["finds"] > 2 / report["topics"]


def test_layers_are_labelled(demo):
    layers = pd.read_parquet(demo / "layers.parquet")
    assert layers["label"].str.len().gt(0).all()
    assert set(layers["label_source"]) <= {"llm", "keywords", "children"}


def test_rows_carry_their_label(rows, topics):
    label = topics.set_index("topic")["label"]
    assert (rows["summary_label"] == rows["topic"].map(label)).all()


def test_every_prompt_and_reply_is_kept(demo, report):
    lines = [json.loads(line) for line in (demo / "labels.jsonl").read_text().splitlines()]
    assert len(lines) >= 3 * report["topics"] and all(line["prompt"] and "reply" in line for line in lines)
    assert len({line["key"] for line in lines}) == len(lines)  # nothing was asked twice
    assert {line["quantization"] for line in lines} == {"none"}


def test_vectors_and_rows_fit_each_other(demo, rows):
    vectors, points = np.load(demo / "vectors.npy"), np.load(demo / "points.npy")
    assert vectors.dtype == np.float16 and len(vectors) == len(points) == rows["vector"].max() + 1
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=2e-3)
    np.testing.assert_array_equal(rows[["x", "y"]].to_numpy(), points[rows["vector"]])


def test_copies_share_a_topic_and_name_their_first(rows):
    copies = rows[rows["duplicate_of"].notna()]
    first = rows.set_index("id").loc[copies["duplicate_of"]]
    assert len(copies) > 10
    assert (first["text"].to_numpy() == copies["text"].to_numpy()).all()
    assert (first["topic"].to_numpy() == copies["topic"].to_numpy()).all()


def test_no_text_is_longer_than_the_window(rows, minilm):
    longest = rows.sort_values("n_tokens").tail(50)
    sizes = [len(minilm.tokenizer(t, add_special_tokens=False)["input_ids"]) for t in longest["text"]]
    assert max(sizes) <= minilm.window and sizes == longest["n_tokens"].tolist()
    assert rows["truncated"].mean() > 0.2


def test_the_folder_is_its_owners_alone_and_holds_no_pickle(demo):
    assert stat.S_IMODE(demo.stat().st_mode) == 0o700
    for path in demo.rglob("*"):
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".part"), path
        if path.is_file() and path.parent == demo:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_saved_model_opens(demo, topics):
    from helpers.topics.describe import open_model

    model = open_model(demo / "model")
    assert set(model.get_topics()) == set(topics["topic"])


def test_the_pictures_are_pictures(demo):
    from PIL import Image

    for name in ("map", "topics", "words", "hierarchy", "similarity", "lengths"):
        with Image.open(demo / f"{name}.png") as picture:
            assert picture.width > 400 and len(picture.convert("L").getcolors(256)) > 10, name


def test_the_executed_notebook_shows_results_and_no_error(demo):
    notebook = nbformat.read(demo / "topics.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    kinds = {key for cell in code for output in cell.outputs for key in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds
    assert "application/javascript" not in kinds


def test_the_manifest_tells_what_made_it(demo):
    manifest = read_value(demo / "manifest.json")
    assert manifest["settings"]["sample"] == 400 and manifest["versions"]["umap-learn"]
    stages = manifest["stages"]
    assert set(stages) - {"assign"} == {*STAGES, "plot"}  # other tests assign new rows to this map
    assert all(stage["peak_memory_mb"] < 6000 for stage in stages.values())


def test_new_rows_that_are_the_fitted_ones_get_the_topics_that_these_have(demo, rows):
    """A bound for a map of few rows; README has the figure of the whole demo."""
    from helpers.topics.assign import assign_vectors
    from helpers.topics.assigner import read_assigner

    first = rows.drop_duplicates("vector").sort_values("vector")
    found = assign_vectors(np.load(demo / "vectors.npy"), read_assigner(demo / "model"))
    inside = (first["topic"] != -1).to_numpy()
    assert (found["topic"].to_numpy() == first["topic"].to_numpy())[inside].mean() > 0.85
    assert (found["topic"].to_numpy()[inside] == -1).mean() < 0.1
