"""Long texts of the packaged model, with transformers as the oracle, and of a writer that does as it is told."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.llm import draw as drawing
from helpers.llm.draw import LENGTH, LOOP, STOP, Sampling, Written, pick
from helpers.llm.find import find_llm
from helpers.llm.local import LocalLLM
from helpers.llm.write import write_texts, writing_speed


def say(*words):
    return [[{"role": "user", "content": word}] for word in words]


class Author:
    """Writes what a test tells it to, one text at a time, and remembers what it was asked."""

    name, facts, tokenizer = "author", {"model": "author", "revision": "1"}, None

    def __init__(self, answer=lambda word, _: Written(word.upper(), STOP, 3)):
        self.answer, self.asked, self.seeds = answer, [], {}

    def write(self, chats, *, seeds, sampling, skip=(), tell=lambda _: None):
        tell(0)
        for place, (chat, seed) in enumerate(zip(chats, seeds, strict=True)):
            if place not in skip:
                word = chat[-1]["content"]
                self.asked.append(word)
                self.seeds[word, place] = seed
                written = self.answer(word, len(self.asked))
                tell(written.tokens)
                yield {place: written}


def test_texts_come_in_the_order_of_the_chats_and_a_second_run_writes_none(tmp_path):
    author = Author()
    first = write_texts(say("b", "a"), llm=author, log=tmp_path / "log")
    assert [(one.text, one.finish_reason, one.tokens) for one in first] == [("B", STOP, 3), ("A", STOP, 3)]
    assert write_texts(say("b", "a"), llm=author, log=tmp_path / "log") == first and author.asked == ["b", "a"]


def test_other_settings_ids_and_models_write_anew_and_another_address_does_not(tmp_path):
    log = tmp_path / "log"
    write_texts(say("a"), llm=Author(), ids=["1"], log=log)
    for other in ({"temperature": 0.7}, {"seed": 1}, {"max_new_tokens": 9}, {"top_k": 0}, {"ids": ["2"]}):
        author = Author()
        write_texts(say("a"), llm=author, log=log, **({"ids": ["1"]} | other))
        assert author.asked == ["a"], other
    author = Author()
    author.facts = {"model": "author", "revision": "1", "server": "http://127.0.0.1:1/v1"}
    write_texts(say("a"), llm=author, ids=["1"], log=log)
    assert author.asked == []
    author.facts = {"model": "author", "revision": "2"}
    write_texts(say("a"), llm=author, ids=["1"], log=log)
    assert author.asked == ["a"]


def test_one_prompt_asked_twice_gives_two_texts(tmp_path):
    author = Author(lambda word, count: Written(f"{word}{count}", STOP, 1))
    texts = write_texts(say("a", "a"), llm=author, log=tmp_path / "log")
    assert [one.text for one in texts] == ["a1", "a2"] and len(set(author.seeds.values())) == 2
    with pytest.raises(ValueError, match="different ids, got 'x' 2 times"):
        write_texts(say("a", "b"), llm=author, ids=["x", "x"], log=tmp_path / "log")


def test_what_is_drawn_depends_on_the_prompt_its_id_and_the_seed_alone(tmp_path):
    whole, rest = Author(), Author()
    write_texts(say("a", "b", "c"), llm=whole, ids=["1", "2", "3"], log=tmp_path / "whole")
    write_texts(say("c", "a"), llm=rest, ids=["3", "1"], log=tmp_path / "rest")
    assert [whole.seeds["a", 0], whole.seeds["c", 2]] == [rest.seeds["a", 1], rest.seeds["c", 0]]
    assert len(set(whole.seeds.values())) == 3 and all(0 <= seed < 2**31 for seed in whole.seeds.values())


def test_after_a_crash_only_the_missing_ones_are_written(tmp_path):
    def crash(word, count):
        if count == 3:
            raise ConnectionError("gone")
        return Written(word, STOP, 1)

    with pytest.raises(ConnectionError):
        write_texts(say(*"abcd"), llm=Author(crash), log=tmp_path / "log")
    with (tmp_path / "log").open("a") as log:
        log.write('{"key": "half a li')
    author = Author(lambda word, _: Written(word, STOP, 1))
    assert [one.text for one in write_texts(say(*"abcd"), llm=author, log=tmp_path / "log")] == list("abcd")
    assert author.asked == ["c", "d"]


def test_a_prompt_that_failed_says_why_and_is_asked_again(tmp_path):
    fails = Author(lambda word, _: Written(None, cause="too hot") if word == "b" else Written(word, STOP, 1))
    first = write_texts(say("a", "b"), llm=fails, log=tmp_path / "log")
    assert (first[1].text, first[1].cause) == (None, "too hot")
    author = Author()
    assert [one.text for one in write_texts(say("a", "b"), llm=author, log=tmp_path / "log")] == ["a", "B"]
    assert author.asked == ["b"]


def test_hostile_texts_are_the_same_from_the_model_and_from_the_log(tmp_path):
    texts = ["\ud83d half", "\x00", "two\u2028lines\r\n", "", "<script>", "x" * 1_000_000, '"}\n{"key": 1}']
    author = Author(lambda word, _: Written(texts[int(word)], LENGTH, 1))
    chats = say(*map(str, range(len(texts))))
    first = write_texts(chats, llm=author, log=tmp_path / "log")
    again = write_texts(chats, llm=Author(), log=tmp_path / "log")
    assert [one.text for one in first] == [one.text for one in again] == ["? half", *texts[1:]]
    assert write_texts([], llm=author, log=tmp_path / "none") == []


def test_the_log_says_what_was_asked_of_whom_and_how_fast_it_came(tmp_path):
    write_texts(say("a", "b"), llm=Author(), ids=["1", "2"], log=tmp_path / "log")
    entries = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert entries[0]["id"] == "1" and entries[0]["model"] == "author" and entries[0]["settings"]["top_p"] == 0.95
    assert entries[1]["reply"] == {"text": "B", "finish_reason": STOP, "tokens": 3}
    (tmp_path / "log").write_text("".join(json.dumps(entry | {"seconds": 2}) + "\n" for entry in entries) + "[1]\n{")
    assert writing_speed(tmp_path / "log") == {"texts": 2, "tokens": 6, "seconds": 4, "tokens_per_second": 1.5}
    assert writing_speed(tmp_path / "none")["tokens_per_second"] == 0


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"top_k": -1}, {"repetition_penalty": 0}, {"max_new_tokens": 0},
     {"min_new_tokens": 9, "max_new_tokens": 8}],
)  # fmt: skip
def test_settings_out_of_range_are_told(wrong, tmp_path):
    with pytest.raises(ValueError, match="expected .* got"):
        write_texts(say("a"), llm=Author(), log=tmp_path / "log", **wrong)


@settings(max_examples=40)
@given(
    st.integers(0, 2**20),
    st.floats(0.3, 2),
    st.sampled_from([0, 1, 5, 50]),
    st.sampled_from([0.1, 0.5, 0.95, 1.0]),
)
def test_words_are_drawn_as_often_as_transformers_would(seed, temperature, top_k, top_p):
    """The oracle are the chances that are left by transformers' own warpers, over an even grid of numbers."""
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    scores = torch.from_numpy(np.random.default_rng(seed).normal(0, 2, (1, 20))).float()
    wanted = TemperatureLogitsWarper(temperature)(None, scores)
    wanted = TopKLogitsWarper(top_k)(None, wanted) if top_k else wanted
    wanted = TopPLogitsWarper(top_p)(None, wanted).softmax(-1)[0]
    count = 4001
    numbers = torch.linspace(0, 1 - 1e-9, count, dtype=torch.float64)[:, None]
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    drawn = pick(scores.expand(count, -1), numbers, sampling)[:, 0]
    found = torch.bincount(drawn, minlength=20) / count
    np.testing.assert_allclose(found, wanted, atol=2 / count * 2)


@pytest.mark.parametrize(
    ("tokens", "room", "looped", "text", "reason"),
    [
        ([1, 2, 9, 9, 9], 5, None, [1, 2], STOP),
        ([1, 2, 3, 4, 5], 5, None, [1, 2, 3, 4, 5], LENGTH),
        ([1, 2, 3, 9, 9], 3, None, [1, 2, 3], LENGTH),  # others of the batch had more room
        ([1, 1, 1, 9, 9], 5, 3, [1, 1, 1], LOOP),  # stopped, then filled up with what ends a text
        ([1, 9, 9, 9, 9], 5, 4, [1], STOP),  # only what fills it up is a loop
        ([1, 2, 0, 0, 0], 2, 5, [1, 2], LENGTH),
        ([9, 9], 2, None, [], STOP),
    ],
)
def test_why_a_text_ended(tokens, room, looped, text, reason):
    assert drawing._finished(tokens, room, looped, [9]) == (text, reason)


@pytest.fixture(scope="module")
def full(smollm):
    """The packaged LLM in 32-bit: in it companions in a batch move less than what decides a word."""
    llm = find_llm(model="SmolLM2-135M-Instruct", quantization="none")
    llm.model.float()
    return llm


def with_batches(llm, size, context=None):
    """Return the same loaded model with another batch size and, if so said, a shorter context."""
    other = LocalLLM(llm.name, llm.path, llm.revision, llm.quantization, batch_size=size)
    other.__dict__.update(model=llm.model, tokenizer=llm.tokenizer, **({"context": context} if context else {}))
    return other


ASKED = say(
    "Write one sentence about rain.",
    "Write one sentence about a fox, a river and what they have to do with each other.",
    "Name a colour.",
    "Write a word.",
)


def test_the_penalty_is_that_of_transformers(full, tmp_path):
    """Each chat by itself, without padding and without a shared start, and the most likely word each time."""
    from transformers import GenerationConfig

    found = write_texts(ASKED, llm=full, log=tmp_path / "log", temperature=0, max_new_tokens=8)
    for chat, written in zip(ASKED, found, strict=True):
        read = full.tokenizer(full.prompt(chat), return_tensors="pt", add_special_tokens=False)
        end = full.tokenizer.eos_token_id
        config = GenerationConfig(max_new_tokens=8, repetition_penalty=1.2, eos_token_id=end, pad_token_id=end)
        output = full.model.generate(**read, generation_config=config)[0, read["input_ids"].shape[1] :]
        assert written.text == full.tokenizer.decode(output, skip_special_tokens=True)
        assert written.finish_reason == (STOP if end in output.tolist() else LENGTH)
        assert written.tokens == len(output) - output.tolist().count(end)


def test_companions_in_a_batch_do_not_change_what_is_drawn(full, tmp_path):
    told = {"max_new_tokens": 8, "temperature": 1.0}
    together = write_texts(ASKED, llm=full, ids="1234", log=tmp_path / "together", **told)
    for name, chat, wanted in zip("1234", ASKED, together, strict=True):
        assert write_texts([chat], llm=full, ids=[name], log=tmp_path / name, **told) == [wanted]
    other = write_texts(ASKED, llm=full, ids="1234", log=tmp_path / "other", seed=1, **told)
    assert [one.text for one in other] != [one.text for one in together]


def test_a_stopped_run_goes_on_with_the_batches_it_would_have_made(full, tmp_path):
    few, lots = with_batches(full, 2), []
    whole = write_texts(ASKED, llm=few, log=tmp_path / "log", max_new_tokens=6)
    lines = (tmp_path / "log").read_text().splitlines(keepends=True)
    (tmp_path / "log").write_text("".join(lines[:1]))  # one of a batch of two

    class Watched(Author):
        def write(self, chats, **settings):
            for came in few.write(chats, **settings):
                lots.append(len(came))
                yield came

    watched = Watched()
    watched.name, watched.facts = few.name, few.facts
    assert write_texts(ASKED, llm=watched, log=tmp_path / "log", max_new_tokens=6) == whole
    assert [lot for lot in lots if lot] == [1, 2]


def test_a_text_has_the_room_that_its_prompt_leaves_and_no_other_is_cut(full, tmp_path, capsys):
    sizes = [full.count_tokens(chat) for chat in ASKED]
    small = with_batches(full, 4, context=sizes[1] + 5)
    long = say("word " * 200)
    texts = write_texts([*ASKED, *long], llm=small, log=tmp_path / "log", max_new_tokens=9, min_new_tokens=5)
    assert [one.tokens for one in texts[:2]] == [9, 5] and texts[1].finish_reason == LENGTH
    assert texts[4].text is None and f"tokens, and {full.name} reads {sizes[1] + 5}" in texts[4].cause
    assert "1 prompts leave fewer than 9 for their texts, 5 at least" in capsys.readouterr().out
    assert len((tmp_path / "log").read_text().splitlines()) == 4


def test_a_text_that_says_one_thing_again_and_again_is_stopped(full, tmp_path):
    chats = say("Say no for ever: no no no no no no no no no no no no no no no no", "Name a colour.")
    told = {"temperature": 0, "repetition_penalty": 1, "max_new_tokens": 72}
    loop, colour = write_texts(chats, llm=full, log=tmp_path / "log", **told)
    assert loop.finish_reason == LOOP and 30 <= loop.tokens < 72 and "no no no" in loop.text
    assert colour.finish_reason != LOOP


def test_a_prompt_without_the_memory_for_it_fails_alone(full, tmp_path, monkeypatch, capsys):
    from helpers.llm import local

    def small(model, starts, **settings):
        if len(starts) > 1 or len(starts[0].tokens) == max(sizes):
            raise RuntimeError("CUDA out of memory")
        return [([start.tokens[-1]], STOP) for start in starts]

    sizes = [full.count_tokens(chat) for chat in ASKED]
    monkeypatch.setattr(local, "draw", small)
    texts = write_texts(ASKED, llm=full, log=tmp_path / "log")
    assert [one.text is None for one in texts] == [False, True, False, False]
    assert texts[1].cause == f"out of memory with a prompt of {max(sizes)} tokens by itself"
    assert "out of memory: 2 prompts at once in place of 4" in capsys.readouterr().out


def test_a_prompt_that_the_template_refuses_fails_alone(full, tmp_path, monkeypatch):
    mine = with_batches(full, 4)
    strict = "{% if 'fox' in messages[0]['content'] %}{{ raise_exception('no foxes') }}{% endif %}"
    monkeypatch.setattr(mine.tokenizer, "chat_template", strict + mine.tokenizer.chat_template)
    texts = write_texts(ASKED[:3], llm=mine, log=tmp_path / "log", max_new_tokens=2)
    assert [one.text is None for one in texts] == [False, True, False] and "no foxes" in texts[1].cause


def test_min_new_tokens_are_written(full, tmp_path):
    chats = say("Say yes.", "Say no.")
    texts = write_texts(chats, llm=full, log=tmp_path / "log", max_new_tokens=12, min_new_tokens=10)
    assert all(one.tokens >= 10 for one in texts)
