"""The settings of a language model, in whatever step it is asked: names, what is allowed, defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from helpers.section import Count, Section


class LanguageModel(Section):
    """Which LLM is asked, and how it is run or reached."""

    model: str = "auto"  # auto: the largest downloaded one that fits the GPU, or the packaged one; none: keywords
    revision: str | None = None
    quantization: Literal["auto", "4bit", "8bit", "none"] = "auto"  # auto: 4bit on a GPU, none on a CPU with the memory
    batch_size: Count = 8  # topics asked about at once
    trust_remote_code: bool = False
    # An OpenAI-compatible server of this machine, such as http://localhost:8080/v1, or several with one model.
    server: str | list[str] | None = None
    allow_remote: bool = False  # true lets texts of the dataset go to a server elsewhere
    concurrency: Count = 4  # prompts that the server has at once
    timeout: Annotated[float, Field(gt=0)] = 120.0  # seconds for an answer of the server, which is asked up to 3 times
