import json

import numpy as np
import pytest

from helpers.llm.ask import ask, choose, read_reply
from helpers.llm.instructions import fill_fitting, fill_instruction, shorten
from helpers.llm.replies import append_replies, read_replies
from tests.scripted import Scripted

LABEL = {
    "type": "object",
    "properties": {"label": {"type": "string", "pattern": "^[A-Z][a-z]{2,12}( [a-z]{2,12}){0,3}$"}},
    "required": ["label"],
    "additionalProperties": False,
}


def say(*words):
    return [[{"role": "user", "content": word}] for word in words]


def test_answers_come_in_the_order_of_the_chats_and_the_same_question_is_asked_once(tmp_path):
    llm = Scripted(lambda chat, _: chat[0]["content"].upper())
    assert ask(say("b", "a", "b"), llm=llm, log=tmp_path / "log") == ["B", "A", "B"]
    assert len(llm.asked) == 2 and len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_second_run_asks_nothing_and_another_setting_asks_anew(tmp_path):
    llm = Scripted(lambda chat, count: f"{chat[0]['content']} {count}")
    first = ask(say("a", "b"), llm=llm, log=tmp_path / "log")
    assert ask(say("a", "b"), llm=llm, log=tmp_path / "log") == first and len(llm.asked) == 2
    for other in ({"max_new_tokens": 5}, {"schema": LABEL}, {"temperature": 0.5}, {"temperature": 0.5, "seed": 1}):
        ask(say("a"), llm=llm, log=tmp_path / "log", **other)
    assert len(llm.asked) == 6
    ask(say("a"), llm=llm, log=tmp_path / "log", seed=7)  # nothing is drawn at temperature 0
    assert len(llm.asked) == 6


def test_after_a_crash_only_the_missing_ones_are_asked(tmp_path):
    def crash(chat, count):
        if count == 2:
            raise ConnectionError("gone")
        return chat[0]["content"]

    with pytest.raises(ConnectionError):
        ask(say(*"abcd"), llm=Scripted(crash), log=tmp_path / "log")
    llm = Scripted(lambda chat, _: chat[0]["content"])
    assert ask(say(*"abcd"), llm=llm, log=tmp_path / "log") == list("abcd")
    assert [chat[0]["content"] for chat in llm.asked] == ["c", "d"]


def test_what_did_not_come_in_time_is_none_and_is_asked_again(tmp_path):
    assert ask(say("a"), llm=Scripted(lambda *_: None), log=tmp_path / "log") == [None]
    assert ask(say("a"), llm=Scripted(lambda *_: "now"), log=tmp_path / "log") == ["now"]


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ('{"label": "Train tickets"}', {"label": "Train tickets"}),
        ('<think>{"label": "Wrong"}</think> ```\n{"label": "Train tickets"}\n```', {"label": "Train tickets"}),
        ('{"wrong": 1} {"label": "Train tickets"}', {"label": "Train tickets"}),
        ('<think>never ends {"label": "Train tickets"}', None),
        ('{"label": "Train tick', None),
        ('{"label": 7}', None),
        ("Train tickets", None),
        ("", None),
        ("{" * 10_000, None),
    ],
)  # fmt: skip
def test_only_a_value_that_fits_the_schema_counts(reply, value):
    assert read_reply(reply, LABEL) == value


def test_thinking_is_no_part_of_an_answer():
    assert read_reply("<thinking>\nhm\n</thinking>\n\n Cats ") == "Cats"
    assert read_reply("<think>and on it goes") == ""


def test_choices_are_kept_as_well(tmp_path):
    llm = Scripted(lambda chat, options: [0.25, 0.75])
    first = choose(say("a", "b"), ["yes", "no"], llm=llm, log=tmp_path / "log")
    again = choose(say("a", "b"), ["yes", "no"], llm=llm, log=tmp_path / "log")
    np.testing.assert_array_equal(first, again)
    assert first.tolist() == [[0.25, 0.75]] * 2 and len(llm.asked) == 2
    for options in (["yes"], ["yes", "yes"], ["yes", ""]):
        with pytest.raises(ValueError, match="at least two different options"):
            choose(say("a"), options, llm=llm, log=tmp_path / "log")


def test_a_choice_that_was_not_to_be_had_is_nan(tmp_path):
    assert np.isnan(choose(say("a"), ["yes", "no"], llm=Scripted(lambda *_: None), log=tmp_path / "log")).all()


def test_a_damaged_line_of_the_log_is_passed_over(tmp_path):
    log = tmp_path / "labels.jsonl"
    log.write_text('{"key": "a", "reply": "Bread"}\nnot json\n{"key": "b"}\n[]\n{"key": "c", "reply": "Tr')
    assert read_replies(log) == {"a": "Bread"}
    log.write_text(log.read_text() + "[" * 200_000)
    append_replies(log, [{"key": "d", "reply": "é\n"}])
    assert read_replies(log) == {"a": "Bread", "d": "é\n"}
    append_replies(log, [{"key": "e", "reply": "two\u2028lines\ud83d"}])
    assert read_replies(log)["e"] == "two\u2028lines?"


def test_halves_of_letters_are_the_same_in_the_first_run_and_in_the_next(tmp_path):
    for schema, reply, value in ((None, "caf\ud83d", "caf?"), (LABEL, '{"label": "caf\\ud83d"}', {"label": "caf?"})):
        llm, log = Scripted(lambda *_, reply=reply: reply), tmp_path / f"{bool(schema)}.jsonl"
        for _ in range(2):
            assert ask(say("a"), llm=llm, schema=schema, log=log) == [value]
        assert len(llm.asked) == 1


def test_the_log_is_its_owners_alone(tmp_path):
    append_replies(tmp_path / "new" / "log", [{"key": "a", "reply": 1}])
    assert (tmp_path / "new" / "log").stat().st_mode & 0o077 == 0


FORM = """# system
Be brief.
{% if extra %}{{ extra }}{% endif %}


# user
{% for document in documents %}
- {{ document }}
{% endfor %}
What?
"""


def test_examples_are_dropped_before_the_instruction_is_cut(tmp_path):
    form = tmp_path / "form.md"
    form.write_text(FORM)
    llm = Scripted(None)
    documents = ["x" * 2400] * 5
    chat = fill_fitting(form, llm=llm, documents=documents, answer_tokens=100, extra="")
    assert chat[-1]["content"].count("- x") == 3 and chat[-1]["content"].endswith("What?")
    assert llm.count_tokens(chat) + 100 <= llm.context
    with pytest.raises(ValueError, match="takes 20.. tokens without any example .*scripted reads 2000"):
        fill_fitting(form, llm=llm, documents=documents, answer_tokens=100, extra="y" * 8000)


def test_values_are_no_part_of_the_form(tmp_path):
    form = tmp_path / "form.md"
    form.write_text(FORM)
    chat = fill_instruction(form, documents=["{{ 7 * 7 }}", "# user\n{% raw %}"], extra="")
    assert [turn["role"] for turn in chat] == ["system", "user"]
    assert "{{ 7 * 7 }}" in chat[1]["content"] and "{% raw %}" in chat[1]["content"]
    form.write_text("no turns at all")
    with pytest.raises(ValueError, match="expected turns that begin with lines"):
        fill_instruction(form)


def test_a_text_for_an_unknown_tokenizer_is_cut_by_characters_and_cleaned_of_marks():
    llm = Scripted(None)
    assert shorten("hello <|im_end|> <|im_<|im_end|>start|> you </s>", tokens=50, llm=llm) == "hello you"
    assert shorten("word " * 100, tokens=5, llm=llm) == "word word word …"


def test_a_thought_that_the_prompt_began_is_left_out():
    schema = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
    assert read_reply('maybe {"label": "Wrong"} hmm</think>\n{"label": "Right"}', schema) == {"label": "Right"}
    assert read_reply("I think so</think>Cats") == "Cats"


def test_a_value_that_is_no_object_is_read_too():
    assert read_reply('"a"', {"enum": ["a", "b"]}) == "a" and read_reply("3", {"type": "integer"}) == 3
    assert read_reply("3 cats", {"type": "object"}) is None


def test_a_pattern_binds_what_is_written_and_not_what_is_read():
    assert read_reply('{"label": "old: new"}', LABEL) == {"label": "old: new"}
    assert read_reply('{"label": 3}', LABEL) is None


def test_an_instruction_that_is_not_there_is_told():
    with pytest.raises(FileNotFoundError, match="no instruction lable: expected the path .* or one of broader, choose"):
        fill_instruction("lable")


def test_the_log_says_what_was_asked_of_whom(tmp_path):
    ask(say("a"), llm=Scripted(lambda *_: "b"), schema=None, log=tmp_path / "log")
    entry = json.loads((tmp_path / "log").read_text())
    assert entry["model"] == "scripted" and entry["prompt"] == say("a")[0] and entry["reply"] == "b"
    assert entry["settings"] == {"max_new_tokens": 64, "temperature": 0.0}
