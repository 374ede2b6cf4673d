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
    "The night ferry from the island leaves at 9 in the evening and needs 95 minutes when the sea is calm. With a "
    "strong wind from the north it needs 30 minutes more. At what time does it arrive after a windy crossing?"
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


def found(texts, benchmarks, **asked):
    """Return (row, item, state) of the hits of texts."""
    hits = find_contamination(rows(*texts), benchmarks, **asked)
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


def test_a_short_item_may_be_split_but_not_found_in_two_places():
    item = "Do you have a favourite live action film about dogs then"
    halves = f"Do you have a favourite live {CHAT[0]} action film about dogs then"
    twice = f"Do you have a favourite live one? {CHAT[0]} A favourite live action film about dogs then"
    again = "Do you have a favourite live live action film about dogs then"
    hits = find_contamination(rows(halves, twice, again), items(item))
    assert hits[["id", "state", "longest_run", "found"]].values.tolist() == [
        ["r0", "contaminated", 6, 11],
        ["r2", "contaminated", 6, 11],
    ]


def test_a_smaller_n_makes_shorter_runs_count():
    row = edited(BAKER, 5)
    assert [found([row], items(BAKER), ngram=n) for n in (4, 5)] == [[("r0", "q0", "contaminated")], []]


def test_half_of_an_item_is_enough_and_less_is_not():
    words = BAKER.split()
    assert len(words) == 43
    assert found([" ".join(words[:21]), " ".join(words[:22])], items(BAKER)) == [("r1", "q0", "contaminated")]
    assert found([" ".join(words[:38]), " ".join(words[:39])], items(BAKER), share=0.9) == [
        ("r1", "q0", "contaminated")
    ]


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
    assert table["item"].tolist() == ["q0", "q1", "q2", "q3", "q4"]
    assert table["reason"].tolist() == ["too short"] * 4 + ["no text"]
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
    both = found([f"{texts[2]} {texts[0]}"], items(*texts))
    assert sorted(both) == [("r0", "q0", "contaminated"), ("r0", "q2", "contaminated")]


def test_an_item_that_stands_in_two_benchmarks_or_in_a_longer_one_is_found_there_too():
    longer = f"{CHAT[0]} {BAKER} {CHAT[1]}"
    both = pd.concat([items(BAKER, name="old"), items(FERRY, BAKER.upper(), longer, name="new")])
    hits = find_contamination(rows(f"{BAKER} {CHAT[2]}", longer), both)
    named = list(zip(hits["id"], hits["benchmark"], hits["item"], strict=True))
    assert named[:2] == [("r0", "old", "q0"), ("r0", "new", "q1")]
    assert named[2:] == [("r1", "new", "q2"), ("r1", "old", "q0"), ("r1", "new", "q1")]


def test_items_with_the_same_words_are_each_marked_as_they_are_written():
    texts = [BAKER, f"--- «{BAKER.upper()}»"]
    benchmarks = items(*texts)
    hits = find_contamination(rows(BAKER), benchmarks)
    spans = zip(texts, hits["item_begins"], hits["item_ends"], strict=True)
    assert [text[begins[0] : ends[0]] for text, begins, ends in spans] == [BAKER[:-1], BAKER.upper()[:-1]]


def test_one_word_of_its_own_tells_an_item_from_its_siblings():
    frame = "In the year of the great flood the town of {} lost both of its bridges and the old mill beside the weir."
    towns = ["Wells", "Ross", "Hay", "Bewdley"]
    texts = [frame.format(town) for town in towns]
    assert found(texts, items(*texts)) == [(f"r{i}", f"q{i}", "contaminated") for i in range(4)]
    assert found([frame.format("Ludlow")], items(*texts))[0][2] == "shared"
    near = texts[1].replace("town", "city").replace("both", "all")  # its own word is in no run of five
    assert found([near], items(*texts)) == [("r0", "q1", "contaminated")]


def test_siblings_more_than_lead_to_each_other_are_found_all_the_same(monkeypatch):
    from helpers.clean import item_index

    frame = "In the year of the great flood the town of Name{} lost its bridges and the old mill beside the weir."
    texts = [frame.format(number) for number in range(30)]
    monkeypatch.setattr(item_index, "FEW", 10)
    assert found(texts, items(*texts)) == [(f"r{i}", f"q{i}", "contaminated") for i in range(30)]
    parts = ["the old mill beside the weir", *texts]  # nothing leads to it but what all have
    assert ("r0", "q0", "contaminated") in found([texts[3]], items(*parts))


TEMPLATE = (
    "A gardener plants {} rows of tulips with {} bulbs in each row. The mice eat {} of the bulbs during the winter and "
    "she buys another {} bulbs in the spring. How many bulbs are in the garden at the end?"
)


def test_the_same_task_with_other_numbers_is_a_variant_and_stays():
    item = TEMPLATE.format(12, 25, 40, "1,500")
    cases = {
        "variant": [TEMPLATE.format(14, 30, 61, 90), TEMPLATE.format(7, 8, 9, "1,500"), TEMPLATE.format(1, 2, 3, 4)],
        "contaminated": [
            TEMPLATE.format(12, 25, 40, 1500),
            TEMPLATE.format("twelve", "twenty-five", "forty", "1500"),  # written out, they are the same
            TEMPLATE.format("many", "some", "most", "a few"),  # gone
            TEMPLATE.format(12, 25, 41, "1,500"),
        ],
    }
    for state, texts in cases.items():
        wanted = [(f"r{i}", "q0", state) for i in range(len(texts))]
        assert found(texts, items(item)) == wanted, state
        assert found(texts, items(item), numbers=False) == [(row, name, "contaminated") for row, name, _ in wanted]
    kept, dropped = drop_contaminated(rows(*cases["variant"]), find_contamination(rows(*cases["variant"]), items(item)))
    assert len(kept) == 3 and dropped.empty


def test_numbers_in_names_are_told_apart_too():
    frame = "Of the {} children who came to the lake on Friday, {} could swim well and the others had to stay ashore."
    item = items(frame.format("nineteen", "seven"))
    assert found([frame.format("thirty", "eight"), frame.format("19", "7")], item) == [
        ("r0", "q0", "variant"),
        ("r1", "q0", "contaminated"),
    ]


def test_numbers_in_digits_tell_more_than_those_in_names():
    frame = (
        "Two friends and their three dogs walk {} miles to the lake and then {} miles along it. How far do the two go?"
    )
    assert found([frame.format(12, 5), frame.format(13, 7)], items(frame.format(12, 5))) == [
        ("r0", "q0", "contaminated"),
        ("r1", "q0", "variant"),
    ]
    tail = "The two friends walk along the shore of the lake with all of their dogs for about {}"
    assert found([f"{tail.format('some good')} {CHAT[0]}", tail.format("maybe almost 15")], items(tail.format(12))) == [
        ("r0", "q0", "contaminated"),
        ("r1", "q0", "variant"),
    ]


def test_of_siblings_with_other_numbers_only_the_right_one_is_told():
    texts = [TEMPLATE.format(*numbers) for numbers in ((12, 25, 40, 90), (13, 26, 41, 91), (14, 27, 42, 92))]
    assert found([texts[1]], items(*texts)) == [("r0", "q1", "contaminated")]


GREETING = (
    "Hello and a very good morning to you, my dear assistant! I hope that you slept well and that all of your many "
    "circuits are warm. I have a little question today, and I would be glad if you could take your time for it."
)
QUOTATION = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness"
)


def test_what_several_items_have_in_common_makes_no_row_contaminated():
    asked = ["How do beavers keep their dams from leaking?", "Why does bread dough rise faster in a warm kitchen?"]
    benchmarks = items(*(f"{GREETING} {question}" for question in asked))
    assert {state for *_, state in found([f"{GREETING} {text}" for text in CHAT], benchmarks)} == {"shared"}
    assert found([f"{GREETING} {asked[1]}"], benchmarks) == [("r0", "q1", "contaminated")]
    preamble = "from typing import List, Dict, Tuple, Optional, Any\nimport math\nimport itertools\n\n"
    code = items(*(f"{preamble}def {name}(values: List[int]) -> int:\n    ..." for name in ("widest", "deepest")))
    clean = f"{preamble}class Shop:\n    prices: Dict[str, float] = {{}}"
    assert {state for *_, state in found([clean], code)} <= {"shared"}
    assert found([code["text"][1]], code) == [("r0", "q1", "contaminated")]


def test_a_quotation_that_is_less_than_half_of_an_item_does_not_matter():
    item = f'"{QUOTATION}": in which novel does this stand, who wrote it, in which two cities is it set, and which of '
    item += "the people in it gives his life for another one at the very end?"
    assert found([f"{text} {QUOTATION}. {text}" for text in CHAT], items(item)) == []


def test_what_is_given_as_common_is_no_items_own():
    """One item alone has the greeting, so only the user can tell that it is one; the report shows where to look."""
    item = f"{GREETING} How do beavers keep their dams from leaking?"
    texts = [f"{GREETING} {text}" for text in CHAT]
    hits = find_contamination(rows(*texts), items(item))
    assert hits["state"].eq("contaminated").all() and len(hits) == 3
    table = parts_in_common(hits, items(item))
    assert table[["item", "rows", "never"]].values.tolist() == [
        ["q0", 3, "How do beavers keep their dams from leaking"]
    ]
    assert parts_in_common(hits, items(item), rows=4).empty
    assert parts_in_common(find_contamination(rows(*texts, item), items(item)), items(item)).empty
    assert found([*texts, item], items(item), common=[GREETING]) == [
        *((f"r{i}", "q0", "shared") for i in range(3)),
        ("r3", "q0", "contaminated"),
    ]
    assert unsearched_items(items(item, GREETING), common=[GREETING])["reason"].tolist() == ["in a common text"]
    assert found([GREETING], items(item, GREETING), common=[GREETING]) == [("r0", "q0", "shared")]


def test_every_row_is_kept_or_dropped_in_order_with_the_item_it_holds():
    texts = rows(CHAT[0], f"{BAKER} {CHAT[1]}", edited(FERRY, 8), f"{MOSS[:120]} {BAKER}", CHAT[2])
    texts = texts.assign(topic=[4, 1, 2, 3, 0]).set_index(pd.Index([9, 8, 7, 6, 5]))
    hits = find_contamination(texts, items(*ITEMS))
    kept, dropped = drop_contaminated(texts, hits)
    assert kept["id"].tolist() == ["r0", "r2", "r4"] and kept.columns.tolist() == ["id", "text", "topic"]
    assert dropped["id"].tolist() == ["r1", "r3"] and dropped["topic"].tolist() == [1, 3]
    assert dropped["reason"].tolist() == ["contaminated"] * 2 and dropped["contaminated_by"].tolist() == ["exam q0"] * 2
    marks = mark_contaminated(texts, hits)
    assert marks["id"].tolist() == texts["id"].tolist()
    assert marks["contaminated_by"].tolist() == [None, "exam q0", None, "exam q0", None]
    assert marks["contamination"].tolist() == [None, "contaminated", "edited", "contaminated", None]
    assert marks["share"].isna().tolist() == [True, False, False, False, True]
    nothing = find_contamination(texts.head(0), items(*ITEMS))
    assert nothing.columns.tolist() == hits.columns.tolist() and nothing.dtypes.equals(hits.dtypes)
    assert drop_contaminated(texts, nothing)[1].columns.tolist() == dropped.columns.tolist()
    assert find_contamination(texts, items()).empty


def test_wrong_tables_and_settings_are_refused():
    good = items(*ITEMS)
    for wrong, message in [
        ((pd.DataFrame({"id": ["a"]}), good), "rows: no column 'text'; columns are id"),
        ((pd.concat([rows("a"), rows("b")]), good), "rows: 1 have the id of another one, r0"),
        ((rows("a"), good.drop(columns="item")), "benchmarks: no column 'item'"),
        ((rows("a"), pd.concat([good, good])), "8 have the benchmark and item of another one, exam q0"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            find_contamination(*wrong)
    with pytest.raises(ValueError, match="share above 0 and up to 1; got ngram 10, run 5, share 50"):
        find_contamination(rows("a"), good, share=50)
    with pytest.raises(ValueError, match='a column "share"'):
        drop_contaminated(rows("a").assign(share=1), find_contamination(rows("a"), good))
    with pytest.raises(ValueError, match="no such row, 'r0'"):
        mark_contaminated(rows("a").assign(id="x"), find_contamination(rows(BAKER), good))


def test_neither_order_nor_batches_matter(monkeypatch):
    texts = [*ITEMS, *CHAT, *(edited(text, 8) for text in ITEMS[:3]), f"{BAKER} {FERRY} {MOSS}", ""]
    table = rows(*texts)
    wanted = find_contamination(table, items(*ITEMS))
    shuffled = table.sample(frac=1, random_state=3)
    for batch_rows, letters in ((1, 10**9), (3, 10**9), (10**9, 200)):
        monkeypatch.setattr(decontaminating, "BATCH_ROWS", batch_rows)
        monkeypatch.setattr(decontaminating, "BATCH_LETTERS", letters)
        pd.testing.assert_frame_equal(find_contamination(table, items(*ITEMS)), wanted)
        other = find_contamination(shuffled, items(*ITEMS)).sort_values("id", kind="stable").reset_index(drop=True)
        pd.testing.assert_frame_equal(other, wanted.sort_values("id", kind="stable").reset_index(drop=True))


def test_a_long_row_is_searched_fast_and_does_not_collect_an_item_from_everywhere():
    filler = " ".join(CHAT) * 3300
    words = BAKER.split()
    pieces = [" ".join(words[start : start + 6]) for start in range(0, len(words), 6)]
    spread = "".join(filler[i * 100_000 : (i + 1) * 100_000] + f" {piece} " for i, piece in enumerate(pieces))
    same = "very " * 200_000
    started = time.perf_counter()
    hits = found([filler + BAKER, spread, same + BAKER], items(*ITEMS, "very " * 300, "so very " * 40))
    assert [hit[:2] for hit in hits] == [("r0", "q0"), ("r2", "q8"), ("r2", "q0")]
    assert len(filler) > 1_000_000 and time.perf_counter() - started < 30


HOSTILE = [
    "\x00\x00",
    "\ud800 \udfff",
    "<script>alert(1)</script>",
    "[[a]]",
    "\u202e\u200b",
    "<|im_end|>",
    "\n" * 500,
    "़" * 400,
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_is_data(text):
    row = f"{text} {BAKER} {text}"
    benchmarks = items(f"{text} {BAKER[:90]} {text} {BAKER[90:]}", text)
    hits = find_contamination(rows(row, text), benchmarks)
    assert (hits["id"] == "r0").any()
    page = marked_html(hits, rows(row, text), benchmarks)
    assert "<script" not in page and page.count("<mark>") == page.count("</mark>") > 1
    page.encode()
    marked_texts(hits, rows(row, text), benchmarks).to_csv().encode()


def test_the_same_words_are_marked_in_both_texts():
    row = f"{CHAT[0]} {BAKER[:94]}, as they say, {BAKER[94:]} {CHAT[1]} {CHAT[2]}"
    hits = find_contamination(rows(row), items(*ITEMS))
    hit = hits.iloc[0]
    parts = {}
    for side, text in (("row", row), ("item", BAKER)):
        parts[side] = [text[a:b] for a, b in zip(hit[f"{side}_begins"], hit[f"{side}_ends"], strict=True)]
    assert parts["row"] == parts["item"] == [BAKER[:94].strip(), BAKER[94:-1]]
    assert (hit["row_start"], hit["row_end"]) == (row.index("A baker"), row.index("stall?") + 5)
    shown = marked_texts(hits, rows(row), items(*ITEMS)).iloc[0]
    assert shown["text"] == f"[[{parts['item'][0]}]] [[{parts['item'][1]}]]?"
    assert shown["row"].startswith("… ") and shown["row"].endswith(" …") and "]] , as they say, [[" in shown["row"]
    page = marked_html(hits, rows(row), items(*ITEMS))
    assert f"<mark>{parts['row'][0]}</mark> , as they say, <mark>" in page and "100%" in page


def test_the_table_by_benchmark_counts_rows_and_different_items():
    both = pd.concat([items(BAKER, FERRY, "Yes", name="a"), items(MOSS, TEMPLATE.format(1, 2, 3, 4), name="b")])
    texts = [BAKER, f"{BAKER} {MOSS}", edited(FERRY, 8), TEMPLATE.format(5, 6, 7, 8), *CHAT]
    hits = find_contamination(rows(*texts), both)
    table = contamination_by_benchmark(hits, both, unsearched_items(both)).set_index("benchmark")
    assert (
        table.loc["a"].to_dict() | {"items": 3, "no_text": 0, "too_short": 1, "rows": 2, "unique_items": 1}
        == table.loc["a"].to_dict()
    )
    assert table.loc["all", ["items", "rows", "unique_items", "edited", "variant"]].tolist() == [5, 2, 2, 1, 1]
    assert table.loc["b", ["rows", "unique_items", "variant", "edited", "shared"]].tolist() == [1, 1, 1, 0, 0]


def naive(row, item, share):
    """Return how many words of an item a row has in runs of five or more that follow each other, by trying all."""
    runs = []
    for i in range(len(item)):
        for j in range(len(row)):
            if i and j and item[i - 1] == row[j - 1]:
                continue
            length = 0
            while i + length < len(item) and j + length < len(row) and item[i + length] == row[j + length]:
                length += 1
            runs += [(j, i, length)] if length >= 5 else []
    best = {}
    for j, i, length in sorted(runs):
        best[j, i, length] = length
        for (b, a, before), words in list(best.items()):
            cut = max(a + before - i, b + before - j, 0)
            near = j - b - before <= (3 if cut else 40 * min(before, length))
            if a < i and b < j and cut < length and near and words > cut:
                best[j, i, length] = max(best[j, i, length], words + length - cut)
    most = max(best.values(), default=0)
    return most if most >= max(share * len(item), min(10, len(item))) else 0


words_of = {letter: f"{letter}word" for letter in "abcd"}
texts_of = st.lists(st.sampled_from("abcd"), min_size=5, max_size=16).map("".join)


@settings(max_examples=200)
@given(item=texts_of, pieces=st.lists(st.tuples(texts_of, st.integers(0, 16), st.integers(0, 16)), max_size=5))
def test_a_single_item_is_found_as_a_naive_matcher_finds_it(item, pieces):
    """Rows are made of pieces of the item and other words."""
    row = "".join(other + item[min(start, stop) : max(start, stop)] for other, start, stop in pieces)
    written = [" ".join(words_of[letter] for letter in text) for text in (item, row)]
    hits = find_contamination(rows(written[1]), items(written[0]))
    assert hits["found"].sum() == naive(row, item, 0.5)


@settings(max_examples=100)
@given(texts=st.lists(texts_of, min_size=1, max_size=8, unique=True), row=st.lists(texts_of, max_size=4).map("".join))
def test_of_many_items_none_is_missed_but_what_another_one_explains(texts, row):
    written = [" ".join(words_of[letter] for letter in text) for text in (*texts, row)]
    hits = find_contamination(rows(written[-1]), items(*written[:-1]))
    wanted = {f"q{i}": naive(row, text, 0.5) for i, text in enumerate(texts)}
    assert all(wanted[hit.item] == hit.found for hit in hits.itertuples())
    for i, text in enumerate(texts):
        if wanted[f"q{i}"] == len(text):  # whole, so nothing explains it
            assert (hits["item"] == f"q{i}").any()
        if wanted[f"q{i}"]:
            assert len(hits)
    table = contamination_by_ngram(hits, ngrams=(5, 6, 8)).set_index("n")["rows"]
    for n in table.index:
        again = find_contamination(rows(written[-1]), items(*written[:-1]), ngram=n)
        assert again["state"].eq("contaminated").any() == table[n]


@pytest.mark.shared
def test_all_plants_are_found_and_every_clean_row_stays(shared):
    """Of light edits four fifths are asked for."""
    with gzip.open(shared / "contamination_planted_dev.jsonl.gz", "rt") as lines:
        records = [json.loads(line) for line in lines]
    texts = ["\n".join(turn["content"] for turn in record["messages"]) for record in records]
    table = pd.DataFrame({"id": [record["id"] for record in records], "text": texts})
    table["kind"] = [record["kind"] for record in records]
    benchmarks = read_benchmarks([str(shared / f"benchmarks/{name}.jsonl.gz") for name in ("gsm8k_test", "humaneval")])
    started = time.perf_counter()
    hits = find_contamination(table, benchmarks)
    kept, dropped = drop_contaminated(table, hits)
    assert time.perf_counter() - started < 20
    assert dropped["kind"].value_counts().to_dict() == dict.fromkeys(
        ["exact", "embedded", "normalised", "in_answer", "light_edit"], 60
    )
    assert kept["kind"].eq("clean").all() and len(kept) == 3070
    planted = {record["id"]: f"gsm8k_test {record['benchmark_id']}" for record in records if record["contaminated"]}
    assert np.all(dropped["contaminated_by"] == dropped["id"].map(planted))
