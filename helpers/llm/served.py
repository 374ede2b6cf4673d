"""A chat -> the text that a server writes after it; and how that server does, which may be set aside for a while."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from helpers.llm.choice import NoAnswerError, first_choice
from helpers.llm.constrain import loops
from helpers.llm.draw import LENGTH, LOOP, STOP, Sampling, Written
from helpers.llm.instructions import Chat, guess_tokens
from helpers.llm.server import TOO_LONG, ServerLLM

PAUSE, LONGEST_PAUSE = 15.0, 600.0  # seconds until a server that was set aside is tried again; doubled every time
LEAST_ROOM = 400  # tokens; a server that finds a prompt too long is not asked for fewer than half of them


@dataclass
class Prompt:
    """A chat that is to be sent, and where it was sent to in vain."""

    number: int
    chat: Chat
    seed: int
    sent_to: list[str] = field(default_factory=list)


@dataclass
class Place:
    """A server, and how it does."""

    server: ServerLLM
    down: bool = False
    open: int = 0  # prompts that it has
    failed: int = 0  # prompts without an answer, one after another
    proven: bool = False  # whether the last that was heard of it is an answer
    pause: float = field(default_factory=lambda: PAUSE)
    again: float = field(default_factory=lambda: time.monotonic() + PAUSE)
    why: str = ""

    def ask(self, prompt: Prompt, sampling: Sampling) -> Written:
        """Return what the server writes; one that was set aside is first asked whether it has the model at all."""
        if self.down:
            try:
                names = [one.id for one in self.server.client.models.list()]
            except (AttributeError, TypeError):
                raise NoAnswerError("has no list of models") from None
            if self.server.name not in names:
                raise NoAnswerError(f"has no {self.server.name}, but {', '.join(names) or 'no model'}")
        return write_one(self.server, prompt.chat, seed=prompt.seed, sampling=sampling)

    def takes(self) -> bool:
        """Return whether it may have another prompt; one that was set aside gets a single one, when it is time."""
        if self.down:
            return not self.open and time.monotonic() >= self.again
        return self.open < self.server.concurrency

    def answered(self) -> None:
        """Take note of an answer, be it a refusal of the prompt."""
        if self.down:
            print(f"{self.server.address} answers again", flush=True)  # noqa: T201
        self.down, self.proven, self.failed, self.pause = False, True, 0, PAUSE

    def set_aside(self, why: str) -> None:
        """Give it no more prompts for a while; said once."""
        self.proven = False
        if not self.down:
            print(f"{self.server.address} is set aside: {why}", flush=True)  # noqa: T201
        elif time.monotonic() < self.again:  # a prompt that it had before
            return
        else:
            self.pause = min(2 * self.pause, LONGEST_PAUSE)
        self.down, self.why, self.again = True, why, time.monotonic() + self.pause


def write_one(server: ServerLLM, chat: Chat, *, seed: int, sampling: Sampling) -> Written:
    """Return what a server writes after a chat, or, where it has not the room, why nothing.

    Raises what the openai client raises, and NoAnswerError for what is no answer.
    """
    size = server.count_tokens(chat)
    room = min(sampling.max_new_tokens, server.context - size)
    if room < 1:
        return Written(None, cause=f"the prompt has about {size} tokens, and {server.name} reads {server.context}")
    reply = _reply_that_fits(server, chat, room, seed=seed, **_settings(sampling, server.context))
    server.taken.update({"chat_template_kwargs", "seed", "top_k", "repetition_penalty", "repeat_penalty", "min_tokens"})
    choice = first_choice(reply)
    text, reason = choice.text, choice.finish_reason
    if reason == "content_filter":
        return Written(None, cause="the server's filter kept the text back", server=server.address)
    tokens = getattr(reply.usage, "completion_tokens", None) or guess_tokens(text)
    ended = STOP if reason != "length" else LOOP if _says_again(text) else LENGTH
    return Written(text, ended, tokens, server=server.address)


def _reply_that_fits(server: ServerLLM, chat: Chat, room: int, **settings: Any) -> Any:  # noqa: ANN401
    """Return the server's reply; where the prompt takes more tokens than was guessed, one of half the length, or so."""
    import openai

    try:
        return server.reply(chat, max_tokens=room, **settings)
    except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
        if not TOO_LONG.search(error.message) or room < LEAST_ROOM:
            raise
        return _reply_that_fits(server, chat, room // 2, **settings)


def _settings(sampling: Sampling, context: int) -> dict[str, Any]:
    """Return how words are drawn, by the names that the servers have for it."""
    settings = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k or -1}
    penalty = sampling.repetition_penalty
    if penalty != 1:
        settings |= {"repetition_penalty": penalty, "repeat_penalty": penalty, "repeat_last_n": context}
    return settings | ({"min_tokens": sampling.min_new_tokens} if sampling.min_new_tokens else {})


def _says_again(text: str) -> bool:
    """Return whether a text that was cut off says one thing again and again in the end, in words or in letters."""
    for parts in (text.split()[-200:], list(text[-200:])):
        numbers = {part: number for number, part in enumerate(dict.fromkeys(parts))}
        if loops(np.array([numbers[part] for part in parts])):
            return True
    return False
