"""A live source's windows: each lands with its cursor, a killed or failed run goes on where the last one landed."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ingest.contracts import CONTRACTS, Contract
from ingest.live import Window, cursor_of, import_live
from tests.integration.test_import import event, fetch
from warehouse import Warehouse
from warehouse.errors import SourceError, TransientError, UsageError, WarehouseBusyError

AS_OF = datetime(2026, 3, 1)
EVENTS = CONTRACTS["registry/events"]


class Counter:
    """A source of events numbered from 1; a window holds two, and begins with the last one of the window before."""

    name = "registry"
    starts_once = False
    entities = ("registry/events",)

    def __init__(self, last: int, *, fails_after: int | None = None, breaks_at: int | None = None) -> None:
        self.last, self.fails_after, self.breaks_at = last, fails_after, breaks_at
        self.is_closed = False

    def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
        start = int(cursor or 1)
        while start < self.last:
            if self.fails_after is not None and start >= self.fails_after:
                raise TransientError("the registry hung up")
            path = spool / f"{start}.ndjson"
            rows = [event(start), event(start + 1)]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            if start == self.breaks_at:
                path.write_text("no row\n")
            yield Window(contract, path, f"live/{contract.name}/{start}", cursor, str(start + 1), 2)
            cursor, start = str(start + 1), start + 1

    def backfill(self, contract: Contract, since: datetime, until: datetime, spool: Path) -> Iterator[Window]:
        for number in range(since.day, until.day):
            path = spool / f"{number}.ndjson"
            path.write_text(json.dumps(event(number)) + "\n")
            yield Window(contract, path, f"live/{contract.name}/again-{number}")

    def close(self) -> None:
        self.is_closed = True


def events(warehouse: Warehouse) -> int:
    return fetch(warehouse, "select count(distinct event_id) as n, count(*) as all_rows from raw.registry_events")[0][
        "n"
    ]


def test_windows_land_with_their_cursors_and_the_next_run_goes_on(warehouse: Warehouse) -> None:
    source = Counter(3)
    report = import_live(warehouse, source, as_of=AS_OF)
    assert [(each.rows_seen, each.rows_loaded, each.rows_merged) for each in report.loads] == [(2, 2, 0), (2, 1, 1)]
    assert source.is_closed
    assert import_live(warehouse, Counter(3), as_of=AS_OF).loads == []
    assert len(import_live(warehouse, Counter(4), as_of=AS_OF).loads) == 1

    assert events(warehouse) == 4
    ledger = fetch(
        warehouse,
        "select file_name, cursor_before, cursor_after, rows_claimed from raw.import_ledger order by file_name",
    )
    assert ledger == [
        {"file_name": "live/registry/events/1", "cursor_before": None, "cursor_after": "2", "rows_claimed": 2},
        {"file_name": "live/registry/events/2", "cursor_before": "2", "cursor_after": "3", "rows_claimed": 2},
        {"file_name": "live/registry/events/3", "cursor_before": "3", "cursor_after": "4", "rows_claimed": 2},
    ]
    assert not (warehouse.settings.home / "spool" / "registry").exists()


def test_what_landed_before_a_failure_stays_and_the_next_run_begins_there(warehouse: Warehouse) -> None:
    with pytest.raises(TransientError, match="hung up"):
        import_live(warehouse, Counter(9, fails_after=3), as_of=AS_OF)
    assert cursor_of(warehouse, EVENTS) == "3"
    import_live(warehouse, Counter(9), as_of=AS_OF)
    assert events(warehouse) == 9
    again = import_live(warehouse, Counter(9), as_of=AS_OF, from_start=True)
    assert sum(each.rows_loaded for each in again.loads) == 0
    assert events(warehouse) == 9


def test_a_source_whose_first_reading_makes_history_is_not_started_twice(warehouse: Warehouse) -> None:
    once = Counter(9, fails_after=1)
    once.starts_once = True
    with pytest.raises(TransientError):
        import_live(warehouse, once, as_of=AS_OF, from_start=True)
    once.fails_after = None
    import_live(warehouse, once, as_of=AS_OF, from_start=True)
    assert events(warehouse) == 9

    with pytest.raises(UsageError, match="registry/events has been read from the start before"):
        import_live(warehouse, once, as_of=AS_OF, from_start=True)


def test_a_window_that_cannot_be_taken_stops_the_run_and_leaves_the_cursor(warehouse: Warehouse) -> None:
    with pytest.raises(SourceError, match="the cursor stays where it was"):
        import_live(warehouse, Counter(9, breaks_at=4), as_of=AS_OF)
    assert (events(warehouse), cursor_of(warehouse, EVENTS)) == (4, "4")


def test_an_entity_that_the_source_does_not_give_is_a_wrong_call(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="registry/teams is not read from registry"):
        import_live(warehouse, Counter(3), as_of=AS_OF, entities=["registry/teams"])


def test_a_backfill_reads_a_range_again_and_leaves_the_cursor(warehouse: Warehouse) -> None:
    import_live(warehouse, Counter(3), as_of=AS_OF)
    since, until = datetime(2026, 2, 2), datetime(2026, 2, 6)
    report = import_live(warehouse, Counter(3), as_of=AS_OF, since=since, until=until)
    assert [(each.rows_loaded, each.rows_merged) for each in report.loads] == [(0, 1), (0, 1), (1, 0), (1, 0)]
    assert (events(warehouse), cursor_of(warehouse, EVENTS)) == (5, "3")


def test_a_source_is_read_by_one_process_at_a_time(warehouse: Warehouse) -> None:
    class Meanwhile(Counter):
        def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
            with pytest.raises(WarehouseBusyError, match="another process is reading registry now"):
                import_live(warehouse, Counter(9), as_of=AS_OF)
            yield from super().windows(contract, cursor, spool)

    import_live(warehouse, Meanwhile(3), as_of=AS_OF)
    assert events(warehouse) == 3
