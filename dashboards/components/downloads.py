"""What is shown, to take along: rows as CSV, charts as pictures. Snapshot, "data until" and badge travel with them."""

import csv
import io
import re
from collections.abc import Sequence

import streamlit as st

from dashboards.components import definitions
from dashboards.components.charts import Chart, as_png, as_svg
from dashboards.components.definitions import Trust
from dashboards.data import Row


def button(
    rows: Sequence[Row],
    name: str,
    trust: Trust,
    *tables: str,
    label: str = "Download CSV",
    is_provisional: bool = False,
) -> None:
    """A button that downloads `rows` as <name>_<snapshot>_until_<day>.csv. The text is made at the click.

    is_provisional: of rows that do not say so themselves.
    """
    st.download_button(
        label,
        data=lambda: as_csv(rows, trust, *tables, is_provisional=is_provisional),
        file_name=f"{_file_name(name, trust, *tables)}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key=f"csv_{name}",
        help=f"Snapshot {trust.snapshot.snapshot_id}. {definitions.until(trust, *tables)}",
    )


def pictures(
    chart: Chart,
    titles: tuple[str, str],
    of: str,
    name: str,
    trust: Trust,
    *tables: str,
    is_provisional: bool = False,
) -> None:
    """Buttons that download a chart as <name>_<snapshot>_until_<day>.svg and .png, drawn at the click.

    titles: its title, and what it is of. Under them stand until when it has data and why it is not to be trusted yet.
    of: which of several charts, behind each button's name.
    """
    title, about = titles
    said = [
        about,
        f"{definitions.until(trust, *tables)}, snapshot {trust.snapshot.snapshot_id}",
        *trust.reasons(*tables, is_provisional=is_provisional),
    ]
    told = [line for line in said if line]
    is_dark = st.context.theme.type == "dark"
    for label, kind, drawn, why in (
        ("SVG", "svg+xml", as_svg, "The chart as a picture that stays sharp at every size"),
        ("PNG", "png", as_png, "The chart as a picture for slides and mails that take no SVG"),
    ):
        st.download_button(
            f"{label}{of}",
            data=lambda drawn=drawn: drawn(chart, title, told, is_dark=is_dark),
            file_name=f"{_file_name(name, trust, *tables)}.{label.lower()}",
            mime=f"image/{kind}",
            icon=":material/image:",
            type="tertiary",
            on_click="ignore",
            key=f"{label.lower()}_{name}",
            help=why,
        )


def as_csv(rows: Sequence[Row], trust: Trust, *tables: str, is_provisional: bool = False) -> str:
    """The rows as CSV; a text that a spreadsheet would run as a formula gets an apostrophe before it.

    is_provisional: of rows that do not say so themselves; their badge is then no greener than that of their section.
    """
    columns = list(rows[0]) if rows else []
    about = {
        "snapshot_id": lambda _: trust.snapshot.snapshot_id,
        "data_until": lambda _: trust.data_until(*tables),
        "badge": lambda row: trust.badge(*tables, is_provisional=_is_provisional(row, is_provisional)),
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


def _is_provisional(row: Row, otherwise: bool) -> bool:
    """Whether a row is provisional; `otherwise` where it does not say."""
    own = row.get("is_provisional")
    return otherwise if own is None else bool(own)


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _file_name(name: str, trust: Trust, *tables: str) -> str:
    until = trust.data_until(*tables)
    dated = () if until is None else ("until", str(until)[:10])
    return "_".join(_file_part(part) for part in (name, trust.snapshot.snapshot_id, *dated))


def _file_part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_")
