"""A course's title and description -> its units as the LLM plans them, without those that are not the subject."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.llm.ask import LLM, ask, choose
from helpers.llm.instructions import Chat, fill_instruction
from helpers.synthetic.extracts import line
from helpers.synthetic.outline import NUMBER, TITLE_CHARS, units_table
from helpers.synthetic.styles import FOLDER
from helpers.synthetic.tables import left_out_table

KINDS = ("subject", "requirements", "organisation", "assessment", "person")  # see outline_check.md
UNIT_TOKENS = 40  # that a title may take of an answer
DRAWN = 0.7  # temperature of a second try


def write_outline(
    title: str,
    description: str = "",
    *,
    least: int = 8,
    most: int = 16,
    language: str = "English",
    llm: LLM | None,
    log: Path,
    seed: int = 42,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the units of a course as the LLM plans them, and those left out, each with the reason.

    Every unit is then asked about by itself, and what holds requirements, organisation, assessment or a private person
    is left out, as are titles that stand twice. log: every prompt and reply. Raises ValueError without an LLM, where no
    outline came, and where nothing of it is left.
    """
    if llm is None:
        raise ValueError("an outline from a course's title is written by a language model: set synthetic.llm.model")
    told = {"least": least, "most": most, "language": language, "title": line(title, llm=llm)}
    chat = fill_instruction(FOLDER / "outline.md", description=line(description, chars=2000, llm=llm), **told)
    titles = _written(chat, least, most, llm=llm, log=log, seed=seed)
    unique = {one.casefold(): one for one in reversed(titles) if one}
    kept = [one for one in titles if unique.get(one.casefold()) is one]
    lines = [("unit", one, 1, "stands twice in the outline") for one in titles if one and one not in kept]
    checks = [fill_instruction(FOLDER / "outline_check.md", title=told["title"], unit=one) for one in kept]
    chances = choose(checks, KINDS, llm=llm, log=log, doing="sort units")
    held = [None if np.isnan(chance).any() else KINDS[int(chance.argmax())] for chance in chances]
    for one, what in zip(kept, held, strict=True):
        if what != "subject":
            lines.append(("unit", one, 1, f"holds {what}, not the subject" if what else "no answer told what it holds"))
    nodes = [(0, told["title"], ""), *((1, one, "") for one, what in zip(kept, held, strict=True) if what == "subject")]
    if len(nodes) == 1:
        raise ValueError(
            f"nothing is left of the outline that {llm.name} wrote ({lines[-1][1]!r} {lines[-1][3]}): look at {log}, "
            "take a larger model (synthetic.llm.model), or write the outline yourself (synthetic.outline)"
        )
    return units_table(nodes, told["title"]), left_out_table(lines)


def _written(chat: Chat, least: int, most: int, *, llm: LLM, log: Path, seed: int) -> list[str]:
    """Return the titles that the LLM gives; what came to nothing is drawn a second time."""
    item = {"type": "string", "minLength": 3, "maxLength": TITLE_CHARS}
    units = {"type": "array", "items": item, "minItems": least, "maxItems": most}
    schema = {"type": "object", "properties": {"units": units}, "required": ["units"], "additionalProperties": False}
    room = UNIT_TOKENS * most
    for temperature in (0.0, DRAWN):
        about = {"temperature": temperature, "seed": seed, "log": log, "doing": "write the outline"}
        if reply := ask([chat], llm=llm, schema=schema, max_new_tokens=room, **about)[0]:
            return [NUMBER.sub("", line(one, chars=TITLE_CHARS, llm=llm)) for one in reply["units"]]
    raise ValueError(
        f"{llm.name} wrote no outline of {least} to {most} units within {room} tokens, twice: look at {log}, take a "
        "larger model (synthetic.llm.model), or write the outline yourself (synthetic.outline)"
    )
