import io

import numpy as np
import pandas as pd
import pytest

from helpers.topics.preview import _windows, compare_encoders, preview_map

WORDS = {
    "bread": "bread oven dough loaf butter baker rolls flour yeast crust".split(),
    "trains": "train railway station ticket rails tram platform driver carriage signal".split(),
    "planets": "planet moon orbit telescope mars venus saturn rings comet star".split(),
}

MEGABYTES = {"fp32": 91, "bf16": 45}  # of the packaged embedder, by what this machine computes in


@pytest.fixture(scope="module")
def texts():
    generator = np.random.default_rng(0)
    kinds = generator.choice(list(WORDS), size=300)
    lines = [f"the {' and the '.join(generator.choice(WORDS[kind], 4))}" for kind in kinds]
    return pd.DataFrame({"text": lines, "kind": kinds})


def test_a_first_map_says_what_the_long_run_takes(minilm, texts, capsys):
    from PIL import Image

    picture = preview_map(texts, embedder=minilm, rows=200)
    said = capsys.readouterr().out
    unique = texts["text"].nunique()
    assert "preview of 200 texts:" in said and "all-MiniLM-L6-v2 will take about" in said
    assert f"for {unique:,} texts (" in said and f"{MEGABYTES[minilm.precision]} MB for the model" in said
    assert Image.open(io.BytesIO(picture.data)).size[0] > 300


def test_texts_whose_windows_are_all_read_take_as_many_times_longer(minilm, texts):
    long = [" and ".join(["the train"] * 300)] * 3  # 3 tokens a time, windows of 254
    assert _windows(long, minilm, "mean") == -(-899 // 254) == 4
    assert _windows(["a", "b"], minilm, "mean") == 1 and _windows(long, minilm, "truncate") == 1


def test_nothing_is_done_unless_asked_for(minilm, texts):
    assert "no preview" in preview_map(texts, embedder=minilm, rows=0)
    assert "no encoders to compare" in compare_encoders(texts, encoders=[])


def test_encoders_are_compared_on_the_same_texts(minilm, tiny_bge, texts):
    """An encoder agrees with itself; one of random weights knows nothing of kinds."""
    encoders = ["all-MiniLM-L6-v2", "all-MiniLM-L6-v2", str(tiny_bge)]
    table = compare_encoders(texts, encoders=encoders, sample=150, truth="kind")
    first, same, random = table.to_dict("records")
    assert first["neighbours"] == same["neighbours"] == "100%" and same["topics_ami"] == 1
    assert (first["dimensions"], random["dimensions"]) == (384, 32) and first["memory_mb"] == MEGABYTES[
        minilm.precision
    ]
    assert first["truth_ami"] > 0.5 > random["truth_ami"] and random["neighbours"] not in ("100%", "99%")
    assert (table["texts_per_second"] > 0).all() and table["all_texts"].str.contains("s|min").all()
