"""Every row of a source gets its score, shard by shard, whatever its file, order, batch or worker."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.quality.score import open_new, save_reading, score_new, score_source, score_table
from helpers.quality.scorer import fit_scorer, read_scorer, save_scorer
from helpers.settings import Config
from helpers.synthetic.take_out import add_scores
from helpers.text.style import style_figures
from helpers.vectors.embed import encode_texts
from helpers.vectors.new_rows import READING
from tests.quality.test_heads import rated

TEXTS = [
    "Hi", "lol!!! what??", "Buy now, buy cheap, buy three!", "A cell is the smallest unit of life.",
    "Plants turn light into sugar, because chlorophyll, a green pigment, takes up the energy of the sun.",
    "In mathematics, a group is a set together with an operation that is associative, has an identity element, and in "
    "which every element has an inverse; the whole numbers under addition are an example.",
] * 8  # fmt: skip


@pytest.fixture(scope="module")
def by_vectors(tmp_path_factory):
    """A scorer of vectors in its folder."""
    scorer, figures = fit_scorer(*rated(300), levels=(0, 5), embedder="some model")
    return save_scorer(scorer, figures, tmp_path_factory.mktemp("scorer") / "scorer")


@pytest.fixture(scope="module")
def by_style(tmp_path_factory, minilm):
    """A scorer that reads how texts are written, made of texts whose score is that of their length."""
    texts = [f"{text} {number}" for number, text in enumerate(TEXTS)]
    vectors, style = encode_texts(texts, minilm).astype(np.float32), style_figures(texts)
    scorer, figures = fit_scorer(vectors, np.clip(style[:, 0], 0, 5), style=style, levels=(0, 5), embedder="minilm")
    assert scorer.inputs.needs_style
    folder = save_scorer(scorer, figures, tmp_path_factory.mktemp("scorer") / "scorer")
    config = Config(title="t", source={"path": "x"}, embed={"model": "all-MiniLM-L6-v2"})
    (folder / READING).write_text(json.dumps(config.reading(minilm)))
    return folder


def write(folder, vectors, files=3):
    folder.mkdir(exist_ok=True)
    table = pd.DataFrame({"id": [f"n{i}" for i in range(len(vectors))], "vector": list(vectors.astype(float))})
    for number, part in enumerate(np.array_split(np.arange(len(table)), files)):
        table.iloc[part].to_parquet(folder / f"{number}.parquet")
    return str(folder)


def gathered(parts):
    rows = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    bad = pd.concat([pd.read_parquet(part.parent / "_rejected" / part.name) for part in parts], ignore_index=True)
    return rows, bad


def test_ready_vectors_get_the_scores_of_the_scorer_and_the_files_are_one_table(by_vectors, tmp_path):
    """A known program never merged its shards: its last step failed, and said nothing."""
    vectors, _ = rated(500, seed=3)
    parts = score_source(write(tmp_path / "in", vectors), by_vectors, tmp_path / "out", column="vector")
    rows, rejected = gathered(parts)
    assert rows.columns.tolist() == ["id", "file", "position", "score", "int_score"] and rejected.empty
    wanted = read_scorer(by_vectors).score(vectors)
    assert rows["id"].tolist() == [f"n{i}" for i in range(500)]
    assert np.array_equal(rows["score"], wanted["score"]) and np.array_equal(rows["int_score"], wanted["int_score"])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), rows)


def test_order_files_and_workers_move_no_bit(by_vectors, tmp_path):
    vectors, _ = rated(300, seed=4)
    one, _ = gathered(score_source(write(tmp_path / "a", vectors), by_vectors, tmp_path / "1", column="vector"))
    source = write(tmp_path / "b", vectors[::-1], files=2)
    two, _ = gathered(score_source(source, by_vectors, tmp_path / "2", column="vector", workers=2))
    assert np.array_equal(one["score"], two["score"].to_numpy()[::-1])


def test_rows_that_cannot_be_used_have_their_reason(by_vectors, tmp_path):
    lists = [[0.1] * 16, None, [0.1] * 5, [float("nan")] * 16, [0.2] * 16]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"vector": lists}), tmp_path / "in" / "a.parquet")
    rows, rejected = gathered(score_source(str(tmp_path / "in"), by_vectors, tmp_path / "out", column="vector"))
    assert rows["position"].tolist() == [0, 4] and rejected["position"].tolist() == [1, 2, 3]
    assert rejected["reason"].str.startswith(("no vector", "a vector of 5", "a vector with NaN")).all()


def test_texts_are_embedded_and_read_as_the_scorer_wants_and_kept_vectors_are_used_again(by_style, minilm, tmp_path):
    texts = [text.upper() for text in TEXTS[:12]]
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"id": f"r{i}", "text": t}) + "\n" for i, t in enumerate(texts))
    )
    about = {"keep_vectors": True, "id": "id"}
    rows, _ = gathered(score_source(str(tmp_path / "in.jsonl"), by_style, tmp_path / "out", **about))
    wanted = read_scorer(by_style).score(encode_texts(texts, minilm).astype(np.float32), style_figures(texts))
    np.testing.assert_allclose(rows["score"], wanted["score"], atol=1e-3)

    new = open_new(by_style, path=str(tmp_path / "in.jsonl"), id="id")
    kept = tmp_path / "out" / "_vectors"
    from helpers.vectors import readers

    embedded = readers._embedded
    try:
        readers._embedded = None  # nothing is to be embedded again
        again, _ = gathered(score_new(new, by_style, tmp_path / "again", kept=kept))
    finally:
        readers._embedded = embedded
    assert np.array_equal(again["score"], rows["score"])
    samples = pd.concat(pd.read_parquet(path) for path in (tmp_path / "again" / "_samples").glob("*.parquet"))
    assert samples["score"].is_monotonic_increasing and samples["text"].iloc[0] == "HI" and len(samples) == 10


def test_ready_vectors_do_not_tell_how_a_text_is_written(by_style, tmp_path):
    source = write(tmp_path / "in", np.ones((3, 384)))
    with pytest.raises(ValueError, match="which ready vectors do not tell: name no column"):
        score_source(source, by_style, tmp_path / "out", column="vector")


def test_another_scorer_makes_all_parts_anew(by_vectors, tmp_path):
    vectors, _ = rated(60, seed=5)
    source = write(tmp_path / "in", vectors)
    first = score_source(source, by_vectors, tmp_path / "out", column="vector")
    same = score_source(source, by_vectors, tmp_path / "out", column="vector")
    scorer, figures = fit_scorer(*rated(100, seed=9), levels=(0, 5), embedder="some model")
    folder = save_scorer(scorer, figures, tmp_path / "scorer")
    other = score_source(source, folder, tmp_path / "out", column="vector")
    assert first == same and not set(first) & set(other) and not any(part.exists() for part in first)


def test_a_reading_is_saved_beside_a_scorer(by_vectors, tmp_path):
    from helpers.quality.encode import Encoded

    path = save_reading(Encoded(np.zeros((1, 16)), None, "x", {"identity": "x"}), tmp_path)
    assert json.loads(path.read_text()) == {"identity": "x"}


def test_no_text_at_all_has_a_table_that_goes_with_others(by_vectors, tmp_path):
    scores = score_table(pd.DataFrame({"id": [], "text": []}, dtype=object), by_vectors, tmp_path)
    rows = pd.DataFrame({"id": pd.Series(["a"], dtype=object)})
    assert add_scores(rows, scores)["score"].isna().all()
    empty = add_scores(rows.head(0), scores)
    assert empty.empty and empty["id"].dtype == object and empty["score"].dtype == np.float64
