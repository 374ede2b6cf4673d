"""Planted benchmark items: who finds them, by kind, and which clean rows are dropped by mistake.

    python tests/benchmarks/decontaminate.py PLANTED BENCHMARK [BENCHMARK ...] [--many 50000]

PLANTED: JSON Lines of conversations with contaminated and kind. BENCHMARK: a file of items. Beside the plants of the
file there are harder ones, made here of the benchmarks' items and of others, and clean rows that look like items: the
same task with other numbers, a greeting or a quotation that items begin with, imports that programs begin with.

Compared are this kit by default and with ngram 7; the rule of Cosmopedia's decontamination (an index that keeps one
item of each 10-gram, one of the hits alone, and an item is there where difflib's blocks of more than five letters make
up more than half of it); and the rule to drop whatever shares 12 words in a row with an item, as datatrove does.

--many: also the seconds for the index and for 10,000 rows where there are so many items, most of them made by a chain
of word pairs.
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
from helpers.text.sources.records import read_records

EACH = 60  # plants of a kind
ANIMALS = "otters beavers herons badgers hedgehogs swifts salmon newts owls bats moles foxes".split()
ACTS = ["sleep", "hide their food", "change colour", "leave the river", "sing before dawn"]
GREETING = (
    "Good morning, and thank you so much for taking the time! I am a student in my second year, so please explain "
    "every step slowly and check your result."
)
QUOTATION = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness"
)
IMPORTS = "from typing import List, Dict, Tuple, Optional\nimport math\nimport itertools\n\n\n"


def make_plants(items: pd.DataFrame, talk: list[str], random: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return items (benchmark, item, text) and rows (text, kind, contaminated) made of items and other texts."""
    long = items["text"][items["text"].str.split().str.len().between(35, 90)]
    some = [long.sample(EACH, random_state=seed).tolist() for seed in range(4)]
    begun = [f"{begin} {text}" for begin in (GREETING, QUOTATION) for text in some[0][: EACH // 2]]
    short = [f"Why do {one} {act} in winter?" for one in ANIMALS for act in ACTS]
    made = {"under 10 words": short, "items share a beginning": begun}
    programs = [f"{IMPORTS}def {one}(values: List[int]) -> Dict[int, int]:\n    '''{one}'''" for one in ANIMALS]
    plants = made | {
        "edit every 8th word": [_edited(text, lambda place: place % 8 == 7) for text in some[1]],
        "10 % of words edited": [_edited(text, lambda _: random.random() < 0.1) for text in some[2]],
        "over two turns": [_in_two(text, talk, random) for text in some[3]],
    }
    numbered = long[long.str.count(r"\b\d+\b") > 1].sample(EACH, random_state=5)
    clean = {
        "clean: other numbers": [re.sub(r"\d+", lambda _: str(random.integers(2, 500)), text) for text in numbered],
        "clean: greeting": [GREETING] * EACH,
        "clean: quotation": [QUOTATION] * EACH,
        "clean: imports": [f"{IMPORTS}class Shop{number}:\n    goods = {{}}" for number in range(EACH)],
    }
    texts = [("made", text) for text in [*programs, *(text for group in made.values() for text in group)]]
    more = pd.DataFrame(texts, columns=["benchmark", "text"]).assign(item=lambda made: made.index.astype(str))
    lines = [
        (f"{random.choice(talk)}\n{text}\n{random.choice(talk)}", kind, kind in plants)
        for kind, group in (plants | clean).items()
        for text in group
    ]
    return more, pd.DataFrame(lines, columns=["text", "kind", "contaminated"])


def kit(texts: list[str], items: pd.DataFrame, **settings: int) -> set[int]:
    """Return the places of the texts that this kit drops."""
    hits = find_contamination(pd.DataFrame({"id": range(len(texts)), "text": texts}), items, **settings)
    return set(hits.loc[hits["state"] == "contaminated", "id"])


def cosmopedia(texts: list[str], items: pd.DataFrame) -> set[int]:
    """Return the places of the texts that Cosmopedia's rule drops."""
    random = np.random.default_rng(0)  # which hit is looked at is left to the order of a set
    index = {gram: text for text in items["text"] for gram in _grams(text, 10)}
    dropped = set()
    for place, text in enumerate(texts):
        hits = sorted(gram for gram in _grams(text, 10) if gram in index)
        if hits:
            item = " ".join(_words(index[hits[random.integers(len(hits))]]))
            blocks = SequenceMatcher(None, " ".join(_words(text)), item, autojunk=False).get_matching_blocks()
            if sum(block.size for block in blocks if block.size > 5) > len(item) / 2:
                dropped.add(place)
    return dropped


def any_12_words(texts: list[str], items: pd.DataFrame) -> set[int]:
    """Return the places of the texts that share 12 words in a row with an item."""
    index = {gram for text in items["text"] for gram in _grams(text, 12)}
    return {place for place, text in enumerate(texts) if not index.isdisjoint(_grams(text, 12))}


def compare(items: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a line a kind: rows, and how many of them each rule drops; the last line: seconds for 10,000 rows."""
    rules: dict[str, Callable[..., set[int]]] = {"kit": kit, "kit, n = 7": lambda *both: kit(*both, ngram=7)}
    rules |= {"Cosmopedia's": cosmopedia, "any 12 words": any_12_words}
    table = rows.groupby("kind", sort=False).size().to_frame("rows")
    took = {"rows": len(rows)}
    for name, rule in rules.items():
        started = time.perf_counter()
        dropped = rule(rows["text"].tolist(), items)
        took[name] = round((time.perf_counter() - started) / len(rows) * 10_000, 1)
        table[name] = rows["kind"][rows.index.isin(dropped)].value_counts().reindex(table.index, fill_value=0)
    return pd.concat([table, pd.DataFrame(took, index=["seconds for 10,000 rows"])])


def make_items(texts: list[str], count: int, random: np.random.Generator) -> pd.DataFrame:
    """Return so many items whose words follow each other as they do in the texts."""
    following: dict[str, list[str]] = defaultdict(list)
    words = " ".join(texts).split()
    for one, other in zip(words, words[1:], strict=False):
        following[one].append(other)
    made = []
    for _ in range(count):
        chain = [words[random.integers(len(words) - 1)]]
        for _ in range(random.integers(10, 80)):
            after = following[chain[-1]] or words
            chain.append(after[random.integers(len(after))])
        made.append(" ".join(chain))
    return pd.DataFrame({"benchmark": "many", "item": range(count), "text": made})


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _words(text: str) -> list[str]:
    plain = (sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return re.findall(r"\w+", "".join(plain).lower())


def _grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[place : place + n]) for place in range(len(words) - n + 1)}


def _edited(text: str, is_edited: Callable[[int], bool]) -> str:
    return " ".join("um" + word[::-1] if is_edited(place) else word for place, word in enumerate(text.split()))


def _in_two(text: str, talk: list[str], random: np.random.Generator) -> str:
    words = text.split()
    half = len(words) // 2
    return f"{' '.join(words[:half])} ...\nassistant: {random.choice(talk)}\nuser: {' '.join(words[half:])}"


def main() -> None:
    """Compare the rules, and print the table."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("planted")
    ask.add_argument("benchmarks", nargs="+")
    ask.add_argument("--many", type=int)
    asked = ask.parse_args()
    random = np.random.default_rng(0)
    found = [json.loads(record.record) for record in read_records(path=asked.planted)]
    rows = pd.DataFrame(
        [("\n".join(turn["content"] for turn in one["messages"]), one["kind"], one["contaminated"]) for one in found],
        columns=["text", "kind", "contaminated"],
    )
    items = read_benchmarks(asked.benchmarks)
    talk = rows["text"][~rows["contaminated"] & ~rows["text"].str.contains("####")].tolist()
    more, made = make_plants(items[items["benchmark"] == items["benchmark"].iloc[0]], talk, random)
    items, rows = pd.concat([items, more], ignore_index=True), pd.concat([rows, made], ignore_index=True)
    print(f"{len(items):,} items, {len(rows):,} rows")
    print(compare(items, rows).to_string())
    if asked.many:
        made = make_items(items["text"].tolist(), asked.many - len(items), random)
        many = pd.concat([items, made], ignore_index=True)
        alone = _seconds(lambda: kit([], many))
        took = (_seconds(lambda: kit(rows["text"].tolist(), many)) - alone) / len(rows) * 10_000
        print(f"{len(many):,} items: index {alone:.1f} s, 10,000 rows {took:.1f} s")


if __name__ == "__main__":
    main()
