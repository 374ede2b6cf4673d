"""New records become vectors as a run's did: the same texts the same vectors, and nothing lost on the way."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.assign.shards import assign_source
from helpers.config import read_config
from helpers.topics.assigner import fit_assigner, save_assigner
from helpers.vectors.embed import encode_texts
from helpers.vectors.new_rows import READING
from helpers.vectors.readers import VectorReader, text_reader
from helpers.vectors.shards import list_shards

PETS = "the cat purrs on the sofa|a kitten plays with wool|my cat sleeps all day|cats chase mice at night".split("|")
TRAINS = "the train leaves at nine|a railway station in the rain|tickets for the night train|rails and signals".split(
    "|"
)


def chat(text):
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "I see."}]}


@pytest.fixture(scope="module")
def reading(minilm):
    _, config = read_config("demo", {"text.format": "openai", "redact.kinds": ["email"], "text.roles": "user"})
    return config.reading(minilm)


@pytest.fixture(scope="module")
def model(minilm, reading, tmp_path_factory):
    """A map of pets and trains."""
    folder = tmp_path_factory.mktemp("model")
    texts = [f"{text} {i}" for i in range(10) for text in PETS + TRAINS]
    topics = np.array([0] * 4 + [1] * 4)[np.arange(80) % 8]
    save_assigner(fit_assigner(encode_texts(texts, minilm).astype(np.float32), topics), folder)
    (folder / READING).write_text(json.dumps(reading))
    return folder


def read(reader, path):
    """Return ids, places, vectors and reasons of all shards of a source."""
    parts = [part[:4] for shard in list_shards(str(path)) for part in reader(shard)]
    ids, places, vectors, reasons = zip(*parts, strict=True)
    return sum(ids, []), np.concatenate(places).tolist(), np.concatenate(vectors), sum(reasons, [])


def test_texts_become_the_vectors_that_a_run_makes_of_them(reading, minilm, dataset):
    path = dataset([chat(text) for text in [*PETS, "write to jo@example.org " + "now " * 400]])
    _, places, vectors, reasons = read(text_reader(reading, list_shards(str(path))), path)
    wanted = encode_texts([*PETS, "write to [EMAIL] " + "now " * 250], minilm)
    np.testing.assert_allclose(vectors[:4], wanted[:4].astype(np.float32), atol=2e-3)
    assert vectors[4] @ wanted[4] > 0.999 and reasons == [""] * 5 and places == list(range(5))


def test_bad_records_have_their_reason_and_the_others_their_topic(model, tmp_path):
    lines = [json.dumps(chat(text) | {"id": f"r{i}"}).encode() for i, text in enumerate(PETS + TRAINS)]
    lines[2] = b'{"id": "r2", "messages": [{"role": "user", "content": "\xff"}]}'
    lines[5] = json.dumps({"id": "r5", "messages": []}).encode()
    lines.append(b'{"id": "r8", "messages": [')
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    (part,) = assign_source(str(tmp_path / "rows.jsonl"), model, tmp_path / "out", reject=0)
    rows, rejected = pd.read_parquet(part), pd.read_parquet(part.parent / "_rejected" / part.name)
    assert rows["id"].tolist() == ["r0", "r1", "r3", "r4", "r6", "r7"] and rows["topic"].tolist() == [0, 0, 0, 1, 1, 1]
    assert rejected["position"].tolist() == [2, 5, 8] and rejected["id"].tolist() == ["", "r5", ""]
    assert "not UTF-8" in rejected["reason"][0] and rejected["reason"][1] == "empty"


def test_the_layout_of_files_changes_no_topic(model, tmp_path):
    records = [chat(f"{text} {i}") | {"id": f"{i} {text}"} for i in range(12) for text in PETS + TRAINS]
    (tmp_path / "one.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    (tmp_path / "many").mkdir()
    pd.DataFrame(records[:50]).to_parquet(tmp_path / "many" / "a.parquet", row_group_size=7)
    pd.DataFrame(records[50:]).to_json(tmp_path / "many" / "b.jsonl", orient="records", lines=True)
    found = []
    for number, source in enumerate(("one.jsonl", "many")):
        parts = assign_source(str(tmp_path / source), model, tmp_path / str(number), id="id")
        found.append(pd.concat([pd.read_parquet(part) for part in parts]).sort_values("id", ignore_index=True))
    assert len(found[0]) == 96 and found[0]["topic"].tolist() == found[1]["topic"].tolist()
    np.testing.assert_allclose(found[0]["distance"], found[1]["distance"], atol=2e-3)


def test_a_folder_of_texts_is_a_text_a_file(reading, model, tmp_path):
    (tmp_path / "notes").mkdir()
    for number, text in enumerate(PETS + TRAINS):
        (tmp_path / "notes" / f"{number}.txt").write_text(f"{text}\nand more")
    plain = reading | {"text": reading["text"] | {"format": "text", "column": "text", "roles": "all"}}
    ids, _, vectors, reasons = read(text_reader(plain, list_shards(str(tmp_path / "notes"))), tmp_path / "notes")
    assert len(vectors) == 8 and reasons == [""] * 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embed": {"column": "v", "file": None}}, "own ones, which no text leads to"),
        ({"identity": "all-MiniLM-L6-v2 other ''"}, "the known vectors are of .all-MiniLM-L6-v2 other"),
    ],
)
def test_a_map_that_texts_do_not_lead_to_is_refused(reading, dataset, change, message):
    path = dataset([chat(text) for text in PETS])
    with pytest.raises(ValueError, match=message):
        text_reader(reading | change, list_shards(str(path)))


def test_sources_that_have_no_whole_texts_are_refused(reading, dataset, tmp_path):
    with pytest.raises(ValueError, match="nothing tells how the known texts were read"):
        text_reader({}, list_shards(str(dataset([chat("a")]))))
    turns = [{"conversation": f"c{i // 3}", "speaker": "user", "text": f"turn {i}"} for i in range(30)]
    grouped = reading["text"] | {"format": "grouped", "group": "conversation", "column": "text", "roles": "all"}
    with pytest.raises(ValueError, match="rows are turns of conversations"):
        text_reader(reading | {"text": grouped}, list_shards(str(dataset(turns, "turns.jsonl"))))
    (tmp_path / "broken.jsonl").write_text("{\n{\n")
    with pytest.raises(ValueError, match="there is no record here, or none that can be read"):
        text_reader(reading, list_shards(str(tmp_path / "broken.jsonl")))


def test_a_reader_of_vectors_goes_on_to_a_break(tmp_path):
    pd.DataFrame({"v": [[1.0, 2.0]] * 300}).to_parquet(tmp_path / "a.parquet", row_group_size=100)
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 3])
    ids, places, vectors, reasons = read_one(VectorReader("v"), tmp_path / "a.parquet")
    assert ids == [""] and places == [0] and "the file is read up to here" in reasons[0]


def read_one(reader, path):
    (part,) = reader(list_shards(str(path))[0])
    return part.ids, part.places.tolist(), part.vectors, part.reasons


def test_vectors_that_were_kept_give_the_same_and_embed_nothing(model, tmp_path, monkeypatch):
    """Another share turned away reads the vectors kept; so does whoever reads them as ready ones."""
    from helpers.assign.shards import assign_rows
    from helpers.assign.source import open_source
    from helpers.vectors import readers

    lines = [json.dumps(chat(text) | {"id": f"r{i}"}) for i, text in enumerate(PETS + TRAINS)] + ["{broken"]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    new = open_source(str(tmp_path / "rows.jsonl"), model, id="id")
    fresh = assign_rows(new, model, tmp_path / "fresh", reject=0.2)
    assign_rows(new, model, tmp_path / "kept", keep_vectors=True)
    monkeypatch.setattr(readers, "_embedded", None)  # whoever embeds now fails
    again = assign_rows(new, model, tmp_path / "kept", reject=0.2)
    pd.testing.assert_frame_equal(pd.read_parquet(again[0]), pd.read_parquet(fresh[0]), check_exact=True)
    rejected = [pd.read_parquet(part.parent / "_rejected" / part.name) for part in (again[0], fresh[0])]
    pd.testing.assert_frame_equal(*rejected)
    samples = [pd.read_parquet(part.parent / "_samples" / part.name)["text"].tolist() for part in (again[0], fresh[0])]
    assert samples[0] == samples[1] and samples[0][0] == PETS[0]
    ready = assign_source(
        str(tmp_path / "kept" / "_vectors"), model, tmp_path / "x", column="vector", id="id", reject=0.2
    )
    assert pd.read_parquet(ready[0])["topic"].tolist() == pd.read_parquet(fresh[0])["topic"].tolist()
    # Another reading makes other vectors: those kept are of no use, and go.
    (tmp_path / "rows.jsonl").write_text("\n".join(lines[:3]))
    with pytest.raises(TypeError):
        assign_rows(open_source(str(tmp_path / "rows.jsonl"), model, id="id"), model, tmp_path / "kept")
    assert not list((tmp_path / "kept" / "_vectors").iterdir())


def test_a_source_that_keeps_its_text_elsewhere(model, tmp_path):
    from helpers.assign.source import open_source

    pd.DataFrame({"body": PETS + TRAINS, "note": "x"}).to_parquet(tmp_path / "a.parquet")
    new = open_source(str(tmp_path / "a.parquet"), model, text={"column": "body", "roles": None})
    (read_all,) = new.reader(new.shards[0])
    assert read_all.texts == PETS + TRAINS and read_all.reasons == [""] * 8


def test_files_without_the_text_and_bad_ones_first_stop_nothing(model, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("{bad\n" * 120)
    good = [json.dumps(chat(text)) for text in PETS]
    (tmp_path / "in" / "b.jsonl").write_text("\n".join([*good, *['{"other": 1}'] * 1100, *good]))
    (tmp_path / "in" / "c.jsonl").write_text('{"other": 1}\n' * 3)
    parts = assign_source(str(tmp_path / "in"), model, tmp_path / "out", reject=0)
    rows = pd.concat([pd.read_parquet(part) for part in parts])
    rejected = pd.concat([pd.read_parquet(part.parent / "_rejected" / part.name) for part in parts])
    assert len(rows) == 8 and len(rejected) == 120 + 1100 + 3


def test_vectors_that_are_asked_for_later_are_made(model, tmp_path):
    from helpers.assign.shards import assign_rows
    from helpers.assign.source import open_source

    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(chat(text)) for text in PETS))
    new = open_source(str(tmp_path / "rows.jsonl"), model)
    assign_rows(new, model, tmp_path / "out")
    assert not list((tmp_path / "out").glob("_vectors/*"))
    assign_rows(new, model, tmp_path / "out", keep_vectors=True)
    assert len(list((tmp_path / "out").glob("_vectors/*.parquet"))) == 1
