"""The settings of cleaning: which copies and which text of benchmarks are found; names, what is allowed, defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from helpers.section import Count, Names, Section


class Cleaning(Section):
    """Which rows are near-duplicates of others, which of them stays, and which hold benchmark text."""

    # Share of the words in a row that either has, from which on a row is a copy; 1: only texts of the same words are.
    near_duplicates: Annotated[float, Field(ge=0.1, le=1)] = 0.8
    shingle: Count = 5  # words in a row that are compared
    stays: Literal["longest", "first", "best"] = "longest"  # which of several copies
    best_by: str | None = None  # of best: the column of scores
    benchmarks: Names = []  # names in helpers/clean/benchmarks.yaml, files, a YAML of that form; none: not looked for
    ngram: Annotated[int, Field(ge=3)] = 10  # words in a row that a row and an item have to share
    item_share: Annotated[float, Field(gt=0, le=1)] = 0.5  # of an item's words that have to be in the row, in long runs

    @model_validator(mode="after")
    def _know_what_is_best(self) -> Cleaning:
        if (self.stays == "best") != (self.best_by is not None):
            raise ValueError("stays: best needs best_by, the column of scores, and best_by needs stays: best")
        return self

    @property
    def copying(self) -> dict[str, Any]:
        """Settings of find_near_duplicates."""
        return {"threshold": self.near_duplicates, "words": self.shingle, "keep": self.stays, "by": self.best_by}

    @property
    def searching(self) -> dict[str, Any]:
        """Settings of find_contamination."""
        return {"ngram": self.ngram, "share": self.item_share}


class Clean(Cleaning):
    """What is looked for among the rows before they are embedded."""

    drop: bool = False  # whether copies and contaminated rows are rejected, with the reason, or only told of
