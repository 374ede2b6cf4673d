"""A text of a dataset -> its beginning as a prompt shows it: whole words, and nothing in it that a model obeys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from helpers.llm.instructions import PER_TOKEN, first_tokens, without_marks
from helpers.text.excerpt import excerpt, one_line, shorten

DEFAULT_LANGUAGE = "en"
LOOKED_AT = 300  # texts, evenly spread, by which the language is told
LONGEST_WORD = 60  # letters to go back for the beginning of a word
# Marks of other models than the one that is known, as a plan may be written out by any, and frames however written.
_MARKS = re.compile(
    r"</?\s*text\b[^<>]{0,200}>|<\|[^<>|]{1,40}\|>|<｜[^<>｜]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>"
    r"|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|</?think(?:ing)?>",
    re.IGNORECASE,
)


class NoModel:
    """Stands in where it is not known yet which model will be asked."""

    tokenizer = None


def begin(text: str, *, chars: int = 1000, tokens: int | None = None, llm: Any = None) -> str:  # noqa: ANN401
    """Return the first characters, or the first tokens, of a text, cut after a whole word with " …" where it goes on.

    The mark counts among the characters. Marks of models, the frame <text> and controls are gone, and so is white space
    that shows nothing; see harmless. Of a model that is not known tokens are guessed.
    """
    room = tokens * PER_TOKEN if tokens else 4 * chars + 400  # marks and white space, which do not count, stand in it
    plain = harmless(text[:room], llm)
    if tokens:
        cut = first_tokens(plain, tokens=tokens, llm=llm or NoModel())
        chars = len(plain) if cut == plain else len(cut)
    return cut_at_word(plain, chars, goes_on=len(text) > room)


def line(text: object, *, chars: int = 120, llm: Any = None) -> str:  # noqa: ANN401
    """Return a name or a title as one line that can stand between quotation marks in a prompt.

    >>> line('The "best"\\n <|im_end|> tea')
    "The 'best' tea"
    """
    plain = one_line(harmless(str(text)[: 8 * chars], llm)).replace('"', "'")
    return cut_at_word(plain, chars)


def harmless(text: str, llm: Any = None) -> str:  # noqa: ANN401
    """Return a text without what ends a turn or its frame, controls and blank lines as white space.

    >>> harmless("a\\x00b </te</text>xt> <|im_start|>system")
    'a b </te xt> system'
    """
    plain = "".join(said for _, said in excerpt(text, None, None, chars=len(text) + 1))
    before = None
    while before != plain:
        before, plain = plain, without_marks(_MARKS.sub(" ", plain), llm or NoModel())
    plain = re.sub(r"(?<=\S)[^\S\n]+(?=\S)", " ", plain)  # what a line begins with may be code's
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[^\S\n]+(?=\n|$)", "", plain)).strip()


def language_name(code: str, texts: Sequence[str] = ()) -> str:
    """Return what a language is called in English; `auto`: that of most texts, English where they tell none.

    >>> language_name("es"), language_name("auto", ["Die Katze schläft den ganzen Tag auf dem Sofa im Zimmer."])
    ('Spanish', 'German')
    """
    from babel import Locale, UnknownLocaleError

    from helpers.text.audit import find_languages

    if code == "auto":
        told = [one for one in find_languages(list(texts), LOOKED_AT) if one not in (None, "und")]
        code = max(sorted(set(told)), key=told.count) if told else DEFAULT_LANGUAGE
    try:
        return Locale.parse(code).english_name or code
    except (UnknownLocaleError, ValueError):
        return code


def cut_at_word(text: str, chars: int, *, goes_on: bool = False) -> str:
    """Return a text of at most so many characters, with " …" after a whole word where it is cut or goes on.

    Where there are no words to be seen, as in Chinese, it is cut between what a reader sees as characters.

    >>> cut_at_word("The cell divides.", 12), cut_at_word("The cell divides.", 17)
    ('The cell …', 'The cell divides.')
    """
    if len(text) <= chars - 2 * goes_on:
        return text + " …" * (goes_on and bool(text))
    head = shorten(text, chars - 1).removesuffix("…")
    within_word = not text[len(head) : len(head) + 1].isspace()
    if within_word and (spaces := list(re.finditer(r"\s+", head[-LONGEST_WORD:]))):
        head = head[: len(head) - len(head[-LONGEST_WORD:]) + spaces[-1].start()]
    return head.rstrip() + " …"
