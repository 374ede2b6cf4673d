"""Tables and figures -> as people read them, in notebooks and terminals."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from helpers.section import Section
from helpers.settings import Config

STYLE = "<style>table.dataframe th, table.dataframe td {text-align: left !important; vertical-align: top}</style>"

HEADLESS = "TOPIC_MAP_HEADLESS"  # set in the environment where nobody is there to move a slider


def percent(share: float) -> str:
    """Return a share as whole percents, never 100% or 0% where it is not all or none.

    >>> percent(0.996), percent(1), percent(0.001)
    ('99%', '100%', '1%')
    """
    return f"{min(max(round(100 * share), int(share > 0)), 100 - (share < 1))}%"


def counted(number: int, one: str) -> str:
    """Return a number with what it counts.

    >>> counted(1, "topic"), counted(1200, "topic")
    ('1 topic', '1,200 topics')
    """
    return f"{number:,} {one}{'s' * (number != 1)}"


def public_name(name: str) -> str:
    """Return the name of a model or source for others to read: of a path on this machine its last part alone.

    >>> public_name("BAAI/bge-base-en-v1.5"), public_name("/home/me/models/mine"), public_name("~/mails.jsonl")
    ('BAAI/bge-base-en-v1.5', 'mine', 'mails.jsonl')
    """
    if re.match(r"/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\]", name) is None:
        return name
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1]


def quiet_figure(*, height: float, width: float = 9) -> tuple[Any, Any]:
    """Return a matplotlib figure of so many inches and its axes, with a frame on two sides and small ticks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes


def bare_axes(axes: Any) -> None:  # noqa: ANN401 - matplotlib Axes
    """Take a figure's frame away, and let no label of a dataset be read as a formula."""
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
    for text in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        text.set_parse_math(False)


def show_tables_to_read() -> None:
    """Let tables show texts, not numbers: long cells whole and, in a notebook, everything from the left."""
    pd.set_option("display.max_colwidth", 300)
    from IPython import get_ipython

    if get_ipython() is not None:
        from IPython.display import HTML, display

        display(HTML(STYLE))


def settings_table(config: Config) -> pd.DataFrame:
    """Return a line a section: the settings that were changed, and those that are as by default."""
    lines = []
    for name, value in config:
        changed, default = _parted(value) if isinstance(value, Section) else ({name: value}, {})
        lines.append({"section": name, "set": _listed(changed), "default": _listed(default)})
    return pd.DataFrame(lines).set_index("section")


def _parted(section: Section) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that were changed, those of sections in it by their whole names, and the others."""
    changed: dict[str, Any] = {}
    default: dict[str, Any] = {}
    for key, field in type(section).model_fields.items():
        value = section[key]
        if isinstance(value, Section):
            changed |= {f"{key}.{name}": inner for name, inner in _parted(value)[0].items()}
        elif value != field.default:
            changed[key] = value
        else:
            default[key] = value
    return changed, default


def _listed(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in settings.items())
