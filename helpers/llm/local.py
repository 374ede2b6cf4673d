"""A causal language model on this machine: loaded in 4-bit, asked in batches, its options weighed by likelihood."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from helpers.llm.batches import Asked, generate, halved, read_once, weigh
from helpers.llm.constrain import forced_start, schema_grammar
from helpers.llm.draw import Sampling, Start, Tell, Written, draw
from helpers.llm.instructions import Chat
from helpers.llm.order import longest_first, shared_start


@dataclass(frozen=True)
class LocalLLM:
    """A language model of this machine, loaded when it is first asked."""

    name: str
    path: Path
    revision: str
    quantization: str
    trust_remote_code: bool = False
    batch_size: int = 8

    @property
    def facts(self) -> dict[str, str]:
        """What an answer depends on besides its prompt and settings."""
        return {"model": self.name, "revision": self.revision, "quantization": self.quantization}

    @property
    def fingerprint(self) -> str:
        """The same in one line, for the key of a stage."""
        return " ".join(self.facts.values())

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401 - a transformers fast tokenizer
        """The model's own tokenizer, padding on the left as generation needs."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(
            self.path, padding_side="left", local_files_only=True, trust_remote_code=self.trust_remote_code
        )
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        return tokenizer

    @cached_property
    def model(self) -> Any:  # noqa: ANN401
        """The loaded model, quantized by bitsandbytes."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        from helpers.models import quiet_bitsandbytes

        logging.disable_progress_bar()
        quiet_bitsandbytes()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        kind = _compute_type(device)
        shown = {"none": str(kind).removeprefix("torch.")}.get(self.quantization, self.quantization)
        print(f"loading the language model {self.name} ({device}, {shown})", flush=True)  # noqa: T201
        model = AutoModelForCausalLM.from_pretrained(
            self.path,
            quantization_config=_quantization(self.quantization, kind),
            dtype=kind,
            device_map={"": device},
            local_files_only=True,
            trust_remote_code=self.trust_remote_code,
            use_safetensors=True,
        )
        return model.eval()

    @cached_property
    def context(self) -> int:
        """Tokens that a prompt and its answer may have together."""
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self.path, local_files_only=True, trust_remote_code=self.trust_remote_code)
        return int(getattr(config, "max_position_embeddings", 2048))

    def prompt(self, chat: Chat) -> str:
        """Return the chat as the model reads it, up to where its answer begins; models that think are asked not to."""
        from jinja2 import TemplateError

        settings = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
        try:
            return self.tokenizer.apply_chat_template(chat, **settings)
        except TemplateError:  # of a model that knows no system turn
            return self.tokenizer.apply_chat_template(_without_system(chat), **settings)

    def count_tokens(self, chat: Chat) -> int:
        """Return how many tokens the chat takes of the context."""
        return len(self._read(self.prompt(chat)))

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
        """Yield the replies by the chat's place, a batch at a time, longest chats first.

        Batches are made of all chats before any is run and one is passed over when all of it is in skip, so that a
        stopped run ends as an undisturbed one does: companions in a batch move the last bits of a number.
        """
        grammars = [schema_grammar(schema) for schema in schemas or []]
        said = [forced_start(self._spelling, one) for one in grammars] or [[]] * len(chats)
        tokens = [self._read(self.prompt(chat)) + start for chat, start in zip(chats, said, strict=True)]
        self._need_room(max(map(len, tokens), default=0) + max_new_tokens)
        shared = shared_start(tokens)
        settings = {"max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed}
        pad = self.tokenizer.pad_token_id
        held = None
        for batch in self._batches(tokens, skip):
            held = held or read_once(self.model, tokens[0][:shared])
            asked = [Asked(tokens[i], said[i], grammars[i] if grammars else None) for i in batch]
            about = {"ends": self._ends, "pad": pad, "spelling": self._spelling if grammars else None}
            said_on = halved(partial(generate, self.model, held=held, shared=shared, **about, **settings), asked)
            replies = self.tokenizer.batch_decode(said_on, skip_special_tokens=True)
            yield {i: reply for i, reply in zip(batch, replies, strict=True) if i not in skip}

    def write(
        self,
        chats: Sequence[Chat],
        *,
        seeds: Sequence[int],
        sampling: Sampling,
        skip: Container[int] = (),
        tell: Tell = lambda _: None,
    ) -> Iterator[dict[int, Written]]:
        """Yield texts by the chat's place, a batch at a time as answers does; seeds: one a chat.

        A text has as many tokens as the context leaves it, which is said where that is fewer than max_new_tokens.
        """
        read = [self._start(chat, seed, sampling) for chat, seed in zip(chats, seeds, strict=True)]
        yield {i: one for i, one in enumerate(read) if isinstance(one, Written) and i not in skip}
        places = [i for i, one in enumerate(read) if isinstance(one, Start)]
        starts = [read[i] for i in places]
        self._tell_of_room(starts, sampling)
        shared = shared_start([start.tokens for start in starts])
        held = None
        for batch in self._batches([start.tokens for start in starts], {n for n, i in enumerate(places) if i in skip}):
            held = held or read_once(self.model, starts[0].tokens[:shared])
            tell(0)
            about = {"ends": self._ends, "pad": self.tokenizer.pad_token_id, "sampling": sampling, "tell": tell}
            drawn = partial(_drawn, partial(draw, self.model, held=held, shared=shared, **about))
            found = halved(drawn, [starts[n] for n in batch])
            said = [one if isinstance(one, Written) else self._said(*one) for one in found]
            yield {places[n]: one for n, one in zip(batch, said, strict=True) if places[n] not in skip}

    def weigh(
        self, chats: Sequence[Chat], options: Sequence[str], *, skip: Container[int] = ()
    ) -> Iterator[dict[int, list[float]]]:
        """Yield the probabilities of the options by the chat's place, a batch at a time; those of a chat add up to 1.

        A chat is read once; what differs between options is read after it for all of them together.
        """
        ends = [[*self._read(option), self._turn_end] for option in options]
        tokens = [self._read(self.prompt(chat)) for chat in chats]
        self._need_room(max(map(len, tokens), default=0) + max(map(len, ends)))
        shared = shared_start(tokens)
        held = None
        for batch in self._batches(tokens, skip):
            held = held or read_once(self.model, tokens[0][:shared])
            about = {"options": ends, "held": held, "shared": shared, "pad": self.tokenizer.pad_token_id}
            found = halved(partial(weigh, self.model, **about), [tokens[i] for i in batch])
            yield {i: line for i, line in zip(batch, found, strict=True) if i not in skip}

    def free(self) -> None:
        """Give the model's memory back."""
        import gc

        import torch

        self.__dict__.pop("model", None)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _batches(self, tokens: list[list[int]], skip: Container[int]) -> Iterator[list[int]]:
        """Yield the places of prompts that are run together, but for batches that are done.

        The longest come first, each followed by those that begin as it does.
        """
        order = longest_first(tokens)
        batches = (order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size))
        return (batch for batch in batches if not all(i in skip for i in batch))

    @cached_property
    def _spelling(self) -> Any:  # noqa: ANN401
        """The tokenizer as llguidance knows it."""
        from llguidance.hf import from_tokenizer

        return from_tokenizer(self.tokenizer, eos_token=self._ends[0])

    @cached_property
    def _ends(self) -> list[int]:
        """The tokens that end an answer; the first one is the tokenizer's."""
        also = self.model.generation_config.eos_token_id
        also = also if isinstance(also, list) else [also]
        return list(dict.fromkeys(one for one in [self.tokenizer.eos_token_id, *also] if one is not None))

    @cached_property
    def _turn_end(self) -> int:
        """The token that ends an answer in a chat, which need not be the one that ends a text."""
        answer = "\x07"
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": answer}]
        after = self._read(self.tokenizer.apply_chat_template(turns, tokenize=False).rpartition(answer)[2].lstrip())
        return after[0] if after and after[0] in self.tokenizer.all_special_ids else self.tokenizer.eos_token_id

    def _read(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]

    def _start(self, chat: Chat, seed: int, sampling: Sampling) -> Start | Written:
        """Return where a text begins, or why none does."""
        from jinja2 import TemplateError

        try:
            tokens = self._read(self.prompt(chat))
        except TemplateError as error:
            return Written(None, cause=f"the model's chat template refuses the prompt: {error}")
        room = min(sampling.max_new_tokens, self.context - len(tokens))
        if room < 1:
            return Written(None, cause=f"the prompt has {len(tokens)} tokens, and {self.name} reads {self.context}")
        return Start(tokens, room, seed)

    def _tell_of_room(self, starts: Sequence[Start], sampling: Sampling) -> None:
        rooms = [start.room for start in starts if start.room < sampling.max_new_tokens]
        if rooms:
            print(  # noqa: T201
                f"{self.name} reads {self.context} tokens: {len(rooms)} prompts leave fewer than "
                f"{sampling.max_new_tokens} for their texts, {min(rooms)} at least",
                flush=True,
            )

    def _said(self, tokens: list[int], finish_reason: str) -> Written:
        return Written(self.tokenizer.decode(tokens, skip_special_tokens=True), finish_reason, len(tokens))

    def _need_room(self, longest: int) -> None:
        if longest > self.context:
            raise ValueError(
                f"a prompt needs {longest} tokens; {self.name} reads {self.context}: send fewer or shorter texts"
            )


def _drawn(do: Callable[[list[Start]], list], starts: list[Start]) -> list:
    """Return do(starts); a prompt that finds no memory even by itself has failed."""
    try:
        return do(starts)
    except RuntimeError as error:
        if "out of memory" not in str(error).lower() or len(starts) > 1:
            raise
        return [Written(None, cause=f"out of memory with a prompt of {len(starts[0].tokens)} tokens by itself")]


def _without_system(chat: Chat) -> Chat:
    """Return the chat with what its system turn says at the head of the first user turn."""
    said = [turn["content"] for turn in chat if turn["role"] == "system"]
    rest = [turn for turn in chat if turn["role"] != "system"]
    return [{**turn, "content": "\n\n".join([*said, turn["content"]])} if at == 0 else turn
            for at, turn in enumerate(rest)]  # fmt: skip


def _quantization(name: str, compute: Any) -> Any:  # noqa: ANN401 - torch and transformers are imported late
    from transformers import BitsAndBytesConfig

    if name == "4bit":
        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=compute,
        )
    return BitsAndBytesConfig(load_in_8bit=True) if name == "8bit" else None


def _compute_type(device: str) -> Any:  # noqa: ANN401
    """Return bf16 where the device computes in it, otherwise fp32: bf16 emulated on a CPU took 5 times as long."""
    import torch

    from helpers.models import computes_bf16

    return torch.bfloat16 if device == "cuda" or computes_bf16() else torch.float32
