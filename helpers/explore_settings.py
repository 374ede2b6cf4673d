"""The settings of exploring a map: what it is asked, compared with, and which rows are picked; names and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from helpers.section import Count, Names, Section

# Columns that a map has or that other notebooks find, which are not looked for in the source.
OF_THE_MAP = set("topic topic_middle topic_broad confidence assigned edited nearest_topic similarity".split())
OF_THE_MAP |= set("score int_score near_duplicate_of jaccard contaminated_by domains uses summary_label".split())
# A year is a name too.
Name = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


class Explore(Section):
    """What a finished map is asked."""

    questions: Names = []  # whose nearest rows are shown
    found: Count = 10  # rows shown for each
    where: Names = []  # rules that these rows fulfil, such as "score >= 3"
    time: str | None = None  # column of dates: how topics change over time
    every: Literal["auto", "day", "week", "month", "quarter", "year"] = "auto"  # how long a span is
    classes: str | None = None  # column of classes: how topics differ between them
    sources: str | None = None  # column that says from which source a row is; with source.also that of its names
    base: Name | None = (
        None  # the source that others are held against; none: of source.also the first, else the largest
    )
    run: str | None = None  # another run, or its folder: what became of its topics here
    pick: Annotated[int, Field(ge=0)] = 0  # rows that cover the map, for annotation, evaluation or a smaller set
    pick_by: Literal["even", "size", "root"] = "even"  # rows a topic: as many each, by its size, by the size's root
    pick_shares: dict[int, Annotated[float, Field(gt=0)]] = {}  # or by topic, what share each gets; others get none
    pick_keep: Names = []  # rules that picked rows fulfil
    pick_best_by: str | None = None  # column of scores: of rows that cover as much, the better one is picked
