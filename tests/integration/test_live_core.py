"""A live source's windows: each lands with its cursor, a killed or failed run goes on where the last one landed."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest import landing
from ingest.completeness import record_gaps
from ingest.contracts import CONTRACTS, Contract
from ingest.live import Window, cursor_of, import_live
from ingest.report import ImportReport
from orchestration import pipeline
from tests.integration.test_import import event, fetch
from warehouse import Warehouse, open_warehouse
from warehouse.errors import SourceError, TransientError, UnreachableError, UsageError, WarehouseBusyError
from warehouse.settings import Settings

AS_OF = datetime(2026, 3, 1)
EVENTS = CONTRACTS["registry/events"]


class Counter:
    """A source of events numbered from 1; a window holds two, and begins with the last one of the window before."""

    name = "registry"
    starts_once = False
    entities = ("registry/events",)

    def __init__(
        self, last: int, *, fails_after: int | None = None, breaks_at: int | None = None, changes_at: int | None = None
    ) -> None:
        self.last, self.fails_after, self.breaks_at, self.changes_at = last, fails_after, breaks_at, changes_at
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
                path.write_text(json.dumps(event(start) | {"created_at": None, "event_id": f"bad{start}"}) + "\n")
            if start == self.changes_at:
                path.write_text("".join(json.dumps(event(n) | {"created_at": n}) + "\n" for n in range(20)))
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


def test_the_last_cursor_is_the_one_that_landed_last_whatever_our_clock_said(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_live(warehouse, Counter(2), as_of=AS_OF)
    with warehouse.write("import") as writer:
        # As an older version has left it, on a day when the clock was right.
        writer.execute("update raw.import_ledger set cursor_number = null")
    clock = landing.now
    with monkeypatch.context() as ahead:
        ahead.setattr(landing, "now", lambda: clock() + timedelta(days=3))
        import_live(warehouse, Counter(4), as_of=AS_OF)
    assert cursor_of(warehouse, EVENTS) == "4"
    report = import_live(warehouse, Counter(6), as_of=AS_OF)
    assert (cursor_of(warehouse, EVENTS), len(report.loads)) == ("6", 2)
    assert import_live(warehouse, Counter(6), as_of=AS_OF).loads == []
    # A range that is read again has no cursor, and takes none back.
    import_live(warehouse, Counter(6), as_of=AS_OF, since=datetime(2026, 2, 2), until=datetime(2026, 2, 4))
    assert cursor_of(warehouse, EVENTS) == "6"


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
    report = ImportReport()
    for _ in range(3):
        with pytest.raises(
            SourceError, match=r"created_at is .*, in every one of 20 rows; the cursor stays where it was"
        ):
            import_live(warehouse, Counter(9, changes_at=4), as_of=AS_OF, report=report)
    assert (events(warehouse), cursor_of(warehouse, EVENTS)) == (4, "4")
    assert list(report.failed) == ["registry/events"]
    assert fetch(warehouse, "select count(*) as n from raw.quarantine") == [{"n": 0}]

    def refused() -> list[str]:
        with warehouse.write("import") as writer:
            return [gap["file_name"] for gap in record_gaps(writer, as_of=AS_OF) if gap["kind"] == "refused_file"]

    # However often it is tried, it is one gap, until a window gets past it; what is read again says nothing of it.
    [first] = refused()
    assert first.startswith("live/registry/events since ")
    import_live(warehouse, Counter(9), as_of=datetime(2026, 3, 6), since=datetime(2026, 3, 5))
    assert refused() == [first]
    import_live(warehouse, Counter(9), as_of=AS_OF)
    assert refused() == []
    # The next time is another gap, whatever somebody has accepted of this one.
    with pytest.raises(SourceError):
        import_live(warehouse, Counter(29, changes_at=9), as_of=AS_OF)
    assert refused() != [first]
    assert len(refused()) == 1


def test_a_bad_row_goes_to_the_quarantine_once_and_holds_up_nothing(warehouse: Warehouse) -> None:
    import_live(warehouse, Counter(9, breaks_at=4), as_of=AS_OF)
    # The window that held it is read again, and so is the row.
    again = import_live(warehouse, Counter(9, breaks_at=4), as_of=AS_OF, from_start=True)
    assert cursor_of(warehouse, EVENTS) == "9"
    assert fetch(warehouse, "select reason from raw.quarantine") == [{"reason": "created_at is missing"}]
    assert sum(load.rows_quarantined for load in again.loads) == 0
    assert all(load.rows_seen == load.rows_loaded + load.rows_merged for load in again.loads)


def test_a_bad_row_that_the_source_puts_right_is_closed_with_the_good_one(warehouse: Warehouse) -> None:
    class Mended(Counter):
        bad = True

        def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
            path = spool / "1.ndjson"
            rows = [event(1), event(2) | ({"created_at": None} if self.bad else {}), event(3) | {"created_at": None}]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            yield Window(contract, path, f"live/{contract.name}/{cursor}", cursor, "1", 3)

    def closed() -> list[tuple[str, str | None]]:
        rows = fetch(warehouse, "select row_text, resolution, resolved_at from raw.quarantine order by row_text")
        assert all((row["resolved_at"] is None) == (row["resolution"] is None) for row in rows)
        return [(json.loads(row["row_text"])["event_id"][-1], row["resolution"]) for row in rows]

    source = Mended(3)
    import_live(warehouse, source, as_of=AS_OF)
    assert closed() == [("2", None), ("3", None)]
    source.bad = False
    import_live(warehouse, source, as_of=AS_OF)
    assert closed() == [("2", "corrected"), ("3", None)]
    assert events(warehouse) == 2
    # Bad once more, it is open once more, and counted.
    source.bad = True
    [load] = import_live(warehouse, source, as_of=AS_OF).loads
    assert closed() == [("2", None), ("3", None)]
    assert (load.rows_seen, load.rows_quarantined) == (3, 1)


def test_what_is_wrong_with_one_entity_keeps_no_other_from_being_read(warehouse: Warehouse) -> None:
    class Locked(Counter):
        entities = ("registry/teams", "registry/events")

        def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
            if contract.entity == "teams":
                raise self.error
            yield from super().windows(contract, cursor, spool)

    source, report = Locked(3), ImportReport()
    source.error = TransientError("teams was locked for 10 s")
    with pytest.raises(TransientError, match=r"^teams was locked for 10 s$"):
        import_live(warehouse, source, as_of=AS_OF, report=report)
    assert (events(warehouse), list(report.failed)) == (3, ["registry/teams"])

    # What is wrong with the warehouse, or where nobody answers, is nothing that an entity has.
    @contextmanager
    def busy() -> Iterator[None]:
        if report.loads or "landing" in said:
            raise WarehouseBusyError("another run is writing")
        said.append("landing")
        yield

    said: list[str] = []
    source, report = Counter(9), ImportReport()
    with pytest.raises(WarehouseBusyError):
        import_live(warehouse, source, as_of=AS_OF, report=report, holding=busy)
    assert report.failed == {"registry/events": "another run is writing"}

    source, report = Locked(9), ImportReport()
    source.error = UnreachableError("no route")
    with pytest.raises(UnreachableError):
        import_live(warehouse, source, as_of=AS_OF, report=report)
    assert (events(warehouse), list(report.failed)) == (3, ["registry/teams", "registry/events"])


@pytest.mark.parametrize(
    "call",
    [
        {"since": AS_OF, "until": AS_OF},
        {"until": AS_OF},
        {"since": datetime(2199, 1, 1, tzinfo=UTC)},
        {"since": AS_OF, "from_start": True},
    ],
)
def test_a_range_of_time_that_is_none_is_a_wrong_call(warehouse: Warehouse, call: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="since"):
        import_live(warehouse, Counter(3), as_of=AS_OF, **call)


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


def test_nothing_lands_between_the_steps_of_another_run(
    engine_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_LANDING_WAIT_SECONDS", 0.2)
    settings = engine_settings.model_copy(update={"status_url": "http://127.0.0.1:9/status"})
    settings.home.mkdir(exist_ok=True)
    with open_warehouse(settings) as warehouse, (settings.home / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WarehouseBusyError, match="another run is writing"):
            pipeline.pull(warehouse, "status", as_of=datetime.now(UTC))
