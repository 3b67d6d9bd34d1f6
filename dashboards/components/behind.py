"""The rows behind the tiles of a page: what is published of which their figures are made, to look at and take along."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboards.components import downloads, formats, sections, tables
from dashboards.components.assumptions import called, minutes
from dashboards.components.definitions import Trust
from dashboards.data import Row

PEOPLE = "rows of persons are shown to nobody but that person, on My usage."
FULL = 9
"""Rows of a table from which on it scrolls inside itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """Published rows of one kind behind the figures of a page.

    title: what a row is, and of which figure; columns: as `tables.show` takes them; entries: (table, column) pairs of
    what they are of; note: what they add up to or why they do not, as Markdown; name: of the file to download; meaning:
    as `sections.foot` takes it.
    """

    title: str
    rows: Sequence[Row]
    columns: Mapping[str, tuple[str, Callable[[Any], str]]]
    entries: Sequence[tuple[str, str]]
    name: str
    note: str = ""
    meaning: str = ""


def show(
    trust: Trust, figures: Row, name: str, parts: Sequence[Part], *tables_of_figures: str, hidden: str = ""
) -> None:
    """The rows in one place under the tiles, folded away. hidden: the sentence on rows that nobody may see.

    figures: what the tiles print, in one row, and `tables_of_figures` the tables that it is from.
    """
    is_provisional = bool(figures.get("is_provisional"))
    with st.expander("Rows behind these figures", key=f"behind_{name}"):
        for number, part in enumerate(parts):
            st.markdown(f"**{part.title}**" + (f"  \n{part.note}" if part.note else ""))
            if part.rows:
                with sections.values(trust, f"behind_{name}_{number}", *(table for table, _ in part.entries)):
                    tables.show(part.rows, part.columns, height=None if len(part.rows) <= FULL else 340)
            sections.foot(
                trust,
                part.rows,
                part.name,
                *part.entries,
                is_provisional=is_provisional,
                meaning=part.meaning,
                about="",
            )
        if hidden:
            st.markdown(f":material/visibility_off: {hidden}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**The figures themselves**", width="content")
            downloads.button([figures], name, trust, *tables_of_figures)


def skills(rows: Sequence[Row], name: str, note: str) -> Part:
    """The rows of a team's skills in a period."""
    return Part(
        title="Uses by skill",
        rows=rows,
        columns={
            "usage_rank": ("Rank", lambda value: "" if formats.is_missing(value) else formats.count(value)),
            "skill_name": ("Skill", tables.text),
            "users": ("Users", formats.count_or_hidden),
            "uses": ("Uses", formats.count_or_hidden),
            "successes": ("Successes", formats.count_or_hidden),
            "failures": ("Failures", formats.count_or_hidden),
            "unknown": ("Unknown", formats.count_or_hidden),
        },
        entries=[("team_skill_usage", "users"), ("team_skill_usage", "uses")],
        name=name,
        note=note,
    )


def assumptions(rows: Sequence[Row], saved: Row, name: str) -> Part:
    """The uses of a period by the assumption that they fall under, which hours are drawn from."""
    return Part(
        title="Successful uses by assumption",
        rows=rows,
        columns={
            "assumption_name": ("Skill", called),
            "successes": ("Successful uses", formats.count_or_hidden),
            "low": ("Low, min", minutes),
            "mode": ("Most likely", minutes),
            "high": ("High", minutes),
            "grade": ("Grade", tables.text),
        },
        entries=[("team_time_saved_uses", "successes")],
        name=name,
        note=f"{adds_up(rows, saved, {'successes': 'successful uses'})} Hours are drawn from all rows at once, with "
        "two shares that all have in common, so they do not add up.",
    )


def adds_up(rows: Sequence[Row], totals: Row, counts: Mapping[str, str], more: str = "") -> str:
    """What counts of the rows come to beside the figures of the tiles: the sentences that a table of rows has.

    counts: columns, of the rows and of `totals`, with what they count; more: why rows may come to more than the figure.
    """
    sums, hidden, others = [], [], []
    for column, what in counts.items():
        values = [row[column] for row in rows]
        if formats.is_missing(totals.get(column)) or any(map(formats.is_missing, values)):
            hidden.append(what)
        elif sum(values) == totals[column]:
            sums.append(f"**{formats.count(totals[column])} {what}**")
        else:
            others.append(
                f"Of {what} there are {formats.count(sum(values))} in these rows and {formats.count(totals[column])} "
                f"in all{more and f': {more}'}."
            )
    told = [f"The rows add up to {_listed(sums)}."] if sums else []
    told += others
    if hidden:
        told.append(
            f"Of {_listed(hidden)} some are hidden to protect people, so the rows that are shown need not add up."
        )
    return " ".join(told)


def _listed(words: Sequence[str]) -> str:
    """One, two and three."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
