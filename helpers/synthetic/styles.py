"""Style and audience templates, the kit's or the user's own -> checked before anything is made, and filled to a chat.

A style is an instruction file with turns that says what belongs in a text and how it is built; an audience is a part of
it. Both stand in helpers/instructions/synthetic, and what begins a prompt is told by a file a kind of seed there.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from helpers.config import ROOT
from helpers.llm.instructions import INSTRUCTIONS, Chat, fill_instruction
from helpers.yaml_text import read_yaml

FOLDER = INSTRUCTIONS / "synthetic"
_ANY = "academic_textbook narrative_textbook blog_post how_to story question_and_answer conversation".split()
# Styles that are taken for a kind of seed where none is named.
STYLES = {
    "topics": _ANY,
    "outline": _ANY,
    "titles": ["how_to"],
    "instructions": ["story", "forum_post", "problem_solving"],
}
AUDIENCES = "young_children middle_school high_school college researchers general".split()
# What a seed tells a template, by kind; what is not there is empty.
SEED = {
    "topics": {"topic": "", "keywords": (), "extract": ""},
    "outline": {"course": "", "path": (), "title": "", "before": (), "all_before": True, "extract": ""},
    "titles": {"title": ""},
    "instructions": {"question": "", "answer": ""},
}
EMPTY = {name: value for part in SEED.values() for name, value in part.items()}
TOLD = ("kind", "language", "words")  # to styles and audiences alike
OF_STYLE = (*EMPTY, "seed", "audience", "rules", *TOLD)
OF_AUDIENCE = ("style", *TOLD)


@dataclass(frozen=True)
class Template:
    """A style or an audience: its name, its file and what stands there."""

    name: str
    path: Path
    text: str


def read_styles(names: Sequence[str], *, filled: Sequence[str], uses_language: bool = False) -> dict[str, Template]:
    """Return styles by name: those of the kit, and a .md file of the user's own under its name without ending.

    filled: what every seed tells, of which a template must use something, as `seed` does, so that prompts differ.
    uses_language: whether it must use `language` or `rules`. Raises FileNotFoundError, and ValueError that names the
    file and what is wrong with it: no turn of the user, an unknown variable, one that is missing, a form that breaks.
    """
    found = _read_all(names, folder=FOLDER / "styles", known=OF_STYLE)
    for template in found.values():
        used = _variables(template)
        if "audience" not in used:
            raise ValueError(f"{template.path}: no {{{{ audience }}}}: all audiences would get the same prompt")
        if not used & {"seed", *filled}:
            raise ValueError(
                f"{template.path}: uses none of seed, {', '.join(filled)}: all prompts of the style would be the same; "
                "put {{ seed }} where the text is to begin from"
            )
        if uses_language and not used & {"rules", "language"}:
            raise ValueError(
                f"{template.path}: neither {{{{ rules }}}} nor {{{{ language }}}}: the language that is set would be "
                "lost; leave it at auto where the template itself tells it"
            )
        _try_style(template)
    return found


def read_audiences(names: Sequence[str]) -> dict[str, Template]:
    """Return audiences by name, as read_styles does styles; an audience is a part of a turn and has none itself."""
    found = _read_all(names, folder=FOLDER / "audiences", known=OF_AUDIENCE)
    for template in found.values():
        if re.search(r"^# (system|user|assistant)\n", template.text, flags=re.M):
            raise ValueError(f"{template.path}: an audience is told within a turn of a style: leave out `# user` lines")
        told = {"style": "story", "kind": "topics", "language": "English", "words": 500}
        if not _tried(template, lambda text=template.text, told=told: render(text, **told)).strip():
            raise ValueError(f"{template.path}: it says nothing of the audience")
    return found


def fill_style(style: Template, audience: Template, seed: Mapping[str, Any], *, kind: str, **told: Any) -> Chat:  # noqa: ANN401
    """Return the prompt of a style, an audience and a seed's values (see SEED). told: language and words."""
    told = {"kind": kind, **told}
    parts = {
        "seed": render(fragment(f"seeds/{kind}.md"), **{**EMPTY, **seed}).strip(),
        "audience": render(audience.text, style=style.name, **told).strip(),
        "rules": render(fragment("rules.md"), **told).strip(),
    }
    return fill_instruction(style.path, **{**EMPTY, **seed}, **parts, **told)


def hash_templates(style: Template, audience: Template, kind: str) -> str:
    """Return a hash of all files that a prompt is made by."""
    texts = [style.text, audience.text, fragment(f"seeds/{kind}.md"), fragment("rules.md")]
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()


def combine(
    styles: Sequence[str], audiences: Sequence[str], *, table: str = "default", asked: Collection[str] = ()
) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    """Return the pairs of style and audience that are written, and the others: style, audience, reason.

    table: a YAML file of pairs that make no sense, with the reason; `default` is combinations.yaml, `none`: all are
    written. Raises ValueError where none is left, or none of a style or an audience among those asked for by name.
    """
    unwanted = {} if table == "none" else _read_combinations(table)
    pairs = [(style, audience) for style in styles for audience in audiences]
    wanted = [pair for pair in pairs if pair not in unwanted]
    written = {name for pair in wanted for name in pair}
    for name in [*styles, *audiences]:
        if name not in written and (name in asked or not wanted):
            why = next(unwanted[pair] for pair in pairs if name in pair)
            raise ValueError(
                f"{name} is left out of all combinations ({why}): name it with further styles or audiences, or not at "
                "all, or set synthetic.combinations: none"
            )
    lines = [(*pair, unwanted[pair]) for pair in pairs if pair in unwanted]
    return wanted, pd.DataFrame(lines, columns=["style", "audience", "reason"], dtype=object)


@lru_cache
def fragment(name: str) -> str:
    """Return a part of the kit's own prompts, such as seeds/topics.md."""
    return (FOLDER / name).read_text("utf-8")


def render(text: str, **values: Any) -> str:  # noqa: ANN401
    """Return a form with values put in; a value is never read as a part of the form."""
    return _form(text).render(**values)


@lru_cache
def _form(text: str) -> Any:  # noqa: ANN401 - a jinja2 Template
    return _environment().from_string(text)


@lru_cache
def _environment() -> Any:  # noqa: ANN401
    from jinja2 import Environment, StrictUndefined

    return Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - no HTML


def _read_all(names: Sequence[str], *, folder: Path, known: Sequence[str]) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for name in names:
        template = _read(name, folder)
        if template.name in found:
            raise ValueError(
                f"{name} and {found[template.name].path} would both be called {template.name}: rename one of the files"
            )
        if unknown := sorted(_variables(template) - {*known}):
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{template.path}: {{{{ {unknown[0]} }}}} is not known; known are {', '.join(known)}{hint}"
            )
        found[template.name] = template
    return found


def _read(name: str, folder: Path) -> Template:
    """Return the template of a name or a path, which may be seen from here or from the repository."""
    if not Path(name).suffix:
        path = folder / f"{name}.md"
        kit = sorted(one.stem for one in folder.glob("*.md"))
        if name not in kit:
            near = difflib.get_close_matches(name, kit, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(
                f"{name!r} is none of the {folder.name}: {', '.join(kit)}, or the path of a .md file{hint}"
            )
    else:
        places = [base / Path(name).expanduser() for base in (Path.cwd(), ROOT)]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise FileNotFoundError(f"{folder.name}: no file {name}")
    try:
        return Template(path.stem, path, path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8 ({error.reason})") from None


def _variables(template: Template) -> set[str]:
    from jinja2 import TemplateSyntaxError
    from jinja2.meta import find_undeclared_variables

    try:
        return find_undeclared_variables(_environment().parse(template.text))
    except TemplateSyntaxError as error:
        raise ValueError(f"{template.path}: line {error.lineno}: {error.message}") from None


def _try_style(style: Template) -> None:
    """Fill a style for each kind of seed, so that a form that breaks does so now."""
    audience = Template("general", style.path, "Readers.")
    for kind, values in SEED.items():
        said = {name: value if isinstance(value, bool) else type(value)("x") for name, value in values.items()}
        for seed in (values, said):
            chat = _tried(
                style, lambda seed=seed, kind=kind: fill_style(style, audience, seed, kind=kind, language="x", words=9)
            )
        if chat[-1]["role"] != "user":
            raise ValueError(f"{style.path}: the last turn, `# user`, says nothing")


def _tried(template: Template, fill: Any) -> Any:  # noqa: ANN401
    try:
        return fill()
    except Exception as error:  # noqa: BLE001 - a form may raise whatever Python does
        told = str(error).removeprefix(f"{template.path}: ")
        raise ValueError(f"{template.path}: it cannot be filled: {told}") from None


def _read_combinations(table: str) -> dict[tuple[str, str], str]:
    path = FOLDER / "combinations.yaml" if table == "default" else Path(table).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"synthetic.combinations: no file {path}; expected `default`, `none`, or a YAML file")
    try:
        lines = read_yaml(path.read_text("utf-8")) or []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    keys = {"style", "audience", "reason"}
    wrong = [one for one in lines if not _is_pair(one, keys)] if isinstance(lines, list) else [lines]
    if wrong:
        raise ValueError(f"{path}: expected entries with style, audience and reason, got {str(wrong[0])[:80]}")
    return {(one["style"], one["audience"]): one["reason"] for one in lines}


def _is_pair(one: Any, keys: set[str]) -> bool:  # noqa: ANN401
    return isinstance(one, dict) and one.keys() == keys and all(isinstance(value, str) for value in one.values())
