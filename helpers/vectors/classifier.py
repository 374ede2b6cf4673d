"""A sequence classification model -> an embedder whose vectors are what the model says of a text.

So it is cached, cut, and run over millions of rows as every embedder is. A vector is the one number of a regression,
or the probability of each class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from helpers.vectors.embedder import Embedder

WINDOW = 512  # tokens, of a model that does not say
FAR = 100_000  # what some tokenizers say who know no limit is beyond that


@dataclass(frozen=True)
class Classifier(Embedder):
    """A sequence classification model on this machine, loaded when it is first used."""

    @cached_property
    def model(self) -> Any:  # noqa: ANN401 - a transformers model
        """The loaded model."""
        import torch
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        logging.disable_progress_bar()
        print(f"loading the classifier {self.name} ({self.device}, {self.precision})", flush=True)  # noqa: T201
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
        model = AutoModelForSequenceClassification.from_pretrained(
            self.path,
            local_files_only=True,
            trust_remote_code=self.trust_remote_code,
            dtype=dtype,
            use_safetensors=True,
        )
        return model.eval().to(self.device)

    @cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401
        """The model's own tokenizer."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.path, local_files_only=True, trust_remote_code=self.trust_remote_code)

    @cached_property
    def config(self) -> Any:  # noqa: ANN401 - a transformers config
        """What is written beside the weights."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.path, local_files_only=True, trust_remote_code=self.trust_remote_code)

    @property
    def window(self) -> int:
        """Tokens of a text that the model reads: without special tokens and prefix."""
        told = [self.tokenizer.model_max_length, getattr(self.config, "max_position_embeddings", None)]
        known = [size for size in told if isinstance(size, int) and 0 < size < FAR]
        prefix = len(self.tokenizer(self.prefix, add_special_tokens=False)["input_ids"]) if self.prefix else 0
        return min(known, default=WINDOW) - self.tokenizer.num_special_tokens_to_add() - prefix

    @property
    def dimensions(self) -> int:
        """Numbers of a vector."""
        return int(self.config.num_labels)

    @property
    def identity(self) -> str:
        """What a vector means."""
        return f"classifier {super().identity}"

    @property
    def fingerprint(self) -> str:
        """What a vector depends on besides its text."""
        return f"classifier {super().fingerprint}"

    def levels(self) -> list[int] | None:
        """Return the level that each class stands for, as its name says; None for a regression.

        Raises ValueError where names are none or several numbers, such as NEGATIVE and POSITIVE.
        """
        if self.dimensions == 1:
            return None
        names = [str(self.config.id2label[place]) for place in range(self.dimensions)]
        found = [re.findall(r"\d+", name) for name in names]
        if any(len(numbers) != 1 for numbers in found) or len({one for (one,) in found}) < len(found):
            raise ValueError(
                f"{self.name}: expected a regression, or classes that are levels, such as 0 to 5; got "
                f"{', '.join(names)}"
            )
        return [int(number) for (number,) in found]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return (n, d) float32, the texts as one batch."""
        import torch

        size = self.window + self.tokenizer.num_special_tokens_to_add()
        read = self.tokenizer(
            [self.prefix + text for text in texts], padding=True, truncation=True, max_length=size, return_tensors="pt"
        )
        with torch.inference_mode():
            logits = self.model(**read.to(self.device)).logits.float()
        found = logits if self.dimensions == 1 else logits.softmax(-1)
        return found.cpu().numpy()
