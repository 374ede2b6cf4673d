"""The settings: their names, what is allowed and, here only, their defaults; of some steps beside, *_settings.py.

Reading them from a YAML is left to config.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from helpers.assign_settings import Assign, NewSource
from helpers.clean_settings import Clean
from helpers.explore_settings import OF_THE_MAP, Explore, Name
from helpers.label_settings import Label
from helpers.llm_settings import LanguageModel
from helpers.quality_settings import Quality, Uses
from helpers.section import Count, Names, Section, Share
from helpers.synthetic_settings import Synthetic, WritingModel
from helpers.text.sources.several import SOURCE_NAME

WORKING_NAMES = set(f"id position record {SOURCE_NAME} text turns speakers source_rows vector duplicate_of".split())
WORKING_NAMES |= {"n_tokens", "n_tokens_before", "truncated"}


class Source(Section):
    """Where the rows come from, and which of them."""

    path: str  # owner/name on the hub, file, folder, glob, or package:NAME/FILE
    split: str = "train"  # of a hub dataset, or of a folder that DatasetDict saved
    config: str | None = None  # of a hub dataset that has several
    revision: str | None = None
    id: str | None = None  # column of the rows' own ids; else `id`, `uuid` and the like, else a hash of the content
    name: Name | None = None  # beside others: what its rows have as source_name; else the name of file or dataset
    also: dict[Name, NewSource] = {}  # further sources on the same map, by name
    start: Annotated[int, Field(ge=0)] = 0  # first row, from 0; of each source
    end: Annotated[int, Field(ge=0)] | None = None  # row before which to stop


class Text(Section):
    """How a row becomes one string."""

    format: Literal["auto", "sharegpt", "openai", "turns", "alpaca", "columns", "grouped", "nested", "text"] = "auto"
    column: str | None = None  # where the text or the conversation is
    columns: Names = []  # format columns: joined in this order
    roles: str | list[str] = "all"  # all, or user, assistant, system, tool, first_user, last_assistant ...
    role_names: bool = False  # whether "user: " and so on stand before each turn
    separator: str = "\n"  # between turns
    group: str | None = None  # grouped: column of the conversation that a turn is of
    order: str | None = None  # grouped: column by which turns are ordered
    keep: Names = []  # source columns that go to rows.parquet as well


class Redact(Section):
    """What is masked before a text is embedded, shown or sent to the LLM; nothing unless asked for."""

    kinds: list[Literal["email", "phone", "card", "ip", "key"]] = []
    region: str = "US"  # country whose phone numbers may lack a country code


class Truncate(Section):
    """How a text that is longer than the context window is cut; no max_tokens means the embedder's window."""

    strategy: Literal["head", "tail", "ends", "turns"] = "head"  # what is kept; turns: whole ones from the start
    max_tokens: Count | None = None  # fewer than the embedder's window
    mark: str = " … "  # ends: stands where the middle was


class Embed(Section):
    """Which model makes the vectors, or where ready ones are."""

    model: str = "auto"  # auto: BAAI/bge-base-en-v1.5, or the packaged MiniLM; a hub name or a folder
    revision: str | None = None
    batch_size: Count | Literal["auto"] = "auto"  # auto: 16 on a CPU, else 32; halved where memory runs out
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    device: str = "auto"  # cpu, cuda, cuda:1, mps
    prefix: str = ""  # put before each text, as some models want ("query: ")
    long_texts: Literal["truncate", "mean"] = "truncate"  # mean: of the vectors of a text's windows
    trust_remote_code: bool = False
    column: str | None = None  # ready vectors
    file: str | None = None  # ready vectors, .npy, a line a source row


class Preview(Section):
    """What is looked at before the long step of embedding; nothing unless asked for."""

    rows: Annotated[int, Field(ge=0)] = 0  # texts of a first map in about a minute, such as 20000
    encoders: Names = []  # embedders to compare on a sample; the first is what the others are compared with
    sample: Annotated[int, Field(ge=20)] = 1_000  # texts that they are compared on


class Fit(Section):
    """What the topics are found in."""

    sample: Annotated[int, Field(ge=0)] = 0  # different texts that the fit is made of; the others are assigned; 0: all


class Reduce(Section):
    """UMAP's settings for clustering and for the map, or the columns that hold ready points."""

    n_neighbors: Annotated[int, Field(ge=2)] = 15  # few: fine structure, many: broad
    n_components: Count = 5  # dimensions that are clustered
    min_dist: Share = 0.0  # how near two points may be laid
    map_min_dist: Share = 0.25  # the same on the map, where points on top of each other cannot be told apart
    n_epochs: Annotated[int, Field(ge=10)] = 100  # rounds of the layout that is clustered
    device: Literal["auto", "cpu"] = "auto"  # auto: neighbours are found on a CUDA card where there is one
    metric: Literal["cosine", "euclidean"] = "cosine"
    columns: Names = []  # ready points


class Cluster(Section):
    """How points are put into topics, or the column that holds ready clusters."""

    algorithm: Literal["hdbscan", "dbscan", "kmeans", "evoc"] = "hdbscan"  # evoc needs the extra of that name
    min_cluster_size: Annotated[int, Field(ge=2)] | Literal["auto"] = "auto"  # texts in the smallest topic
    topics: Count | None = None  # of hdbscan and evoc: about so many, in place of a size; of kmeans: exactly so many
    min_samples: Count | None = None  # of hdbscan and dbscan: neighbours that make a place dense; 5 to 50, by the data
    method: Literal["eom", "leaf"] = "eom"  # of hdbscan; leaf: more and smaller topics, more texts unassigned
    eps: Annotated[float, Field(gt=0)] | None = None  # of dbscan: how near neighbours are; found from the data
    column: str | None = None  # ready clusters, numbers or names


class Tune(Section):
    """What is compared before a size is chosen."""

    seeds: Annotated[int, Field(ge=0, le=20)] = 2  # further layouts that show which topics come back; 0: none
    min_samples: list[Count] = []  # further values of cluster.min_samples to compare


class Evaluate(Section):
    """What the topics are held against."""

    truth: str | None = None  # a column of text.keep that holds known topics


class Describe(Section):
    """How keywords and representative rows are chosen."""

    top_n_words: Annotated[int, Field(ge=1, le=30)] = 10  # keywords of a topic
    ngrams: Annotated[int, Field(ge=1, le=3)] = 2  # longest keyword in words
    stop_words: Literal["auto", "none"] | list[str] = "auto"  # auto: of the languages found; or ISO codes
    diversity: Share = 0.3  # of MMR keywords
    representatives: Annotated[int, Field(ge=1, le=50)] = 8  # rows that stand for a topic


class Plot(Section):
    """What the map shows."""

    hover_chars: Annotated[int, Field(ge=0)] = 200  # of a text in the page; 0: no text leaves the machine with it
    hover_columns: Names = []  # source columns that the page shows, colours by and filters; no other is in it
    max_mb: Annotated[float, Field(gt=0)] = 12.0  # size of the page; texts are shortened, then points left out
    svg: bool = False  # whether map.svg is written beside map.png


class Config(Section):
    """Everything that a run depends on."""

    title: str
    sample: Annotated[int, Field(ge=0)] = 0  # rows to take, chosen by a hash; 0: all
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    source: Source
    text: Text = Text()
    redact: Redact = Redact()
    clean: Clean = Clean()
    truncate: Truncate = Truncate()
    preview: Preview = Preview()
    embed: Embed = Embed()
    fit: Fit = Fit()
    reduce: Reduce = Reduce()
    cluster: Cluster = Cluster()
    tune: Tune = Tune()
    evaluate: Evaluate = Evaluate()
    describe: Describe = Describe()
    label: Label = Label()
    plot: Plot = Plot()
    assign: Assign = Assign()
    quality: Quality = Quality()
    uses: Uses = Uses()
    synthetic: Synthetic = Synthetic()
    explore: Explore = Explore()

    @model_validator(mode="before")
    @classmethod
    def _keep_what_is_named(cls, given: Any) -> Any:  # noqa: ANN401 - whatever stands in the YAML
        """Known topics are carried to where they are compared, and columns to where they are shown."""
        try:
            text = given.get("text", {})
            truth, shown = given.get("evaluate", {}).get("truth"), given.get("plot", {}).get("hover_columns", [])
            best = given.get("clean", {}).get("best_by")
            asked = [given.get("explore", {}).get(name) for name in ("time", "classes", "sources")]
            kept, shown = ([one] if isinstance(one, str) else list(one) for one in (text.get("keep", []), shown))
            carried = [given.get(section, {}).get("column") for section in ("embed", "cluster")]
            asked = [name for name in asked if isinstance(name, str) and name not in OF_THE_MAP | WORKING_NAMES]
            named = [name for name in [truth, best, *asked, *shown] if name not in (None, *kept, *carried)]
        except (AttributeError, KeyError, TypeError):
            return given  # nothing is named, or what is there is wrong and is refused in its own place
        return {**given, "text": {**text, "keep": [*kept, *dict.fromkeys(named)]}} if named else given

    @model_validator(mode="after")
    def _refuse_working_names(self) -> Config:
        """Refuse to carry a source column whose name the kit's own tables use on the way."""
        taken = sorted(WORKING_NAMES & {*self.text.keep, *self.apart})
        if taken:
            raise ValueError(
                f"column {taken[0]!r} cannot be kept under this name, the kit uses it: rename it in the source"
            )
        return self

    @model_validator(mode="after")
    def _refuse_columns_named_twice(self) -> Config:
        for columns in (self.text.keep, self.apart, self.plot.hover_columns):
            if twice := [name for name in columns if columns.count(name) > 1]:
                raise ValueError(f"column {twice[0]!r} is named twice among {', '.join(columns)}")
        if clash := [name for name in self.text.keep if f"source_{name}" in self.text.keep]:
            raise ValueError(f"text.keep: {clash[0]!r} and 'source_{clash[0]}' would get one name: rename one")
        return self

    @model_validator(mode="after")
    def _refuse_to_fit_what_is_ready(self) -> Config:
        if self.embed.file and self.source.also:
            raise ValueError("embed.file has a line a row of one source: give each source's rows a column of vectors")
        if self.fit.sample and (self.reduce.columns or self.cluster.column):
            ready = "reduce.columns" if self.reduce.columns else "cluster.column"
            raise ValueError(f"fit.sample: {ready} has what a fit would find; take sample for fewer rows")
        return self

    @property
    def distinct(self) -> list[str]:
        """Columns in which rows with equal texts may differ and then do not share a vector."""
        return [*self.apart, "position"] if self.embed.file else self.apart

    @property
    def tree(self) -> dict[str, Any]:
        """Settings of grow_tree: those that do not change with every cut of the tree."""
        return {
            "min_samples": self.cluster.min_samples,
            "size_is_set": self.cluster.min_cluster_size != "auto" and not self.cluster.topics,
            "wanted": self.cluster.algorithm == "hdbscan" and not self.cluster.column,
        }

    @property
    def tuning(self) -> dict[str, Any]:
        """Settings of tune_sizes: how the layouts are made again, and which trees are compared."""
        return {"seeds": self.tune.seeds, "more_samples": self.tune.min_samples, "seed": self.seed} | {
            "reduce": self.reduce.model_dump(),
            "tree": self.tree,
        }

    @property
    def own_vectors(self) -> bool:
        """Whether the vectors are the user's own and not the embedder's."""
        return bool(self.embed.column or self.embed.file)

    @property
    def sampling(self) -> dict[str, Any]:
        """Settings of load_rows besides the source; whole conversations of grouped turns are sampled after it."""
        sample = 0 if self.text.format == "grouped" else self.sample
        return {"sample": sample, "seed": self.seed, "apart": self.apart}

    def new_rows(self, section: str) -> dict[str, Any]:
        """Return settings of open_rows: where rows of assign or quality are; unless set, the map's own first source."""
        found = self[section].source or self.source
        beside = {"column": self[section].column, "text": self[section].text.model_dump()}
        where = {name: found[name] for name in ("path", "split", "config", "revision", "id")}
        return where | beside

    def asking(self, section: str) -> LanguageModel:
        """Return settings of find_llm for a section: its own LLM, else that of label.

        What writes long texts has a batch size and a time-out of its own.
        """
        if self[section].llm or section != "synthetic":
            return self[section].llm or self.label
        other = {name: self.label[name] for name in LanguageModel.model_fields if name not in ("batch_size", "timeout")}
        return WritingModel(**other)

    @property
    def apart(self) -> list[str]:
        """Columns of the user's own vectors, points and clusters: kept out of the text, carried beside it."""
        given = [self.embed.column, self.cluster.column]
        return [*[name for name in given if name], *self.reduce.columns]

    def reading(self, embedder: Any) -> dict[str, Any]:  # noqa: ANN401 - an Embedder
        """Return all that new rows need to be read as this run's were: what their vectors depend on."""
        sections = {"text": self.text, "redact": self.redact, "embed": self.embed}
        found = {name: section.model_dump() for name, section in sections.items()}
        found["embed"] |= {"model": embedder.name, "device": "auto", "precision": "auto"}
        return found | {"cut": self.cut(embedder.window), "identity": embedder.identity}

    def cut(self, window: int) -> dict[str, Any]:
        """Return how texts are cut for an embedder that reads `window` tokens (settings of truncate_texts).

        Raises ValueError where truncate.max_tokens is more than the embedder reads: it would cut without a word.
        """
        limit = self.truncate.max_tokens or window
        if limit > window:
            raise ValueError(f"truncate.max_tokens: {limit} is more than the {window} tokens that the embedder reads")
        strategy = "none" if self.embed.long_texts == "mean" else self.truncate.strategy
        return {"max_tokens": limit, "strategy": strategy, "mark": self.truncate.mark}
