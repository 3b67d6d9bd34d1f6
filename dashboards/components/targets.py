"""What the plan wants of a figure, and whether it is met: the line that a tile with a target has."""

from collections.abc import Callable
from datetime import date
from typing import Any

from dashboards import data
from dashboards.components import formats
from dashboards.data import Row
from warehouse.access import Viewer

ENTRY = ("usage_targets", "target")
"""Where the definition of a target is published."""


def find(viewer: Viewer, table: str, column: str, period_end: date) -> Row | None:
    """The target of a figure in the quarter in which a period ends; None where the plan has none."""
    found = data.query("usage_targets", viewer, table_name=table, column_name=column, period_end=str(period_end))
    return found[0] if found else None


def line(target: Row, value: Any, interval: tuple[Any, Any], as_text: Callable[[Any], str]) -> str:
    """`Target 20 % (Q2 2026): met` as Markdown, with a sign of it; and whether the figure is too unsure to say so.

    A figure that is hidden or not measured is neither met nor missed.
    """
    is_most = target["direction"] == "at_most"
    wanted = f"Target {'at most ' if is_most else ''}{as_text(target['target'])} ({formats.quarter(target['quarter'])})"
    if formats.is_missing(value):
        return f":material/flag: {wanted}"
    is_met = value <= target["target"] if is_most else value >= target["target"]
    sign, word = (":green[:material/check_circle:]", "met") if is_met else (":red[:material/cancel:]", "missed")
    low, high = interval
    is_unsure = not any(map(formats.is_missing, interval)) and low <= target["target"] <= high
    return f"{sign} {wanted}: **{word}**" + (", but it lies within the interval" if is_unsure else "")
