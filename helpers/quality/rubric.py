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
LOOKED_AT = 300  # texts whose language tells that of the rubric
_LEVEL = re.compile(r"^\s*(?:[-*+]\s*)?(?:\*\*)?(\d+)(?:\*\*)?\s*[:.)–—-]\s*(\S.*)$")


@dataclass(frozen=True)
class Rubric:
    """A scale: its name, what it says before the levels, and what each level means, from the lowest."""

    name: str
    head: str
    meanings: tuple[tuple[int, str], ...]

    @property
    def levels(self) -> tuple[int, int]:
        """Return the lowest and the highest level."""
        return self.meanings[0][0], self.meanings[-1][0]

    @cached_property
    def hash(self) -> str:
        """Return what changes with every word of it."""
        return hashlib.blake2b(self.text().encode(), digest_size=8).hexdigest()

    @property
    def middle(self) -> float:
        """Return the level just above the middle: from there on a text is rather good."""
        lowest, highest = self.levels
        return float((lowest + highest) // 2 + 1)

    @property
    def instruction(self) -> str:
        """Return the instruction in the language of the rubric, which the end of its name tells."""
        own = f"rate_{self.name.rpartition('_')[2]}"
        return own if (INSTRUCTIONS / f"{own}.md").exists() else "rate"

    def text(self, *, backwards: bool = False) -> str:
        """Return it as the model is told it; backwards: from the highest level down, for a second opinion."""
        told = [f"- {level}: {meaning}" for level, meaning in self.meanings]
        return f"{self.head}\n\n" + "\n".join(told[::-1] if backwards else told)


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
    found = [(at, _LEVEL.match(line)) for at, line in enumerate(lines)]
    found = [(at, match) for at, match in found if match]
    levels = [int(match[1]) for _, match in found]
    if len(levels) < 2 or levels not in (
        list(range(levels[0], levels[0] + len(levels))),
        list(range(levels[0], levels[0] - len(levels), -1)),
    ):
        raise ValueError(
            f"{path.name}: expected two levels or more, lines such as `- 0: what it means` and `- 1: ...`, one after "
            f"the other; got {levels or 'none'}"
        )
    ends = [at for at, _ in found[1:]] + [len(lines)]
    meanings = [
        (int(match[1]), " ".join([match[2].strip(), *(line.strip() for line in lines[at + 1 : end] if line.strip())]))
        for (at, match), end in zip(found, ends, strict=True)
    ]
    head = "\n".join(lines[: found[0][0]]).strip()
    return Rubric(Path(name).stem, head, tuple(sorted(meanings)))


def _main_language(texts: Sequence[str], languages: Sequence[str]) -> str:
    """Return the language of most of the texts, of those that there are."""
    from helpers.text.audit import find_languages

    told = [one for one in find_languages(list(texts)[:LOOKED_AT], LOOKED_AT) if one in languages]
    default = DEFAULT_LANGUAGE if DEFAULT_LANGUAGE in languages else languages[0]
    return max(sorted(set(told)), key=told.count) if told else default
