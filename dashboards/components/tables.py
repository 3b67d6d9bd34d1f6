"""Tables of formatted text: real HTML, so that they read aloud, can be copied, and scroll in a narrow window."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st

from dashboards.components import formats
from dashboards.data import Row

RIGHT_TEXTS = frozenset(
    {
        "age",
        "counted",
        "measured",
        "moved",
        "by_7",
        "by_30",
        "half",
        "skills",
        "active",
        "share",
        "all_uses",
        "hours",
        "range",
        "worth",
        "worth_range",
        "uninstalls",
        "so_far",
        "shown_told",
        "clicked_told",
        "installed_told",
        "activated_told",
        "retained_told",
        "begun_7",
        "begun_30",
    }
)
"""Columns of text that are numbers to the eye."""
SIGNS = {"✔": "good", "▲": "warn", "✖": "bad"}
LONG_TEXTS = frozenset({"reason", "error", "observed", "expected", "checked", "check_name", "source", "why"})
"""Columns whose texts may wrap; names in them between their parts."""


def show(
    rows: Sequence[Row], columns: Mapping[str, tuple[str, Callable[[Any], str]]], *, height: int | None = None
) -> None:
    """Print `columns` (column: heading, format) of the rows; with `height` (pixels) they scroll inside themselves.

    Numbers stand on the right. Every text is escaped: names come from outside.
    """
    kinds = {column: _kind(rows, column, as_text) for column, (_, as_text) in columns.items()}
    head = "".join(f'<th scope="col"{kinds[column]}>{escape(heading)}</th>' for column, (heading, _) in columns.items())
    cells = [
        (column, f"<td{kinds[column]}>", as_text, _long if column in LONG_TEXTS else _cell)
        for column, (_, as_text) in columns.items()
    ]
    body = "".join(
        "<tr>"
        + "".join(f"{start}{cell(as_text(row.get(column)))}</td>" for column, start, as_text, cell in cells)
        + "</tr>"
        for row in rows
    )
    limit = f' style="max-height: {height}px"' if height is not None else ""
    st.html(
        f'<div class="rows{" cut" if limit else ""}" role="region" aria-label="Table" tabindex="0"{limit}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def text(value: Any) -> str:
    """A text as it is; nothing where there is none."""
    return "" if formats.is_missing(value) else str(value)


def shown(rows: Sequence[Row], *columns: str) -> set[str]:
    """Those of the columns that have something to show in any of the rows."""
    return {column for column in columns if any(text(row.get(column)) for row in rows)}


def _cell(words: str) -> str:
    """The words, escaped; a sign of good or bad before them has its colour, and never stands alone."""
    sign, _, rest = words.partition(" ")
    if rest and sign in SIGNS:
        return f'<span class="{SIGNS[sign]}">{sign}</span> {escape(rest)}'
    return escape(words)


def _long(words: str) -> str:
    """The words, escaped, with places in names at which a line may end."""
    return escape(words).replace("_", "_<wbr>").replace(".", ".<wbr>")


def _kind(rows: Sequence[Row], column: str, as_text: Callable[[Any], str]) -> str:
    if column in LONG_TEXTS:
        return f' class="long {column}"'
    first = next((row[column] for row in rows if not formats.is_missing(row.get(column))), None)
    if first is None:
        is_number = as_text is not text
    else:
        is_number = isinstance(first, int | float | Decimal) and not isinstance(first, bool)
    return ' class="number"' if is_number or column in RIGHT_TEXTS else ""
