"""Tables of formatted text: real HTML, so that they read aloud, wrap, and scroll sideways in a narrow window."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components import formats


def show(
    rows: pd.DataFrame, columns: Mapping[str, tuple[str, Callable[[Any], str]]], *, height: int | None = None
) -> None:
    """Print `columns` (column: heading, format) of the rows; with `height` (pixels) it scrolls inside itself."""
    printed = pd.DataFrame(
        {
            heading: [as_text(value) for value in rows[column]] if column in rows else [formats.NO_DATA] * len(rows)
            for column, (heading, as_text) in columns.items()
        }
    )
    st.table(printed, border="horizontal", hide_index=True, height=height if height is not None else "content")
