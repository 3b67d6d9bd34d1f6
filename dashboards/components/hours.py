"""Hours saved as a page shows them: beside what the team did, and nought where that is what was measured."""

from collections.abc import Sequence
from typing import Any

from dashboards.data import Row

NOUGHT: Row = {**dict.fromkeys(("hours_p10", "hours_p50", "hours_p90", "hours_naive"), 0.0), "successes": 0}
"""What was saved where nobody had a success: such a period has no row, whatever is assumed of a success."""


def beside(hours: Sequence[Row], activity: Sequence[Row]) -> list[Row]:
    """The rows of every period end in which there are hours or, by the activity, was no success.

    Each says what the activity says of its period: is_covered and is_provisional.
    """
    active = {row["period_end"]: row for row in activity}
    known: dict[Any, Row] = {row["period_end"]: row for row in hours}
    idle: dict[Any, Row] = {end: {**NOUGHT, "period_end": end} for end, row in active.items() if row["successes"] == 0}
    return [
        {**row, **{name: active.get(end, {}).get(name) for name in ("is_covered", "is_provisional")}}
        for end, row in sorted((idle | known).items())
    ]


def of_team(hours: Row | None, activity: Row | None) -> Row | None:
    """The hours of one period, where the activity says that there was no success nought; None where nobody knows."""
    return NOUGHT if hours is None and activity is not None and activity["successes"] == 0 else hours
