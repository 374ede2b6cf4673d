"""Who speaks where: from a source's record, through masking and cutting, to a line of rows.parquet."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.files import read_value, write_value
from helpers.settings import WORKING_NAMES
from helpers.text.redact import redact_texts
from helpers.text.strings import OWN_COLUMNS, convert_rows
from helpers.topics.tables import assemble_rows
from tests.text.test_strings import OPENAI, SHAREGPT, rows_of
from tests.text.test_truncate import MAKERS, PIECES, frame, size, tokenizer_of, truncate


def spoken(records, **asked):
    """Return the first text as a list of (speaker, what stands from the turn's place to the next)."""
    texts, rejected = convert_rows(rows_of(records), **asked)
    assert rejected.empty
    return pieces_of(texts.iloc[0])


def pieces_of(row):
    ends = [*row["turns"][1:], len(row["text"])]
    parts = [row["text"][start:end] for start, end in zip(row["turns"], ends, strict=True)]
    return list(zip(row["speakers"], parts, strict=True))


GROUPED = [
    {"conversation_id": "c", "turn": n, "role": role, "text": text}
    for n, role, text in [(2, "bot", "b"), (1, "Human", "a"), (3, "reviewer", "c")]
]


@pytest.mark.parametrize(
    ("records", "asked", "expected"),
    [
        (
            [{"m": OPENAI}],
            {},
            [
                ("system", "Be kind.\n"),
                ("user", "What is this?\n"),
                ("tool", 'look({"at": 1})\n'),
                ("tool", "a cat\n"),
                ("assistant", "A cat."),
            ],
        ),
        ([{"c": SHAREGPT}], {}, [("user", "Hi.\n"), ("assistant", "Hello!\n"), ("user", "Bye.")]),
        (
            [{"c": SHAREGPT}],
            {"role_names": True, "separator": "|"},
            [("user", "user: Hi.|"), ("assistant", "assistant: Hello!|"), ("user", "user: Bye.")],
        ),
        ([{"c": SHAREGPT}], {"roles": ["assistant", "last_user"]}, [("assistant", "Hello!\n"), ("user", "Bye.")]),
        (
            [{"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be brief."}],
            {"format": "alpaca"},
            [("system", "Be brief.\n"), ("user", "Add.\n1 2\n"), ("assistant", "3")],
        ),
        (
            [{"g": [{"input": "q", "output": "a"}, {"input": "r", "output": "b"}]}],
            {},
            [("user", "q\n"), ("assistant", "a\n"), ("user", "r\n"), ("assistant", "b")],
        ),
        (GROUPED, {}, [("user", "a\n"), ("assistant", "b\n"), ("reviewer", "c")]),
        (GROUPED, {"roles": "reviewer"}, [("reviewer", "c")]),
        (
            [{"m": [{"role": "Critic", "content": "no"}, {"role": "", "content": "yes"}]}],
            {},
            [("critic", "no\n"), ("assistant", "yes")],
        ),
        ([{"text": "user: not a turn\nassistant: nor this"}], {}, [(None, "user: not a turn\nassistant: nor this")]),
        ([{"a": ["x", "y"]}], {"format": "columns", "columns": ["a"]}, [(None, "x\n"), (None, "y")]),
    ],
)
def test_each_turn_has_its_speaker(records, asked, expected):
    assert spoken(records, **asked) == expected


def test_a_speakers_name_that_no_file_can_hold_does_not_lose_the_row(tmp_path):
    rows = rows_of([{"m": '[{"role": "a\\ud800b", "content": "hi"}]'}])
    texts, rejected = convert_rows(rows, format="openai", column="m")
    write_value(tmp_path / "texts.parquet", texts)
    assert rejected.empty and read_value(tmp_path / "texts.parquet")["speakers"][0].tolist() == ["a?b"]


def test_no_kept_column_can_be_called_speakers():
    assert "speakers" in WORKING_NAMES and set(OWN_COLUMNS) <= WORKING_NAMES
    with pytest.raises(ValueError, match="'speakers' is a column of texts already"):
        convert_rows(rows_of([{"text": "a", "speakers": "b"}]), keep=["speakers"])


def test_a_speaker_who_is_an_address_is_masked_and_turns_stay_right():
    talk = [("Ann@example.com", "I am a@b.io."), ("user", "and I 10.0.0.1"), ("bob", "ok")]
    records = [{"m": [{"role": role, "content": text} for role, text in talk]}]
    texts, _ = convert_rows(rows_of(records), role_names=True)
    masked, counts = redact_texts(texts)
    assert pieces_of(masked.iloc[0]) == [
        ("[EMAIL]", "[EMAIL]: I am [EMAIL].\n"),
        ("user", "user: and I [IP]\n"),
        ("bob", "bob: ok"),
    ]
    assert counts["email"] == 3 and counts["ip"] == 1
    assert texts["speakers"][0] == ["ann@example.com", "user", "bob"]


def test_masking_leaves_texts_without_speakers_without():
    masked, _ = redact_texts(frame("a@b.io", "c").assign(speakers=[[None], [None]]))
    assert masked["speakers"].tolist() == [[None], [None]]


# Words are tokens; turns start at 0, 8 and 19.
TALK = ("one two\nthree four\nfive six seven", [0, 8, 19], ["system", "user", "assistant"])


@pytest.mark.parametrize(
    ("strategy", "limit", "expected"),
    [
        ("head", 4, [("system", "one two\n"), ("user", "three four")]),
        ("head", 3, [("system", "one two\n"), ("user", "three")]),
        ("head", 2, [("system", "one two")]),
        ("tail", 4, [("user", "four\n"), ("assistant", "five six seven")]),
        ("tail", 3, [("assistant", "five six seven")]),
        ("tail", 1, [("assistant", "seven")]),
        ("ends", 5, [("system", "one two … "), ("assistant", "six seven")]),
        ("ends", 6, [("system", "one two\n"), ("user", "three … "), ("assistant", "six seven")]),
        ("ends", 2, [("system", "one two")]),
        ("turns", 6, [("system", "one two\n"), ("user", "three four")]),
        ("turns", 3, [("system", "one two")]),
        ("turns", 1, [("system", "one")]),
        ("none", 1, [("system", "one two\n"), ("user", "three four\n"), ("assistant", "five six seven")]),
    ],
)
def test_a_cut_text_says_who_speaks_where(strategy, limit, expected):
    text, turns, speakers = TALK
    texts = frame(text, turns=[np.array(turns)]).assign(speakers=[np.array(speakers, dtype=object)])
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=limit, strategy=strategy)
    assert pieces_of(out.iloc[0]) == expected


def test_both_ends_of_one_turn_are_one_turn():
    texts = frame("one\ntwo three four five six", turns=[[0, 4]])
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=5, strategy="ends")
    assert pieces_of(out.iloc[0]) == [("s0", "one\n"), ("s1", "two … five six")]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("head", [("s0", "one two\n"), ("s1", "three")]),
        ("tail", [("s0", "two\n"), ("s1", "three four")]),
        ("ends", [("s0", "one … "), ("s1", "four")]),
        ("turns", [("s0", "one two")]),
    ],
)
def test_white_space_around_a_text_is_counted(strategy, expected):
    texts = frame("  \n one two\nthree four\n  ", turns=[[4, 12]])
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=3, strategy=strategy)
    assert pieces_of(out.iloc[0]) == expected


def test_a_text_that_fits_without_the_white_space_around_it():
    tokenizer, text = tokenizer_of("byte_level"), " \n \n  the fox\nthe dog \n \n"
    limit = size(text.strip(), tokenizer)
    out = truncate(frame(text, turns=[[0, 14]]), tokenizer, max_tokens=limit)
    assert out["truncated"][0] and pieces_of(out.iloc[0]) == [("s0", "the fox\n"), ("s1", "the dog")]


def test_texts_that_fit_keep_their_turns_beside_one_that_is_cut():
    texts = frame("a b", "the dog sleeps here", "c d", turns=[[0, 2], [0, 8], [0, 2]])
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=2)
    assert out["turns"].tolist() == [[0, 2], [0], [0, 2]]
    assert out["speakers"].tolist() == [["s0", "s1"], ["s0"], ["s0", "s1"]]


MARK = " \ue000 "  # no text below has it


def kept_places(text, result, strategy):
    """Return for each character of a cut text its place in the source, None for those of the mark."""
    outer, inner_end = len(text) - len(text.lstrip()), len(text.rstrip())
    if strategy == "tail":
        return list(range(inner_end - len(result), inner_end))
    head, mark, tail = result.partition(MARK)
    ahead = list(range(outer, outer + len(head)))
    return ahead + [None] * len(mark) + list(range(inner_end - len(tail), inner_end)) * bool(tail)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("strategy", ["head", "tail", "ends", "turns"])
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(PIECES, st.text(st.characters(exclude_categories=["Cs", "Co"]), max_size=8)), min_size=8),
    st.integers(24, 60),
)
def test_what_stands_at_a_turns_place_is_what_its_speaker_says_in_the_source(kind, strategy, parts, limit):
    """By character: where the turn changes that a kept character is of, and nowhere else, a turn starts."""
    text = "".join(parts)
    if not text.strip():
        return
    turns = [sum(map(len, parts[:n])) for n in range(len(parts))]
    out = truncate(frame(text, turns=[turns]), tokenizer_of(kind), max_tokens=limit, strategy=strategy, mark=MARK)
    result, row = out["text"][0], out.iloc[0]
    if not row["truncated"]:
        assert row["turns"] == turns
        return
    places = kept_places(text, result, strategy)
    known = [(at, place) for at, place in enumerate(places) if place is not None]
    assert all(result[at] == text[place] for at, place in known)
    of_turn = [(at, max(n for n, start in enumerate(turns) if start <= place)) for at, place in known]
    before = [None, *(turn for _, turn in of_turn)]
    starts = [(at, f"s{turn}") for (at, turn), last in zip(of_turn, before, strict=False) if turn != last]
    assert list(zip(row["turns"], row["speakers"], strict=True)) == starts
    assert row["turns"][0] == 0 and row["turns"] == sorted(set(row["turns"]))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("head", [("user", "write to [EMAIL]\n"), ("assistant", "what should the letter")]),
        ("tail", [("assistant", "what should the letter say\n"), ("[EMAIL]", "hello from us all")]),
        ("ends", [("user", "write to [EMAIL … "), ("[EMAIL]", "hello from us all")]),
        ("turns", [("user", "write to [EMAIL]")]),
    ],
)
def test_from_the_source_to_a_line_of_rows_through_files(tmp_path, strategy, expected):
    talk = [("user", "write to a@b.io"), ("assistant", "what should the letter say"), ("c@d.io", "hello from us all")]
    records = [{"m": [{"role": role, "content": text} for role, text in talk]}]
    records += [{"m": [{"role": "user", "content": "a short one"}]}]

    def through_a_file(frame):
        return read_value(write_value(tmp_path / "stage.parquet", frame))

    texts = through_a_file(convert_rows(rows_of(records))[0])
    texts = through_a_file(redact_texts(texts)[0])
    texts = through_a_file(truncate(texts, tokenizer_of("wordpiece"), max_tokens=9, strategy=strategy))
    clusters = pd.DataFrame({"topic": [0, 0], "confidence": np.ones(2, dtype=np.float32)})
    rows = through_a_file(assemble_rows(texts.assign(vector=[0, 1]), clusters, np.zeros((2, 2), dtype=np.float32)))
    assert [pieces_of(row) for _, row in rows.iterrows()] == [expected, [("user", "a short one")]]
