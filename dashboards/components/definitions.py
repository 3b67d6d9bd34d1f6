"""Where a number's meaning, age and badge come from: the published definitions and table health.

`load` reads both once a page run; tiles, tables and downloads take what they need from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import banners, formats
from dashboards.data import Row
from warehouse.access import Snapshot, Viewer, is_stale

BADGES = {
    "green": ("Checked", ":material/check_circle:", "green"),
    "amber": ("Warning", ":material/warning:", "orange"),
    "red": ("Blocked", ":material/block:", "red"),
    "grey": ("Unknown", ":material/help:", "gray"),
}
ACRONYMS = frozenset({"arr", "mrr", "sla", "sli", "slo"})
UNITS = {"cents": "US dollars, in files in cents"}
"""Units of published numbers that a page shows in another one."""
ORDER = ("green", "amber", "grey", "red")
LEAST_COVERAGE = 0.9
# What a table's coverage in table_health is of.
_OBSERVED = {"availability_daily": "the last whole day", "slo_status": "the time of its least observed objective"}


@dataclass(frozen=True, slots=True)
class Trust:
    """What is published about the published: definitions by table and column, health by table, the snapshot.

    A table's own definition is that of its column `""`. blocked: tables whose newer values a refused build withheld, so
    that the last good ones are shown; is_old: the whole snapshot is older than it should be, be it that a newer build
    was refused or that none came.
    """

    definitions: Mapping[tuple[str, str], Row]
    health: Mapping[str, Row]
    snapshot: Snapshot
    blocked: frozenset[str] = frozenset()
    is_old: bool = False

    def data_until(self, *tables: str) -> Any:
        """The oldest data_until of the tables; the snapshot's own where nothing is known of their health.

        None where they are known to have no date: their source never came, or they are reference data.
        """
        known = [self.health[table]["data_until"] for table in tables if table in self.health]
        dated = [value for value in known if not formats.is_missing(value)]
        if dated:
            return min(dated)
        return None if known else self.snapshot.data_until

    def badge(self, *tables: str, is_provisional: bool = False) -> str:
        """The worst badge of the tables; never green by default."""
        badges = [self._own_badge(table) for table in tables]
        if is_provisional:
            badges.append("amber")
        return max(badges, key=ORDER.index, default="grey")

    def reasons(self, *tables: str, is_provisional: bool = False, with_age: bool = True) -> list[str]:
        """Why the badge is not green, one sentence each; none where it is. with_age: the snapshot's age is one too."""
        found = [reason for table in dict.fromkeys(tables) for reason in self._own_reasons(table)]
        if self.is_old and with_age:
            found.append(f"The snapshot shown is as of {formats.moment(self.snapshot.as_of)}.")
        if is_provisional:
            found.append("Provisional: late events may still arrive.")
        return list(dict.fromkeys(found))

    def last_good(self, *tables: str) -> str:
        """What a red badge says beside the greyed value, as Markdown: whose value it is and of when."""
        if self.blocked.intersection(tables):
            return f":red[**Last good value, as of {formats.moment(self.snapshot.as_of)}.**] A newer build was refused."
        known: list[Any] = [self.health[table]["last_good_at"] for table in tables if self._own_badge(table) == "red"]
        dated = [value for value in known if not formats.is_missing(value)]
        good = f"Last good: {formats.moment(min(dated))}." if dated else "No build of it was ever good."
        return f":red[**Blocked by a failed check.**] {good}"

    def _own_badge(self, table: str) -> str:
        if table in self.blocked:
            return "red"
        badge = str(self.health[table]["badge"]) if table in self.health else "grey"
        if badge == "green" and self.is_old:
            return "amber"
        return badge if badge in BADGES else "grey"

    def _own_reasons(self, table: str) -> list[str]:
        health = self.health.get(table)
        if health is None:
            return [f"{table}: nothing is known about its health."]
        found = []
        if table in self.blocked:
            found.append(f"{table}: a newer build was refused.")
        if health.get("blocking_failures"):
            found.append(f"{table}: {formats.counted(health['blocking_failures'], 'check')} failed.")
        if self._own_badge(table) == "grey":
            found.append(f"{table}: a source never arrived, or nothing was checked.")
        if health.get("warnings"):
            found.append(f"{table}: {formats.counted(health['warnings'], 'check')} warned.")
        age, limit = health.get("freshness_minutes"), health.get("freshness_limit_minutes")
        if age is not None and limit is not None and age > limit:
            found.append(
                f"{table}: ends {formats.minutes(age)} before the clock; {formats.minutes(limit)} are allowed."
            )
        if not formats.is_missing(health.get("completeness")) and health["completeness"] < 1:
            share = formats.share(health["completeness"])
            found.append(f"{table}: of the rows that a source says its files have, {share} arrived.")
        if health.get("volume_state") == "low":
            found.append(f"{table}: the last day has unusually few rows.")
        if not formats.is_missing(health.get("coverage")) and health["coverage"] < LEAST_COVERAGE:
            time = _OBSERVED.get(table, "the time")
            found.append(f"{table}: only {formats.share(health['coverage'])} of {time} was observed.")
        return found


def load(viewer: Viewer) -> Trust:
    """Definitions, health and snapshot for one page run."""
    taken, attempt = data.snapshot(), data.last_attempt()
    health = {_bare(row["table_name"]): row for row in data.query("table_health", viewer)}
    is_refused = banners.is_refused(attempt, taken)
    failed = {_bare(row.get("table_name")) for row in attempt.failed} if attempt is not None and is_refused else set()
    # Which tables stand on a failed one is not published, so a failure further up counts against every table.
    blocked = failed if failed <= set(health) else set(health)
    return Trust(
        definitions={
            (_bare(row["table_name"]), str(row["column_name"] or "")): row
            for row in data.query("metric_definitions", viewer)
        },
        health=health,
        snapshot=taken,
        blocked=frozenset(blocked),
        is_old=is_refused or is_stale(taken.as_of, datetime.now(UTC)),
    )


def show_badge(trust: Trust, *tables: str, is_provisional: bool = False) -> None:
    """The badge of what is shown: an icon and a word beside the colour, its reasons as a tooltip."""
    badge = trust.badge(*tables, is_provisional=is_provisional)
    word, icon, colour = BADGES[badge]
    if badge == "amber" and is_provisional and trust.badge(*tables) == "green":
        word, icon = "Provisional", ":material/hourglass_top:"
    st.badge(
        word,
        icon=icon,
        color=colour,  # pyright: ignore[reportArgumentType]
        help="  \n".join(trust.reasons(*tables, is_provisional=is_provisional)) or "Every check passed.",
    )


def popover(trust: Trust, label: str, *entries: tuple[str, str], key: str, extra: str = "") -> None:
    """A button that opens the definition, worked example, version, source table and age of numbers.

    entries: (table, column) pairs; extra: Markdown shown below them.
    """
    parts = [
        _definition(trust, table, [column for other, column in entries if other == table and column])
        for table in dict.fromkeys(table for table, _ in entries)
    ]
    with st.popover(label, icon=":material/info:", type="tertiary", key=key):
        st.markdown("\n\n---\n\n".join(parts))
        if extra:
            st.markdown(extra)
        reasons = trust.reasons(*(table for table, _ in entries))
        if reasons:
            badge = BADGES[trust.badge(*(table for table, _ in entries))][0]
            st.caption(f"{badge}, because: {formats.plain(' '.join(reasons))}")


def own_words(label: str, meaning: str, *, key: str) -> None:
    """The same button for what is no metric and has no published definition: it opens `meaning`, Markdown."""
    with st.popover(label, icon=":material/info:", type="tertiary", key=key):
        st.markdown(meaning)


def _definition(trust: Trust, table: str, columns: list[str]) -> str:
    """The text of a table's metric, then of its columns, as Markdown."""
    found = trust.definitions.get((table, ""))
    if found is None:
        lines = [f"**{formats.plain(table)}**", "Its definition is not published in this snapshot."]
    else:
        unit = f" ({formats.plain(UNITS.get(str(found['unit']), found['unit']))})" if found.get("unit") else ""
        lines = [f"**{formats.plain(found['label'])}**{unit}", formats.plain(found["definition"])]
        if found.get("worked_example"):
            lines.append(f":small[**Example.** {formats.plain(found['worked_example'])}]")
    told = [(column, trust.definitions.get((table, column))) for column in columns]
    lines.append(
        "\n".join(
            f"- **{formats.plain(_label(column, text))}**: {formats.plain(text['definition'])}"
            for column, text in told
            if text is not None
        )
    )
    version = "" if found is None else f", definition version {found.get('definition_version')}"
    lines.append(f":small[:gray[From metrics.{formats.plain(table)}{version}. {until(trust, table)}.]]")
    return "\n\n".join(line for line in lines if line)


def _label(column: str, text: Row) -> str:
    """What to call a column: its published label; where that is only its name, the name as one would write it."""
    label = str(text.get("label") or column)
    if label.replace(" ", "_") != column:
        return label
    words = [word.upper() if word in ACRONYMS else word for word in column.removesuffix("_cents").split("_")]
    return words[0][:1].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:])


def until(trust: Trust, *tables: str) -> str:
    """`Data until 22 Nov 2026 23:54 UTC`, as far as anything has come of it."""
    found = trust.data_until(*tables)
    return "Data of no date" if found is None else f"Data until {formats.moment(found)}"


def _bare(table: Any) -> str:
    return str(table).rpartition(".")[2]
