"""A rubric is read as it was written: levels, order, language, and what is wrong with it."""

import pytest

from helpers.quality.rubric import RUBRICS, read_rubric

OWN = "# Politeness\n\nHow polite is it?\n\n- 3: very\n  indeed\n- 2: a little\n- 1: not at all\n"


def own(tmp_path, text=OWN, name="polite.md"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return str(path)


def test_the_educational_rubric_is_in_english_and_spanish_with_levels_0_to_5():
    for path in RUBRICS.glob("*.md"):
        rubric = read_rubric(path.stem)
        assert rubric.levels == (0, 5) and len(rubric.meanings) == 6
    assert "Level" not in read_rubric("educational_es").text()
    assert read_rubric("educational_es").instruction == "rate_es"
    assert read_rubric("educational_en").instruction == "rate"


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["La célula es la unidad básica de los seres vivos y de sus tejidos."] * 3 + ["The cell is small."], "es"),
        (["The cell is the smallest unit of living things."] * 2, "en"),
        (["Die Zelle ist die kleinste Einheit des Lebens, wie man heute weiß."] * 3, "en"),
        ([], "en"),
    ],
)
def test_a_rubric_without_a_language_is_taken_in_that_of_most_texts(texts, language):
    assert read_rubric("educational", texts=texts).name == f"educational_{language}"


def test_a_users_rubric_has_its_own_levels_in_any_order(tmp_path):
    rubric = read_rubric(own(tmp_path))
    assert rubric.levels == (1, 3) and rubric.name == "polite" and rubric.instruction == "rate"
    assert rubric.meanings == ((1, "not at all"), (2, "a little"), (3, "very indeed"))
    assert rubric.text().endswith("- 1: not at all\n- 2: a little\n- 3: very indeed")
    assert rubric.text(backwards=True).endswith("- 3: very indeed\n- 2: a little\n- 1: not at all")
    changed = read_rubric(own(tmp_path, OWN.replace("little", "bit")))
    assert rubric.hash != changed.hash and rubric.hash == read_rubric(own(tmp_path)).hash


@pytest.mark.parametrize("line", ["1. bad", "* 1) bad", "**1**: bad", "1 - bad", "  - 1 – bad"])
def test_levels_may_be_written_in_many_ways(tmp_path, line):
    assert read_rubric(own(tmp_path, f"Is it?\n- 0: no\n{line}\n")).levels == (0, 1)


@pytest.mark.parametrize(
    "text", ["", "Is it good?", "- 1: yes", "- 0: a\n- 2: b", "- 1: a\n- 1: b", "- 0.5: bad\n- 1.5: good"]
)
def test_a_file_without_levels_one_after_the_other_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="polite.md: expected two levels or more"):
        read_rubric(own(tmp_path, text))


def test_what_stands_around_the_levels_is_told_and_is_no_level(tmp_path):
    text = (
        "For 12-year-olds:\n1. read it\n2. rate it\n\n- 0: no\n- 1: yes,\n  of course\n\nIn doubt take 0: be strict.\n"
    )
    rubric = read_rubric(own(tmp_path, text))
    assert rubric.meanings == ((0, "no"), (1, "yes, of course"))
    assert rubric.text() == text.replace(",\n  of", ", of").strip()
    backwards = rubric.text(backwards=True)
    assert backwards.index("- 1: yes") < backwards.index("- 0: no") < backwards.index("In doubt")


def test_more_levels_than_can_be_told_apart_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected at most 20 levels, got 101"):
        read_rubric(own(tmp_path, "\n".join(f"- {level}: so much" for level in range(101))))


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="no rubric 'fun': expected educational_en, educational_es, or the path"
    ):
        read_rubric("fun")
    with pytest.raises(FileNotFoundError, match="quality.rubric: no file"):
        read_rubric(str(tmp_path / "gone.md"))
