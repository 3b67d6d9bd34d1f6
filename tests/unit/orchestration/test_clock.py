from datetime import UTC, datetime

import pytest

from orchestration.clock import parse_time


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01T06:30:00", datetime(2026, 7, 1, 6, 30, tzinfo=UTC)),
        ("2026-07-01T06:30:00Z", datetime(2026, 7, 1, 6, 30, tzinfo=UTC)),
        ("2026-07-01T06:30:00+02:00", datetime(2026, 7, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_and_a_date_means_its_midnight(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["yesterday", "01.07.2026", "2026-13-01", "", "0001-01-01", "9999-12-31"])
def test_what_is_no_iso_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 2026-07-01"):
        parse_time(text)
