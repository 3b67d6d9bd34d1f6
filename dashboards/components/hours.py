"""Hours saved as a page shows them: beside what the team did, and nought where that is what was measured."""

from collections.abc import Sequence
from typing import Any

from dashboards.data import Row

NOUGHT: Row = {**dict.fromkeys(("hours_p10", "hours_p50", "hours_p90", "hours_naive"), 0.0), "successes": 0}
"""What was saved where nobody had a success: such a period has no row, whatever is assumed of a success."""

_OF_ACTIVITY = ("account_id", "team_id", "period_end", "period_days", "is_covered", "is_provisional")


def beside(hours: Sequence[Row], activity: Sequence[Row]) -> list[Row]:
    """A row for every period end of the activity, and what the activity says of it: is_covered and is_provisional.

    Where there are no hours they are nought if there was no success, else not known: hidden with the activity, or
    nothing is assumed of what was used.
    """
    known: dict[Any, Row] = {row["period_end"]: row for row in hours}
    columns = dict.fromkeys(column for row in (*hours, NOUGHT) for column in row)
    return [
        {
            **dict.fromkeys(columns),
            **(known.get(row["period_end"]) or _without(row)),
            **{name: row.get(name) for name in _OF_ACTIVITY},
        }
        for row in sorted(activity, key=lambda row: row["period_end"])
    ]


def of_team(hours: Row | None, activity: Row | None) -> Row | None:
    """The hours of one period, where the activity says that there was no success nought; None where nobody knows."""
    return NOUGHT if hours is None and activity is not None and activity["successes"] == 0 else hours


def _without(activity: Row) -> Row:
    """What is known of the hours of a period that has no row of them."""
    if activity["successes"] == 0:
        return NOUGHT
    return {"successes": activity["successes"], "is_suppressed": activity["successes"] is None}
