"""CSV of what is shown, with the snapshot, "data until" and badge in every row, so that they travel along."""

import csv
import io
import re
from collections.abc import Sequence

import streamlit as st

from dashboards.components import definitions
from dashboards.components.definitions import Trust
from dashboards.data import Row


def button(rows: Sequence[Row], name: str, trust: Trust, *tables: str) -> None:
    """A button that downloads `rows` as <name>_<snapshot>_until_<day>.csv. The text is made at the click."""
    until = trust.data_until(*tables)
    st.download_button(
        "Download CSV",
        data=lambda: as_csv(rows, trust, *tables),
        file_name=f"{_file_part(name)}_{_file_part(trust.snapshot.snapshot_id)}_until_{_file_part(str(until)[:10])}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key=f"csv_{name}",
        help=f"Snapshot {trust.snapshot.snapshot_id}, data until {definitions.until(trust, *tables)}",
    )


def as_csv(rows: Sequence[Row], trust: Trust, *tables: str) -> str:
    """The rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    columns = list(rows[0]) if rows else []
    about = {
        "snapshot_id": lambda _: trust.snapshot.snapshot_id,
        "data_until": lambda _: trust.data_until(*tables),
        "badge": lambda row: trust.badge(*tables, is_provisional=bool(row.get("is_provisional"))),
    }
    # Rows that have such a column themselves (the health of each table) know it better.
    travelling = {name: of_row for name, of_row in about.items() if name not in columns}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*columns, *travelling])
    for row in rows:
        writer.writerow(
            [*(_inert(row[column]) for column in columns), *(of_row(row) for of_row in travelling.values())]
        )
    return text.getvalue()


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _file_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_")
