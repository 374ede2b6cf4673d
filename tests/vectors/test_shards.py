"""A source in shards: every row in one of them, ready vectors as numpy would read them, and why a row has none."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text.sources.lines import BrokenFile
from helpers.vectors.shards import list_shards, read_shard, read_vectors


def write(path, vectors, *, group=100, kind=None):
    table = pa.table({"id": [f"r{i}" for i in range(len(vectors))], "vector": pa.array(vectors, type=kind)})
    pq.write_table(table, path, row_group_size=group)
    return path


def read(shard, **more):
    found = list(read_vectors(shard, "vector", **more))
    ids, places, vectors, reasons, _ = zip(*found, strict=True)
    return sum(ids, []), np.concatenate(places), np.concatenate(vectors), sum(reasons, [])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 700), st.integers(20, 200), st.integers(1, 300))
def test_shards_hold_every_row_once_and_in_order(tmp_path_factory, count, group, rows):
    folder = tmp_path_factory.mktemp("shards")
    vectors = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
    write(folder / "a.parquet", list(vectors), group=group)
    shards = list_shards(str(folder), rows=rows)
    parts = [read(shard, id="id", batch=64) for shard in shards]
    assert sum((part[0] for part in parts), []) == [f"r{i}" for i in range(count)]
    assert np.concatenate([part[1] for part in parts]).tolist() == list(range(count))
    assert np.array_equal(np.concatenate([part[2] for part in parts]), vectors)
    assert len(shards) == 1 or all(len(part[0]) >= rows for part in parts)
    assert len({shard.key for shard in shards}) == len(shards)


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64()), pa.large_list(pa.float32()), None])
def test_rows_without_a_vector_are_told_apart(tmp_path, kind):
    good = [1.0, 2.0]
    values = [good, None, [1.0], [1.0, None], [float("nan"), 1.0], [0.0, 0.0], good]
    (shard,) = list_shards(str(write(tmp_path / "a.parquet", values, kind=kind)))
    ids, places, vectors, reasons = read(shard)
    assert ids == list("0123456") and places.tolist() == list(range(7))
    assert reasons == [
        "",
        "no vector",
        "a vector of 1 numbers, expected 2",
        "a vector with NaN, infinity or nothing in it",
        "a vector with NaN, infinity or nothing in it",
        "a vector of zeros",
        "",
    ]
    assert vectors[[0, 6]].tolist() == [good, good] and np.isfinite(vectors).all()


@pytest.mark.parametrize("size", ["half", "float"])
def test_fixed_lists_of_half_and_full_numbers(tmp_path, size):
    numbers = np.arange(12, dtype=np.float16 if size == "half" else np.float32)
    table = pa.table({"vector": pa.FixedSizeListArray.from_arrays(pa.array(numbers), 3)})
    pq.write_table(table, tmp_path / "a.parquet")
    vectors = read(list_shards(str(tmp_path))[0])[2]
    assert vectors.dtype == np.float32 and vectors.tolist() == numbers.reshape(4, 3).tolist()


def test_what_is_no_vector_is_told_and_what_is_no_column_refused(tmp_path):
    (shard,) = list_shards(str(write(tmp_path / "a.parquet", ["a", "b"])))
    assert read(shard)[3] == ["not a vector: a column of string"] * 2
    with pytest.raises(ValueError, match="a.parquet: no column 'vectors'; columns are id, vector"):
        list(read_vectors(shard, "vectors"))
    (tmp_path / "b.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="b.jsonl: ready vectors are read from Parquet files only"):
        list(read_vectors(list_shards(str(tmp_path / "b.jsonl"))[0], "vector"))


def test_a_broken_file_is_a_shard_that_says_why(tmp_path):
    whole = write(tmp_path / "a.parquet", [[1.0, 2.0]] * 500).read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    (shard,) = list_shards(str(tmp_path))
    with pytest.raises(BrokenFile):
        list(read_vectors(shard, "vector"))


def test_a_changed_file_is_another_shard(tmp_path):
    path = write(tmp_path / "a.parquet", [[1.0, 2.0]])
    before = list_shards(str(path))[0].key
    assert list_shards(str(path))[0].key == before
    write(path, [[1.0, 2.0], [3.0, 4.0]])
    assert list_shards(str(path))[0].key != before


def test_a_dataset_of_the_hub_is_downloaded_and_read_file_by_file(tmp_path, monkeypatch):
    """What `datasets` keeps of a download are Arrow files, as it makes them of any source."""
    import datasets

    from helpers.text.sources import hub

    pd.DataFrame({"id": ["a", "b"], "text": ["one", "two"]}).to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    load = datasets.load_dataset

    def downloaded(path, *, name, split, revision):
        assert (path, name, split, revision) == ("owner/name", "en", "test", "c0ffee")
        return load("json", data_files=str(tmp_path / "a.jsonl"), split="train", cache_dir=tmp_path / "cache")

    monkeypatch.setattr(hub, "hub_revision", lambda path, revision: revision)
    monkeypatch.setattr(datasets, "load_dataset", downloaded)
    (shard,) = list_shards("owner/name", split="test", config="en", revision="c0ffee")
    assert [(one.id, one.position) for one in read_shard(shard)] == [("a", 0), ("b", 1)]
    assert "/" not in shard.name and not shard.name.startswith(str(tmp_path))


def test_a_name_of_long_letters_fits_a_file_name():
    from helpers.vectors.shards import Shard

    for letter in ("a", "é", "書", "𝓪"):
        shard = Shard(path=f"{letter * 80}.jsonl", name=f"{letter * 80}.jsonl", state="")
        assert len(shard.key.encode()) < 200 and letter in shard.key
