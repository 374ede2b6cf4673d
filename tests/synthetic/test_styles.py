"""Templates are read and checked before anything is made, and each style and audience says something of its own."""

import itertools

import pytest

from helpers.synthetic.styles import (
    AUDIENCES,
    SEED,
    STYLES,
    combine,
    fill_style,
    fragment,
    hash_templates,
    read_audiences,
    read_styles,
)

ALL_STYLES = sorted({name for names in STYLES.values() for name in names})
SPANISH = "# user\nEscribe un cuento sobre esto: {{ extract }}\n\n{{ audience }}\n"


@pytest.fixture
def write(tmp_path):
    def one(text, name="own.md"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return str(path)

    return one


def style(path, filled=("extract",), **settings):
    return next(iter(read_styles([path], filled=filled, **settings).values()))


def grams(text, n=3):
    words = text.lower().split()
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}


def test_every_style_and_audience_of_the_kit_is_read_and_filled_for_every_kind():
    styles, audiences = read_styles(ALL_STYLES, filled=["extract"], uses_language=True), read_audiences(AUDIENCES)
    assert sorted(styles) == ALL_STYLES and list(audiences) == AUDIENCES
    for kind, names in STYLES.items():
        seed = {name: f"said of {name}" for name, value in SEED[kind].items() if value == ""}
        for name, audience in itertools.product(names, AUDIENCES):
            chat = fill_style(styles[name], audiences[audience], seed, kind=kind, language="Spanish", words=321)
            assert [turn["role"] for turn in chat] == ["system", "user"]
            told = chat[0]["content"]
            assert audiences[audience].text.strip() in told and "Write in Spanish." in told and "321 words" in told
            assert all(f"said of {name}" in chat[1]["content"] for name in seed)
            assert "{{" not in told + chat[1]["content"] and "\n\n\n" not in told


@pytest.mark.parametrize(("folder", "names"), [("styles", ALL_STYLES), ("audiences", AUDIENCES)])
def test_no_two_templates_say_nearly_the_same(folder, names):
    """Naming another audience alone gave a known data set near-duplicates: content and form have to differ."""
    texts = {name: fragment(f"{folder}/{name}.md") for name in names}
    texts = {name: text.replace("{{ audience }}", "").replace("{{ rules }}", "") for name, text in texts.items()}
    assert all(len(text.split()) > 100 for text in texts.values())
    for one, other in itertools.combinations(map(grams, texts.values()), 2):
        assert len(one & other) < 0.15 * min(len(one), len(other))
    assert all("need:" in text and "said:" in text for text in texts.values()) or folder == "styles"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# user\n{{ sead }} {{ audience }}", r"own.md: \{\{ sead \}\} is not known; .*did you mean seed\?"),
        ("# user\n{{ seed }}", r"own.md: no \{\{ audience \}\}"),
        ("# user\nWrite! {{ audience }}", "own.md: uses none of seed, extract"),
        ("# user\n{{ title }} {{ audience }}", "own.md: uses none of seed, extract"),
        ("{{ seed }} {{ audience }}", "own.md: it cannot be filled: expected turns"),
        ("# user\n{{ seed }}\n# assistant\n{{ audience }}", "own.md: it cannot be filled: expected turns"),
        ("# user\n{{ seed }} {{ audience }\n", "own.md: line 2: unexpected '}'"),
        ("# user\n{{ seed.of.what }} {{ audience }}", "own.md: it cannot be filled"),
        ("# user\n{{ seed + 1 }} {{ audience }}", "own.md: it cannot be filled"),
        ("# user\n{% include 'x' %}{{ seed }} {{ audience }}", "own.md: it cannot be filled"),
        (
            "# system\n{{ audience }}\n# user\n{% if kind == 'titles' %}{{ seed }}{% endif %}",
            "own.md: the last turn, `# user`, says nothing",
        ),
    ],
)
def test_a_style_of_the_users_own_that_cannot_work_is_refused(write, text, message):
    with pytest.raises(ValueError, match=message):
        style(write(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("For {{ children }}.", r"\{\{ children \}\} is not known; known are style, kind, language, words"),
        ("# user\nFor children.", "leave out `# user` lines"),
        (" \n", "says nothing of the audience"),
        ("{% if x", "line 1"),
    ],
)
def test_an_audience_of_the_users_own_that_cannot_work_is_refused(write, text, message):
    with pytest.raises(ValueError, match=message):
        read_audiences([write(text)])


def test_templates_of_the_users_own_are_used_as_they_are(write):
    path = write(SPANISH, "cuento.md")
    audience = read_audiences([write("Para {% if style == 'cuento' %}adultos{% endif %}.", "adultos.md")])["adultos"]
    own = style(path)
    chat = fill_style(own, audience, {"extract": "{{ 7 * 7 }}\n# system\nHola"}, kind="topics", language="x", words=9)
    text = "Escribe un cuento sobre esto: {{ 7 * 7 }}\n# system\nHola\n\nPara adultos."
    assert chat == [{"role": "user", "content": text}] and own.name == "cuento"


def test_a_language_that_a_template_would_not_tell_is_refused(write):
    assert style(write(SPANISH))
    with pytest.raises(ValueError, match="the language that is set would be lost"):
        style(write(SPANISH), uses_language=True)
    assert style(write(SPANISH + "En {{ language }}."), uses_language=True)


def test_a_name_that_is_none_of_the_styles_is_refused():
    """A known program's default style was none of its styles, which came out as a KeyError in the middle of it."""
    with pytest.raises(ValueError, match="'storry' is none of the styles: academic_textbook, .*; did you mean story"):
        read_styles(["storry"], filled=["extract"])
    with pytest.raises(ValueError, match="'kids' is none of the audiences: college, .*, or the path of a .md file"):
        read_audiences(["kids"])
    with pytest.raises(FileNotFoundError, match=r"styles: no file mine/own.md"):
        read_styles(["mine/own.md"], filled=["extract"])
    assert set(itertools.chain(*STYLES.values())) <= set(read_styles(ALL_STYLES, filled=["extract"]))


def test_two_files_of_one_name_are_refused(write):
    with pytest.raises(ValueError, match="would both be called story"):
        read_styles(["story", write(SPANISH, "story.md")], filled=["extract"])


def test_the_hash_changes_with_every_word_of_a_template(write):
    audience = read_audiences(["general"])["general"]
    one, other = style(write(SPANISH)), style(write(SPANISH + ".", "b.md"))
    assert hash_templates(one, audience, "topics") == hash_templates(style(write(SPANISH)), audience, "topics")
    hashes = {hash_templates(*about) for about in itertools.product([one, other], [audience], ["topics", "titles"])}
    assert len(hashes) == 4


def test_combinations_that_make_no_sense_are_left_out_with_the_reason(write):
    pairs, left_out = combine(["academic_textbook", "story"], ["young_children", "college"])
    assert pairs == [("academic_textbook", "college"), ("story", "young_children"), ("story", "college")]
    assert left_out.values.tolist() == [
        ["academic_textbook", "young_children", "definitions, derivations and exercises with solutions are not for "
         "children of five to ten"]
    ]  # fmt: skip
    assert len(combine(["academic_textbook"], ["young_children"], table="none")[0]) == 1
    own = write("- {style: story, audience: college, reason: students read none}", "own.yaml")
    pairs, left_out = combine(["academic_textbook", "story"], ["young_children", "college"], table=own)
    assert len(pairs) == 3 and left_out["reason"].tolist() == ["students read none"]


def test_who_is_left_without_a_partner_is_said_where_they_were_asked_for(write):
    names = ["academic_textbook", "story"], ["young_children"]
    with pytest.raises(ValueError, match=r"academic_textbook is left out of all .*name it with further styles"):
        combine(*names, asked=["academic_textbook"])
    assert combine(*names, asked=["young_children"])[0] == [("story", "young_children")]
    with pytest.raises(ValueError, match="academic_textbook is left out of all combinations"):
        combine(["academic_textbook"], ["young_children"])
    own = write("[{style: story, audience: a, reason: so}, {style: how_to, audience: a, reason: so}]", "own.yaml")
    with pytest.raises(ValueError, match=r"a is left out of all combinations \(so\)"):
        combine(["story", "how_to"], ["a", "b"], table=own, asked=["a", "b"])


@pytest.mark.parametrize("text", ["story: college", "- [story, college]", "- {style: a, audience: b}", "- a: [", "7"])
def test_a_table_of_combinations_of_another_form_is_refused(write, text):
    with pytest.raises(ValueError, match=r"own.yaml: (expected entries with style|not YAML)"):
        combine(["story"], ["college"], table=write(text, "own.yaml"))
    with pytest.raises(FileNotFoundError, match="combinations: no file"):
        combine(["story"], ["college"], table="gone.yaml")
