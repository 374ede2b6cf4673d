"""An instruction file and values -> a chat that fits the model's context, with nothing in it that the model obeys.

What is asked stands in helpers/instructions/*.md, or in a file of the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers.config import ROOT

INSTRUCTIONS = ROOT / "helpers" / "instructions"
Chat = list[dict[str, str]]
PER_TOKEN = 40  # no tokenizer needs more characters of text for a token
FRAME = r"</?\s*text\s*>"  # what stands around a text in an instruction
SPARE = 32  # tokens for what an answer is made to begin with


def fill_instruction(name: str | Path, **values: Any) -> Chat:  # noqa: ANN401
    """Return the chat of instructions/NAME.md, or of a file, with values put in.

    A value is never read as a part of the form. Raises ValueError for a file without a turn, FileNotFoundError where
    there is none.
    """
    file = Path(name) if Path(name).suffix else INSTRUCTIONS / f"{name}.md"
    if not file.is_file():
        known = ", ".join(sorted(one.stem for one in INSTRUCTIONS.glob("*.md")))
        raise FileNotFoundError(
            f"no instruction {name}: expected the path of a .md file that exists, or one of {known}"
        )
    filled = [
        {"role": role, "content": form.render(**values)} for role, form in _forms(file.read_text("utf-8"), str(file))
    ]
    return [turn for turn in filled if turn["content"].strip()]


@lru_cache
def _forms(text: str, file: str) -> list[tuple[str, Any]]:
    """Return the turns of an instruction file, each a role and a compiled form."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - no HTML
    parts = re.split(r"^# (system|user|assistant)\n", text, flags=re.M)
    if len(parts) < 3 or parts[-2] != "user":
        raise ValueError(f"{file}: expected turns that begin with lines `# system`, `# user`; the last one is `# user`")
    return [(role, environment.from_string(part.strip())) for role, part in zip(parts[1::2], parts[2::2], strict=True)]


def fill_fitting(
    name: str | Path,
    *,
    llm: Any,  # noqa: ANN401
    documents: Sequence[str],
    answer_tokens: int,
    before: Chat = (),
    **values: Any,  # noqa: ANN401
) -> Chat:
    """Return the filled instruction with as many of the documents, the first ones, as fit with answer_tokens to spare.

    before: turns that take the place of all but the instruction's last one. The instruction itself is never cut: where
    it does not fit without any document, ValueError says what is too long.
    """
    for count in range(len(documents), -1, -1):
        filled = fill_instruction(name, documents=list(documents[:count]), **values)
        chat = [*before, filled[-1]] if before else filled
        size = llm.count_tokens(chat)
        if size + answer_tokens + SPARE <= llm.context:
            return chat
    raise ValueError(
        f"the instruction {name} takes {size} tokens without any example of the data, and its answer up to "
        f"{answer_tokens}; {llm.name} reads {llm.context}: shorten context, examples or lists of labels, or take "
        "another model"
    )


def without_marks(text: str, llm: Any) -> str:  # noqa: ANN401
    """Return a text without anything that the model reads as a mark of its own, or that would close its frame.

    A dataset may hold `<|im_end|>` or the like; left in, it would end the turn and speak for the assistant. Of a model
    behind a server the tokenizer is not known: all that looks like a mark goes.
    """
    marks = llm.tokenizer.get_added_vocab() if llm.tokenizer is not None else ()
    known = sorted(map(re.escape, marks), key=len, reverse=True) or [r"<\|[^<>|]{1,40}\|>", r"</?s>", r"\[/?INST\]"]
    known.append(FRAME)
    while (cleaned := re.sub("|".join(known), " ", text)) != text:
        text = cleaned
    return text


def first_tokens(text: str, *, tokens: int, llm: Any) -> str:  # noqa: ANN401
    """Return the first tokens of a text without marks, its lines as they are; see without_marks.

    Of a model behind a server tokens are guessed.
    """
    plain = without_marks(text[: tokens * PER_TOKEN], llm)
    if llm.tokenizer is None:
        if guess_tokens(plain) <= tokens:
            return plain
        room = next(end for end in range(len(plain), -1, -1) if guess_tokens(plain[:end]) <= tokens)
        return plain[:room].rstrip() + " …"
    spans = llm.tokenizer(plain, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
    return plain if len(spans) <= tokens else plain[: spans[tokens][0]].rstrip() + " …"


def shorten(text: str, *, tokens: int, llm: Any) -> str:  # noqa: ANN401
    """Return the first tokens of a text on one line, without marks; see without_marks."""
    flat = " ".join(without_marks(text[: tokens * PER_TOKEN], llm).split())
    return first_tokens(flat, tokens=tokens, llm=llm)


def guess_tokens(text: str) -> int:
    """Return a careful guess of a text's tokens for a tokenizer that is not known: 3 ASCII letters, half of any other.

    >>> guess_tokens("word word"), guess_tokens("電影")
    (3, 4)
    """
    ascii_letters = len(text.encode("ascii", "ignore"))
    return -(-ascii_letters // 3) + 2 * (len(text) - ascii_letters)
