"""Many prompts -> answers in the same order, from a quantized model on this machine, every reply kept on disk.

What is asked stands in instructions/*.md; what an answer is good for is judged by the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers.config import ROOT
from helpers.models import find_model

INSTRUCTIONS = ROOT / "helpers" / "instructions"
Chat = list[dict[str, str]]


@dataclass(frozen=True)
class LLM:
    """A causal language model on this machine, loaded when it is first asked."""

    name: str
    path: Path
    revision: str
    quantization: str
    trust_remote_code: bool = False

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

        logging.disable_progress_bar()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        print(f"loading the language model {self.name} ({device}, {self.quantization})", flush=True)  # noqa: T201
        model = AutoModelForCausalLM.from_pretrained(
            self.path,
            quantization_config=_quantization(self.quantization, _compute_type(device)),
            dtype=_compute_type(device),
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

    @property
    def fingerprint(self) -> str:
        """What an answer depends on besides its prompt."""
        return f"{self.name} {self.revision} {self.quantization}"

    def free(self) -> None:
        """Give the model's memory back."""
        import gc

        import torch

        self.__dict__.pop("model", None)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def find_llm(
    *,
    model: str = "auto",
    revision: str | None = None,
    quantization: str = "4bit",
    trust_remote_code: bool = False,
    **_: object,
) -> LLM | None:
    """Return the LLM of that name (settings of `label`), or None for `none`."""
    if model == "none":
        return None
    found = find_model(model, kind="llm", revision=revision)
    return LLM(found.name, found.path, found.revision, quantization, trust_remote_code)


def fill_instruction(name: str, **values: Any) -> Chat:  # noqa: ANN401
    """Return the chat of instructions/NAME.md with values put in; a value is never read as a part of the form."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 - text, not HTML
    parts = re.split(r"^# (system|user|assistant)\n", (INSTRUCTIONS / f"{name}.md").read_text("utf-8"), flags=re.M)
    turns = zip(parts[1::2], parts[2::2], strict=True)
    return [{"role": role, "content": environment.from_string(text.strip()).render(**values)} for role, text in turns]


def shorten(text: str, *, tokens: int, llm: LLM) -> str:
    """Return the first tokens of a text on one line, without anything that the model reads as a mark of its own.

    A dataset may hold `<|im_end|>` or the like; left in, it would end the turn and speak for the assistant.
    """
    marks = sorted(map(re.escape, llm.tokenizer.get_added_vocab()), key=len, reverse=True)
    plain = text[: tokens * 40]  # no tokenizer needs more characters for that many tokens
    while marks and (cleaned := re.sub("|".join(marks), " ", plain)) != plain:
        plain = cleaned
    plain = " ".join(plain.split())
    spans = llm.tokenizer(plain, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = spans["offset_mapping"]
    return plain if len(offsets) <= tokens else plain[: offsets[tokens][0]].rstrip() + " …"


def ask(chats: Sequence[Chat], *, llm: LLM, max_new_tokens: int = 24, batch_size: int = 8, log: Path) -> list[str]:
    """Return the model's answers, in the order of the chats, each the most likely one (no sampling).

    Replies that stand in log (JSON lines) are taken from there. Batches are made before any is run, longest chat
    first, and a batch that was not finished is run whole, so that a stopped run ends as an undisturbed one does.
    """
    settings = {"max_new_tokens": max_new_tokens, "batch_size": batch_size}
    prompts = [llm.tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) for c in chats]
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    known = _read_log(log)
    replies: dict[int, str] = {}
    for batch in tqdm(batches, desc=f"ask {llm.name}", unit=" batch", disable=not batches):
        companions = hashlib.blake2b("\0".join(prompts[i] for i in batch).encode(), digest_size=8).hexdigest()
        keys = [_reply_key(prompts[i], llm, settings, companions) for i in batch]
        if not all(key in known for key in keys):
            answers = _generate([prompts[i] for i in batch], llm, max_new_tokens)
            _append_log(log, keys, [chats[i] for i in batch], answers, llm, settings)
            known |= dict(zip(keys, answers, strict=True))
        replies |= {i: known[key] for i, key in zip(batch, keys, strict=True)}
    return [replies[i] for i in range(len(chats))]


def _generate(prompts: list[str], llm: LLM, max_new_tokens: int) -> list[str]:
    import torch
    from transformers import GenerationConfig

    tokens = llm.tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    longest = tokens["input_ids"].shape[1] + max_new_tokens
    if longest > llm.context:
        raise ValueError(
            f"a prompt needs {longest} tokens; {llm.name} reads {llm.context}: send fewer or shorter texts"
        )
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=llm.model.generation_config.eos_token_id or llm.tokenizer.eos_token_id,
        pad_token_id=llm.tokenizer.pad_token_id,
    )
    with torch.inference_mode():
        output = llm.model.generate(**tokens.to(llm.model.device), generation_config=config)
    return llm.tokenizer.batch_decode(output[:, tokens["input_ids"].shape[1] :], skip_special_tokens=True)


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


def _reply_key(prompt: str, llm: LLM, settings: dict, companions: str) -> str:
    parts = json.dumps([prompt, llm.fingerprint, settings, companions])
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def _read_log(log: Path) -> dict[str, str]:
    """Return the replies in log by key; a line that was cut off or damaged is passed over and asked again."""
    replies: dict[str, str] = {}
    for line in log.read_text("utf-8", "replace").splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entry = json.loads(line)
            replies[entry["key"]] = entry["reply"]
    return replies


def _append_log(log: Path, keys: list[str], chats: list[Chat], replies: list[str], llm: LLM, settings: dict) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    whole = log.read_bytes().rpartition(b"\n")[0] + b"\n" if log.exists() and log.stat().st_size else b""
    facts = {
        "model": llm.name,
        "revision": llm.revision,
        "quantization": llm.quantization,
        "settings": settings,
    }
    lines = [
        json.dumps({"key": key, **facts, "prompt": chat, "reply": reply}, ensure_ascii=False)
        for key, chat, reply in zip(keys, chats, replies, strict=True)
    ]
    from helpers.files import write_atomically

    write_atomically(log, whole + "".join(line + "\n" for line in lines).encode())
