"""Tables and figures -> as people read them, in notebooks and terminals."""

from __future__ import annotations

import pandas as pd

STYLE = "<style>table.dataframe th, table.dataframe td {text-align: left !important; vertical-align: top}</style>"

HEADLESS = "TOPIC_MAP_HEADLESS"  # set in the environment where nobody is there to move a slider


def percent(share: float) -> str:
    """Return a share as whole percents, never 100% or 0% where it is not all or none.

    >>> percent(0.996), percent(1), percent(0.001)
    ('99%', '100%', '1%')
    """
    return f"{min(max(round(100 * share), int(share > 0)), 100 - (share < 1))}%"


def show_tables_to_read() -> None:
    """Let tables show texts, not numbers: long cells whole and, in a notebook, everything from the left."""
    pd.set_option("display.max_colwidth", 300)
    from IPython import get_ipython

    if get_ipython() is not None:
        from IPython.display import HTML, display

        display(HTML(STYLE))
