"""Records of every format become exactly the string that a person would write down for them."""

import copy
import io
import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text.audit import kept_rows
from helpers.text.load import load_rows
from helpers.text.strings import convert_rows, detect_format, join_turns
from helpers.text.turns import Turn, Unusable

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"

SHAREGPT = [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello!"}, {"from": "human", "value": "Bye."}]
OPENAI = [
    {"role": "system", "content": "Be kind."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}],
    },
    {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look", "arguments": '{"at": 1}'}}]},
    {"role": "tool", "content": "a cat"},
    {"role": "assistant", "content": "A cat."},
]
CHITCHAT = [
    [{"text": "hey", "sender": "s-1"}, {"text": "you there?", "sender": "s-1"}],
    [{"text": "yes", "sender": "s-2"}],
    [{"text": "good", "sender": "s-1"}],
]


def rows_of(records):
    texts = [json.dumps(record, sort_keys=True) for record in records]
    return pd.DataFrame(
        {"id": [f"r{n}" for n in range(len(records))], "position": range(len(records)), "record": texts}
    )


def text_of(record, **settings):
    texts, rejected = convert_rows(rows_of([record]), **settings)
    assert rejected.empty, rejected["reason"][0]
    return texts["text"][0]


def reason_of(record, **settings):
    texts, rejected = convert_rows(rows_of([record]), **settings)
    assert texts.empty
    return rejected["reason"][0]


@pytest.mark.parametrize(
    ("record", "found", "text"),
    [
        (
            {"id": "1", "conversations": SHAREGPT},
            {"format": "sharegpt", "column": "conversations"},
            "Hi.\nHello!\nBye.",
        ),
        (
            {"messages": OPENAI, "prompt": "none"},
            {"format": "openai", "column": "messages"},
            'Be kind.\nWhat is this?\nlook({"at": 1})\na cat\nA cat.',
        ),
        ({"messages": json.dumps(OPENAI[3:])}, {"format": "openai", "column": "messages"}, "a cat\nA cat."),
        ({"chat": {"role": ["user", "bot"], "content": ["a", "b"]}}, {"format": "openai", "column": "chat"}, "a\nb"),
        ({"messages": CHITCHAT}, {"format": "turns", "column": "messages"}, "hey\nyou there?\nyes\ngood"),
        ({"dialog": ["a", "b", "c"], "act": [1, 2, 3]}, {"format": "turns", "column": "dialog"}, "a\nb\nc"),
        (
            {"talk": [{"speaker": "X", "utterance": "a"}, {"speaker": "Y", "utterance": "b"}]},
            {"format": "turns", "column": "talk"},
            "a\nb",
        ),
        ({"instruction": "Add.", "input": "1 2", "output": "3"}, {"format": "alpaca"}, "Add.\n1 2\n3"),
        ({"instruction": "Go.", "context": "", "response": "Ok.", "text": "x"}, {"format": "alpaca"}, "Go.\nOk."),
        (
            {"g": [{"input": "q", "output": "a"}, {"input": "r", "output": "b"}]},
            {"format": "nested", "column": "g"},
            "q\na\nr\nb",
        ),
        ({"label": "very long label indeed", "text": "a"}, {"format": "text", "column": "text"}, "a"),
        ({"id": "long long id", "kind": "x", "lyrics": "la la"}, {"format": "text", "column": "lyrics"}, "la la"),
        ({"title": "T", "body": "b", "tags": ["x", "y"]}, {"format": "text", "column": "body"}, "b"),
        ({"text": "t", "comments": [{"name": "n", "text": "c"}]}, {"format": "text", "column": "text"}, "t"),
    ],
)
def test_the_format_is_found_without_help(record, found, text):
    assert detect_format([record]) == found
    assert text_of(record) == text_of(record, **found) == text


def test_when_nothing_fits_the_columns_are_named():
    with pytest.raises(ValueError, match=r"columns are n \(a number\), tags \(a list\): set text.format"):
        detect_format([{"n": 1, "tags": ["a"]}])
    with pytest.raises(
        ValueError, match=r"no column of text found; columns are date \(a string\), id"
    ):  # all are texts in a CSV
        detect_format([{"id": f"a{n}", "n": str(n), "date": "2024-01-31"} for n in range(9)])
    with pytest.raises(ValueError, match="columns are none"):
        detect_format([])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"column": "body"}, r"no column 'body' in the first row; columns are id \(a string\), text \(a string\)"),
        ({"format": "columns"}, "format columns needs text.columns"),
        ({"format": "columns", "columns": ["text", "titel"]}, "no column 'titel'"),
        ({"format": "openai"}, "nothing looks like format openai"),
        ({"format": "grouped"}, "nothing looks like format grouped"),
        ({"keep": ["label"]}, "no column 'label'"),
        ({"keep": ["text"]}, "text.keep: 'text' is a column of texts already"),
        ({"format": "text", "roles": "user"}, "format text has none"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        convert_rows(rows_of([{"id": "1", "text": "t"}]), **settings)


@pytest.mark.parametrize(
    ("roles", "text"),
    [
        ("all", 'Be kind.\nWhat is this?\nlook({"at": 1})\na cat\nA cat.'),
        ("user", "What is this?"),
        ("assistant", "A cat."),
        ("last_assistant", "A cat."),
        ("first_assistant", "A cat."),
        ("tool", 'look({"at": 1})\na cat'),
        (["system", "first_user", "tool"], 'Be kind.\nWhat is this?\nlook({"at": 1})\na cat'),
        (["human"], "What is this?"),
    ],
)
def test_roles_choose_the_turns(roles, text):
    assert text_of({"messages": OPENAI}, roles=roles) == text


def test_names_of_roles_and_the_separator():
    assert text_of({"c": SHAREGPT}, role_names=True, separator=" | ") == "user: Hi. | assistant: Hello! | user: Bye."
    assert text_of({"m": CHITCHAT}, role_names=True) == "user: hey\nyou there?\nassistant: yes\nuser: good"
    assert text_of({"instruction": "a", "input": "b", "output": "c"}, role_names=True) == "user: a\nb\nassistant: c"
    assert text_of({"text": "t"}, role_names=True) == "t"


def test_unknown_speakers_take_the_role_that_is_free():
    talk = [{"speaker": name, "text": name} for name in ("Agent", "Ann", "Bob")]
    assert text_of({"turns": talk}, role_names=True) == "assistant: Agent\nuser: Ann\nbob: Bob"


def test_a_role_that_nobody_has_is_the_reason():
    assert reason_of({"m": SHAREGPT}, roles="system") == "no turn of role system; roles are user, assistant"


def test_columns_of_lists_and_objects_are_flattened_in_order():
    record = {"a": ["1", ["2", None]], "b": {"x": "3", "y": {"z": "4"}}, "c": None, "d": 5.5, "e": " "}
    texts, _ = convert_rows(rows_of([record]), format="columns", columns=["d", "a", "b", "c", "e"])
    assert texts["text"][0] == "5.5\n1\n2\n3\n4" and texts["turns"][0] == [0, 4, 6, 8, 10]


def grouped(order=(2, 10, 1)):
    rows = [("c1", order[0], "b"), ("c2", 1, "only"), ("c1", order[1], "c"), ("c1", order[2], "a")]
    return [{"conversation_id": c, "turn": t, "role": "user" if t != 2 else "bot", "text": text} for c, t, text in rows]


@pytest.mark.parametrize("kind", [int, str, float])
def test_rows_of_one_conversation_are_joined_in_order(kind):
    records = [{**record, "turn": kind(record["turn"])} for record in grouped()]
    texts, rejected = convert_rows(rows_of(records), role_names=True, keep=["turn"])
    assert texts.attrs["format"] == {"format": "grouped", "group": "conversation_id", "column": "text", "order": "turn"}
    assert texts[["id", "position", "text"]].values.tolist() == [
        ["c1", 3, "user: a\nassistant: b\nuser: c"],
        ["c2", 1, "user: only"],
    ]
    assert rejected.empty and texts["source_rows"].sum() == 4 and list(texts["turn"]) == [kind(1), kind(1)]


def test_turns_without_a_number_follow_the_source():
    records = [{"conversation_id": n // 2, "message": f"m{n}"} for n in range(4)]
    texts, _ = convert_rows(rows_of(records).iloc[::-1])
    assert texts[["id", "text"]].values.tolist() == [["1", "m2\nm3"], ["0", "m0\nm1"]]


def test_turns_that_have_no_place_are_rejected_one_by_one():
    records = [*grouped(), {"conversation_id": "c1", "text": "when?"}, {"turn": 1, "text": "where?"}]
    records += [{"conversation_id": ["c1"], "turn": 3, "text": "x"}, {"conversation_id": "c3", "turn": 1, "text": " "}]
    texts, rejected = convert_rows(rows_of(records))
    assert list(texts["id"]) == ["c1", "c2"] and texts["source_rows"].sum() + len(rejected) == len(records)
    assert dict(zip(rejected["id"], rejected["reason"], strict=True)) == {
        "r4": "no column 'turn'",
        "r5": "no column 'conversation_id'",
        "r6": "column 'conversation_id' holds a list, expected a number or a string",
        "r7": "empty",
    }


def test_a_column_kept_apart_has_no_place_in_a_conversation_of_many_rows():
    with pytest.raises(ValueError, match="column 'vector' has a value a turn"):
        convert_rows(rows_of(grouped()).assign(vector=0))


def test_white_space_is_empty_and_emoji_are_text():
    records = [{"text": text} for text in (" \n\t\u3000", "", None, "🙂🙂", "\u200d👩‍👩‍👧")]
    texts, rejected = convert_rows(rows_of(records))
    assert list(texts["text"]) == ["🙂🙂", "\u200d👩‍👩‍👧"] and list(rejected["reason"]) == ["empty"] * 3


@pytest.mark.parametrize(
    ("record", "settings", "reason"),
    [
        ({"text": 5}, {"format": "text", "column": "text"}, "not text: column 'text' holds a number"),
        ({"text": ["a"]}, {"format": "text", "column": "text"}, "not text: column 'text' holds a list"),
        ({"m": None}, {"format": "openai", "column": "m"}, "empty"),
        ({"m": []}, {"format": "openai", "column": "m"}, "empty"),
        ({"m": 7}, {"format": "openai", "column": "m"}, "expected a list, got a number"),
        ({"m": "hello"}, {"format": "openai", "column": "m"}, "expected a list, got a string"),
        ({"m": "[{"}, {"format": "openai", "column": "m"}, "expected a list, got a string that is not JSON"),
        ({"m": [5]}, {"format": "openai", "column": "m"}, "a message is a number"),
        ({"m": SHAREGPT}, {"format": "openai", "column": "m"}, "a message has no 'content'; it has from, value"),
        ({"m": [{"content": "x"}]}, {"format": "openai", "column": "m"}, "a message has no 'role'"),
        (
            {"m": [{"role": "user", "content": 5}]},
            {"format": "openai", "column": "m"},
            "not text: a message's content is a number",
        ),
        ({"m": [{"role": {}, "content": "x"}]}, {"format": "openai", "column": "m"}, "a message has no 'role'"),
        ({"m": [{"role": [], "content": "x"}]}, {"format": "openai", "column": "m"}, "a message's speaker is a list"),
        (
            {"m": [{"role": "a", "content": [{"text": 5}]}]},
            {"format": "openai", "column": "m"},
            "not text: a part of a message's",
        ),
        (
            {"m": [{"role": "a", "tool_calls": 5}]},
            {"format": "openai", "column": "m"},
            "a message's tool_calls is a number",
        ),
        ({"m": [{"role": "a", "tool_calls": [5]}]}, {"format": "openai", "column": "m"}, "a tool call is a number"),
        (
            {"m": '[{"role": "a", "content": "\\ud800"}]'},
            {"format": "openai", "column": "m"},
            "not Unicode: a lone surrogate U+D800",
        ),
        ({"x": "a"}, {"format": "alpaca"}, "no exchange such as instruction and output; columns are x"),
        ({"instruction": 5, "output": "x"}, {"format": "alpaca"}, "not text: column 'instruction' holds a number"),
        ({"g": [[1]]}, {"format": "nested", "column": "g"}, "a sample is a list"),
        ({"g": {"samples": 5}}, {"format": "nested", "column": "g"}, "expected a list, got a number"),
        (
            {"g": {"a": [1], "b": []}},
            {"format": "nested", "column": "g"},
            "expected a list, got an object of lists of different",
        ),
    ],
)
def test_hostile_records_are_rejected_with_a_reason(record, settings, reason):
    assert reason_of(record, **settings).startswith(reason)


def test_a_record_without_the_column_is_rejected_and_the_others_go_on():
    texts, rejected = convert_rows(rows_of([{"text": "a"}, {"other": "b"}, {"text": "c"}]))
    assert list(texts["id"]) == ["r0", "r2"] and rejected.values.tolist() == [["r1", 1, "no column 'text'"]]


def test_a_record_that_is_nested_hundreds_deep_is_rejected_or_read_but_never_stops_the_rest():
    deep = "[" * 900 + '"x"' + "]" * 900
    rows = rows_of([{"a": "good"}, {"a": "good"}])
    rows.loc[1, "record"] = f'{{"a": {deep}}}'
    texts, rejected = convert_rows(rows, format="columns", columns=["a"])
    assert texts["text"][0] == "good" and len(texts) + len(rejected) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["[", "{}", "[1]"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("role content from value text samples input output parts tool_calls function".split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FORMATS = ["sharegpt", "openai", "turns", "alpaca", "columns", "grouped", "nested", "text"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"c": JSON, "instruction": JSON, "output": JSON, "g": JSON}), min_size=1, max_size=4)
)
def test_every_row_of_any_records_is_either_text_or_rejected(records):
    rows = rows_of(records)
    before = copy.deepcopy(rows)
    for format in FORMATS:
        given_columns = {"columns": ["c", "g"]} if format == "columns" else {"column": "c", "group": "g"}
        texts, rejected = convert_rows(rows, format=format, keep=["output"], **given_columns)
        assert kept_rows(texts) + len(rejected) == len(rows) and all(rejected["reason"])
        assert format == "grouped" or len(texts) + len(rejected) == len(rows)
        assert all(text.strip() for text in texts["text"]) and texts["id"].is_unique
        texts.to_parquet(io.BytesIO())
    pd.testing.assert_frame_equal(rows, before)


TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text(max_size=8)), max_size=8)


@given(TURNS, st.sampled_from(["all", "user", "first_user", "last_assistant"]), st.booleans(), st.text(max_size=3))
def test_each_turn_starts_where_it_is_said_to(said, roles, role_names, separator):
    turns = [Turn(role, text) for role, text in said]
    kept = [turn for turn in turns if turn.text.strip()]
    if roles == "user":
        kept = [turn for turn in kept if turn.role == "user"]
    elif roles != "all":
        same = [turn for turn in kept if turn.role == roles.split("_")[1]]
        kept = (same[:1] if roles == "first_user" else same[-1:]) if same else []
    pieces = [f"{turn.role}: {turn.text}" if role_names else turn.text for turn in kept]
    if not kept:
        with pytest.raises(Unusable):
            join_turns(turns, roles=[roles], role_names=role_names, separator=separator)
        return
    text, starts, speakers = join_turns(turns, roles=[roles], role_names=role_names, separator=separator)
    assert text == separator.join(pieces) and speakers == [turn.role for turn in kept]
    assert len(starts) == len(pieces)
    assert all(text[start:].startswith(piece) for start, piece in zip(starts, pieces, strict=True))
    assert [text[a:b] for a, b in zip(starts, starts[1:], strict=False)] == [piece + separator for piece in pieces[:-1]]


def test_order_and_columns_beside_are_kept():
    rows = rows_of([{"text": text, "n": n, "tags": ["t"]} for n, text in enumerate(["c", "", "a", "b"])])
    rows = rows.assign(vector=[[0.0], [1.0], [2.0], [3.0]]).iloc[[3, 1, 2, 0]]
    texts, rejected = convert_rows(rows, keep=["n", "tags"])
    assert texts[["id", "text", "n", "tags"]].values.tolist() == [
        ["r3", "b", 3, '["t"]'],
        ["r2", "a", 2, '["t"]'],
        ["r0", "c", 0, '["t"]'],
    ]
    assert texts["vector"].tolist() == [[3.0], [2.0], [0.0]] and list(rejected["id"]) == ["r1"]


def test_a_kept_column_may_be_rare_but_not_unknown():
    rows = rows_of([{"text": "t", **({"label": "rare"} if n == 150 else {})} for n in range(200)])
    texts, _ = convert_rows(rows, keep=["label"])
    assert texts["label"].isna().sum() == 199 and texts["label"].dropna().tolist() == ["rare"]
    with pytest.raises(ValueError, match=r"no column 'lable' in the first 200 rows; columns are .*label"):
        convert_rows(rows, keep=["lable"])


def test_no_rows_give_no_texts_with_the_same_columns():
    texts, rejected = convert_rows(rows_of([]), keep=["label"])
    assert list(texts.columns) == ["id", "position", "text", "turns", "speakers", "label"]
    assert texts.empty and rejected.empty


def test_texts_can_be_written_and_read_back(tmp_path):
    texts, _ = convert_rows(rows_of([{"m": SHAREGPT, "odd": 2**70}, {"m": SHAREGPT, "odd": "x"}]), keep=["odd"])
    texts.to_parquet(tmp_path / "t.parquet")
    back = pd.read_parquet(tmp_path / "t.parquet")
    assert back["turns"][0].tolist() == [0, 4, 11] and list(back["odd"]) == [str(2**70), "x"]
    assert back.attrs["format"] == {"format": "sharegpt", "column": "m"}


EXAMPLES = {
    "puffin": (
        [
            {
                "id": "7",
                "conversations": [
                    {"from": "human", "value": "Why is the sky blue?"},
                    {"from": "gpt", "value": "Scattering."},
                ],
            }
        ],
        ["Why is the sky blue?\nScattering."],
    ),
    "textbook_quality": (
        [
            {
                "topic": "Sorting",
                "model": "m",
                "outline": ["1. Bubble", "2. Quick"],
                "concepts": ["swap", "pivot"],
                "markdown": "# Sorting\nText.",
            }
        ],
        ["Sorting\n1. Bubble\n2. Quick\nswap\npivot\n# Sorting\nText."],
    ),
    "openhermes": (
        [
            {"instruction": "Name a colour.", "input": "", "output": "Red."},
            {"instruction": "Add.", "input": "1, 2", "output": "3"},
        ],
        ["Name a colour.\nRed.", "Add.\n1, 2\n3"],
    ),
    "orca_best": (
        [
            {
                "instruction": "Be brief.",
                "num_samples": 2,
                "cluster": {"samples": [{"input": "2+2?", "output": "4"}, {"input": "3+3?", "output": "6"}]},
            },
            {"instruction": "Be brief.", "num_samples": 1, "cluster": [{"input": "1+1?", "output": "2"}]},
        ],
        ["2+2?\n4\n3+3?\n6", "1+1?\n2"],
    ),
    "skunkdata": (
        [
            {"conversation_id": 5, "message_id": 2, "message_type": "output", "message": "Paris."},
            {"conversation_id": 6, "message_id": 0, "message_type": "instruction", "message": "Hello"},
            {"conversation_id": 5, "message_id": 0, "message_type": "instruction", "message": "Answer me."},
            {"conversation_id": 5, "message_id": 1, "message_type": "input", "message": "Capital of France?"},
        ],
        ["Answer me.\nCapital of France?\nParis.", "Hello"],
    ),
    "dolly": (
        [
            {
                "id": "0",
                "category": "closed_qa",
                "original-instruction": "When?",
                "original-context": "It was in 1999.",
                "original-response": "1999",
                "new-instruction": {"user_id": [None]},
            },
            {
                "id": "1",
                "category": "open_qa",
                "original-instruction": "Why?",
                "original-context": "",
                "original-response": "Because.",
            },
        ],
        ["When?\nIt was in 1999.\n1999", "Why?\nBecause."],
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_yaml_of_each_dataset_makes_the_expected_strings(name):
    config = yaml.safe_load((ROOT / "datasets_config" / f"{name}.yaml").read_text(encoding="utf-8"))["text"]
    records, expected = EXAMPLES[name]
    texts, rejected = convert_rows(rows_of(records), **config)
    assert list(texts["text"]) == expected and rejected.empty


@pytest.mark.parametrize("name", ["puffin", "openhermes", "orca_best", "skunkdata", "textbook_quality"])
def test_these_datasets_are_found_without_their_yaml(name):
    config = yaml.safe_load((ROOT / "datasets_config" / f"{name}.yaml").read_text(encoding="utf-8"))["text"]
    found = detect_format(EXAMPLES[name][0])
    assert found == (config if name != "textbook_quality" else {"format": "text", "column": "markdown"})


def test_the_demo_names_its_speakers():
    pytest.importorskip("chitchat_dataset")
    config = yaml.safe_load((ROOT / "datasets_config" / "demo.yaml").read_text(encoding="utf-8"))
    rows, _ = load_rows(path=config["source"]["path"], end=100)
    texts, rejected = convert_rows(rows, **config["text"], role_names=True)
    first = texts.set_index("position").loc[0]
    assert first["text"].startswith("user: Hello\nHow are you doing today?\nassistant: whats up MD\nim doing good\n")
    assert len(texts) + len(rejected) == 100 and set(texts["text"].str.split(":").str[0]) == {"user"}


SHARED_FORMATS = {
    "alpaca_gpteacher.json.gz": {"format": "alpaca"},
    "contamination_planted_dev.jsonl.gz": {"format": "openai", "column": "messages"},
    "demo_conversations.jsonl.gz": {"format": "openai", "column": "messages"},
    "demo_origin_ids.jsonl.gz": {"format": "text", "column": "origin"},
    "labelled_banking77.csv.gz": {"format": "text", "column": "text"},
    "labelled_multidogo_part.jsonl.gz": {"format": "openai", "column": "messages"},
    "labelled_snips.jsonl.gz": {"format": "text", "column": "text"},
    "multilingual_chatterbot.jsonl.gz": {"format": "openai", "column": "messages"},
    "multilingual_sib200_train.jsonl.gz": {"format": "text", "column": "text"},
    "multiturn_chitchat.jsonl.gz": {"format": "openai", "column": "messages"},
    "openai_messages_sgd_dev.jsonl.gz": {"format": "openai", "column": "messages"},
    "openai_tools_taskmaster4.jsonl.gz": {"format": "openai", "column": "messages"},
    "plain_text_fineweb_edu_scored.jsonl.gz": {"format": "text", "column": "text"},
    "plain_text_lines_snips.txt.gz": {"format": "text", "column": "text"},
    "plain_text_onestop_levels.jsonl.gz": {"format": "text", "column": "text"},
    "sharegpt_self_dialogue.jsonl.gz": {"format": "sharegpt", "column": "conversations"},
    "benchmarks/gsm8k_test.jsonl.gz": {"format": "text", "column": "text"},
    "benchmarks/humaneval.jsonl.gz": {"format": "text", "column": "text"},
}


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared beside the checkout")
@pytest.mark.parametrize("name", SHARED_FORMATS)
def test_shared_datasets_are_found_without_help(name):
    rows, unreadable = load_rows(path=str(SHARED / name), end=50)
    texts, rejected = convert_rows(rows)
    assert texts.attrs["format"] == SHARED_FORMATS[name]
    assert len(texts) == 50 and unreadable.empty and rejected.empty


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared beside the checkout")
def test_no_shared_dataset_is_forgotten():
    found = {str(path.relative_to(SHARED)) for path in SHARED.rglob("*.gz")}
    assert found == set(SHARED_FORMATS)
