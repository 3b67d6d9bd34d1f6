"""What stands around the values of a section: greyed and dated where blocked, and the line under them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import streamlit as st

from dashboards.components import definitions, downloads, selection
from dashboards.components.charts import Chart
from dashboards.components.definitions import Trust
from dashboards.data import Row


@contextmanager
def greyed(trust: Trust, key: str, *tables: str) -> Iterator[bool]:
    """Around values: grey where their badge is red; whether they are."""
    is_blocked = trust.badge(*tables) == "red"
    # The style of the page greys what has this key.
    with st.container(key=f"blocked_{key}") if is_blocked else nullcontext():
        yield is_blocked


@contextmanager
def values(trust: Trust, key: str, *tables: str) -> Iterator[None]:
    """Around the values of a section: where they are grey, a line before them says of when the last good value is."""
    if trust.badge(*tables) == "red":
        st.markdown(trust.last_good(*tables))
    with greyed(trust, key, *tables):
        yield


def foot(
    trust: Trust,
    rows: Sequence[Row],
    name: str,
    *entries: tuple[str, str],
    is_provisional: bool = False,
    meaning: str = "",
    has_badge: bool = True,
    drawn: Mapping[str, Chart] | None = None,
    about: str | None = None,
) -> None:
    """Under a chart or table: its badge and definitions, its rows and pictures to take along, until when it has data.

    entries: (table, column) pairs of what is shown; name: of the files that are downloaded; meaning: what the numbers
    mean, as Markdown, where the table is no metric and has no published definition; has_badge: not where the rows say
    it themselves; drawn: the charts above, by title; about: what these are of, where it is not all that is chosen on
    the page.
    """
    tables = [table for table, _ in entries]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if has_badge:
            definitions.show_badge(trust, *tables, is_provisional=is_provisional)
        if meaning:
            definitions.own_words("Definition", meaning, key=f"define_{name}")
        else:
            definitions.popover(trust, "Definition", *entries, key=f"define_{name}")
        downloads.button(rows, name, trust, *tables, label="CSV", is_provisional=is_provisional)
        about = selection.in_words() if about is None else about
        for title, chart in (drawn or {}).items():
            of, own = ("", name) if len(drawn or {}) == 1 else (f": {title}", f"{name}_{title}")
            downloads.pictures(chart, (title, about), of, own, trust, *tables, is_provisional=is_provisional)
        st.caption(definitions.until(trust, *tables), width="content")
