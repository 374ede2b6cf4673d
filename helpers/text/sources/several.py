"""Several sources by name -> their records as of one, each with the name of its source and an id of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from helpers.text.sources.records import Record, Rejected, read_records

SOURCE_NAME = "source_name"  # the column that tells which source a row is of


def read_several(
    sources: Mapping[str, Mapping[str, Any]], *, start: int = 0, end: int | None = None, apart: Sequence[str] = ()
) -> Iterator[Record | Rejected]:
    """Yield the records of each source from start to end, one source after the other, with its name beside them.

    sources: settings of read_records by name. Ids of all but the first source begin with its name and a slash, so that
    a row of two versions of a dataset has two ids. Raises what read_records raises, with the source's name.
    """
    for place, (name, where) in enumerate(sources.items()):
        try:
            for one in read_records(**where, start=start, end=end, apart=apart):
                if isinstance(one, Rejected):
                    yield replace(one, file=f"{name}: {one.file}" if one.file else name)
                else:
                    own = one.id if place == 0 else f"{name}/{one.id}"
                    yield replace(one, id=own, apart={**one.apart, SOURCE_NAME: name})
        except (ValueError, OSError) as error:
            kinds = FileNotFoundError, ConnectionError, OSError, ValueError  # others take more than a message
            kind = next(kind for kind in kinds if isinstance(error, kind))
            raise kind(f"source {name}: {error}") from None
