"""The settings of every step: their names, what is allowed and, here only, their defaults.

What a setting does is told where it is used. Reading them from a YAML is left to config.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]

WORKING_NAMES = set(
    "id position record text turns source_rows n_tokens n_tokens_before truncated duplicate_of vector".split()
)


class Section(BaseModel):
    """Settings of one step; `**section` gives them to its function by name."""

    model_config = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)

    def keys(self) -> list[str]:
        """Return the settings' names, so that a section can be unpacked with `**`."""
        return list(type(self).model_fields)

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - a setting may be of any type
        return getattr(self, key)


class Source(Section):
    """Where the rows come from, and which of them."""

    path: str
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    id: str | None = None
    start: Annotated[int, Field(ge=0)] = 0
    end: Annotated[int, Field(ge=0)] | None = None


class Text(Section):
    """How a row becomes one string."""

    format: Literal["auto", "sharegpt", "openai", "turns", "alpaca", "columns", "grouped", "nested", "text"] = "auto"
    column: str | None = None
    columns: Names = []
    roles: str | list[str] = "all"
    role_names: bool = False
    separator: str = "\n"
    group: str | None = None
    order: str | None = None
    keep: Names = []


class Redact(Section):
    """What is masked before a text is embedded, shown or sent to the LLM; nothing unless asked for."""

    kinds: list[Literal["email", "phone", "card", "ip", "key"]] = []
    region: str = "US"


class Truncate(Section):
    """How a text that is longer than the context window is cut; no max_tokens means the embedder's window."""

    strategy: Literal["head", "tail", "ends", "turns"] = "head"
    max_tokens: Count | None = None
    mark: str = " … "


class Embed(Section):
    """Which model makes the vectors, or where ready ones are."""

    model: str = "auto"
    revision: str | None = None
    batch_size: Count = 32
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: str = "auto"
    prefix: str = ""
    long_texts: Literal["truncate", "mean"] = "truncate"
    trust_remote_code: bool = False
    column: str | None = None
    file: str | None = None


class Reduce(Section):
    """UMAP's settings for clustering and for the map, or the columns that hold ready points."""

    n_neighbors: Annotated[int, Field(ge=2)] = 15
    n_components: Count = 5
    min_dist: Share = 0.0
    metric: Literal["cosine", "euclidean"] = "cosine"
    columns: Names = []


class Cluster(Section):
    """HDBSCAN's settings, or the column that holds ready clusters."""

    min_cluster_size: Annotated[int, Field(ge=2)] = 50
    min_samples: Count | None = None
    method: Literal["eom", "leaf"] = "eom"
    column: str | None = None


class Describe(Section):
    """How keywords and representative rows are chosen."""

    top_n_words: Annotated[int, Field(ge=1, le=30)] = 10
    ngrams: Annotated[int, Field(ge=1, le=3)] = 2
    stop_words: Literal["auto", "none"] | list[str] = "auto"
    diversity: Share = 0.3
    representatives: Annotated[int, Field(ge=1, le=50)] = 8


class Label(Section):
    """Which LLM names the topics; none means keywords only."""

    model: str = "auto"
    revision: str | None = None
    quantization: Literal["4bit", "8bit", "none"] = "4bit"
    documents: Annotated[int, Field(ge=0, le=20)] = 4
    document_tokens: Count = 50
    batch_size: Count = 8
    max_new_tokens: Count = 24
    trust_remote_code: bool = False


class Plot(Section):
    """What the map shows."""

    hover_chars: Annotated[int, Field(ge=0)] = 200


class Config(Section):
    """Everything that a run depends on."""

    title: str
    sample: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    source: Source
    text: Text = Text()
    redact: Redact = Redact()
    truncate: Truncate = Truncate()
    embed: Embed = Embed()
    reduce: Reduce = Reduce()
    cluster: Cluster = Cluster()
    describe: Describe = Describe()
    label: Label = Label()
    plot: Plot = Plot()

    @model_validator(mode="after")
    def _refuse_working_names(self) -> Config:
        """Refuse to carry a source column whose name the kit's own tables use on the way."""
        taken = sorted(WORKING_NAMES & {*self.text.keep, *self.apart})
        if taken:
            raise ValueError(
                f"column {taken[0]!r} cannot be kept under this name, the kit uses it: rename it in the source"
            )
        return self

    @property
    def sampling(self) -> dict[str, Any]:
        """Settings of load_rows besides the source; whole conversations of grouped turns are sampled after it."""
        sample = 0 if self.text.format == "grouped" else self.sample
        return {"sample": sample, "seed": self.seed, "apart": self.apart}

    @property
    def apart(self) -> list[str]:
        """Columns of the user's own vectors, points and clusters: kept out of the text, carried beside it."""
        given = [self.embed.column, self.cluster.column]
        return [*[name for name in given if name], *self.reduce.columns]

    def cut(self, window: int) -> dict[str, Any]:
        """Return how texts are cut for an embedder that reads `window` tokens (settings of truncate_texts).

        Raises ValueError where truncate.max_tokens is more than the embedder reads: it would cut without a word.
        """
        limit = self.truncate.max_tokens or window
        if limit > window:
            raise ValueError(f"truncate.max_tokens: {limit} is more than the {window} tokens that the embedder reads")
        strategy = "none" if self.embed.long_texts == "mean" else self.truncate.strategy
        return {"max_tokens": limit, "strategy": strategy, "mark": self.truncate.mark}


def settings_table(config: Config) -> pd.DataFrame:
    """Return a line a section: the settings that were changed, and those that are as by default."""
    lines = []
    for name, value in config:
        changed, default = _parted(value) if isinstance(value, Section) else ({name: value}, {})
        lines.append({"section": name, "set": _listed(changed), "default": _listed(default)})
    return pd.DataFrame(lines).set_index("section")


def _parted(section: Section) -> tuple[dict[str, Any], dict[str, Any]]:
    default = {key: field.default for key, field in type(section).model_fields.items()}
    changed = {key: section[key] for key in default if section[key] != default[key]}
    return changed, {key: value for key, value in default.items() if key not in changed}


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in settings.items())
