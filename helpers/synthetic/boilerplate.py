"""A text as a model wrote it -> the text without what is said around it, and the names of what was cut.

The stock phrases stand in instructions/synthetic/boilerplate.yaml; what only looks like one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from helpers.llm.instructions import INSTRUCTIONS
from helpers.yaml_text import read_yaml

RULES = INSTRUCTIONS / "synthetic" / "boilerplate.yaml"
TAIL = 3_000  # letters at the end of a text in which an ending is sought
SHORT = 1_500  # letters up to which a text is short
ECHO = 40  # letters that a repeated instruction has at least
PLAIN_FENCES = ("", "markdown", "md", "text", "txt", "plaintext", "plain")
# Sentence ends of any script; not of initials, abbreviations and the numbers of a list.
_SENTENCE_END = re.compile(
    r"""(?<!\b[^\W\d_])(?<!\b(?:Mr|Dr|Ms|St|vs|Sr|No|Fr))(?<!\b(?:Mrs|Sra|e\.g|i\.e|Fig|etc))(?<!^\d)(?<!^\d\d)
    [.!?…]+["'”’»)\]*_]*(?=\s|$)|[。！？]+[”」』）]*""",
    re.VERBOSE | re.MULTILINE,
)
_HEADING = re.compile(r"(?:#{1,6}\s.*|\*\*[^*\n]+\*\*:?)\s*")
_LINE = re.compile(r"\s*[-*_=]{3,}\s*")  # drawn between parts of a text
_FRONT = re.compile(r"-{3,}[ \t]*\n[\w-]+:")  # what stands at the head of a page
_FENCED = re.compile(r"(`{3,}|~{3,})([\w+-]*)[ \t]*\n(.*?)\n?[ \t]*\1\s*\Z", re.DOTALL)
LOST = 0.5  # share of a text that goes at most for its last sentence


@dataclass(frozen=True)
class Rules:
    """Compiled phrases: (name, pattern) of openings, run-ons, endings; (pattern, only short) of refusals."""

    openings: tuple[tuple[str, re.Pattern], ...]
    run_ons: tuple[tuple[str, re.Pattern], ...]
    endings: tuple[tuple[str, re.Pattern], ...]
    refusals: tuple[tuple[re.Pattern, bool], ...]


def cut_boilerplate(
    text: str, *, prompt: str = "", finish_reason: str = "stop", unfinished: str = "cut", rules: Path | None = None
) -> tuple[str, list[str]]:
    """Return the text without stock openings and endings, and the names of what was cut, in the order of the cuts.

    What is cut once is cut in full: a second time nothing is found. prompt: the instruction, which goes where the text
    begins with it. finish_reason: "length" has the last, unfinished sentence cut, unless unfinished is "keep". rules:
    a YAML file in place of the kit's.

    >>> cut_boilerplate("Sure! Here is a story about rain:\\n\\nIt rained. I hope this helps!")
    ('It rained.', ['sure', 'hope it helps'])
    >>> cut_boilerplate('"Sure, I hope this helps!" said the fox.')
    ('"Sure, I hope this helps!" said the fox.', [])
    """
    known = read_rules(rules)
    names: list[str] = []
    before, text = None, text.strip()
    while text != before:
        before = text
        for name, left in _cuts(text, prompt, known, whole=finish_reason != "length" or unfinished == "keep"):
            if left != text:
                names.append(name)
                text = left
                break
    return text, list(dict.fromkeys(names))


def is_refusal(text: str, *, rules: Path | None = None) -> bool:
    """Return whether a text begins with a refusal to write it.

    >>> is_refusal("I'm sorry, but I can't assist with that."), is_refusal("I can't help but smile when it rains.")
    (True, False)
    """
    start = text.lstrip(" \t\n*#_")  # and no quotation mark: a story may begin with what someone says
    return any(find.match(start) and (not short or len(text) <= SHORT) for find, short in read_rules(rules).refusals)


PARTS = ("openings", "run_ons", "endings", "paragraphs", "refusals")


def read_rules(file: Path | None = None) -> Rules:
    """Return the rules of a YAML file, by default the kit's; raises ValueError for what is no rule."""
    file = file or RULES
    if not file.is_file():
        raise FileNotFoundError(f"boilerplate: no file {file}; expected a YAML of the form of {RULES.name}")
    return _compiled(file, file.read_text("utf-8"))


@lru_cache
def _compiled(file: Path, text: str) -> Rules:
    """Return the rules that the text of a file tells."""
    import yaml

    try:
        told = read_yaml(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not YAML: {' '.join(str(error).split())[:200]}") from None
    parts = [told.get(part) or [] for part in PARTS] if isinstance(told, dict) else [None]
    if not all(
        isinstance(part, list) and all(isinstance(rule, dict) and "find" in rule for rule in part) for part in parts
    ):
        raise ValueError(f"{file}: expected lists of rules with `find` under {', '.join(PARTS)}; see {RULES.name}")
    words = {name: value.replace("| ", "|") for name, value in (told.get("words") or {}).items()}

    def compiled(rule: dict, form: str) -> re.Pattern:
        find = rule["find"]
        for name, value in words.items():
            find = find.replace(f"{{{name}}}", value)
        try:
            return re.compile(form.format(find.replace("'", "['’]")), re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"{file}: {rule['find'][:100]!r} is no regular expression: {error}") from None

    def several(part: str, form: str) -> tuple[tuple[str, re.Pattern], ...]:
        return tuple((rule["name"], compiled(rule, form)) for rule in told.get(part) or ())

    ending = r"""(?:\A|(?<=\n)|(?<=[.!?…)*\s]\s))[¡¿]?(?:{})[\s*_)]*(?:[^\w\s"”»]{{1,3}}\s*)?\Z"""
    return Rules(
        several("openings", "{}"),
        several("run_ons", "{}"),
        (*several("endings", ending), *several("paragraphs", r"(?<=\n)[ \t]*(?:{})[\s*_)\]]*\Z")),
        tuple((compiled(rule, "{}"), bool(rule.get("short"))) for rule in told.get("refusals") or ()),
    )


def _cuts(text: str, prompt: str, rules: Rules, *, whole: bool) -> Iterator[tuple[str, str]]:
    """Yield what each rule makes of the text, with its name."""
    yield "fence", _unfenced(text)
    yield "echo", _without_echo(text, prompt)
    for name, find in rules.openings:
        if match := find.match(text):
            kept = match.groupdict().get("keep") or ""
            left = (kept + text[match.end() :]).strip()
            first, _, rest = left.partition("\n")
            yield name, rest.strip() if _LINE.fullmatch(first) and not _FRONT.match(left) else left
    for name, find in rules.run_ons:
        if match := find.search(text):
            yield name, text[: match.start()].strip()
    yield "line", _without_last_lines(text)
    for name, find in rules.endings:
        if match := find.search(text, max(0, len(text) - TAIL)):
            yield name, text[: match.start()].strip()
    if not whole:
        yield "unfinished sentence", _to_last_sentence(text)


def _unfenced(text: str) -> str:
    """Return what stands in a fence around all of a text, unless it is code."""
    match = _FENCED.match(text)
    if not match or match[2].lower() not in PLAIN_FENCES or match[1] in match[3]:
        return text
    return match[3].strip()


def _without_echo(text: str, prompt: str) -> str:
    """Return the text without the instruction, or its last paragraph, that it begins with."""
    whole = prompt.strip()
    for told in (whole, whole.rpartition("\n\n")[2].strip()):
        if len(told) >= ECHO and text.startswith(told):
            return text[len(told) :].strip()
    return text


def _without_last_lines(text: str) -> str:
    """Return the text without lines drawn beneath it."""
    while text and _LINE.fullmatch(text[text.rfind("\n") + 1 :]):
        text = text[: max(0, text.rfind("\n"))].rstrip()
    return text


def _to_last_sentence(text: str) -> str:
    """Return the text up to the end of its last whole sentence that is no heading.

    A text that would lose more than half, such as a poem or a table, stays.
    """
    left, least = text, int((1 - LOST) * len(text))
    while len(left) >= least:
        end = max((match.end() for match in _SENTENCE_END.finditer(left, least)), default=0)
        left = left[:end].rstrip()
        above, _, last = left.rpartition("\n")
        if not _HEADING.fullmatch(last):
            return left if len(left) >= least else text
        left = above.rstrip()
    return text
