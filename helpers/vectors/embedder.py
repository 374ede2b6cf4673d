"""A model's name -> an encoder of texts with the device and precision that suit this machine.

Finding the model's files is left to models.py; what is encoded together to embed.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from helpers.models import computes_bf16, find_model


@dataclass(frozen=True)
class Embedder:
    """A sentence-transformers model on this machine, loaded when it is first used."""

    name: str
    path: Path
    revision: str
    device: str
    precision: str
    prefix: str = ""
    trust_remote_code: bool = False

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - SentenceTransformer, which is slow to import
        """The loaded model."""
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        print(f"loading the embedder {self.name} ({self.device}, {self.precision})", flush=True)  # noqa: T201
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        return SentenceTransformer(
            str(self.path),
            device=self.device,
            local_files_only=True,
            trust_remote_code=self.trust_remote_code,
            model_kwargs={"dtype": dtype, "use_safetensors": True},
        )

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - a transformers fast tokenizer
        """The model's own tokenizer."""
        return self.model.tokenizer

    @property
    def window(self) -> int:
        """Tokens of a text that the model reads: its context without special tokens and prefix."""
        special = self.tokenizer.num_special_tokens_to_add()
        prefix = len(self.tokenizer(self.prefix, add_special_tokens=False)["input_ids"]) if self.prefix else 0
        return self.model.max_seq_length - special - prefix

    @property
    def usual_batch(self) -> int:
        """Texts read together: on a CPU 16 are 1.1 times as fast as 32, for their numbers stay in its cache longer."""
        return 16 if self.device == "cpu" else 32

    @property
    def identity(self) -> str:
        """What a vector means: those of one identity can be compared, whatever computed them."""
        return f"{self.name} {self.revision} {self.prefix!r}"

    @property
    def fingerprint(self) -> str:
        """What a vector depends on besides its text."""
        return f"{self.name} {self.revision} {self.device.split(':')[0]} {self.precision} {self.prefix!r}"

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""
        return int(self.model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, d) float32 of unit length, the texts as one batch."""
        vectors = self.model.encode(
            [self.prefix + text for text in texts],
            batch_size=len(texts),
            convert_to_numpy=False,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        return unit_length(vectors.float().cpu().numpy())  # after the cast: 16 bits are too few for a norm

    def free(self) -> None:
        """Give the model's memory back, so that an LLM can have it."""
        import gc

        self.__dict__.pop("model", None)
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def find_embedder(
    *,
    model: str = "auto",
    revision: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    prefix: str = "",
    trust_remote_code: bool = False,
    kind: str = "embedder",
    **_: object,
) -> Embedder:
    """Return the embedder of that name with the device and precision that suit this machine (settings of `embed`).

    kind: "classifier" for a sequence classification model, see classifier.py.
    """
    found = find_model(model, kind="embedder", revision=revision, code=trust_remote_code)
    device = _device() if device == "auto" else _checked(device)
    precision = _precision(device) if precision == "auto" else precision
    if device == "cpu" and precision == "fp16":
        raise ValueError("embed.precision: fp16 is about 100 times slower than fp32 on a CPU; use fp32, bf16 or auto")
    made = Embedder
    if kind == "classifier":
        from helpers.vectors.classifier import Classifier as made
    return made(found.name, found.path, found.revision, device, precision, prefix, trust_remote_code)


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, d) scaled to length 1, float32; zeros stay zeros."""
    vectors = np.asarray(vectors, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]  # squares may leave float32
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _checked(device: str) -> str:
    import torch

    if device.split(":")[0] not in ("cpu", "mps", "cuda") or (device.startswith("cuda") and _device() != "cuda"):
        raise ValueError(
            f"embed.device: {device!r} is not to be had here (torch {torch.__version__}); use auto, or look at "
            "`python -m helpers doctor`"
        )
    return device


def _precision(device: str) -> str:
    if device.startswith("cuda"):
        return "fp16"
    return "bf16" if device == "cpu" and computes_bf16() else "fp32"
