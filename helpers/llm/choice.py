"""A server's reply -> its first choice: what it says, why it ended, and what might have been its first token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

UNCLEAR = 0.05  # of what the options have, so much may lie with tokens that several of them begin with


class NoAnswerError(Exception):
    """What a server sent is no answer to a chat."""


@dataclass(frozen=True)
class Choice:
    """A reply as it is read; likely: tokens that it might have begun with, and the logarithms of their probabilities.

    stop, length or what else a server says stands in finish_reason.
    """

    text: str
    finish_reason: str | None
    likely: list[tuple[str, float]]


def first_choice(reply: Any) -> Choice:  # noqa: ANN401
    """Return the first choice of a reply of any form. Raises NoAnswerError where there is none."""
    try:
        choice = reply.choices[0]
        return Choice(_said(choice.message.content), choice.finish_reason, _likely(choice))
    except (AttributeError, IndexError, TypeError):
        told = getattr(reply, "error", None) or reply
        raise NoAnswerError(f"sent what is no answer to a chat: {str(told)[:200]}") from None


def weigh_options(likely: Sequence[tuple[str, float]], options: Sequence[str]) -> list[float] | None:
    """Return the options' probabilities by the tokens that they begin with, None where these do not tell them apart.

    >>> weigh_options([("ye", math.log(0.6)), ("no", math.log(0.2)), ("maybe", math.log(0.2))], ["yes", "no"])
    [0.75, 0.25]
    """
    masses, unclear = [0.0] * len(options), 0.0
    for token, logarithm in likely:
        fits = [n for n, option in enumerate(options) if token.strip() and option.startswith(token.strip())]
        if len(fits) == 1:
            masses[fits[0]] += math.exp(logarithm)
        elif fits:
            unclear += math.exp(logarithm)
    total = sum(masses)
    return [mass / total for mass in masses] if total > 0.01 and unclear < UNCLEAR * total else None


def _said(content: Any) -> str:  # noqa: ANN401
    """Return the text of a message, of which some servers send parts; what is thought, or a picture, is no text."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    if content is not None and not isinstance(content, str):
        raise TypeError
    return content or ""


def _likely(choice: Any) -> list[tuple[str, float]]:  # noqa: ANN401
    told = getattr(choice, "logprobs", None)
    first = told.content[0].top_logprobs or [] if told and told.content else []
    return [(one.token, float(one.logprob)) for one in first if one.logprob is not None]
