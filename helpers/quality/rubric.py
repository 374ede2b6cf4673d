"""A rubric file -> the scale that texts are rated on: what the model is told, and the levels that it names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from helpers.llm.instructions import INSTRUCTIONS

RUBRICS = INSTRUCTIONS / "rubrics"
DEFAULT_LANGUAGE = "en"
LOOKED_AT = 300  # texts, evenly spread, whose language tells that of the rubric
MOST_LEVELS = 20
_LEVEL = re.compile(r"^\s*(?:[-*+]\s*)?(?:\*\*)?(\d+)(?:\*\*)?\s*[:.)–—-](?:\*\*)?\s+(\S.*)$")


@dataclass(frozen=True)
class Rubric:
    """A scale: its name, what it says before and after the levels, and what each level means, from the lowest."""

    name: str
    head: str
    meanings: tuple[tuple[int, str], ...]
    end: str = ""

    @property
    def levels(self) -> tuple[int, int]:
        """Return the lowest and the highest level."""
        return self.meanings[0][0], self.meanings[-1][0]

    @cached_property
    def hash(self) -> str:
        """Return what changes with every word of it."""
        return hashlib.blake2b(self.text().encode(), digest_size=8).hexdigest()

    @property
    def instruction(self) -> str:
        """Return the instruction in the language of the rubric, which the end of its name tells."""
        own = f"rate_{self.name.rpartition('_')[2]}"
        return own if (INSTRUCTIONS / f"{own}.md").exists() else "rate"

    def text(self, *, backwards: bool = False) -> str:
        """Return it as the model is told it; backwards: from the highest level down, for a second opinion."""
        told = [f"- {level}: {meaning}" for level, meaning in self.meanings]
        parts = [self.head, "\n".join(told[::-1] if backwards else told), self.end]
        return "\n\n".join(part for part in parts if part)


def read_rubric(name: str, *, texts: Sequence[str] = ()) -> Rubric:
    """Return a rubric of helpers/instructions/rubrics by name, or one in a file of the user's own.

    A name without a language (educational for educational_en, educational_es) is taken in the language of most of the
    texts, where there is one in it. A file is Markdown; lines such as `- 3: what that level means` are its levels,
    whole numbers one after the other, and what stands before them is told as well. Raises FileNotFoundError or
    ValueError for a file that is not there or has no such levels.
    """
    if Path(name).suffix:
        return _parse(Path(name).expanduser(), name)
    known = sorted(path.stem for path in RUBRICS.glob("*.md"))
    if name not in known:
        languages = [one.removeprefix(f"{name}_") for one in known if one.startswith(f"{name}_")]
        if not languages:
            raise FileNotFoundError(
                f"no rubric {name!r}: expected {', '.join(known)}, or the path of a .md file with levels"
            )
        name = f"{name}_{_main_language(texts, languages)}"
    return _parse(RUBRICS / f"{name}.md", name)


def _parse(path: Path, name: str) -> Rubric:
    try:
        lines = path.read_text("utf-8").strip().splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"quality.rubric: no file {path}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: not a text in UTF-8 ({error.reason})") from None
    found = [(at, match) for at, line in enumerate(lines) if (match := _LEVEL.match(line))]
    numbers = [int(match[1]) for _, match in found]
    run = _last_run(numbers)
    if run < 2:
        raise ValueError(
            f"{path.name}: expected two levels or more, lines such as `- 0: what it means` and `- 1: ...`, whole "
            f"numbers one after the other; got {numbers or 'none'}"
        )
    if run > MOST_LEVELS:
        raise ValueError(f"{path.name}: expected at most {MOST_LEVELS} levels, got {run}")
    levels = found[-run:]
    # A level goes on over the lines beneath it, the last one to the next blank line; what then follows is the end.
    last = next((at for at in range(levels[-1][0], len(lines)) if not lines[at].strip()), len(lines))
    ends = [at for at, _ in levels[1:]] + [last]
    meanings = [
        (int(match[1]), " ".join([match[2].strip(), *(line.strip() for line in lines[at + 1 : end] if line.strip())]))
        for (at, match), end in zip(levels, ends, strict=True)
    ]
    head, end = "\n".join(lines[: levels[0][0]]).strip(), "\n".join(lines[last:]).strip()
    return Rubric(Path(name).stem, head, tuple(sorted(meanings)), end)


def _last_run(numbers: Sequence[int]) -> int:
    """Return how many of the last numbers go up, or down, one by one: a list of steps before them is none of them.

    >>> _last_run([1, 2, 0, 1, 2, 3]), _last_run([3, 2, 1]), _last_run([1, 3])
    (4, 3, 1)
    """
    found = min(len(numbers), 1)
    for step in (1, -1):
        count = 1
        while count < len(numbers) and numbers[-count] - numbers[-count - 1] == step:
            count += 1
        found = max(found, min(count, len(numbers)))
    return found


def _main_language(texts: Sequence[str], languages: Sequence[str]) -> str:
    """Return the language of most of the texts, of those that there are."""
    from helpers.text.audit import find_languages

    told = [one for one in find_languages(list(texts), LOOKED_AT) if one in languages]
    default = DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in languages else languages[0]
    return max(sorted(set(told)), key=told.count) if told else default
