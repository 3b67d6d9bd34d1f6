"""A snapshot that unit tests of pages and of commands show."""

from datetime import date, datetime

from warehouse.access import Snapshot

SNAPSHOT = Snapshot(
    snapshot_id="20261123T060000-a1",
    published_at=datetime(2026, 11, 23, 6, 5),
    as_of=datetime(2026, 11, 23, 6, 0),
    data_until=date(2026, 11, 22),
    engine="duckdb",
    checks_passed=10,
    checks_warned=0,
)
