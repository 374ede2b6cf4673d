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
LONGEST_WORD = 40  # characters: a longer one is none, or was cut off there
FOREIGN = 0.001  # below this probability, among all languages, a name of three words or more is not in the wanted one
VARIED = 0.75  # of its words that mean something, so many are said once: "Movie times and movie schedules" may be
COPIED = 5  # words in a row that a name may not share with one shown text
LANGUAGE_CHARS = 2000  # of a topic's texts, by which its language is told
SURE = 0.9
_SCRIPTS = "Latin Cyrillic Greek Arabic Hebrew Devanagari Han Hangul Thai Hiragana Katakana".split()
_EAST_ASIAN = {"Han", "Hiragana", "Katakana"}
_TALK = re.compile(  # to the reader, or a refusal
    r"^(i (am|can|can't|cannot|will|would|do|don|don't|think|have|need)\b|i'm|sorry|as an? (ai|language)"
    r"|sure\b(?!-)|certainly|of course|please\b|lo siento|claro,|no puedo|por supuesto|sí,|je suis désolé|je ne peux"
    r"|désolée?\b|es tut mir|entschuldig|ich kann\b|desculpe|não posso|mi dispiace|non posso"
    r"|(非常)?抱歉|对不起|對不起|申し訳|すみません|죄송|извините|простите|к сожалению|я не могу)",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"^(here (is|are)|the (texts?|group|topic|name|label|following)\b|this (group|topic|is)\b|these (texts|are)\b"
    r"|based on)",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"^(json|label|name|group|topic|text|document|user|unknown|none|n/?a|no keyword|untitled|group of text)s?$"
    r"|\b(typical words|other groups|names? of (this|the|that) group|this group)\b",
    re.IGNORECASE,
)
# Quotation marks and signs of markup, at the start of a word only where they also stand within one (O'Brien's, '90s),
# and what cannot be seen, but for the two joiners that some scripts write with.
_MARKS = regex.compile(
    r"[\"“”„‚‘«»‹›「」『』《》【】`*<>{}\[\]|\\^=]|https?:|\bwww\.|(^|\s)'(?!\d|n')|(^|\s)_|_(\s|$)|[\p{C}--[\u200c\u200d]]",
    regex.V1,
)
_GLUE = set("a an the and or of in on at for with by about".split())
_OPEN = set("a an the and or of in on at to for with from by about as is are was what which who how this that".split())

_VERBS = set("is are was were isn't aren't has have had".split())
_PAIR = re.compile(r"\b(\w+) (?:to|by|for|after|in|on|upon|over) \1\b")  # peer to peer, step by step
_TWICE = re.compile(r"\b(\w+) \1\b")


def clean_label(reply: str) -> str:
    """Return the first line of a reply without marks and numbers of a list, quotation marks around it and a full stop.

    Commas, dots and slashes inside stay.

    >>> clean_label('Topic: "Heating, Ventilation and Air Conditioning".')
    'Heating, Ventilation and Air Conditioning'
    """
    lines = [line.strip() for line in reply.splitlines() if line.strip()]
    label = re.sub(r"^(topic|label|name|answer)\s*:\s*", "", lines[0] if lines else "", flags=re.IGNORECASE)
    label = (
        regex.sub(r"^\(?\d{1,2}[.)]\s+(?=\p{L})", "", label)
        .lstrip("#")
        .strip(" \t\"'`*_-–—“”‘’«»")
        .rstrip(".:;,!…")
        .strip("\"'`*“”")
    )
    return " ".join(label.split())


def find_problem(
    label: str, *, documents: Sequence[str] = (), language: str | None = None, examples: Sequence[str] = ()
) -> str | None:
    """Return what keeps label from being a name, in words that complete "it ...", or None.

    documents: the topic's texts and keywords. A name may not copy a text, but what is odd otherwise is right where they
    say it: Duran Duran, signing in, a foreign brand. examples: the names in the instruction's worked examples, which a
    small model repeats when it knows nothing better. language: ISO code of the wanted language.
    """
    words = label.split()
    folded = [word.casefold().strip(",;/&-") for word in words]
    if not any(sign.isalpha() for sign in label):
        return "has no letters"
    if len(label) > LONGEST or len(words) > MOST_WORDS or max(map(len, words)) >= LONGEST_WORD:
        return f"is longer than {MOST_WORDS} words"
    if _MARKS.search(label) or label.count("(") != label.count(")"):
        return "has quotation marks or other marks in it"
    echoed = label.casefold() in {example.casefold() for example in examples} and not _known(words, documents)
    if echoed or _FORM.search(label):
        return "repeats the question"
    if label.endswith("?") or _TALK.match(label) or _PREAMBLE.match(label):
        return "talks in place of naming"
    if len(words) > 3 and _VERBS & set(folded[1:]):
        return "is a sentence"
    if len(words) > 1 and folded[-1] in _OPEN and not _says(folded[-2:], documents):
        return "is not finished"
    once = _PAIR.sub(r"\1", " ".join(folded))
    once = _TWICE.sub(lambda two: two[1] if _says(two[0].split(), documents) else two[0], once).split()
    content = [word.removesuffix("s").removesuffix("e") for word in once if word and word not in _OPEN]
    if len(set(content)) < VARIED * len(content) or label.count(",") > 3:
        return "repeats itself"
    if _copied(folded, documents):
        return "copies a text"
    if language and not _in_language(label, language, documents):
        return f"is not in the language {language}"
    return None


def find_talk(sentence: str, *, language: str | None = None) -> str | None:
    """Return what keeps a sentence from being about its topic: talk to the reader or another language; or None."""
    if _TALK.match(sentence):
        return "talks to the reader"
    if language and sentence and not _reads_as(sentence, language):
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
    words = regex.findall(r"[\p{L}\p{M}\p{N}+#]+", label.casefold())
    content = frozenset(word.removesuffix("s") if len(word) > 4 else word for word in words if word not in _GLUE)
    return content or frozenset(words or [label])


def _copied(words: list[str], documents: Sequence[str]) -> bool:
    return len(words) >= COPIED and _says(words, documents)


def _says(words: Sequence[str], documents: Sequence[str]) -> bool:
    """Return whether a text has these words in a row; commas and the like between them do not count."""
    return any(_run(words) in _run(text.casefold().split()) for text in documents)


def _known(words: Sequence[str], documents: Sequence[str]) -> bool:
    """Return whether the texts have each of the words somewhere."""
    return all(_says([word.casefold()], documents) for word in words)


def _run(words: Sequence[str]) -> str:
    """Return words without the marks around them, a blank before and after each."""
    bare = (regex.sub(r"^\P{Alnum}+|\P{Alnum}+$", "", word) for word in words)
    return f" {' '.join(word for word in bare if word)} "


def _in_language(label: str, language: str, documents: Sequence[str]) -> bool:
    """Return whether a name may be in a language; words that its texts say, being in that language, are no others."""
    if _reads_as(label, language):
        return True
    new = [word for word in label.split() if not _known([word], documents)]
    return len(new) < len(label.split()) and find_language(documents) == language and _reads_as(" ".join(new), language)


def _reads_as(label: str, language: str) -> bool:
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
