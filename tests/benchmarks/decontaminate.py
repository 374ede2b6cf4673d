"""Planted benchmark items: who finds them, by kind, and which clean rows are dropped by mistake.

    python tests/benchmarks/decontaminate.py PLANTED BENCHMARK [BENCHMARK ...] [--many 50000]

PLANTED: JSON Lines of conversations with contaminated, kind and benchmark_id. BENCHMARK: a file of items. Beside the
plants of the file there are harder ones, made here of the benchmarks' items and of others that are made for it, and
clean rows that look like items: the same task with other numbers, a greeting, a story or a preamble that several items
have. Compared are this kit at its defaults and with ngram 7; the rule of Cosmopedia's decontamination as its README
and code tell it (an index that keeps one item of each 10-gram, the first hit alone, difflib's blocks of more than five
letters over half of the item's); and the plain rule to drop whatever shares 12 words in a row with an item, as
datatrove's does by default.

--many: seconds for 10,000 of the rows where there are so many items more, made by a chain of word pairs.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from helpers.clean.benchmarks import read_benchmarks
from helpers.clean.decontaminate import find_contamination
from helpers.text.sources.records import Record, read_records

EACH = 60  # plants of a kind
ANIMALS = "otters beavers herons badgers hedgehogs swifts salmon newts owls bats moles foxes".split()
ACTS = ["sleep", "hide their food", "change colour", "leave the river", "sing before dawn"]
GREETING = (
    "Good morning, and thank you so much for taking the time! I am a student in my second year and I have been stuck on "
    "this since yesterday, so please explain every step slowly and check your result before you send it to me."
)
ASKED = ["What should be done first?", "Which of the people in it is right, and why?", "How could one check the result?"]
PREAMBLE = "from typing import List\n\n\n"


def make_plants(items: pd.DataFrame, fill: list[str], random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return further items, and rows: id, text, kind, benchmark and item that is in each, none in a clean one."""
    long = items[items["text"].str.split().str.len().between(25, 80)]
    numbered = long[long["text"].str.count(r"\d") > 1]
    chosen = long.sample(EACH, random_state=0)["text"].tolist()
    short = [f"Why do {one} {act} in winter?" for one in ANIMALS for act in ACTS][:EACH]
    stories = [f"{text} {question}" for text in long.sample(EACH // 3, random_state=1)["text"] for question in ASKED]
    greeted = [f"{GREETING} {text}" for text in long.sample(EACH, random_state=2)["text"]]
    made = {"short": short, "shared story": stories, "shared greeting": greeted}
    more = pd.DataFrame([("made", text) for texts in made.values() for text in texts], columns=["benchmark", "text"])
    more["item"] = [f"made-{place}" for place in range(len(more))]
    plants = {name: [_between(text, fill, random) for text in texts] for name, texts in made.items()}
    plants |= {
        "edit every 8th word": [_between(_edited(text, 8), fill, random) for text in chosen],
        "10 % of words edited": [_between(_edited(text, 0.1, random), fill, random) for text in chosen],
        "two turns": [_split(text, fill, random) for text in chosen],
    }
    clean = {
        "clean: other numbers": [_numbers(text, random) for text in numbered.sample(EACH, random_state=3)["text"]],
        "clean: greeting": [f"{GREETING} {text}" for text in random.choice(fill, EACH)],
        "clean: story": [text.rsplit(" ", 9)[0] + f" {random.choice(fill)}" for text in long.sample(EACH)["text"]][:0],
        "clean: preamble": [f"{PREAMBLE}def f{place}(x: List[int]):\n    return {place}" for place in range(EACH)],
    }
    rows = pd.DataFrame(
        [(text, kind, kind not in clean) for kind, texts in (plants | clean).items() for text in texts],
        columns=["text", "kind", "contaminated"],
    )
    return more, rows
