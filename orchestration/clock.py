"""The clock is an input: times that a person or a scheduler gives, as UTC."""

from datetime import UTC, datetime

# Far from where a period before or after it would be no date any more.
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


def parse_time(text: str) -> datetime:
    """An ISO date or time as UTC; without an offset it is UTC already, and a date means its midnight.

    Raises ValueError, with what to write instead, for anything else.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time; write it like 2026-07-01 or 2026-07-01T06:00:00Z") from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{text!r} is in no year that there is data of; write it like 2026-07-01")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def now() -> datetime:
    """This moment, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
