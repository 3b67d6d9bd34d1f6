"""`status` says of the age of what is published what the pages say of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import status
from tests.unit.published import SNAPSHOT
from warehouse.access import Snapshot
from warehouse.settings import load_settings


@dataclass
class _Published:
    """A reader of one snapshot with one table, whose badge the checks made green."""

    def snapshot(self) -> Snapshot:
        return SNAPSHOT

    def last_attempt(self) -> None:
        return None

    def query(self, *_: Any) -> Any:
        badges = [{"table_name": "teams", "badge": "green", "data_until": SNAPSHOT.published_at}]
        return SimpleNamespace(to_pylist=lambda: badges)


@pytest.mark.parametrize(
    ("now", "is_stale"),
    [
        (datetime(2026, 11, 24, 8, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 8, 1, tzinfo=UTC), True),
    ],
)
def test_a_snapshot_that_no_page_calls_checked_any_more_is_stale_in_status_too(monkeypatch, tmp_path, now, is_stale):
    @contextmanager
    def published(_: object) -> Iterator[_Published]:
        yield _Published()

    monkeypatch.setattr(status, "open_reader", published)
    monkeypatch.setattr(status, "now", lambda: now)
    found = status.read_status(load_settings(home=tmp_path, demo=True))
    assert found.is_stale is is_stale
    assert ("stale       as of more than 26 hours ago" in status.describe(found)) is is_stale
