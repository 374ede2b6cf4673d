"""The settings of assigning new rows, and of work that is done shard by shard: names, what is allowed, defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from helpers.section import Count, Names, Section


class NewSource(Section):
    """Where new rows are."""

    path: str  # file, folder, glob, or owner/name on the hub, whose split is downloaded
    split: str = "train"  # of a hub dataset, or of a folder that DatasetDict saved
    config: str | None = None  # of a hub dataset that has several
    revision: str | None = None
    id: str | None = None  # column of the rows' own ids; else `id`, `uuid` and the like, else a hash of the content

    @model_validator(mode="before")
    @classmethod
    def _take_a_path(cls, given: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
        return {"path": given} if isinstance(given, str) else given


class NewText(Section):
    """What of the map's settings of text is otherwise in the new source; nothing unless set."""

    format: Literal["sharegpt", "openai", "turns", "alpaca", "columns", "nested", "text"] | None = None
    column: str | None = None  # where the text or the conversation is; beside ready vectors: texts to look at
    columns: Names | None = None
    roles: str | list[str] | None = None
    role_names: bool | None = None
    separator: str | None = None


class Slurm(Section):
    """How tasks are submitted to Slurm."""

    partition: str | None = None
    time: str = "04:00:00"  # of one task, which is a shard
    cpus_per_task: Count = 4
    mem_per_cpu_gb: Count = 2
    gpus_per_task: Annotated[int, Field(ge=0)] = 0
    setup: str = ""  # shell command that makes the kit's Python the first on the path of a node
    qos: str = "normal"
    options: dict[str, str] = {}  # further options of sbatch, such as {account: mine}


class Ray(Section):
    """How tasks are given to Ray; the cluster is one that runs, or one of this machine's cores."""

    address: str | None = None  # of a cluster that runs, "auto" for the one of this machine
    cpus_per_task: Count = 1
    mem_per_cpu_gb: Annotated[float, Field(gt=0)] = 2
    gpus_per_task: Annotated[float, Field(ge=0)] = 0


class Shards(Section):
    """What works on shards, and how many are worked on at once."""

    executor: Literal["local", "slurm", "ray"] = "local"
    workers: Count | Literal["auto"] = "auto"  # auto: one a GPU; without one, what suits this machine's cores
    slurm: Slurm = Slurm()
    ray: Ray = Ray()

    @model_validator(mode="after")
    def _know_the_partition(self) -> Shards:
        if self.executor == "slurm" and not self.slurm.partition:
            raise ValueError("slurm.partition: missing; `sinfo` shows those of your cluster")
        return self


class Assign(Shards):
    """Which new rows are given the topics of the map, and how."""

    source: NewSource | None = None  # none: the map's own source, the rows that a sample left out with it
    column: str | None = None  # ready vectors in Parquet files; none: texts are embedded as the map's were
    text: NewText = NewText()
    reject: Annotated[float, Field(ge=0, lt=1)] = 0.05  # share of a topic's own rows that may be turned away
    place: bool = False  # whether every row gets a place on the map, x and y
    keep_vectors: bool = False  # whether vectors made of texts are kept beside the rows, for another pass
    pilot: Count = 1_000  # rows tried first, for an estimate of time and disk
    output: Annotated[str, Field(pattern=r"^assigned[\w-]*$")] = "assigned"  # folder in the run folder; assigned_...
