"""Cases -> names that pass the checks: drawn from several sets of examples, asked again where refused, all different.

What was asked and answered stands in labels.jsonl; llm/ask.py reads it before it asks.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from helpers.llm.ask import LLM, ask
from helpers.llm.instructions import INSTRUCTIONS, Chat, fill_fitting, fill_instruction
from helpers.topics.cases import Case
from helpers.topics.checks import LONGEST_WORD, clean_label, find_problem, same_name
from helpers.topics.describe import stop_word_list
from helpers.topics.support import Ground

STEPS = 20  # of finds, within one of which the shorter name is the better, then that of the earlier draw
BOUND_WORDS = 24  # a name may be made of when all free ones were refused
TAKEN = "is the name of another group"
APART = 3  # of a topic's own keywords, at most, are tried to tell its name from an equal one
# White space is written out, for llama.cpp does not take \s among other signs.
_SIGN = r"[^ \t\r\n\"“”«»`*<>{}\[\]|\\^=:;!?.,]"
_WORD = rf"\.?{_SIGN}{{1,{LONGEST_WORD}}}(\.{_SIGN}{{1,12}}){{0,3}}\.?"  # Node.js, St. Louis, .NET, U.S.A.
NAME = {"type": "string", "pattern": rf"^{_WORD}(,? {_WORD}){{0,9}}$"}
_GLUE = {
    "en": "of|and|for|in|to|with|on|about|from|at",
    "es": "de|del|y|para|en|con|sobre|a",
    "pt": "de|do|da|e|para|em|com|sobre",
    "fr": "de|du|des|et|pour|en|avec|sur|à",
    "it": "di|e|per|in|con|su|a",
    "de": "und|für|in|mit|über|von|zu|aus",
    "nl": "van|en|voor|in|met|over|naar",
}
_WITHOUT_BLANKS = {"zh", "ja", "th", "lo", "km", "my"}
_REGEX_SIGNS = re.compile(r"([.^$|()\[\]{}*+?\\])")  # all that is escaped: llama.cpp takes no other escapes

Keywords = Callable[[Case], str]


@dataclass(frozen=True)
class Question:
    """How names are asked for: the form in instructions/, its worked examples, and what is said in every prompt."""

    llm: LLM
    form: str | Path
    worked: Sequence[Mapping[str, Any]]
    said: Mapping[str, Any]
    log: Path
    documents: int = 4
    labels: int = 1
    max_new_tokens: int = 32
    of: str = "topics"

    def chat(self, case: Case, draw: int, *, bare: bool = False, **more: str) -> Chat:
        """Return the worked examples and the question about one topic; more: a name that was refused, and why.

        Every second draw is told of the nearest other topics. bare: no texts are shown, the keywords alone.
        """
        fixed = {"wanted": self.labels, "refused": "", "because": "", "language": language_name(case.language)}
        fixed |= {"others": [], "keywords": [], "topics": [], **self.said}
        turns: Chat = []
        for example in self.worked:
            filled = fill_instruction(self.form, **{"documents": [], **fixed, **example})
            turns = turns or [turn for turn in filled if turn["role"] == "system"]
            turns += [filled[-1], {"role": "assistant", "content": json.dumps(self._reply(example["labels"]))}]
        about = {"keywords": case.keywords, "others": case.others if draw % 2 else []}
        about["topics"] = documents = [] if bare else case.documents(draw, self.documents)
        return fill_fitting(
            self.form,
            llm=self.llm,
            documents=documents,
            answer_tokens=self.max_new_tokens * self.labels,
            before=turns,
            **{**fixed, **about, **more},
        )

    def ask(self, chats: Sequence[Chat], *, names: Sequence[Mapping[str, Any]], doing: str) -> list[list[str]]:
        """Return the names in each reply, none where it has no such form. names: the schema of a name, one a chat."""
        longest = self.max_new_tokens * self.labels
        replies = ask(chats, llm=self.llm, schema=[self._schema(name) for name in names], max_new_tokens=longest,
                      log=self.log, doing=doing)  # fmt: skip
        found = [[] if reply is None else reply.get("labels") or [reply["label"]] for reply in replies]
        return [[clean_label(one) for one in names] for names in found]

    def _schema(self, name: Mapping[str, Any]) -> dict[str, Any]:
        many = {"type": "array", "items": name, "minItems": self.labels, "maxItems": self.labels}
        place, kind = ("labels", many) if self.labels > 1 else ("label", name)
        return {"type": "object", "properties": {place: kind}, "required": [place], "additionalProperties": False}

    def _reply(self, labels: Sequence[str]) -> dict[str, Any]:
        return {"labels": list(labels)[: self.labels]} if self.labels > 1 else {"label": labels[0]}


def name_cases(
    cases: Sequence[Case],
    question: Question,
    ground: Ground,
    *,
    keywords: Keywords,
    draws: int = 2,
    taken: Collection[str] = (),
) -> None:
    """Give each case its names, the best first, none where nothing that was proposed is one; the first ones all differ.

    A name has to pass find_problem, and to find its own topic's rows before all other topics' and as many of them as
    its keywords do. Topics without such a name are asked again, told what was wrong, and bound to their own words.
    taken: names that are not to be had, such as those of own clusters.
    """
    _propose(_draws(cases, question, draws), question, doing="name {}")
    _settle(cases, ground, keywords=keywords, labels=question.labels)
    unnamed = [case for case in cases if not case.names]
    told = [(case, question.chat(case, 0, **_told(case))) for case in unnamed]
    _propose(told + _draws(unnamed, question, draws), question, name=own_words, doing="name {} again")
    _settle(unnamed, ground, keywords=keywords, labels=question.labels)
    _part(cases, question, ground, keywords=keywords, taken=taken)


def worked_examples(form: str) -> list[dict[str, Any]]:
    """Return the kit's own worked examples of a form in instructions/."""
    return json.loads((INSTRUCTIONS / f"{form}_examples.json").read_text("utf-8"))


def own_words(case: Case) -> dict[str, Any]:
    """Return the schema of a name of two to four words of the topic's own, the first with a capital letter.

    Between them may stand what joins words in the topic's language, where that is known.
    """
    counts = Counter(word for text in case.texts for word in dict.fromkeys(_words(text)))
    said = [word for word, count in counts.most_common() if count > 1 and len(word) > 3]
    stops = set(stop_word_list("auto", [case.language or "en"]))
    known = [word for phrase in case.keywords for word in _words(phrase)] + said
    known = list(dict.fromkeys(word for word in known if word not in stops))[:BOUND_WORDS]
    if len(known) < 2:
        return dict(NAME)
    first, more = ("|".join(_REGEX_SIGNS.sub(r"\\\1", word) for word in words)
                   for words in ([w.capitalize() for w in known], known))  # fmt: skip
    blank = "" if case.language in _WITHOUT_BLANKS else " "
    glue = _GLUE.get(case.language or "en", "")
    joined = f"{blank}(({glue}) )?" if glue else blank
    return {"type": "string", "pattern": f"^({first})({joined}({more})){{1,3}}$"}


def language_name(code: str | None) -> str:
    """Return the English name of a language, "" for English itself and for none.

    >>> language_name("es"), language_name("en")
    ('Spanish', '')
    """
    from babel import Locale, UnknownLocaleError

    if code in (None, "en"):
        return ""
    try:
        return Locale.parse(code).get_display_name("en") or ""
    except (UnknownLocaleError, ValueError):
        return ""


def _draws(cases: Sequence[Case], question: Question, draws: int) -> list[tuple[Case, Chat]]:
    """Return the questions about each case, from different texts and, when there are several, from keywords alone."""
    asked = [(case, question.chat(case, draw)) for case in cases for draw in range(draws)]
    if draws > 1 and question.documents:
        asked += [(case, question.chat(case, 0, bare=True)) for case in cases if case.keywords]
    return asked


def _propose(
    asked: Sequence[tuple[Case, Chat]],
    question: Question,
    *,
    name: Callable[[Case], Mapping[str, Any]] | None = None,
    doing: str,
) -> None:
    """Ask, and note with each case what was answered: proposed, or refused and why."""
    examples = [label for example in question.worked for label in example["labels"]]
    names = [NAME if name is None else name(case) for case, _ in asked]
    replies = question.ask([chat for _, chat in asked], names=names, doing=doing.format(question.of))
    for (case, _), found in zip(asked, replies, strict=True):
        for label in found:
            _note(case, label, examples=examples)


def _note(case: Case, label: str, *, examples: Sequence[str] = ()) -> None:
    """Put a label with those that are proposed, or with those that are refused and why."""
    said = [*case.texts, *case.keywords]
    if problem := find_problem(label, documents=said, language=case.language, examples=examples):
        case.refused.setdefault(label, problem)
    elif label not in case.proposed:
        case.proposed.append(label)


def _settle(cases: Sequence[Case], ground: Ground, *, keywords: Keywords, labels: int) -> None:
    """Choose each case's names among those proposed, by the rows of the half that is there to choose by."""
    lines = [(case, label) for case in cases for label in case.proposed if label not in case.refused]
    rated = ground.rate([label for _, label in lines], [case.topic for case, _ in lines])
    bars = ground.rate([keywords(case) for case in cases], [case.topic for case in cases])
    bar = {case.topic: line for case, line in zip(cases, bars.itertuples(), strict=True)}
    good: dict[int, list[tuple[float, str]]] = {case.topic: [] for case in cases}
    for (case, label), found in zip(lines, rated.itertuples(), strict=True):
        rank, finds = (bar[case.topic].rank, bar[case.topic].finds) if case.keywords else (1, 0)
        if found.rank > max(1, rank) or found.finds < finds:
            case.refused[label] = "fits other groups as well"
        else:
            good[case.topic].append((0.0 if found.finds != found.finds else found.finds, label))
    for case in cases:
        best = sorted(good[case.topic], key=lambda pair: (-round(pair[0] * STEPS), len(pair[1].split())))
        for _, label in best:
            if len(case.names) < labels and not any(same_name(label, other) for other in case.names):
                case.names.append(label)


def _part(
    cases: Sequence[Case], question: Question, ground: Ground, *, keywords: Keywords, taken: Collection[str]
) -> None:
    """Ask topics for another name whose first one another topic has, the one that finds more of its rows keeping it.

    Where that brings none, the name gets one of the topic's keywords that no other has, if it is then a name still.
    """
    clashing = _clashing(cases, ground, taken)
    first = {case.topic: case.names[0] for case in clashing}
    for case in clashing:
        case.refused[case.names[0]] = TAKEN
        case.names = []
    _propose([(case, question.chat(case, 0, **_told(case, TAKEN))) for case in clashing], question,
             doing="part equal names of {}")  # fmt: skip
    _settle(clashing, ground, keywords=keywords, labels=question.labels)
    for case in _clashing(cases, ground, taken):
        case.refused[case.names[0]] = TAKEN
        case.names = []
    alone = [case for case in clashing if not case.names]
    for case in alone:
        others = {word for other in cases if other is not case for word in other.keywords}
        said = set(_words(first[case.topic]))
        new = [word for word in case.keywords if word not in others and said.isdisjoint(_words(word))]
        for word in new[:APART]:
            _note(case, f"{first[case.topic]} ({word})")
    _settle(alone, ground, keywords=keywords, labels=1)
    for case in _clashing(cases, ground, taken):
        case.names = []


def _clashing(cases: Sequence[Case], ground: Ground, taken: Collection[str]) -> list[Case]:
    """Return the cases whose first name is taken, or is that of a case whose rows it finds better."""
    named = [case for case in cases if case.names]
    finds = ground.rate([case.names[0] for case in named], [case.topic for case in named])["finds"].fillna(0)
    order = sorted(range(len(named)), key=lambda place: (-finds.iloc[place], named[place].topic))
    held, clashing = list(taken), []
    for case in (named[place] for place in order):
        if any(same_name(case.names[0], other) for other in held):
            clashing.append(case)
        else:
            held.append(case.names[0])
    return clashing


def _told(case: Case, because: str | None = None) -> dict[str, str]:
    """Return the last name that was refused and why, for the next question."""
    wanted = [pair for pair in case.refused.items() if because in (None, pair[1])]
    return dict(zip(("refused", "because"), wanted[-1], strict=True)) if wanted else {}


def _words(text: str) -> list[str]:
    return [word for word in regex.findall(r"[\p{L}\p{M}\p{N}+#'-]+", text.lower()) if len(word) > 1]
