"""Tiles: one number, how sure it is, how it moved, what it means and how old it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from dashboards.components import definitions, formats, sections, targets
from dashboards.components.definitions import Trust


@dataclass(frozen=True, slots=True)
class Tile:
    """What one tile shows. Texts are ready to print; `series` is the sparkline, oldest first.

    tag: a word beside the label (modelled); details: lines under the number (n of N, an interval); entries: (table,
    column) pairs of its definition; change: the signed text against what `versus` says, or None with `no_change` saying
    why there is none; good: whether up is good, down is, or neither; target: the line of `targets`, empty where the
    plan has none; extra: Markdown under the definition; meaning: what the number means, as Markdown, where it has no
    published definition.
    """

    label: str
    value: str
    details: Sequence[str]
    entries: Sequence[tuple[str, str]]
    change: str | None = None
    versus: str = ""
    no_change: str = "No earlier period to compare with"
    series: Sequence[float] = field(default_factory=list)
    tag: str | None = None
    is_provisional: bool = False
    extra: str = ""
    target: str = ""
    meaning: str = ""
    good: Literal["normal", "inverse", "off"] = "normal"


def row(trust: Trust, tiles: Sequence[Tile], *, key: str) -> None:
    """Tiles side by side, under each other in a narrow window."""
    columns = st.columns(len(tiles), gap="small")
    for number, (column, tile) in enumerate(zip(columns, tiles, strict=True)):
        with column, st.container(border=True, height="stretch", key=f"tile_{key}_{number}"):
            _tile(trust, tile, f"{key}_{number}")


def _number(
    label: str,
    value: str,
    change: str | None,
    versus: str,
    *,
    good: Literal["normal", "inverse", "off"],
    series: Sequence[float],
) -> None:
    """A number with how it moved (None: nothing to compare with) against what `versus` says."""
    is_flat = change is None or not change.startswith(("+", formats.MINUS))
    # st.metric reads the direction from an ASCII minus.
    delta = None if change is None else "no change" if is_flat else change.replace(formats.MINUS, "-")
    st.metric(
        label,
        value,
        delta=delta,
        delta_description=versus if delta is not None else None,
        delta_color="off" if is_flat else good,
        delta_arrow="off" if is_flat else "auto",
        chart_data=series or None,
        chart_type="line",
    )


def _tile(trust: Trust, tile: Tile, key: str) -> None:
    label = tile.label if tile.tag is None else f"{tile.label} :violet-badge[{tile.tag}]"
    tables = [table for table, _ in tile.entries]
    with sections.greyed(trust, key, *tables) as is_blocked:
        _number(label, tile.value, tile.change, tile.versus, good=tile.good, series=tile.series)
        if tile.change is None:
            st.caption(tile.no_change)
        st.markdown("  \n".join([*tile.details, *([tile.target] if tile.target else [])]))
    if is_blocked:
        st.markdown(trust.last_good(*tables))
    st.space("stretch")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        definitions.show_badge(trust, *tables, is_provisional=tile.is_provisional)
        if tile.meaning:
            definitions.own_words("Definition", tile.meaning, key=f"define_{key}")
        else:
            meant = [*tile.entries, *([targets.ENTRY] if tile.target else [])]
            definitions.popover(trust, "Definition", *meant, key=f"define_{key}", extra=tile.extra)
    st.caption(definitions.until(trust, *tables))
