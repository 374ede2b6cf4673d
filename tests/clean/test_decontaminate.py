"""Benchmark items are found however they stand in a row, and rows that only look like them stay."""

import gzip
import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.clean import decontaminate as decontaminating
from helpers.clean.benchmarks import read_benchmarks
from helpers.clean.contamination_report import (
    contamination_by_benchmark,
    contamination_by_ngram,
    marked_html,
    marked_texts,
    parts_in_common,
    unsearched_items,
)
from helpers.clean.decontaminate import drop_contaminated, find_contamination, mark_contaminated
from helpers.clean.words import split_words

BAKER = (
    "A baker in Trieste fills 14 trays with 36 almond rolls each before the market opens. He sells five sixths of them "
    "to hotels along the harbour and gives 22 to the school. How many almond rolls are left for the market stall?"
)
FERRY = (
    "The night ferry from the island leaves at 21:40 and needs 95 minutes when the sea is calm. With a strong wind from "
    "the north it needs 30 minutes more. At what time does it arrive after a windy crossing?"
)
MOSS = (
    "Which of these explains best why moss grows on the shaded side of an old stone wall, where hardly any sun falls "
    "and the joints stay damp through most of the summer?"
)
CODE = '''from typing import List

def longest_climb(heights: List[int]) -> int:
    """ Given the heights of the points of a path, return how far it goes up without a step down.
    >>> longest_climb([3, 5, 4, 6, 9])
    5
    """
'''
SHORT = "What do glow worms use their light for?"
SPANISH = (
    "Una panadería del puerto vende por la mañana tres cuartas partes de sus barras y por la tarde la mitad de las que "
    "quedan; si al cerrar todavía tiene veinte barras, ¿con cuántas empezó el día?"
)
CHINESE = "小明家的果园里有苹果树和梨树共一百二十棵，其中苹果树的棵数是梨树的三倍，请问果园里有多少棵苹果树？"
EMOJI = "🍎🍐🍊🍋🍌🍉🍇🍓🫐🍒🍑🥭"
ITEMS = [BAKER, FERRY, MOSS, CODE, SHORT, SPANISH, CHINESE, EMOJI]
CHAT = [
    "We moved the garden table under the walnut tree, and now the whole family has breakfast there on Sundays.",
    "I never liked the sequel as much as the first film, although the music in the last scene is wonderful.",
    "Could you recommend a quiet place near the station where I can work for an hour or two before my train leaves?",
]


def items(*texts, name="exam"):
    return pd.DataFrame({"benchmark": name, "item": [f"q{i}" for i in range(len(texts))], "text": texts})


def rows(*texts):
    return pd.DataFrame({"id": [f"r{i}" for i in range(len(texts))], "text": texts})


def found(texts, benchmarks, **settings):
    """Return (row, item, state) of the hits of texts."""
    hits = find_contamination(rows(*texts), benchmarks, **settings)
    return list(zip(hits["id"], hits["item"], hits["state"], strict=True))


def edited(text, every):
    words = text.split()
    return " ".join(f"pfff{i}" if i % every == every - 1 else word for i, word in enumerate(words))


@pytest.mark.parametrize("item", ITEMS, ids=lambda text: text[:12])
@pytest.mark.parametrize("form", ["exact", "embedded", "shouted", "lines", "answer"])
def test_an_item_is_found_in_any_script_however_it_is_written(item, form):
    forms = {
        "exact": item,
        "embedded": f"{CHAT[0]} By the way: {item}\nThanks, no hurry. {CHAT[1]}",
        "shouted": item.upper().replace(",", " ,").replace("?", "!!"),
        "lines": "\n  ".join(re.findall(r".{1,9}(?:\s|$)|.{1,9}", item)) if " " in item else item,
        "answer": f"user: Give me an example.\nassistant: Sure, here is one:\n{item}",
    }
    number = ITEMS.index(item)
    assert found([CHAT[2], forms[form]], items(*ITEMS)) == [("r1", f"q{number}", "contaminated")]


def test_rows_without_an_item_have_no_hit():
    assert found([*CHAT, "", "?!", None], items(*ITEMS)) == []


@pytest.mark.parametrize("item", [BAKER, FERRY, MOSS, SPANISH])
def test_an_edit_every_eighth_word_is_reported_and_found_with_n_below_eight(item):
    row = edited(item, 8)
    assert found([row], items(*ITEMS))[0][2] == "edited"
    for n in (5, 6, 7):
        assert found([row], items(*ITEMS), ngram=n)[0][2] == "contaminated"
    table = contamination_by_ngram(find_contamination(rows(row), items(*ITEMS))).set_index("n")["rows"]
    assert table.to_dict() == {5: 1, 6: 1, 7: 1, 8: 0, 10: 0, 13: 0}


def test_the_table_by_n_tells_what_another_n_would_find():
    texts = [edited(text, every) for text in (BAKER, FERRY, MOSS, SPANISH) for every in (6, 7, 8, 9, 11, 12, 14, 40)]
    texts += [BAKER[:150], f"{MOSS[:90]} hm {MOSS[90:]}", SHORT, *CHAT]
    hits = find_contamination(rows(*texts), items(*ITEMS))
    table = contamination_by_ngram(hits)
    assert table["rows"].is_monotonic_decreasing and table["rows"].nunique() > 3
    for n, count in zip(table["n"], table["rows"], strict=True):
        again = find_contamination(rows(*texts), items(*ITEMS), ngram=n)
        assert again.loc[again["state"] == "contaminated", "id"].nunique() == count


@pytest.mark.parametrize("reply", [0, 3, 40, 250])
def test_an_item_split_over_two_turns_is_found(reply):
    between = " ".join([*CHAT, *CHAT] * 5).split()[:reply]
    words = BAKER.split()
    row = f"user: {' '.join(words[:19])}\nassistant: {' '.join(between)}\nuser: {' '.join(words[19:])}"
    hits = find_contamination(rows(row), items(*ITEMS))
    assert hits["state"].tolist() == ["contaminated"] and hits["share"].iloc[0] == 1
    assert hits["longest_run"].iloc[0] < len(words) and len(hits["row_begins"].iloc[0]) == 2


def test_pieces_far_apart_or_in_another_order_do_not_add_up():
    words = split_words(BAKER)
    pieces = [" ".join(words[start : start + 7]) for start in range(0, len(words), 7)]
    filler = " ".join(CHAT * 8)
    assert found([f" {filler} ".join(pieces)], items(BAKER)) == []
    assert found([" ".join(pieces[::-1])], items(BAKER)) == []
    assert found([" oh ".join(pieces)], items(BAKER)) == [("r0", "q0", "edited")]


def test_half_of_an_item_is_enough_and_less_is_not():
    words = BAKER.split()
    shares = {part: found([" ".join(words[:part])], items(BAKER)) for part in (18, 19, 20, 30)}
    assert len(words) == 39
    assert shares == {18: [], 19: [], 20: [("r0", "q0", "contaminated")], 30: [("r0", "q0", "contaminated")]}
    assert found([" ".join(words[:30])], items(BAKER), share=0.9) == []


def test_scattered_words_do_not_add_up():
    assert found([edited(BAKER, 4), edited(MOSS, 5), BAKER[::-1]], items(BAKER, MOSS)) == []


@pytest.mark.parametrize("words", range(4, 10))
def test_an_item_of_fewer_than_ten_words_is_there_whole_or_not_at_all(words):
    text = " ".join("Why do salmon swim up the rivers every autumn".split()[:words])
    without = " ".join(text.split()[:-1])
    assert found([f"Tell me: {text}? Thanks", f"Tell me: {without}", edited(text, 3)], items(text)) == [
        ("r0", "q0", "contaminated")
    ]


def test_items_that_are_too_short_are_not_searched_and_listed():
    benchmarks = items("Yes", "Is it so?", "I I I I", "你好世界", "", SHORT)
    assert found(["Yes. Is it so? I I I I 你好世界"], benchmarks) == []
    table = unsearched_items(benchmarks)
    assert table["item"].tolist() == ["q0", "q1", "q2", "q3", "q4"] and set(table["reason"]) == {"too short"}
    assert found(["Is it so, Anna?"], benchmarks, least=3)[0][1] == "q1"


def test_all_items_that_share_their_words_are_found_each_in_its_row():
    """A known program keeps one item of an n-gram, and misses the rows with the others."""
    story = MOSS.replace("Which of these explains best", "Someone in the village explains")
    asked = [
        "Who was the first person in the village to notice it at all?",
        "What would have to change so that nothing grows there any longer?",
        "Where else in the village would one have to look for the same plant?",
    ]
    texts = [f"{story} {question}" for question in asked]
    hits = [("r0", "q0", "contaminated"), ("r1", "q1", "contaminated"), ("r2", "q2", "contaminated")]
    assert found(texts, items(*texts)) == hits
    assert found([f"{texts[2]} {texts[0]}"], items(*texts)) == [
        ("r0", "q0", "contaminated"),
        ("r0", "q2", "contaminated"),
    ]


def test_an_item_that_stands_in_two_benchmarks_or_in_a_longer_one_is_found_there_too():
    both = pd.concat([items(BAKER, name="old"), items(FERRY, BAKER.upper(), f"{CHAT[0]} {BAKER} {CHAT[1]}", name="new")])
    hits = find_contamination(rows(f"{BAKER} {CHAT[2]}"), both)
    assert list(zip(hits["benchmark"], hits["item"], strict=True)) == [("old", "q0"), ("new", "q1")]
    whole = find_contamination(rows(f"{CHAT[0]} {BAKER} {CHAT[1]}"), both)
    assert list(zip(whole["benchmark"], whole["item"], strict=True)) == [("old", "q0"), ("new", "q1"), ("new", "q2")]


def test_one_word_of_its_own_tells_an_item_from_its_siblings():
    frame = "In the year of the great flood the town of {} lost both of its bridges and the old mill beside the weir."
    towns = ["Wells", "Ross", "Hay", "Bewdley"]
    texts = [frame.format(town) for town in towns]
    assert found(texts, items(*texts)) == [(f"r{i}", f"q{i}", "contaminated") for i in range(4)]
    assert found([frame.format("Ludlow")], items(*texts))[0][2] == "shared"


def test_siblings_more_than_lead_to_each_other_are_found_all_the_same(monkeypatch):
    from helpers.clean import item_index

    frame = "In the year of the great flood the town of Name{} lost both of its bridges and the old mill beside the weir."
    texts = [frame.format(number) for number in range(30)]
    monkeypatch.setattr(item_index, "FEW", 10)
    assert found(texts, items(*texts)) == [(f"r{i}", f"q{i}", "contaminated") for i in range(30)]
    parts = ["the old mill beside the weir", *texts]  # nothing leads to it but what all have
    assert ("r0", "q0", "contaminated") in found([texts[3]], items(*parts))
