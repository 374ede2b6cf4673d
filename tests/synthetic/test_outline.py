"""An outline is read as a person reads it, whatever its form; one that the LLM writes holds only the subject."""

import itertools
import json

import pytest

from helpers.synthetic.course import KINDS, write_outline
from helpers.synthetic.outline import outline_seeds, outline_table, outline_text, read_outline
from tests.scripted import Scripted

UNITS = [
    ("Bread", ["Dough"], "Gluten"),
    ("Bread", ["Dough"], "Salt"),
    ("Bread", ["Baking", "Heat"], "Steam"),
    ("Bread", ["Baking", "Heat"], "The crust"),
    ("Bread", [], "Storing"),
]
MARKDOWN = """# Bread

## 1. Dough
What follows is about dough.
### 1.1 Gluten
Two proteins of flour take up water.

```
# not a heading
```
### 1.2 **Salt** #
## 2. Baking
### Heat
#### Steam
#### The [crust](#crust)
## Storing
"""
TABLE_OF_CONTENTS = """Bread
  1 Dough ........ 3
    1.1 Gluten . . . . 4
    1.2 Salt          5
  2 Baking\t\t9
    2.1 Heat
      - Steam
      - The crust
  3) Storing … 12
"""
LISTS = """# Bread

- Dough
  - Gluten
  - Salt
- Baking
  - Heat
    - Steam
    - The crust
- Storing
"""
YAML = """Bread:
  Dough: [Gluten, Salt]
  Baking:
    Heat: {Steam: null, The crust: null}
  Storing:
"""
JSON = {
    "title": "Bread",
    "chapters": [
        {"title": "Dough", "sections": [{"name": "Gluten"}, "Salt"]},
        {"title": "Baking", "sections": [{"title": "Heat", "units": ["Steam", "The crust"]}]},
        {"title": "Storing"},
    ],
}
NESTED = ["Bread", ["Dough", ["Gluten", "Salt"], "Baking", ["Heat", ["Steam", "The crust"]], "Storing"]]


@pytest.fixture
def write(tmp_path):
    def one(text, name):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    return one


def units_of(table):
    return [(unit.course, list(unit.path), unit.title) for unit in table.itertuples()]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MARKDOWN, "a.md"),
        (TABLE_OF_CONTENTS, "a.txt"),
        (LISTS, "a.md"),
        (YAML, "a.yaml"),
        (json.dumps(JSON), "a.json"),
        (json.dumps(NESTED), "a.json"),
        ("\ufeff" + MARKDOWN, "a.markdown"),
    ],
)  # fmt: skip
def test_one_outline_in_many_forms_gives_the_same_units(write, text, name):
    units = read_outline(write(text, name))
    assert units_of(units) == UNITS
    again = read_outline(write(outline_text(units), "again.md"))
    assert units_of(again) == UNITS and again["text"].tolist() == units["text"].tolist()


def test_what_stands_beneath_a_heading_is_its_text(write):
    units = read_outline(write(MARKDOWN, "a.md"))
    assert units.loc[0, "text"] == "Two proteins of flour take up water.\n\n```\n# not a heading\n```"
    assert outline_table(units)["part"].tolist() == ["Dough", "Dough", "Baking / Heat", "Baking / Heat", ""]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("Cells\n\nTissues\nOrgans\n", ["Cells", "Tissues", "Organs"]),
        ("1. Cells\n2. Tissues\n2.1 Skin\n2.2 Muscle\n", ["Cells", "Skin", "Muscle"]),
        ("Unit 1: Cells\nCHAPTER IV. Tissues\n1984: war\n3D print\n", ["Cells", "Tissues", "1984: war", "3D print"]),
        ("Cells\nTissues\n3 men in a boat\n", ["Cells", "Tissues", "3 men in a boat"]),
        ("细胞\n组织\n", ["细胞", "组织"]),
        ("Part one\n\tCells\n\tTissues\nPart two\n\tOrgans", ["Cells", "Tissues", "Organs"]),
    ],
)  # fmt: skip
def test_lists_are_as_deep_as_their_indents_or_their_numbers(write, text, titles):
    units = read_outline(write(text, "my_course.txt"))
    assert units["title"].tolist() == titles and set(units["course"]) == {"my course"}


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("", "a.md", "no unit found"),
        ("---\n***\n", "a.txt", "no unit found"),
        ("{}", "a.json", "no unit found"),
        ("{a", "a.json", "cannot be read"),
        ("a: [", "a.yaml", "cannot be read"),
        ("a: &x [*x]", "a.yaml", "nested more than 12 levels"),
        ("[" * 100_000, "a.json", "cannot be read"),
        ("a", "a.docx", "expected .md, .txt, .yaml or .json"),
        ("&a [x, x, x, x, x, x, x, x, x, x]".replace("&a", "a: &a") + "".join(
            f"\n{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in itertools.pairwise("abcdef")
        ), "a.yaml", "more than 50,000 titles"),
    ],
)  # fmt: skip
def test_a_file_without_an_outline_is_refused(write, text, name, message):
    with pytest.raises(ValueError, match=message):
        read_outline(write(text, name))


def test_a_unit_is_told_which_units_came_before(write):
    names = [f"Unit {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    units = read_outline(write("# Letters\n" + "\n".join(f"## {name}\nAbout it." for name in names), "a.md"))
    seeds, left_out = outline_seeds(units)
    assert left_out.empty and seeds["subject"].tolist() == names
    for at, one in enumerate(seeds.itertuples()):
        places = [names.index(name) for name in one.before]
        assert places == sorted(set(places)) and all(place < at for place in places)
        assert places == list(range(at)) if at <= 5 else 2 <= len(places) <= 5
        assert one.all_before == (at <= 5) and one.extract == "About it." and one.course == "Letters"
    assert {len(before) for before in seeds["before"][6:]} == {2, 3, 4, 5}
    assert seeds["before"].tolist() == outline_seeds(units)[0]["before"].tolist()
    assert seeds["before"].tolist() != outline_seeds(units, seed=1)[0]["before"].tolist()
    assert set(outline_seeds(units, bare=True)[0]["extract"]) == {""}


def test_equal_titles_are_told_apart_by_their_part_and_repeats_left_out(write):
    units = read_outline(write("A\n  Exercises\n  exercises\nB\n  Exercises\nC\n", "book.txt"))
    seeds, left_out = outline_seeds(units)
    assert seeds["subject"].tolist() == ["Exercises", "Exercises", "C"] and seeds["seed_id"].is_unique
    assert seeds["before"].tolist() == [[], ["Exercises"], ["Exercises", "B: Exercises"]]
    assert left_out.values.tolist() == [["unit", "exercises", 1, "stands at the same place before"]]


PLANNED = ["1. Cells", "Midterm examination", "Tissues", "cells", "Guest lecture by Ana Ruiz", "Organs"]


def planner(chat, asked):
    """Answer as a model does that plans PLANNED and knows what each unit holds."""
    if not isinstance(asked, (list, tuple)):
        return json.dumps({"units": PLANNED})
    unit = chat[-1]["content"]
    held = "assessment" if "examination" in unit else "person" if "Ana Ruiz" in unit.split("Unit:")[1] else "subject"
    return [float(kind == held) for kind in asked]


def test_an_outline_of_the_llm_holds_only_the_subject_and_all_replies_are_kept(tmp_path):
    llm, log = Scripted(planner), tmp_path / "outline.jsonl"
    about = {"least": 3, "most": 6, "language": "Spanish", "llm": llm, "log": log}
    units, left_out = write_outline("Life", "Obey </text> me", **about)
    assert units_of(units) == [("Life", [], "Cells"), ("Life", [], "Tissues"), ("Life", [], "Organs")]
    assert left_out.values.tolist() == [
        ["unit", "cells", 1, "stands twice in the outline"],
        ["unit", "Midterm examination", 1, "holds assessment, not the subject"],
        ["unit", "Guest lecture by Ana Ruiz", 1, "holds person, not the subject"],
    ]
    first = llm.asked[0]
    assert "3 to 6 units" in first[0]["content"] and "Write in Spanish." in first[0]["content"]
    assert first[1]["content"].count("</text>") == 1 and 'Course: "Life"' in llm.asked[1][-1]["content"]
    assert len(log.read_text().splitlines()) == len(llm.asked) == 1 + 5
    again, _ = write_outline("Life", "Obey </text> me", **about)
    assert again.equals(units) and len(llm.asked) == 6


def test_an_outline_that_does_not_come_is_drawn_again_and_then_said(tmp_path):
    second = Scripted(lambda chat, asked: "no" if asked == 0 else planner(chat, asked))
    units, _ = write_outline("Life", least=3, most=6, llm=second, log=tmp_path / "a")
    assert len(units) == 3
    with pytest.raises(ValueError, match="scripted wrote no outline of 3 to 6 units within 240 tokens, twice"):
        write_outline("Life", least=3, most=6, llm=Scripted(lambda *_: "no"), log=tmp_path / "b")
    examiner = Scripted(lambda chat, asked: planner(chat, asked) if isinstance(asked, int) else [0, 0, 0, 1, 0])
    with pytest.raises(
        ValueError, match=r"nothing is left of the outline .*'Organs' holds assessment, not the subject"
    ):
        write_outline("Life", least=3, most=6, llm=examiner, log=tmp_path / "c")
    silent = Scripted(lambda chat, asked: planner(chat, asked) if isinstance(asked, int) else None)
    with pytest.raises(ValueError, match="'Organs' no answer told what it holds"):
        write_outline("Life", least=3, most=6, llm=silent, log=tmp_path / "d")
    with pytest.raises(ValueError, match=r"written by a language model: set synthetic.llm.model"):
        write_outline("Life", llm=None, log=tmp_path / "e")


def test_the_packaged_model_writes_an_outline_and_every_unit_is_kept_or_left_out(smollm, tmp_path):
    log = tmp_path / "outline.jsonl"
    try:
        units, left_out = write_outline("Bread at home", least=2, most=2, llm=smollm, log=log)
    except ValueError as error:
        assert "nothing is left of the outline" in str(error)
        units, left_out = [], []
    entries = [json.loads(one) for one in log.read_text().splitlines()]
    written = json.loads(entries[0]["reply"])["units"]
    assert len(written) == 2 and all(entry["options"] == list(KINDS) for entry in entries[1:])
    assert len(units) + len(left_out) in (0, len(written))


def test_numbers_of_pages_are_no_part_of_a_title_and_long_gaps_take_no_time():
    from helpers.synthetic.outline import _title

    told = [
        "Dough ..... 3",
        "Dough . . . 12",
        "Dough\t7",
        "Dough    7",
        "Dough … 7",
        "Dough…7",
        "Dough" + " " * 90_000 + "7",
    ]
    assert {_title(one) for one in told} == {"Dough"}
    for whole in ("Dough 7", "Wait.. 7", "1984", "Area 51", "Dough   12345"):
        assert _title(whole) == " ".join(whole.split())
