"""A JSON schema -> a mask over the model's next tokens, so that a reply parses by construction; a stop for loops."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np

LONGEST_PERIOD = 40  # tokens of a piece that is said again and again
LEAST_LOOP = 30  # tokens that a loop has before it is one
LEAST_TIMES = 3


@lru_cache(maxsize=1000)
def _grammar(schema: str) -> str:
    import llguidance

    compact = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, defaults=compact)
    if problem := llguidance.LLMatcher.validate_grammar(grammar):
        raise ValueError(f"a schema that replies cannot be bound to: {problem}; {schema[:200]}")
    return grammar


def schema_grammar(schema: dict[str, Any]) -> str:
    """Return the grammar of replies that fit the schema, without white space between their parts."""
    return _grammar(json.dumps(schema))


def loops(tokens: np.ndarray) -> bool:
    """Return whether the last tokens say one thing again and again.

    >>> loops(np.array([7, 1, 2] + [3, 4, 5] * 10)), loops(np.arange(100))
    (True, False)
    """
    for period in range(1, LONGEST_PERIOD + 1):
        span = max(LEAST_TIMES * period, -(-LEAST_LOOP // period) * period)
        if span > len(tokens):
            continue
        tail = tokens[-span:]
        if (tail[period:] == tail[:-period]).all():
            return True
    return False


class Bound:
    """Lets each reply of a batch only go where its grammar allows; made anew for every batch."""

    def __init__(self, tokenizer: Any, grammars: list[str], *, said: list[list[int]]) -> None:  # noqa: ANN401
        from llguidance import LLMatcher

        self.matchers = [LLMatcher(tokenizer, grammar) for grammar in grammars]
        self.eos = tokenizer.eos_token
        self.cut_off = [False] * len(grammars)
        for matcher, start in zip(self.matchers, said, strict=True):
            matcher.consume_tokens(start)

    def take(self, tokens: list[int]) -> None:
        """Take note of the token that each reply goes on with."""
        for row, (matcher, token) in enumerate(zip(self.matchers, tokens, strict=True)):
            if self._is_open(row):
                # A reply that was cut off, as it said one thing again and again, is filled up with what ends a reply.
                self.cut_off[row] = not matcher.validate_tokens([token])
                if not self.cut_off[row]:
                    matcher.consume_token(token)

    def allowed(self, width: int) -> np.ndarray:
        """Return (rows, width) bool: the tokens that may follow; only the end where a reply is whole."""
        from llguidance import numpy as masks

        bits = masks.allocate_token_bitmask(len(self.matchers), width)
        for row, matcher in enumerate(self.matchers):
            if self._is_open(row):
                masks.fill_next_token_bitmask(matcher, bits, row)
            else:
                bits[row] = 0
        allowed = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :width].astype(bool)
        allowed[~allowed.any(axis=1), self.eos] = True
        return allowed

    def _is_open(self, row: int) -> bool:
        return not (self.cut_off[row] or self.matchers[row].is_stopped())


def forced_start(tokenizer: Any, grammar: str) -> list[int]:  # noqa: ANN401 - llguidance's tokenizer
    """Return the tokens that every reply begins with: they need not be generated."""
    from llguidance import LLMatcher

    return list(LLMatcher(tokenizer, grammar).compute_ff_tokens())
