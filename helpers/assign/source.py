"""A source of new rows and a saved map -> the shards that the rows are in, and how their vectors are come by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helpers.files import read_value
from helpers.topics.assigner import read_assigner
from helpers.vectors.new_rows import READING, NewRows, open_rows


def open_source(path: str, model_folder: Path, **settings: Any) -> NewRows:  # noqa: ANN401
    """Return the new rows of a source, to be read as those of the map were.

    model_folder: the model/ of a run; nothing else of it is needed. settings: of open_rows. Raises FileNotFoundError or
    ValueError for a source or model that cannot be used.
    """
    dimensions = read_assigner(model_folder).dimensions
    reading = model_folder / READING
    return open_rows(path, read_value(reading) if reading.exists() else {}, dimensions=dimensions, **settings)
