"""A language model behind an OpenAI-compatible server of this machine: llama.cpp, Ollama, LM Studio, vLLM."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from helpers.llm.choice import Choice, NoAnswerError, first_choice, weigh_options
from helpers.llm.instructions import Chat, guess_tokens

CONTEXT = 4096  # tokens, where the server does not say
RETRIES = 2  # by the client, with back-off: after time-outs, 429 and 5xx
LATE = 3  # for every prompt that may be asked at once: so many without an answer in time, one after another, are enough
TOP = 20  # most likely tokens that servers tell the probability of


# Settings that some servers do not know, and what is sent for each.
OPTIONAL = {
    "chat_template_kwargs": ("chat_template_kwargs",),
    "min_tokens": ("min_tokens",),
    "top_k": ("top_k",),
    "repetition_penalty": ("repetition_penalty",),  # vLLM's and SGLang's name for it
    "repeat_penalty": ("repeat_penalty", "repeat_last_n"),  # llama.cpp's, whose servers pass over the other one
    "response_format": ("response_format",),
    "seed": ("seed",),
    "logprobs": ("logprobs", "top_logprobs"),
}
# Those that the client sends only as a body of its own.
EXTRA = ("chat_template_kwargs", "min_tokens", "top_k", "repetition_penalty", "repeat_penalty", "repeat_last_n")
TOO_LONG = re.compile(r"context|too long|too many tokens|exceed", re.IGNORECASE)


@dataclass(frozen=True)
class ServerLLM:
    """A model on a server; what its answers depend on beyond its name only the server knows."""

    name: str
    address: str
    context: int
    concurrency: int
    timeout: float
    remote: bool = False
    tokenizer: None = None
    refused: set[str] = field(default_factory=set, compare=False)  # settings that this server does not take
    told: set[str] = field(default_factory=set, compare=False)  # and those that the user was told of
    taken: set[str] = field(default_factory=set, compare=False)  # and those that it takes: a prompt is refused itself
    about: dict[str, Any] = field(default_factory=dict, compare=False)  # what the server tells of the model

    @property
    def facts(self) -> dict[str, str]:
        """What an answer depends on besides its prompt and settings, as far as it is known."""
        return {"model": self.name, "server": self.address}

    @property
    def fingerprint(self) -> str:
        """The same in one line, for the key of a stage."""
        return " ".join(self.facts.values())

    @cached_property
    def client(self) -> Any:  # noqa: ANN401
        """The openai client; to this machine it goes by no proxy and follows no redirect."""
        return _client(self.address, self.timeout, remote=self.remote)

    def count_tokens(self, chat: Chat) -> int:
        """Return a careful guess of how many tokens the chat takes of the context."""
        return sum(guess_tokens(turn["content"]) + 8 for turn in chat)

    def answers(
        self,
        chats: Sequence[Chat],
        *,
        skip: Container[int] = (),
        schemas: Sequence[dict[str, Any]] | None = None,
        max_new_tokens: int = 64,
        temperature: float = 0.0,
        seed: int = 42,
    ) -> Iterator[dict[int, str | None]]:
        """Yield each reply by the chat's place as it comes, None for one that did not come in time or says nothing."""
        settings = {"max_tokens": max_new_tokens, "temperature": temperature, "seed": seed}

        def answer(i: int) -> str:
            bound = {"response_format": _bound_to(schemas[i])} if schemas else {}
            return self._complete(chats[i], **settings, **bound).text

        yield from self._all([i for i in range(len(chats)) if i not in skip], answer)

    def weigh(
        self, chats: Sequence[Chat], options: Sequence[str], *, skip: Container[int] = ()
    ) -> Iterator[dict[int, list[float] | None]]:
        """Yield the options' probabilities by the chat's place, from those that the server tells of the first token.

        Where it tells none, or the tokens it tells fit several options, the model chooses one, which then has all the
        probability; None where its choice is none of them.
        """
        todo = [i for i in range(len(chats)) if i not in skip]
        yield from self._all(todo, lambda i: self._weigh_one(chats[i], options))

    def write(self, chats: Sequence[Chat], **settings: Any) -> Iterator[dict[int, Any]]:  # noqa: ANN401
        """Yield texts by the chat's place as they come, see Servers.write, from this server alone."""
        from helpers.llm.servers import Servers

        return Servers((self,)).write(chats, **settings)

    def free(self) -> None:
        """Do nothing: the server's memory is its own."""

    def _all(self, todo: list[int], do: Callable[[int], Any]) -> Iterator[dict[int, Any]]:
        import openai

        without = 0
        threads = ThreadPoolExecutor(self.concurrency)
        waiting = {threads.submit(do, i): i for i in todo}
        try:
            for done in as_completed(waiting):
                try:
                    yield {waiting[done]: done.result()}
                    without = 0
                except (openai.APITimeoutError, NoAnswerError) as error:
                    without += 1
                    is_late = isinstance(error, openai.APITimeoutError)
                    why = f"no answer within {self.timeout:g} s" if is_late else str(error)
                    print(f"{self.name}: {why}", flush=True)  # noqa: T201
                    if without >= LATE * self.concurrency:
                        advice = "set a longer timeout or a smaller concurrency, or load a smaller model"
                        raise ConnectionError(
                            f"{self.address}: {without} prompts in a row came to nothing, the last: {why}; "
                            f"{advice if is_late else 'is it an OpenAI-compatible server?'} What was answered is kept"
                        ) from error
                    yield {waiting[done]: None}
        except openai.APIConnectionError as error:
            raise ConnectionError(
                f"{self.address} does not answer ({error.__cause__ or error}): is the server running? What was "
                "answered is kept; run again when it is"
            ) from None
        except openai.APIStatusError as error:
            raise RuntimeError(f"{self.address} refused a prompt: {error.status_code} {error.message}") from None
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # who stops this does not wait for what the server writes

    def _complete(self, chat: Chat, **settings: Any) -> Choice:  # noqa: ANN401
        """Return the server's first choice."""
        return first_choice(self.reply(chat, **settings))

    def reply(self, chat: Chat, **settings: Any) -> Any:  # noqa: ANN401
        """Return the server's reply as the client reads it.

        Where it refuses, each setting that some servers do not know is left out, those that it names first, then
        several; what helped is left out from then on, but for a schema, of which another may be taken.
        """
        import openai

        settings["chat_template_kwargs"] = {"enable_thinking": False}
        there = [name for name, (part, *_) in OPTIONAL.items() if part in settings]
        optional = [name for name in there if name not in self.refused | self.taken]
        several = (optional[:count] for count in range(2, len(optional) + 1))
        tries, seen, first = [[], *([name] for name in optional), *several], [], None
        while tries:
            if (without := tries.pop(0)) in seen:
                continue
            seen.append(without)
            left_out = {part for name in (*self.refused, *without) for part in OPTIONAL[name]}
            sent = {name: value for name, value in settings.items() if name not in left_out}
            extra = {name: sent.pop(name) for name in EXTRA if name in sent}
            sent |= {"extra_body": extra} if extra else {}
            try:
                reply = self.client.chat.completions.create(model=self.name, messages=chat, **sent)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                first = first or error
                if TOO_LONG.search(error.message):
                    raise
                words = set(re.findall(r"\w+", error.message))
                named = [name for name in optional if words.intersection(OPTIONAL[name])]
                tries.insert(0, [name for name in optional if name in {*without, *named}])
                continue
            except json.JSONDecodeError as error:
                raise NoAnswerError(f"sent what is no JSON: {error.doc[:200]}") from None
            if without:
                self._tell(without, first.message)
                self.refused.update({*without} - {"response_format"})
            return reply
        raise first

    def _tell(self, names: Sequence[str], why: str) -> None:
        if not self.told.issuperset(names):
            print(f"{self.address} does not take {', '.join(names)} ({why[:200]})", flush=True)  # noqa: T201
            self.told.update(names)

    def _weigh_one(self, chat: Chat, options: Sequence[str]) -> list[float] | None:
        choice = self._complete(chat, max_tokens=1, temperature=0.0, logprobs=True, top_logprobs=TOP)
        if told := weigh_options(choice.likely, options):
            return told
        schema = {"type": "object", "properties": {"answer": {"enum": list(options)}}, "required": ["answer"]}
        longest = 64 + max(map(len, options))  # with white space, of which some servers allow any amount
        chosen = self._complete(chat, max_tokens=longest, temperature=0.0, response_format=_bound_to(schema))
        from helpers.llm.ask import read_reply

        answer = (read_reply(chosen.text, schema) or {}).get("answer")
        return [float(option == answer) for option in options] if answer else None


def open_server(
    address: str, *, model: str = "auto", allow_remote: bool = False, concurrency: int = 4, timeout: float = 120.0
) -> ServerLLM:
    """Return the model of that name on the server at address, such as http://localhost:8080/v1.

    Raises ValueError for an address that is not this machine's, unless allow_remote, and ConnectionError where no
    server answers.
    """
    import openai

    if not _is_address(address):
        raise ValueError(f"server: expected an address such as http://localhost:8080/v1, got {address!r}")
    remote = not is_loopback(address)
    if remote and not allow_remote:
        raise ValueError(
            f"server: {address} is not an address of this machine, and texts of the dataset would leave it; use "
            "http://localhost:PORT/v1, or write allow_remote: true into the config if that is wanted"
        )
    if remote:
        print(f"server: rows of the dataset go to {urlsplit(address).hostname}", flush=True)  # noqa: T201
    try:
        served = list(_client(address, timeout, remote=remote).models.list())
        names = [one.id for one in served]
    except openai.APIConnectionError as error:
        raise ConnectionError(f"server: nothing answers at {address} ({error.__cause__ or error})") from None
    except openai.APIStatusError as error:
        raise ConnectionError(
            f"server: {address} has no list of models ({error.status_code}); the address mostly ends in /v1"
        ) from None
    except (AttributeError, TypeError, ValueError):  # a page, or a list of another form
        raise ConnectionError(
            f"server: what {address} answers is no list of models; the address mostly ends in /v1"
        ) from None
    if model != "auto" and model not in names:
        raise ValueError(f"model: {model!r} is not on {address}; it has {', '.join(names) or 'none'}")
    if not names:
        raise ValueError(f"server: {address} has no model loaded, or its address should end in /v1")
    chosen = served[0] if model == "auto" else served[names.index(model)]
    return ServerLLM(chosen.id, address, _context(chosen), concurrency, timeout, remote, about=_told(chosen))


def is_loopback(address: str) -> bool:
    """Return whether a URL can only lead to this machine.

    >>> is_loopback("http://127.0.0.1:8080/v1"), is_loopback("http://localhost.example.org/v1")
    (True, False)
    """
    if not _is_address(address):
        return False
    host = urlsplit(address).hostname
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(address: str) -> bool:
    """Return whether it is a URL of http or https with a host, and a port that is one."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and address.isprintable()
    except ValueError:
        return False


def _bound_to(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema, "strict": True}}


def _context(model: Any) -> int:  # noqa: ANN401
    told = _told(model)
    sizes = [told.get(name) for name in ("n_ctx", "max_model_len", "n_ctx_train", "context_length")]
    return next((int(size) for size in sizes if isinstance(size, int) and size > 0), CONTEXT)


def _told(model: Any) -> dict[str, Any]:  # noqa: ANN401
    return {**(model.model_extra or {}), **((model.model_extra or {}).get("meta") or {})}


def _client(address: str, timeout: float, *, remote: bool) -> Any:  # noqa: ANN401
    import openai

    key = os.environ.get("OPENAI_API_KEY", "none") if remote else "none"
    plain = {} if remote else {"trust_env": False, "follow_redirects": False}  # a proxy would be asked for localhost
    http = openai.DefaultHttpxClient(timeout=timeout, **plain)
    return openai.OpenAI(base_url=address, api_key=key, timeout=timeout, max_retries=RETRIES, http_client=http)
