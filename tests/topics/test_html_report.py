import base64
import io
import stat
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from helpers.topics.html_report import write_report

EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></p></bdi><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}<!--",
    "\u202eevil\u2069\u2066",
]
TURNING = dict.fromkeys(map(ord, "\u202e\u2066\u2069"))  # left out where a piece of data stands within a line
# What a text may be; control characters are not for reading.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).map(lambda text: f"a{text}")

REPORT = {
    "name": "small",
    "title": "Small talk",
    "settings": {"title": "Small talk", "seed": 42, "text": {"separator": "\n", "role_names": False, "keep": []},
                 "label": {"examples": [{"documents": ["the secret"]}], "score": True}},
    "rows": 1234,
    "kept": 1230,
    "rejected": 4,
    "rejected_by_reason": {"empty": 3, "not text: column 'a' holds a number": 1},
    "texts": 1230,
    "unique": 1200,
    "topics": 3,
    "coverage": 0.75,
    "nearest_coverage": 0.9,
    "seconds": 3725.4,
    "audit": {"language_shares": {"en": 0.9, "und": 0.1}, "tokens": {"mean": 12.3456}, "windows": list(range(40))},
    "embedding": {"model": "all-MiniLM-L6-v2"},
    "labels": {"by": {"model": "SmolLM2", "revision": "1"}, "accuracy": None},
}  # fmt: skip
ROWS = pd.DataFrame(
    {"id": [f"row-{i}" for i in range(8)], "text": [f"said in row {i}, and {'more ' * 10}" for i in range(8)]}
)
TOPICS = pd.DataFrame(
    {
        "topic": [-1, 0, 1, 2],
        "label": ["Unassigned", "Cats", "Dogs", "Tax"],
        "label_source": ["fixed", "llm", "keywords", "given"],
        "size": [310, 500, 400, 24],
        "share": [0.25, 0.4, 0.33, 0.02],
        "keywords": [["well"], ["cat", "purr"], ["dog", "bark"], []],
        "representative_ids": [["row-6", "row-7"], ["row-0", "row-1"], ["row-2", "row-3"], ["row-4", "row-5"]],
        "parent": pd.array([None, 0, 0, 1], dtype="Int64"),
        "stability": [np.nan, 0.9, 0.25, np.nan],
        "label_finds": [np.nan, 0.62, 0.1, np.nan],
        "keywords_find": [np.nan, 0.58, 0.7, np.nan],
        "label_note": ["", "", "2 other topics are nearer to this label", ""],
    }
)
LAYERS = pd.DataFrame(
    {
        "layer": ["fine"] * 3 + ["middle"] * 2 + ["broad"],
        "topic": [0, 1, 2, 0, 1, 0],
        "size": [500, 400, 24, 900, 24, 924],
        "parent": [0, 0, 1, 0, 0, -1],
        "label": ["Cats", "Dogs", "Tax", "Pets", "Tax", "All of it"],
    }
)


class Page(HTMLParser):
    """What a browser would see: elements with their attributes and the text inside each, and all text there is."""

    VOID = {"meta", "link", "img"}

    def __init__(self, path):
        super().__init__()
        self.source, self.elements, self.inside, self.pieces, self.open = path.read_text("utf-8"), [], [], [], []
        self.feed(self.source)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.pieces).split())

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside.append([])
        if tag not in self.VOID:
            self.open.append((tag, self.inside[-1]))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, pieces in self.open:
            pieces.append(data)
        if not self.open or self.open[-1][0] != "style":
            self.pieces.append(data)

    def all(self, tag, **wanted):
        """Return the text inside each element of this tag and these attributes (class_ for class)."""
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [
            " ".join("".join(pieces).split())
            for (name, attributes), pieces in zip(self.elements, self.inside, strict=True)
            if name == tag and wanted.items() <= attributes.items()
        ]

    def values(self, name):
        """Return the values of an attribute, of all elements that have it."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def facts(self, topic):
        """Return what is told of a topic, the terms with their values as HTML."""
        section = self.source.split(f'id="topic-{topic}"')[1].split("</dl>")[0]
        pieces = [piece.split(">", 1)[1].split("</dt>") for piece in section.split("<dt")[1:]]
        return {term: value for term, value in pieces}


def written(folder, report=REPORT, rows=ROWS, topics=TOPICS, layers=LAYERS, centroids=None, **more):
    """Write the report of small tables and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    centroids = np.array([[1, 0], [0.8, 0.6], [0, 1]]) if centroids is None else centroids
    save_file({"centroids": np.ascontiguousarray(centroids, dtype=np.float32)}, folder / "centroids.safetensors")
    about = {"advice": "3 topics hold 75% of the texts.", "model_folder": folder, **more}
    write_report(report, rows, topics, layers, path=folder / "report.html", **about)
    return Page(folder / "report.html")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), date="2026-11-22")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return written(tmp_path_factory.mktemp("plain"), rows=ROWS.assign(text="a"), topics=TOPICS.assign(label="a"))


def test_the_headline_figures_are_shown(page):
    assert "Rows in 1,234 Rows kept 1,230 Rows rejected 4 3 empty 1 not text: column 'a' holds a number" in page.text
    assert "Different texts 1,200 of 1,230 Topics 3 Coverage 75% of the texts are in a topic" in page.text
    assert "In no topic 25% 15% near enough to one Work 1 h 2 min" in page.text
    assert "Embedder all-MiniLM-L6-v2 Language model SmolLM2 Date of the run 2026-11-22" in page.text
    assert page.all("p", class_="lead") == ["3 topics hold 75% of the texts."]


def test_all_topics_stand_in_one_table(page):
    assert page.all("th", scope="row", class_="label") == ["Cats", "Dogs", "Tax"]
    assert page.all("td", class_="keys") == ["cat, purr", "dog, bark", ""]
    assert page.all("td", class_="number")[:4] == ["0", "500", "40%", "0.90"]
    assert page.all("td", class_="number warn") == ["0.25"]


def test_each_topic_has_a_section_that_says_how_far_to_trust_its_label(page):
    assert page.all("h3") == ["0Cats", "1Dogs", "2Tax"]
    cats, dogs, tax = (page.facts(topic) for topic in range(3))
    assert "500 rows, 40% of all" in cats["Size"] and "a language model" in cats["Label from"]
    assert "the label finds 62%, its keywords 58%" in cats["Label check"] and "Look at it" not in cats["Label check"]
    assert "Look at it: 2 other topics are nearer to this label." in dogs["Label check"]
    assert "comes and goes" in dogs["Stability"] and "comes and goes" not in cats["Stability"]
    assert "your own clusters" in tax["Label from"] and "not measured" in tax["Label check"]
    assert not {"Keywords", "Stability", "Summary", "Educational score", "Also named"} & set(tax)


def test_what_was_asked_of_the_language_model_is_shown_where_it_came(tmp_path):
    more = TOPICS.assign(
        summary=[None, "About cats.", None, None],
        score=pd.array([None, 0, None, 3], dtype="Int64"),
        score_reason=[None, "Little to learn.", None, None],
        labels=[["Unassigned"], ["Cats", "Felines"], ["Dogs"], ["Tax"]],
        keybert=[[], ["kitten"], [], []],
        mmr=[[], ["meow"], [], []],
    )
    page = written(tmp_path, topics=more)
    cats, dogs, tax = (page.facts(topic) for topic in range(3))
    assert "About cats." in cats["Summary"] and "Summary" not in dogs
    assert "0 of 5: <bdi>Little to learn.</bdi>" in cats["Educational score"] and "Educational score" not in dogs
    assert "3 of 5</dd>" in tax["Educational score"]
    assert "Felines" in cats["Also named"] and "kitten" in cats["KeyBERT keywords"] and "meow" in cats["MMR keywords"]


def test_nearest_topics_are_those_of_the_most_similar_centroids(page):
    links = [page.facts(topic)["Nearest topics"].split('href="#topic-')[1:] for topic in range(3)]
    assert [[link[0] for link in line] for line in links] == [["1", "2"], ["0", "2"], ["1", "0"]]
    assert "cosine 0.80" in links[0][0] and "cosine 0.60" in links[2][0]


def test_broader_topics_that_only_repeat_the_topic_are_left_out(page):
    cats, tax = page.facts(0)["Part of"], page.facts(2)["Part of"]
    assert cats.index("Pets") < cats.index("All of it") and "middle</bdi> layer, 900 rows" in cats
    assert "Tax" not in tax and "All of it" in tax


def test_rows_are_cut_and_carry_their_id(page, tmp_path):
    assert page.text.count("said in row") == 8 and "id row-7" in page.text
    short = written(tmp_path, chars=20)
    assert short.all("p", class_="said")[:2] == ["said in row 0, and…", "said in row 1, and…"]
    assert "Of each row the first 20 characters are shown." in short.text


def test_no_text_of_a_row_is_there_when_none_may_be_shown(tmp_path):
    page = written(tmp_path, chars=0)
    assert "said in row" not in page.source and "row-" not in page.source and "the secret" not in page.source
    assert "No row is shown here" in page.text and "310 rows (25%) fit no topic" in page.text
    told = REPORT | {"audit": {"shortest_id": "a.person@mail.org", "tokens": 7}}
    assert "a.person" in written(tmp_path / "shown", report=told).source
    assert "a.person" not in written(tmp_path / "hidden", report=told, chars=0).source


def test_no_place_on_this_machine_is_told(tmp_path):
    places = {"source": {"path": "/home/anna/mails.jsonl"}, "clean": {"benchmarks": ["~/secret/items.jsonl", "gsm8k"]}}
    page = written(tmp_path, report=REPORT | {"settings": places | {"uses": {"labels": "C:\\Users\\anna\\mine.yaml"}}})
    assert all(word not in page.source for word in ("anna", "secret"))
    assert "mails.jsonl" in page.text and "items.jsonl, gsm8k" in page.text and "mine.yaml" in page.text


@pytest.mark.parametrize(
    ("turns", "speakers", "shown"),
    [
        ([0, 12, 24], ["system", "user", "<b>bot</b>"], "system|Hello there|user|Hi|<b>bot</b>|And bye"),
        (np.array([0, 12]), np.array(["bot", "bot"]), "bot|Hello there|bot|user: Hi And bye"),
        ([0, 12, 900], [None, "user", "late"], "Hello there|user|Hi And bye"),  # no name, and one beyond the text
        ([12], ["user"], "Hello there|user|Hi And bye"),  # nobody is named for what comes first
        ([0, 21, 24], ["a", "b", "c"], "a|Hello there user: Hi|c|And bye"),  # a turn of white space
        ([0, 12], ["a"], "Hello there user: Hi And bye"),
        ([0], None, "Hello there user: Hi And bye"),
        ([], [], "Hello there user: Hi And bye"),
    ],
)
def test_conversations_are_shown_turn_by_turn(tmp_path, turns, speakers, shown):
    talk = "Hello there\nuser: Hi\n  \nAnd bye"
    page = written(tmp_path, rows=ROWS.assign(text=talk, turns=[turns] * 8, speakers=[speakers] * 8))
    lines = zip(page.elements, page.inside, strict=True)
    found = [" ".join("".join(text).split()) for (_, given), text in lines if given.get("class") in ("who", "said")]
    assert found == shown.split("|") * 8


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_of_the_data_becomes_part_of_the_page(tmp_path, evil):
    def with_words(words):
        report = {
            **REPORT,
            "title": words,
            "rejected_by_reason": {words: 4},
            "embedding": {"model": words},
            "labels": {"by": {"model": words}, words: [words]},
            "settings": {"title": words, words: {words: words}},
        }
        many = [[words, words]] * 4
        topics = TOPICS.assign(label=words, label_source=words, keywords=many, keybert=many, mmr=many, labels=many,
                               label_note=words, summary=words, score_reason=words, score=1)  # fmt: skip
        layers = LAYERS.assign(label=[f"{words} {i}" for i in range(6)])
        rows = ROWS.assign(text=words, turns=[[0]] * 8, speakers=[[words]] * 8)
        return {"report": report, "rows": rows, "topics": topics, "layers": layers, "advice": words, "date": words}

    tame, page = written(tmp_path / "tame", **with_words("TAME")), written(tmp_path / "evil", **with_words(evil))
    assert page.elements == tame.elements
    assert page.all("p", class_="said") == [evil] * 8
    shown = evil.translate(TURNING)
    assert page.all("h1") == [shown] and page.all("title") == [f"{shown}: topics"]
    assert page.all("th", class_="label") == [shown] * 3 and page.all("p", class_="who") == [shown] * 8
    assert page.text.translate(TURNING) == tame.text.replace("TAME", shown)


@given(text=TEXTS, label=TEXTS)
def test_every_text_is_shown_as_it_is(plain, text, label, tmp_path_factory):
    page = written(tmp_path_factory.mktemp("any"), rows=ROWS.assign(text=text), topics=TOPICS.assign(label=label))
    assert page.all("p", class_="said") == [" ".join(text.split())] * 8
    assert page.elements == plain.elements


def test_half_a_character_and_control_characters_do_not_stop_the_page(tmp_path):
    page = written(tmp_path, rows=ROWS.assign(text="a\ud800b\x00c\x1b[31m\nd\te\r\nf"))
    assert page.all("p", class_="said")[0] == "a?b c [31m d e f"
    assert ">a?b c [31m\nd\te\nf<" in page.source


def test_the_page_asks_nobody_for_anything(page, tmp_path):
    picture = tmp_path / "map.png"
    picture.write_bytes(png(10, 10))
    with_map = written(tmp_path, picture=picture)
    for one in (page, with_map):
        assert all(address == "data:," or address.startswith("#") for address in one.values("href"))
        assert {tag for tag, _ in one.elements}.isdisjoint(
            "script iframe object embed form base video audio svg".split()
        )
        names = {name for _, given in one.elements for name in given}
        assert not [name for name in names if name.startswith("on")] and not names & {"srcset", "style", "action"}
        assert not any(mark in one.source for mark in ("url(", "@import", "://", "javascript:"))
        assert one.values("content")[0].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert page.values("src") == [] and "#map" not in page.values("href") and "#map" in with_map.values("href")
    (source,) = with_map.values("src")
    assert source == "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def test_a_large_picture_is_made_smaller(tmp_path):
    from PIL import Image

    picture = tmp_path / "map.png"
    picture.write_bytes(png(1500, 1200, noise=True))
    page = written(tmp_path, picture=picture)
    image = Image.open(io.BytesIO(base64.b64decode(page.values("src")[0].split(",")[1])))
    assert image.size == (1100, 880) and len(page.source) < picture.stat().st_size / 2


def png(width, height, *, noise=False):
    from PIL import Image

    colours = np.random.default_rng(0).integers(0, 255, (height, width, 3)) * noise
    out = io.BytesIO()
    Image.fromarray(colours.astype(np.uint8)).save(out, format="png")
    return out.getvalue()


def test_it_can_be_read_out_and_walked_through(page):
    headings = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(headings, headings[1:], strict=False))
    assert page.elements[0] == ("html", {"lang": "en"})
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    targets = {address[1:] for address in page.values("href") if address.startswith("#")}
    assert targets | set(page.values("aria-labelledby")) <= set(ids)
    assert {"figures", "topics", "topic-2", "sections", "unassigned", "report", "settings"} <= targets
    assert all("scope" in given for tag, given in page.elements if tag == "th")
    assert page.elements.count(("main", {})) == 1


@pytest.mark.parametrize(
    ("shares", "code"),
    [({"de": 0.9, "en": 0.1}, "de"), ({"de": 0.5, "en": 0.5}, ""), ({"und": 1.0}, ""), ({}, ""), ({'x"y': 1.0}, "")],
)
def test_texts_say_which_language_they_are_in(tmp_path, shares, code):
    page = written(tmp_path, report={**REPORT, "audit": {"language_shares": shares}})
    assert {given.get("lang") for tag, given in page.elements if given.get("class") == "said"} == {code}


def test_every_figure_and_setting_is_listed_by_its_full_name(page):
    names = page.all("th", scope="row")[3:]  # after those of the three topics
    shown = dict(zip(names, page.all("td")[-len(names) :], strict=True))
    assert shown["rejected_by_reason.empty"] == "3" and shown["audit.tokens.mean"] == "12.35"
    assert shown["audit.windows"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (40 in all)"
    assert shown["labels.by.model"] == "SmolLM2" and shown["labels.accuracy"] == "none"
    assert shown["seed"] == "42" and shown["text.role_names"] == "false" and shown["text.keep"] == "none"
    assert shown["text.separator"] == r"'\n'" and shown["label.examples"] == "1 entries"


def test_many_reasons_and_languages_do_not_fill_the_page(tmp_path):
    many = {f"reason {i}": 1 for i in range(300)}
    page = written(tmp_path, report={**REPORT, "rejected_by_reason": many})
    assert page.text.count(" 1 reason") == 5 and "and 295 other reasons" in page.text
    assert "rejected_by_reason.… 300 in all" in page.text and "reason 59" in page.text and "reason 60" not in page.text


def test_a_run_without_topics_has_a_report_too(tmp_path):
    none = {**REPORT, "topics": 0, "coverage": 0.0, "nearest_coverage": None, "labels": {"by": None}, "embedding": {}}
    topics = TOPICS.head(1).assign(share=1.0)
    page = written(tmp_path, report=none, topics=topics, layers=LAYERS.head(0), model_folder=tmp_path / "no model")
    assert "There are none." in page.text and page.all("h3") == [] and "In no topic 100%" in page.text
    assert "Language model none" in page.text and page.text.count("said in row") == 2


def test_one_topic_has_no_nearest(tmp_path):
    page = written(tmp_path, topics=TOPICS.head(2), model_folder=tmp_path / "no model")
    assert page.all("h3") == ["0Cats"] and "Nearest topics" not in page.text


def test_rows_of_another_run_are_refused(tmp_path):
    with pytest.raises(ValueError, match="rows that are not there: row-0, row-1"):
        written(tmp_path, rows=ROWS.iloc[2:])
    assert not (tmp_path / "report.html").exists()


def test_the_page_is_its_owners_alone_and_its_size_is_told(tmp_path):
    written(tmp_path)
    path = tmp_path / "again.html"
    facts = write_report(REPORT, ROWS, TOPICS, LAYERS, path=path, model_folder=tmp_path, advice="")
    assert facts == {"bytes": path.stat().st_size, "texts": 8}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_five_hundred_topics_are_light_and_quick(tmp_path):
    n, words = 500, [f"keyword {i}" for i in range(10)]
    ids = np.array([f"{i:08d}-0000-0000-0000-000000000000" for i in range(8 * n + 8)])
    rows = pd.DataFrame({"id": ids, "text": "очень длинный разговор " * 30})
    topics = pd.DataFrame(
        {"topic": range(-1, n), "label": [f"Topic of number {i}" for i in range(n + 1)], "label_source": "llm",
         "size": 10, "share": 1 / (n + 1), "keywords": [words] * (n + 1), "keybert": [words] * (n + 1),
         "mmr": [words] * (n + 1), "representative_ids": list(ids.reshape(-1, 8))}
    )  # fmt: skip
    centroids = np.random.default_rng(0).normal(size=(n, 384))
    save_file({"centroids": centroids.astype(np.float32)}, tmp_path / "centroids.safetensors")
    path = tmp_path / "report.html"
    facts = write_report(REPORT, rows, topics, LAYERS.head(0), path=path, model_folder=tmp_path, advice="")
    assert facts["bytes"] < 2_000_000
    page = Page(path)
    assert len(page.all("h3")) == n and "Of each topic 2 of up to 8 rows that stand for it." in page.text
