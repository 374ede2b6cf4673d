import os
import stat

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.files import fingerprint, read_value, write_atomically, write_folder, write_value


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_value(tmp_path / "table.parquet", pd.DataFrame({"a": [1]}))
    with pytest.raises(Exception, match="mixed"):
        write_value(path, pd.DataFrame({"mixed": [1, "one", b"1"]}))
    assert read_value(path)["a"].tolist() == [1]
    assert os.listdir(tmp_path) == ["table.parquet"]


def test_files_are_their_owners_alone(tmp_path):
    path = write_atomically(tmp_path / "new" / "page.html", "hello")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    write_folder(tmp_path / "model", lambda folder: (folder / "a").write_text("old"))

    def fail(folder):
        (folder / "a").write_text("new")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write_folder(tmp_path / "model", fail)
    assert (tmp_path / "model" / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["model"]


def test_what_was_written_is_read_back(tmp_path):
    frame = pd.DataFrame({"id": ["a", "é"], "n": [1, 2], "words": [["x"], []]})
    back = read_value(write_value(tmp_path / "f.parquet", frame))
    assert back["id"].tolist() == ["a", "é"] and [list(w) for w in back["words"]] == [["x"], []]
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    np.testing.assert_array_equal(read_value(write_value(tmp_path / "a.npy", array)), array)
    assert read_value(write_value(tmp_path / "j.json", {"n": np.int64(3), "x": np.float32(0.5)})) == {"n": 3, "x": 0.5}


@given(st.lists(st.text(max_size=5), min_size=1, max_size=5), st.integers(0, 4))
def test_the_fingerprint_is_of_the_content(texts, at):
    frame = pd.DataFrame({"text": texts})
    assert fingerprint(frame) == fingerprint(pd.DataFrame({"text": list(texts)}))
    changed = [text + "!" if i == at % len(texts) else text for i, text in enumerate(texts)]
    assert fingerprint(frame) != fingerprint(pd.DataFrame({"text": changed}))


def test_the_fingerprint_sees_shape_type_and_sliced_frames():
    ones = np.ones((2, 3), dtype=np.float32)
    assert len({fingerprint(a) for a in (ones, ones.reshape(3, 2), ones.astype(np.float16))}) == 3
    whole = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    assert fingerprint(whole[1:]) == fingerprint(pd.DataFrame({"a": [2, 3], "b": [None, "z"]}))
