"""The choice of a period, the same on every page of figures over windows, and a row held against another period's."""

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import streamlit as st

from dashboards.components import banners, formats, selection
from dashboards.components.definitions import Trust
from dashboards.data import Row

DAYS = {"7": "7 days", "28": "28 days", "30": "30 days", "90": "90 days"}
NEWEST_WEEK = timedelta(days=7)
NOT_COVERED = "No comparison: the data does not reach back through the equal period before"
NOT_PUBLISHED = "The equal period before is not published"
SIDE_HIDDEN = "No comparison: one side of it is hidden to protect people"


def choose_days() -> int:
    """The length of the period in days."""
    with st.container(width="content"):
        return int(
            selection.choose("Period", "period", list(DAYS), default="28", text=DAYS.__getitem__, kind="buttons")
        )


def choose_end(ends: Sequence[Row], period_days: int) -> date:
    """The last day of the period. ends: rows with `period_end`, at least one, newest first."""
    days = [row["period_end"] for row in ends]
    texts = {str(value): f"{value:%a} {formats.day(value)}" for value in days}
    with st.container(width=220):
        chosen = selection.choose(
            "Period end", "end", list(texts), default=str(default_end(days, period_days)), text=texts.__getitem__
        )
    return date.fromisoformat(chosen)


def default_end(days: list[date], period_days: int) -> date:
    """The newest end of the last week whose equal period before is published too; else the newest."""
    recent = [value for value in days if max(days) - value < NEWEST_WEEK]
    comparable = [value for value in recent if value - timedelta(days=period_days) in days]
    return max(comparable or recent)


def parted_ends(trust: Trust) -> tuple[date, date]:
    """The last days of the periods that are kept in parts: the newest that is complete, and the last Sunday."""
    newest = trust.snapshot.as_of.date() - timedelta(days=1)
    return newest, newest - timedelta(days=newest.isoweekday() % 7)


def line(end: date, period_days: int, now: Row, *, of: str = "", more: str = "") -> None:
    """The days of the period as a line of text, whether late events may still come and whether all of it is covered.

    of, more: Markdown that stands before and behind.
    """
    start = end - timedelta(days=period_days - 1)
    said = f"{of}{formats.day(start)} to {formats.day(end)}, UTC days"
    if now.get("is_provisional"):
        said += " :orange-badge[:material/hourglass_top: Provisional: late events may still arrive]"
    if not is_covered(now):
        said += " :orange-badge[:material/hourglass_empty: The data begins within this period]"
    st.markdown(said + more)


def is_covered(row: Row) -> bool:
    """Whether the data reaches back to the first day of the row's period; taken so where the row does not say."""
    return row.get("is_covered") is not False


def with_cover(rows: Sequence[Row], activity: Sequence[Row]) -> list[Row]:
    """The rows with `is_covered` as the activity of the same period end says it."""
    known = {row["period_end"]: row.get("is_covered") for row in activity}
    return [{**row, "is_covered": known.get(row["period_end"])} for row in rows]


def comparable(rows: Sequence[Row], end: date) -> Row | None:
    """The row of a period end that another may be held against: one whose whole period the data covers."""
    row = row_at(rows, end)
    return row if row is not None and is_covered(row) else None


def why_nothing_before(now: Row, before: Row | None, otherwise: str) -> str:
    """Why the figures of a period have nothing to be held against: the data begins too late for it, or `otherwise`."""
    is_known = is_covered(now) and (before is None or is_covered(before))
    return otherwise if is_known else NOT_COVERED


def is_before_covered(now: Row, people: str) -> bool:
    """Whether the data reaches back to the start of the equal period before. people: the column of that period's.

    Where it does not, the count of that period is published and its share is not; where people are protected,
    neither is.
    """
    return formats.is_missing(now.get(people)) or not formats.is_missing(now.get("previous_adoption_rate"))


def row_at(rows: Sequence[Row], end: date) -> Row | None:
    """The row of one period end."""
    return next((row for row in rows if row["period_end"] == end), None)


def trend_of(rows: Sequence[Row], column: str) -> tuple[list[Row], list[Row]]:
    """What a trend draws, and of it the rows that have a figure: fewer than two are no trend.

    From the first whole period that the data covers up to the last row, whatever is hidden in between or at the end:
    what is old is not to look like now. rows: in the order of their period ends.
    """
    covered = [row for row in rows if is_covered(row)]
    known = [row for row in covered if not formats.is_missing(row.get(column))]
    return [row for row in covered if known and row["period_end"] >= known[0]["period_end"]], known


def no_trend(rows: Sequence[Row], is_hidden: Callable[[Row], bool]) -> None:
    """Instead of a trend: its figures are hidden, or there are too few of them yet. rows: as of `trend_of`."""
    covered = [row for row in rows if is_covered(row)]
    hidden = sum(map(is_hidden, covered))
    if not hidden:
        banners.nothing(
            "Too little history for a trend.", "It appears once two period ends that the data covers have a figure."
        )
        return
    banners.nothing(
        "Hidden to protect people.",
        "At every period end the figure is hidden."
        if hidden == len(covered)
        else f"At {formats.count(hidden)} of {formats.count(len(covered))} period ends the figure is hidden, and too "
        "few are left for a line.",
    )


def difference(now: Row, before: Row | None, column: str, as_text: Callable[[float], str]) -> str | None:
    """How a figure moved, as text; None where either side is not measured or hidden."""
    if before is None or formats.is_missing(now.get(column)) or formats.is_missing(before.get(column)):
        return None
    return as_text(now[column] - before[column])


def adoption_moved(now: Row) -> str | None:
    """How adoption moved against the equal period before, which the row itself has; None as `difference` says."""
    return difference(now, {"adoption_rate": now.get("previous_adoption_rate")}, "adoption_rate", formats.points)


def series(rows: Sequence[Row], column: str) -> list[float]:
    """The values of a column for a sparkline: NaN, at which the line breaks, where one is not measured or hidden.

    It begins where the data covers a whole period. Empty where fewer than two are known.
    """
    values = [
        math.nan if formats.is_missing(row.get(column)) or not is_covered(row) else float(row[column]) for row in rows
    ]
    known = [number for number, value in enumerate(values) if not math.isnan(value)]
    # A line that ends early does not reach the edge, or it would be taken for one up to the period above it.
    return values[known[0] :] if len(known) > 1 else []
