"""CSV of what is shown, with the snapshot, "data until" and badge in every row, so that they travel along."""

import re

import pandas as pd
import streamlit as st

from dashboards.components import definitions
from dashboards.components.definitions import Trust


def csv(rows: pd.DataFrame, name: str, trust: Trust, *tables: str) -> None:
    """A button that downloads `rows` as <name>_<snapshot>_until_<day>.csv."""
    until = trust.data_until(*tables)
    st.download_button(
        "Download CSV",
        data=as_csv(rows, trust, *tables),
        file_name=f"{_file_part(name)}_{_file_part(trust.snapshot.snapshot_id)}_until_{_file_part(str(until)[:10])}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key=f"csv_{name}",
        help=f"Snapshot {trust.snapshot.snapshot_id}, data until {definitions.until(trust, *tables)}",
    )


def as_csv(rows: pd.DataFrame, trust: Trust, *tables: str) -> str:
    """The rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe before it."""
    safe = rows.copy()
    for column in safe.columns:
        safe[column] = [_inert(value) for value in safe[column]]
    safe["snapshot_id"] = trust.snapshot.snapshot_id
    safe["data_until"] = str(trust.data_until(*tables))
    safe["badge"] = trust.badge(*tables)
    return safe.to_csv(index=False)


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _file_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_")
