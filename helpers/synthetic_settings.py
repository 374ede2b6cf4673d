"""The settings of synthetic texts: what prompts begin from, styles, audiences; names, what is allowed, defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from helpers.assign_settings import Shards
from helpers.clean_settings import Cleaning
from helpers.llm_settings import LanguageModel
from helpers.section import Count, Names, Section, Share


def _in_equal_shares(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
    """Return names alone as names of which each has the same share."""
    value = [value] if isinstance(value, str) else value
    return (
        dict.fromkeys(value, 1.0) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
    )


def _ordered(size: tuple[int, int]) -> tuple[int, int]:
    if size[0] > size[1]:
        raise ValueError(f"expected the fewest first, then the most, got {list(size)}")
    return size


def _need_code(language: str) -> str:
    if not re.fullmatch("auto|[a-z]{2,3}", language):
        raise ValueError("expected auto, or a code of ISO 639 such as en or es")
    return language


# What each gets of the prompts; only their proportions count.
Shares = Annotated[dict[str, Annotated[float, Field(gt=0)]], BeforeValidator(_in_equal_shares)]
# An id is a whole number: the name of a topic, which another may share, is refused.
Ids = Annotated[list[StrictInt], BeforeValidator(lambda value: [value] if isinstance(value, int) else value)]


class Planning(Section):
    """What prompts begin from, which of it is taken, and how many are made in which styles and for which audiences."""

    kind: Literal["topics", "outline", "titles", "instructions"] = "topics"  # what prompts begin from
    prompts: Count = 100
    per_topic: Count | None = None  # or so many a topic, a unit, a title
    by: Literal["even", "size"] = "even"  # whether topics get as many each, or as their rows say
    include: Ids = []  # topics by id, -1 among them only if it is named here; none: all but -1
    exclude: Ids = []  # topics by id
    least_size: Count | None = None  # rows of a topic
    most_size: Count | None = None
    least_score: float | None = None  # mean score of a topic's rows
    seeds_keep: Names = []  # rules that a row is to fulfil that a prompt begins from, such as "score >= 3"
    extract: Literal["rows", "representatives", "none"] = "rows"  # which texts of a topic are shown, their beginnings
    extract_chars: Annotated[int, Field(ge=50)] = 1_000
    extract_tokens: Annotated[int, Field(ge=10)] | None = None  # in place of characters
    show_topic: Share = 0.5  # of the prompts with an extract name the topic as well
    outline: Names = []  # files with tables of contents
    course: str = ""  # title of a course whose outline the LLM writes
    description: str = ""  # of the course
    units: Annotated[tuple[Count, Count], AfterValidator(_ordered)] = (8, 16)  # fewest and most that it writes
    titles: str | None = None  # file with a title a line, or with a column of them
    column: str | None = None
    styles: Shares = {}  # names or .md files, with shares; none: those of the kit for this kind, equally
    audiences: Shares = {}
    combinations: str = "default"  # YAML of pairs that are not written, with reasons; none: all pairs are
    language: Annotated[str, AfterValidator(_need_code)] = "auto"  # to write in: of the extracts, or ISO code
    words: Annotated[int, Field(ge=20)] = 700  # of a text, about

    @model_validator(mode="after")
    def _need_what_the_kind_begins_from(self) -> Planning:
        if self.kind == "outline" and bool(self.outline) == bool(self.course):
            raise ValueError("kind outline begins from files (outline) or from a course's title (course): name one")
        if self.kind == "titles" and not self.titles:
            raise ValueError("kind titles begins from a file: name it in titles")
        return self

    @property
    def choosing(self) -> dict[str, Any]:
        """Settings of choose_topics."""
        return {name: self[name] for name in ("include", "exclude", "least_size", "most_size", "least_score")}

    @property
    def cutting(self) -> dict[str, Any]:
        """How much of a text is shown."""
        return {"chars": self.extract_chars, "tokens": self.extract_tokens}

    @property
    def planning(self) -> dict[str, Any]:
        """Settings of plan_prompts."""
        names = "prompts per_topic by show_topic styles audiences combinations language words"
        return {name: self[name] for name in names.split()}


class WritingModel(LanguageModel):
    """A language model that writes long texts: it takes its time."""

    batch_size: Count = 16  # texts written at once
    timeout: Annotated[float, Field(gt=0)] = 900.0  # seconds for a text of the server


class Writing(Shards):
    """Which model writes, how its words are drawn, and which of its texts are rows."""

    llm: WritingModel | None = None  # none: that of label; its server may be a list of servers
    max_new_tokens: Count = 2_500  # longest text; less where prompt and text would not fit the model's context
    min_tokens: Annotated[int, Field(ge=0)] = 150  # shorter texts are rejected
    temperature: Annotated[float, Field(ge=0)] = 0.6  # 0: the most likely word
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    top_k: Annotated[int, Field(ge=0)] = 50  # 0: all words
    repetition_penalty: Annotated[float, Field(gt=0)] = 1.2  # 1: none
    unfinished: Literal["cut", "keep"] = "cut"  # texts that were cut off end with their last whole sentence, or do not
    boilerplate: str | None = None  # YAML of the stock phrases that are cut; none: those of the kit
    parts: Count | None = None  # of the prompts, where several workers or a cluster write; none: one for 500
    dry_run: bool = False  # whether it is only told what would be launched, and results (none) go to synthetic_dry_run/

    @property
    def writing(self) -> dict[str, Any]:
        """Settings of generate_texts."""
        names = "max_new_tokens min_tokens temperature top_p top_k repetition_penalty unfinished"
        rules = {"boilerplate": self.boilerplate and Path(self.boilerplate)}
        return {name: self[name] for name in names.split()} | rules


class Synthetic(Planning, Writing, Cleaning):
    """How synthetic texts are planned, written, and cleaned."""

    keep: Names = []  # rules that a text is to fulfil, such as "score >= 3"; none: all are kept

    @property
    def folder(self) -> str:
        """Where in the run folder results go: a dry run leaves those of other runs as they are."""
        return "synthetic_dry_run" if self.dry_run else "synthetic"
