"""Where a number's meaning, age and badge come from: the published definitions and table health.

`load` reads both once a page run; tiles, tables and downloads take what they need from it.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import formats
from warehouse.access import Snapshot, Viewer

BADGES = {
    "green": ("Checked", ":material/check_circle:", "green"),
    "amber": ("Warning", ":material/warning:", "orange"),
    "red": ("Blocked", ":material/block:", "red"),
    "grey": ("Unknown", ":material/help:", "gray"),
}
ORDER = ("green", "amber", "grey", "red")


@dataclass(frozen=True, slots=True)
class Trust:
    """What is published about the published: definitions by table and column, health by table, the snapshot."""

    definitions: dict[tuple[str, str], dict[str, Any]]
    health: dict[str, dict[str, Any]]
    snapshot: Snapshot

    def definition(self, table: str, column: str = "") -> dict[str, Any] | None:
        """The text of a column, else that of its table."""
        return self.definitions.get((table, column)) or self.definitions.get((table, ""))

    def data_until(self, *tables: str) -> Any:
        """The oldest data_until of the tables; the snapshot's own where none is known."""
        known = [self.health[table]["data_until"] for table in tables if table in self.health]
        known = [value for value in known if not formats.is_missing(value)]
        return min(known) if known else self.snapshot.data_until

    def badge(self, *tables: str, is_provisional: bool = False) -> str:
        """The worst badge of the tables; never green by default."""
        badges = [str(self.health[table]["badge"]) if table in self.health else "grey" for table in tables]
        if is_provisional:
            badges.append("amber")
        return max((badge if badge in BADGES else "grey" for badge in badges), key=ORDER.index, default="grey")


def load(viewer: Viewer) -> Trust:
    """Definitions, health and snapshot for one page run."""
    definitions = data.query("metric_definitions", viewer).to_dict("records")
    health = data.query("table_health", viewer).to_dict("records")
    return Trust(
        definitions={(_bare(row["table_name"]), str(row["column_name"] or "")): row for row in definitions},
        health={_bare(row["table_name"]): row for row in health},
        snapshot=data.snapshot(),
    )


def show_badge(trust: Trust, *tables: str, is_provisional: bool = False) -> None:
    """The badge of what is shown: an icon and a word beside the colour."""
    badge = trust.badge(*tables, is_provisional=is_provisional)
    word, icon, colour = BADGES[badge]
    if badge == "amber" and is_provisional and trust.badge(*tables) == "green":
        word, icon = "Provisional", ":material/hourglass_top:"
    st.badge(word, icon=icon, color=colour)  # pyright: ignore[reportArgumentType]


def popover(trust: Trust, label: str, *entries: tuple[str, str], key: str, extra: str = "") -> None:
    """A button that opens the definition, worked example, version, source table and age of numbers.

    entries: (table, column) pairs; extra: Markdown shown below them.
    """
    with st.popover(label, icon=":material/info:", type="tertiary", key=key):
        for number, (table, column) in enumerate(entries):
            if number:
                st.divider()
            _definition(trust, table, column)
        if extra:
            st.markdown(extra)


def _definition(trust: Trust, table: str, column: str) -> None:
    found = trust.definition(table, column)
    if found is None:
        st.markdown(f"**{formats.plain(column or table)}**  \nIts definition is not published in this snapshot.")
    else:
        unit = f" ({formats.plain(found['unit'])})" if not formats.is_missing(found.get("unit")) else ""
        st.markdown(f"**{formats.plain(found['label'])}**{unit}")
        st.markdown(formats.plain(found["definition"]))
        if not formats.is_missing(found.get("worked_example")) and found.get("worked_example"):
            st.caption(f"Worked example: {formats.plain(found['worked_example'])}")
    version = "" if found is None else f", definition version {found.get('definition_version')}"
    st.caption(f"From metrics.{table}{version}. Data until {until(trust, table)}.")


def until(trust: Trust, *tables: str) -> str:
    """ "Data until" as text."""
    return formats.moment(trust.data_until(*tables))


def _bare(table: Any) -> str:
    return str(table).rpartition(".")[2]
