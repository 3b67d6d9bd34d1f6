"""What hours saved are worth, as a page shows it: only to an account that set both numbers, and with them beside it.

Worths are of one account: its rate and its share are its own, so nothing here adds them up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboards.components import formats
from dashboards.data import Row

COLUMNS = (
    *("value_cents_p10", "value_cents_p50", "value_cents_p90"),
    *("hourly_rate_cents", "recapture_share", "value_valid_from"),
)
"""The columns of a row of hours that say what they are worth; all are NULL where the account did not set both."""

HOW_TO_SET = (
    "In hours, not in money: for this period the account has not set both its hourly rate and the share of the saved "
    "time that is put to use. Deliver them as `reference/time_value.csv`: account_id, valid_from, hourly_rate_cents, "
    "recapture_share."
)


def is_set(row: Mapping[str, Any] | None) -> bool:
    """Whether the hours of a row are worth something that may be shown."""
    return row is not None and not formats.is_missing(row.get("value_cents_p50"))


def ends(row: Mapping[str, Any]) -> str:
    """The worth from p10 to p90: $45 to $215."""
    return f"{formats.dollars(row['value_cents_p10'])} to {formats.dollars(row['value_cents_p90'])}"


def rate(cents: Any) -> str:
    """An hourly rate to the cent: $60.00/hour."""
    return f"{formats.exact_dollars(cents)}/hour"


def basis(row: Mapping[str, Any]) -> str:
    """What a worth follows from: the account's rate and share, and since when they are in force."""
    return (
        f"at {rate(row['hourly_rate_cents'])} × {formats.exact_share(row['recapture_share'])} recaptured, "
        f"set by the account from {formats.day(row['value_valid_from'])} on"
    )


def is_same_basis(row: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether two worths follow from the same rate and share, so that their difference is one of hours."""
    return other is not None and all(
        row.get(name) == other.get(name) for name in ("hourly_rate_cents", "recapture_share")
    )


def without_unset(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows without the columns of money where none of them has any, which nobody then asks about."""
    if any(is_set(row) for row in rows):
        return [dict(row) for row in rows]
    return [{name: value for name, value in row.items() if name not in COLUMNS} for row in rows]
