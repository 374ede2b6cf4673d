"""The settings of quality and uses: which rows an LLM rates or labels, how, and what is kept; names and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from helpers.assign_settings import NewSource, NewText, Shards
from helpers.llm_settings import LanguageModel
from helpers.section import Count, Names, Section, Share


class Model(Section):
    """A model that reads texts: an encoder, or a sequence classification model."""

    model: str  # a hub name or a folder
    revision: str | None = None
    batch_size: Count | Literal["auto"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    prefix: str = ""  # put before each text, as some models want ("query: ")
    trust_remote_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _take_a_name(cls, given: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
        return {"model": given} if isinstance(given, str) else given


class Quality(Shards):
    """How a sample is rated, what scorer is made of the ratings, and which rows are kept."""

    ratings: str | None = None  # file with columns id and score, in place of asking an LLM
    known: str | None = None  # the same from a column of text.keep
    rubric: str = "educational"  # in the language of most rows, educational_en, educational_es, or the path of a file
    sample: Count = 500  # texts that the LLM rates
    by_topic: bool = True  # small topics get more of the sample than their share
    mode: Literal["direct", "reason"] = "direct"  # probabilities of the levels, or a reason and then a level
    again: Annotated[int, Field(ge=0)] = 50  # of them rated a second time, to see how far the LLM agrees with itself
    max_new_tokens: Count = 128  # longest reason with its level
    llm: LanguageModel | None = None  # none: that of label
    encoder: Model | None = None  # whose vectors the scorer reads; none: the map's
    style: bool = True  # whether the scorer may read how a text is written beside its vector
    classifier: Model | None = None  # a sequence classification model in place of rating and training
    threshold: float | None = None  # score that is good enough; none: the middle of the levels
    keep: Names = []  # rules that a row is to fulfil, such as "score >= 3"; none: all are kept
    source: NewSource | None = None  # further rows to be scored, shard by shard
    column: str | None = None  # their ready vectors in Parquet files; none: texts are embedded as the map's were
    text: NewText = NewText()
    keep_vectors: bool = False  # whether vectors made of their texts are kept, for another pass
    output: Annotated[str, Field(pattern=r"^scored[\w-]*$")] = "scored"  # folder in quality/ for them

    @model_validator(mode="after")
    def _refuse_what_would_do_nothing(self) -> Quality:
        for one, other in (("ratings", "known"), ("classifier", "encoder")):
            if self[one] and self[other]:
                raise ValueError(f"{one} and {other}: either takes the place of the other, name one of them")
        return self


class Uses(Section):
    """Which domains and uses rows are labelled with, and how the LLM is asked."""

    labels: str = "default"  # or the path of a YAML of the form of helpers/instructions/uses.yaml
    sample: Count = 200  # texts that are labelled
    mode: Literal["likelihood", "constrained"] = "likelihood"  # weigh every label, or let the LLM write some of them
    least: Share = 0.2  # likelihood: probability from which on a label is given
    most: Count = 3  # domains, and uses, that a text may have
    text_tokens: Count = 256  # so much of a text is shown
    llm: LanguageModel | None = None  # none: that of label
