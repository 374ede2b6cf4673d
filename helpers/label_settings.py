"""The settings of the label step: their names, what is allowed and, here only, their defaults."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from helpers.llm_settings import LanguageModel
from helpers.section import Count, Names, Section


def _with_meanings(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
    """Return a list of labels as names without meanings; numbers and the like as they are written."""
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return {_written(one): "" for one in value}
    if isinstance(value, dict):
        return {_written(name): "" if meaning is None else meaning for name, meaning in value.items()}
    return value


def _written(value: Any) -> str:  # noqa: ANN401
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


class Example(Section):
    """A worked example that the LLM is shown: what it would see of a group, and what it should have answered."""

    keywords: Names
    documents: Names = []
    labels: Annotated[Names, Field(min_length=1)]  # one, or as many as label.labels


class Label(LanguageModel):
    """Which LLM names the topics, what it is shown and asked; none means keywords only."""

    documents: Annotated[int, Field(ge=0, le=20)] = 4  # texts that are shown of a topic
    document_tokens: Count = 50  # and so much of each
    contrast: Annotated[int, Field(ge=0, le=10)] = 2  # nearest other topics that every second draw is told of
    draws: Annotated[int, Field(ge=1, le=10)] = 2  # names drawn from different texts, above 1 one from keywords as well
    max_new_tokens: Count = 32  # longest name
    language: Annotated[str, Field(pattern="^(auto|[a-z]{2,3})$")] = "auto"  # of each topic's texts; or an ISO code
    labels: Annotated[int, Field(ge=1, le=10)] = 1  # names a topic
    available_labels: Annotated[dict[str, str], BeforeValidator(_with_meanings)] = {}  # a list, or names with meanings
    default_label: str = "None"  # of available_labels, where none fits
    context: str = ""  # what the LLM should know of the data
    query_title: str = "Texts"  # what the texts are called
    system_prompt: str = ""  # in place of the instruction's first part
    instruction: str = "label"  # or the path of a file of the form of helpers/instructions/label.md
    examples: list[Example] = []  # in place of the kit's own
    summary: bool = False  # a sentence a topic
    score: bool = False  # an educational score of 0 to 5 a topic, with the reason

    @model_validator(mode="after")
    def _refuse_what_cannot_be_asked(self) -> Label:
        names = list({**self.available_labels, **({self.default_label: ""} if self.default_label else {})})
        if self.available_labels and (len(names) < 2 or not all(name.strip() for name in names)):
            raise ValueError(
                f"available_labels: expected two different labels or more, none of them empty, got {names}"
            )
        if few := [example.labels for example in self.examples if len(example.labels) < self.labels]:
            raise ValueError(
                f"examples: each needs {self.labels} labels, as many as label.labels asks for, got {few[0]}"
            )
        return self

    @field_validator("language")
    @classmethod
    def _refuse_unknown_languages(cls, code: str) -> str:
        if code != "auto":
            from babel import Locale, UnknownLocaleError

            try:
                Locale.parse(code)
            except (UnknownLocaleError, ValueError):
                raise ValueError(
                    f"expected auto or an ISO code of a language such as en, es or zh, got {code!r}"
                ) from None
        return code
