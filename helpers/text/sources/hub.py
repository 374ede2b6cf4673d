"""A dataset of the Hugging Face hub -> its records as a stream; its revision, splits and card.

The only part of reading that touches a network, and it says so first. Nothing that a dataset brings is run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from helpers.text.sources.lines import Found

SECONDS = 20  # for the hub to answer the first question


def hub_revision(path: str, revision: str | None = None) -> str:
    """Return the commit of a dataset that revision (a branch, tag or commit; main if None) stands for.

    Raises ConnectionError when the hub cannot be reached, FileNotFoundError when it has no such dataset.
    """
    _say(path)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return HfApi().dataset_info(path, revision=revision, timeout=SECONDS).sha
    except GatedRepoError as error:
        raise FileNotFoundError(f"{path}: its owner asks for consent on the hub first ({error})") from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(f"{path}: the hub has no revision {revision!r} of it") from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file here, and no such dataset on the hub") from error
    except Exception as error:  # the hub's library lets its transport's own kinds of error through
        raise ConnectionError(
            f"{path}: no such file here, and the hub cannot be reached ({type(error).__name__}: {error}). "
            "Without a network, name a local file or folder (JSONL, Parquet, CSV ...)"
        ) from error


def read_hub(
    path: str, *, split: str = "train", config: str | None = None, revision: str | None = None, start: int = 0
) -> Iterator[Found]:
    """Yield the records of one split from the one at `start` on; pictures and sounds stay undecoded.

    Raises ValueError that names the configs or splits there are, ConnectionError when the stream breaks.
    """
    commit = hub_revision(path, revision)
    import datasets

    try:
        stream = datasets.load_dataset(path, name=config, split=split, revision=commit, streaming=True)
    except Exception as error:
        raise ValueError(f"{path}: {error}; {_what_exists(path, config, commit)}") from error
    read = start
    try:
        for record in stream.decode(False).skip(start):
            yield Found(record)
            read += 1
    except Exception as error:
        raise ConnectionError(
            f"{path}: the stream broke after {read} records: {type(error).__name__}: {error}. Where its files differ "
            "in their columns, download them and give source.path the folder: they are then read one by one"
        ) from error


def hub_files(path: str, *, split: str = "train", config: str | None = None, revision: str | None = None) -> list[Path]:
    """Return the Arrow files of one split, downloaded to the cache of `datasets` where they are not there yet.

    Raises as read_hub does; for work that is done file by file, in several processes.
    """
    commit = hub_revision(path, revision)
    import datasets

    try:
        whole = datasets.load_dataset(path, name=config, split=split, revision=commit)
    except Exception as error:
        raise ValueError(f"{path}: {error}; {_what_exists(path, config, commit)}") from error
    return [Path(one["filename"]) for one in whole.cache_files]


def read_card(path: str, *, lines: int = 30) -> str:
    """Return the first lines of a dataset's card, or why there are none."""
    from huggingface_hub import DatasetCard

    try:
        text = DatasetCard.load(path, repo_type="dataset").text.strip()
    except Exception as error:  # a card is shown, nothing depends on it
        return f"no card: {type(error).__name__}"
    return "\n".join(text.splitlines()[:lines])


def _what_exists(path: str, config: str | None, commit: str) -> str:
    from datasets import get_dataset_config_names, get_dataset_split_names

    try:
        configs = get_dataset_config_names(path, revision=commit)
        chosen = config if config in configs else configs[0]
        splits = get_dataset_split_names(path, chosen, revision=commit)
    except Exception as error:
        return f"what exists could not be asked: {type(error).__name__}"
    return f"configs are {', '.join(configs)}; splits of {chosen} are {', '.join(splits)}"


def _say(path: str) -> None:
    print(f"asking the Hugging Face hub for {path}", file=sys.stderr)  # noqa: T201
