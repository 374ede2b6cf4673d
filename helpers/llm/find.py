"""Settings -> the language model to ask: in this process, behind an address of this machine, or none."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.llm.ask import LLM
from helpers.models import choose_quantization, find_model


def find_llm(
    *,
    model: str = "auto",
    revision: str | None = None,
    quantization: str = "auto",
    trust_remote_code: bool = False,
    batch_size: int = 8,
    server: str | Sequence[str] | None = None,
    allow_remote: bool = False,
    concurrency: int = 4,
    timeout: float = 120.0,
    **_: object,
) -> LLM | None:
    """Return the language model of that name (settings of `label`), or None for `none`.

    server: the address of an OpenAI-compatible server, or a list of them that have the same model; model is then its
    name there, and `auto` its first one.
    """
    if model == "none":
        return None
    if server:
        from helpers.llm.server import open_server
        from helpers.llm.servers import open_servers

        opened = open_server if isinstance(server, str) else open_servers
        return opened(server, model=model, allow_remote=allow_remote, concurrency=concurrency, timeout=timeout)
    from helpers.llm.local import LocalLLM

    found = find_model(model, kind="llm", revision=revision, code=trust_remote_code)
    quantization = choose_quantization(found) if quantization == "auto" else quantization
    llm = LocalLLM(found.name, found.path, found.revision, quantization, trust_remote_code, batch_size)
    if not llm.tokenizer.chat_template:
        raise ValueError(f"model: {found.name} has no chat template: take an instruct model")
    return llm
