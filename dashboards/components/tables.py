"""Tables of formatted text: real HTML, so that they read aloud, can be copied, and scroll in a narrow window."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components import formats

RIGHT_TEXTS = frozenset({"counted"})
"""Columns of text that are numbers to the eye."""
LONG_TEXTS = frozenset({"reason", "error", "observed"})
"""Columns whose texts may wrap."""


def show(
    rows: pd.DataFrame, columns: Mapping[str, tuple[str, Callable[[Any], str]]], *, height: int | None = None
) -> None:
    """Print `columns` (column: heading, format) of the rows; with `height` (pixels) they scroll inside themselves.

    Numbers stand on the right. Every text is escaped: names come from outside.
    """
    kinds = {column: _kind(rows, column) for column in columns}
    head = "".join(
        f'<th scope="col" class="{kinds[column]}">{escape(heading)}</th>' for column, (heading, _) in columns.items()
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kinds[column]}">{escape(as_text(row.get(column)))}</td>'
            for column, (_, as_text) in columns.items()
        )
        + "</tr>"
        for row in rows.to_dict("records")
    )
    limit = f' style="max-height: {height}px"' if height is not None else ""
    st.html(
        f'<div class="rows" role="region" aria-label="Table" tabindex="0"{limit}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def text(value: Any) -> str:
    """A text as it is; nothing where there is none."""
    return "" if formats.is_missing(value) else str(value)


def _kind(rows: pd.DataFrame, column: str) -> str:
    if column in LONG_TEXTS:
        return "long"
    if column in RIGHT_TEXTS:
        return "number"
    is_number = column in rows and pd.api.types.is_numeric_dtype(rows[column])
    return "number" if is_number and not pd.api.types.is_bool_dtype(rows[column]) else ""
