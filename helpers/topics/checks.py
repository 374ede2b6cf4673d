"""A proposed name of a topic -> what is wrong with it, or nothing: small models ramble, refuse, echo and mix languages.

Whether a name fits its topic's rows is measured in support.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import regex

LONGEST = 60  # characters: more does not fit on a map
MOST_WORDS = 8
FOREIGN = 0.001  # below this probability, among all languages, a name of three words or more is not in the wanted one
VARIED = 0.75  # of its words that mean something, so many are said once: "Movie times and movie schedules" may be
COPIED = 5  # words in a row that a name may not share with one shown text
LANGUAGE_CHARS = 2000  # of a topic's texts, by which its language is told
SURE = 0.9
_SCRIPTS = "Latin Cyrillic Greek Arabic Hebrew Devanagari Han Hangul Thai Hiragana Katakana".split()
_EAST_ASIAN = {"Han", "Hiragana", "Katakana"}
_TALK = re.compile(
    r"^(i (am|can|can't|cannot|will|would|do|don|don't|think|have|need)\b|i'm|sorry|as an? (ai|language)"
    r"|sure\b(?!-)|certainly|of course|here (is|are)|the (texts?|group|topic|name|label|following)\b"
    r"|this (group|topic|is)\b|these (texts|are)\b|based on|please\b|lo siento|claro,|no puedo)",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"^(json|label|name|group|topic)s?$|\b(typical words|other groups|names? of (this|the|that) group|this group)\b",
    re.I,
)
_MARKS = re.compile(r"[\"“”«»`*<>{}\[\]|\\^=]|https?:|\bwww\.")
_OPEN = set("a an the and or of in on at to for with from by about as is are was what which who how this that".split())

_VERBS = set("is are was were isn't aren't has have had will would can can't".split())


def clean_label(reply: str) -> str:
    """Return the first line of a reply without list marks, quotation marks around it, "Topic:" and a full stop.

    Commas, dots and slashes inside stay.

    >>> clean_label('Topic: "Heating, Ventilation and Air Conditioning".')
    'Heating, Ventilation and Air Conditioning'
    """
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    label = re.sub(r"^(topic|label|name|answer)\s*:\s*", "", lines[0] if lines else "", flags=re.IGNORECASE)
    label = label.lstrip("#").strip(" \t\"'`*_-–—“”‘’«»").rstrip(".:;,!…").strip("\"'`*“”")
    return " ".join(label.split())


def find_problem(
    label: str, *, documents: Sequence[str] = (), language: str | None = None, examples: Sequence[str] = ()
) -> str | None:
    """Return what keeps label from being a name, in words that complete "it ...", or None.

    documents: the texts that were shown; a name may not copy them. examples: the names in the instruction's worked
    examples, which a small model repeats when it knows nothing better. language: ISO code of the wanted language.
    """
    words = label.split()
    folded = [word.casefold().strip(",;/&-") for word in words]
    if not any(sign.isalpha() for sign in label):
        return "has no letters"
    if len(label) > LONGEST or len(words) > MOST_WORDS:
        return f"is longer than {MOST_WORDS} words"
    if _MARKS.search(label):
        return "has quotation marks or other marks in it"
    if _FORM.search(label) or label.casefold() in {example.casefold() for example in examples}:
        return "repeats the question"
    if label.endswith("?") or _TALK.match(label):
        return "talks in place of naming"
    if len(words) > 3 and _VERBS & set(folded[1:]):
        return "is a sentence"
    if len(words) > 1 and folded[-1] in _OPEN:
        return "is not finished"
    content = [word.removesuffix("s").removesuffix("e") for word in folded if word and word not in _OPEN]
    if len(set(content)) < VARIED * len(content) or label.count(",") > 3:
        return "repeats itself"
    if _copied(folded, documents):
        return "copies a text"
    if language and not _in_language(label, language):
        return f"is not in the language {language}"
    return None


def find_language(documents: Sequence[str]) -> str | None:
    """Return the ISO code of the language that the texts are in, None where they give nothing to go by."""
    code, sure = _identifier().classify("\n".join(documents)[:LANGUAGE_CHARS])
    return code if sure >= SURE and code != "zxx" else None


def same_name(one: str, other: str) -> bool:
    """Return whether two names are the same but for case, order of words, plural s and function words.

    >>> same_name("Movie schedules", "Schedule of the movies")
    True
    """
    return _essence(one) == _essence(other)


@lru_cache(maxsize=100_000)
def _essence(label: str) -> frozenset[str]:
    words = regex.findall(r"[\p{L}\p{N}+#]+", label.casefold())
    content = frozenset(word.removesuffix("s") for word in words if word not in _OPEN)
    return content or frozenset(words or [label])


def _copied(words: list[str], documents: Sequence[str]) -> bool:
    """Return whether a name is a run of words of one text; commas and the like between them do not count."""
    run = _run(words)
    return run.count(" ") > COPIED and any(run in _run(text.casefold().split()) for text in documents)


def _run(words: Sequence[str]) -> str:
    """Return words without the marks around them, a blank before and after each."""
    bare = (regex.sub(r"^\P{Alnum}+|\P{Alnum}+$", "", word) for word in words)
    return f" {' '.join(word for word in bare if word)} "


def _in_language(label: str, language: str) -> bool:
    scripts, wanted = _scripts(label), _usual_scripts(language)
    if wanted and scripts and not scripts & wanted:
        return False
    if len(label.split()) < 3 or not scripts <= {"Latin", "Cyrillic"}:
        return True
    return dict(_identifier().rank(label)).get(language, 1.0) >= FOREIGN


def _scripts(text: str) -> set[str]:
    return {script for script in _SCRIPTS if regex.search(rf"\p{{Script={script}}}", text)}


def _usual_scripts(language: str) -> set[str]:
    """Return the scripts that a language is written in; none where that is not known."""
    other = {
        **dict.fromkeys("ru uk bg sr mk be kk ky mn".split(), {"Cyrillic"}),
        **dict.fromkeys("zh ja".split(), _EAST_ASIAN),
        **dict.fromkeys("ar fa ur ps ug".split(), {"Arabic"}),
        **dict.fromkeys("hi mr ne".split(), {"Devanagari"}),
        **{"el": {"Greek"}, "he": {"Hebrew"}, "ko": {"Hangul", "Han"}, "th": {"Thai"}},
    }
    latin = (
        "en es fr de it pt nl sv da no nb nn fi pl cs sk sl hr hu ro tr id ms vi ca eu gl et lv lt sq af sw tl".split()
    )
    return other.get(language) or ({"Latin"} if language in latin else set())


@lru_cache
def _identifier():  # noqa: ANN202 - py3langid's own class
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
