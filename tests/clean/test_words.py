"""The same words in other cases, accents and widths are equal, in any script; places and hashes belong to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.clean import words as words_module
from helpers.clean.words import hash_ngrams, hash_words, locate_words, split_words

LETTERS = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("aZ9_'’-.,` \n\x1c\u200dé電ก🎉\ud800")), max_size=30
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("¿Qué   pasó, Ñandú? ¡NADA!", ["que", "paso", "nandu", "nada"]),
        ("電影很好看。", ["電", "影", "很", "好", "看"]),
        ("ผมกิน ข้าว", ["ผ", "ม", "กิ", "น", "ข้", "า", "ว"]),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("مَرْحَبًا بِكُم", ["مرحبا", "بكم"]),
        ("🎉🎉 yes 👍🏽❤️", ["🎉", "🎉", "yes", "👍🏽", "❤"]),
        ("Don't, DON’T: state-of-the-art; a--b 'quoted'", ["dont", "dont", "stateoftheart", "a", "b", "quoted"]),
        ("1,000.50 is 1000.50, U.S. 3,a", ["100050", "is", "100050", "u", "s", "3", "a"]),
        ("x_1 = f(y)+2", ["x_1", "f", "y", "2"]),
        ("?!? ...", ["?!?", "..."]),
        (" \n\t", []),
        ("", []),
        ("a\x00b\ud800c", ["a", "b", "c"]),
    ],
)
def test_words_of_many_scripts(text, words):
    assert split_words(text) == words
    assert locate_words(text)[0] == words


def test_what_reads_alike_is_alike():
    plain = split_words("Naive cafe, strasse: final 12 e's")
    assert split_words("NAÏVE cafe\u0301, straße: ﬁnal １２ e’s") == plain


@given(LETTERS)
def test_places_are_those_of_the_words(text):
    words, places = locate_words(text)
    assert words == split_words(text) and len(places) == len(words)
    starts, ends = places[:, 0], places[:, 1]
    assert (starts < ends).all() and (ends[:-1] <= starts[1:]).all()
    assert [split_words(text[start:end]) for start, end in places] == [[word] for word in words]
    assert bool(words) == bool(text.strip())


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=60))
def test_plain_letters_are_split_as_all_others(text):
    plain, general = words_module._PLAIN_WORD.findall(text), words_module._WORD.findall(text)
    assert plain == general


def test_hashes_are_xxhash_and_the_same_in_every_process():
    assert hash_words(["abc", ""]).tolist() == [0x44BC2CF5AD770999, 0xEF46DB3751D8E999]  # of its own test vectors
    assert len(hash_words(["\ud800"])) == 1


@given(st.lists(st.integers(0, 2**64 - 1), max_size=12), st.integers(1, 6))
def test_hashes_of_ngrams_are_a_polynomial(hashes, n):
    step = 0x9E3779B97F4A7C15
    wanted = [
        sum(one * step ** (n - 1 - place) for place, one in enumerate(hashes[start : start + n])) % 2**64
        for start in range(len(hashes) - n + 1)
    ]
    assert hash_ngrams(np.array(hashes, dtype=np.uint64), n).tolist() == wanted
