"""What a scorer reads of a run's rows: another encoder than the map's is loaded once and reads new rows alike."""

import numpy as np

from helpers.quality.encode import encode_rows
from helpers.quality.rows import read_rows
from helpers.quality_settings import Model
from helpers.runs import open_run
from helpers.vectors.embed import encode_texts
from helpers.vectors.embedder import find_embedder, unit_length

TEXTS = ["a cell", "b " * 700, "some words about plants", "a cell"]


def test_a_named_encoder_is_loaded_once_and_its_reading_is_that_of_the_rows(dataset, tiny_bge, tmp_path, capsys):
    source = dataset([{"id": f"r{i}", "text": text} for i, text in enumerate(TEXTS)])
    run = open_run(str(source), {"text.column": "text", "text.format": "text"}, tmp_path / "runs")
    rows, encoded = encode_rows(run, read_rows(run), encoder=Model(model=str(tiny_bge), prefix="q "))
    assert capsys.readouterr().out.count("loading the embedder") == 1
    embedder = find_embedder(model=str(tiny_bge), prefix="q ")
    wanted = unit_length(encode_texts(rows["text"].tolist(), embedder))
    np.testing.assert_allclose(encoded.vectors[rows["vector"]], wanted, atol=2e-3)
    assert encoded.identity == encoded.reading["identity"] == embedder.identity
    assert encoded.reading["cut"]["max_tokens"] == embedder.window and encoded.reading["embed"]["prefix"] == "q "
    cut = rows.set_index("id")
    assert (
        cut["truncated"].to_dict() == {f"r{i}": i == 1 for i in range(4)} and cut["n_tokens"].max() <= embedder.window
    )
    assert encoded.style.shape == (3, 18) and rows["vector"].nunique() == 3
