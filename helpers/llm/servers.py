"""A model on several OpenAI-compatible servers -> texts from whichever has the fewest open prompts.

A server that stops answering is set aside, its prompts go to the others, and it is tried again later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from helpers.llm.choice import NoAnswerError
from helpers.llm.draw import Sampling, Tell, Written
from helpers.llm.instructions import Chat
from helpers.llm.served import Place, Prompt
from helpers.llm.server import LATE, ServerLLM, is_loopback, open_server

TRIES = 3  # servers that a prompt is sent to; each is asked several times by the client, see server.RETRIES
NOT_THE_PROMPT = {401, 403, 404, 405, 407, 410}  # such answers every prompt would get
ONCE_MORE = {408, 409, 425, 429}  # and these may be others the next time, as those from 500 on


@dataclass(frozen=True)
class Servers:
    """A model on one or more servers; where a text was written makes no difference to what it depends on."""

    servers: tuple[ServerLLM, ...]
    aside: frozenset[str] = frozenset()  # addresses that did not answer when they were looked at first
    tokenizer: None = None

    @property
    def name(self) -> str:
        """The model's name on all of them."""
        return self.servers[0].name

    @property
    def context(self) -> int:
        """Tokens that a prompt and its answer may have together on each of them."""
        return min(server.context for server in self.servers)

    @property
    def facts(self) -> dict[str, str]:
        """What an answer depends on besides its prompt and settings."""
        return {"model": self.name}

    @property
    def fingerprint(self) -> str:
        """The same in one line, for the key of a stage."""
        return self.name

    def count_tokens(self, chat: Chat) -> int:
        """Return a careful guess of how many tokens the chat takes of the context."""
        return self.servers[0].count_tokens(chat)

    def answers(self, chats: Sequence[Chat], **settings: Any) -> Iterator[dict[int, Any]]:  # noqa: ANN401
        """Yield replies as a single server does: that of the first address."""
        return self.servers[0].answers(chats, **settings)

    def weigh(self, chats: Sequence[Chat], options: Sequence[str], **settings: Any) -> Iterator[dict[int, Any]]:  # noqa: ANN401
        """Yield the options' probabilities as a single server does: that of the first address."""
        return self.servers[0].weigh(chats, options, **settings)

    def free(self) -> None:
        """Do nothing: the servers' memory is their own."""

    def write(
        self,
        chats: Sequence[Chat],
        *,
        seeds: Sequence[int],
        sampling: Sampling,
        skip: Container[int] = (),
        tell: Tell = lambda _: None,
    ) -> Iterator[dict[int, Written]]:
        """Yield each text by the chat's place as it comes, or why there is none; seeds: one a chat.

        A prompt goes to up to three servers, or fewer where there are fewer. Raises ConnectionError as soon as none is
        left that answers.
        """
        places = [Place(server, down=server.address in self.aside) for server in self.servers]
        todo = deque(Prompt(i, chats[i], seeds[i]) for i in range(len(chats)) if i not in skip)
        running: dict[Future, tuple[Prompt, Place]] = {}
        self._tell_of_room([prompt.chat for prompt in todo], sampling)
        tell(0)
        threads = ThreadPoolExecutor(sum(place.server.concurrency for place in places))
        try:
            while todo or running:
                while todo and (place := _next_place(places, todo[0])):
                    prompt = todo.popleft()
                    running[threads.submit(place.ask, prompt, sampling)] = prompt, place
                    place.open += 1
                if not running:
                    raise ConnectionError(_all_aside(places))
                for done in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                    prompt, place = running.pop(done)
                    place.open -= 1
                    if written := _taken(done, prompt, place, places):
                        tell(written.tokens)
                        yield {prompt.number: written}
                    else:
                        todo.append(prompt)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # who stops this does not wait for what servers write

    def _tell_of_room(self, chats: Sequence[Chat], sampling: Sampling) -> None:
        rooms = [self.context - self.count_tokens(chat) for chat in chats]
        if less := [room for room in rooms if 0 < room < sampling.max_new_tokens]:
            print(  # noqa: T201
                f"{self.name} reads {self.context} tokens: {len(less)} prompts leave fewer than "
                f"{sampling.max_new_tokens} for their texts, {min(less)} at least as far as can be guessed",
                flush=True,
            )


def open_servers(
    addresses: Sequence[str],
    *,
    model: str = "auto",
    allow_remote: bool = False,
    concurrency: int = 4,
    timeout: float = 120.0,
) -> Servers:
    """Return the model of that name on the servers; `auto` is the first model of the first one that answers.

    One that does not answer is told of and tried again while texts are written. Raises ConnectionError where none
    answers, and ValueError where one of them has no such model or is not this machine's, see open_server.
    """
    addresses = list(dict.fromkeys(addresses))
    if not addresses:
        raise ValueError("expected at least one address of a server, such as http://localhost:8080/v1")
    settings = {"allow_remote": allow_remote, "concurrency": concurrency, "timeout": timeout}
    found: dict[str, ServerLLM] = {}
    silent: dict[str, str] = {}
    for address in addresses:
        try:
            found[address] = open_server(address, model=model, **settings)
            model = found[address].name
        except ConnectionError as error:
            silent[address] = str(error)
    if not found:
        raise ConnectionError("; ".join(silent.values()))
    for why in silent.values():
        print(f"{why}: set aside", flush=True)  # noqa: T201
    _tell_differences(list(found.values()))
    context = min(server.context for server in found.values())
    # One that is silent now serves the same, or is set aside again.
    unseen = {one: ServerLLM(model, one, context, concurrency, timeout, not is_loopback(one)) for one in silent}
    return Servers(tuple((found | unseen)[address] for address in addresses), frozenset(silent))


def _next_place(places: Sequence[Place], prompt: Prompt) -> Place | None:
    """Return the server with the fewest open prompts of those that have room for one more, or None.

    A prompt that came to nothing waits for a server that has not had it, where one answers.
    """
    new = [place for place in places if place.server.address not in prompt.sent_to]
    some = new if any(not place.down for place in new) else places
    return min((place for place in some if place.takes()), key=lambda place: place.open, default=None)


def _taken(done: Future, prompt: Prompt, place: Place, places: Sequence[Place]) -> Written | None:
    """Return what came of a prompt, or None if it is to be sent once more; and remember how its server does.

    One whose server broke down goes to another one; one that came to nothing too, where there are others. As long as no
    server is known to answer, it is not the prompt that failed.
    """
    import openai

    try:
        written = done.result()
        place.answered()
        return written
    except openai.APITimeoutError:
        why, lasting = f"no answer within {place.server.timeout:g} s", False
    except openai.APIConnectionError as error:
        why, lasting = f"does not answer ({error.__cause__ or error})", True
    except openai.APIStatusError as error:
        why, lasting = f"{error.status_code} {error.message[:300]}", error.status_code in NOT_THE_PROMPT
        if error.status_code < 500 and error.status_code not in NOT_THE_PROMPT | ONCE_MORE:
            place.answered()
            return Written(None, cause=f"refused: {why}", server=place.server.address)
    except (NoAnswerError, openai.OpenAIError, ValueError) as error:
        why, lasting = str(error)[:300], place.down
    place.failed += 1
    prompt.sent_to.append(place.server.address)
    if lasting or place.down or place.failed >= LATE * place.server.concurrency:
        place.set_aside(why)
    if all(one.down for one in places) or len(prompt.sent_to) < (TRIES if lasting else min(TRIES, len(places))):
        return None
    if lasting and not any(one.proven for one in places):
        return None
    return Written(None, cause=why, server=place.server.address)


def _all_aside(places: Sequence[Place]) -> str:
    told = "; ".join(f"{place.server.address}: {place.why or 'does not answer'}" for place in places)
    return (
        f"no server is left that answers ({told}): are they running? Where answers take long, set a longer timeout or "
        "a smaller concurrency. What was answered is kept; run again when they are"
    )


def _tell_differences(servers: Sequence[ServerLLM]) -> None:
    """Say in what the servers' models differ, as far as they tell; the least context counts for all."""
    first = servers[0]
    for other in servers[1:]:
        both = sorted(first.about.keys() & other.about.keys() - {"created", "meta", "permission"})
        names = [name for name in both if first.about[name] != other.about[name]]
        told = [f"{name} {first.about[name]!s:.80} and {other.about[name]!s:.80}" for name in names]
        if told:
            print(f"{first.address} and {other.address} serve {first.name} with {', '.join(told)}", flush=True)  # noqa: T201
