"""Gaps in what was imported: found, told once, closed when the rest arrives."""

import hashlib
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from expectations.raw_border import raw_checks
from ingest.completeness import accept_gap, open_gaps, record_gaps
from ingest.files import import_drop
from orchestration.pipeline import initialise
from tests.integration.test_import import event, fetch, load, put
from warehouse import Warehouse
from warehouse.errors import UsageError

MONDAY = date(2026, 1, 5)
LAST = date(2026, 2, 15)
AS_OF = datetime(2026, 2, 16, 6)


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def day_of_events(day: date, count: int, first: int, **changes: Any) -> list[dict[str, Any]]:
    return [event(first + number, created_at=f"{day}T{number % 24:02}:00:00Z", **changes) for number in range(count)]


def weeks_of_events(drop: Path, counts: dict[date, int]) -> None:
    """40 events a workday and 10 a Saturday or Sunday, or as `counts` says, a file a day."""
    day, first = MONDAY, 1
    while day <= LAST:
        count = counts.get(day, 10 if day.weekday() >= 5 else 40)
        if count:
            put(drop, f"registry/events/{day}.ndjson", day_of_events(day, count, first))
        day, first = day + timedelta(days=1), first + 1000


def gaps(warehouse: Warehouse, report: Any = None, **options: Any) -> list[tuple[Any, ...]]:
    with warehouse.write() as writer:
        found = record_gaps(writer, as_of=AS_OF, missing=report.missing if report else None, **options)
    return [(row["kind"], row["day"] or row["file_name"], row["rows_expected"], row["rows_found"]) for row in found]


def test_a_file_that_a_manifest_names_is_missing_until_it_comes(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1), event(2)])
    manifest = {"files": [{"name": "a.ndjson", "rows": 2}, {"name": "b.ndjson", "rows": 3}]}
    put(drop, "registry/events/_manifest.json", json.dumps(manifest))
    assert gaps(warehouse, load(warehouse, drop)) == [("missing_file", "registry/events/b.ndjson", 3, 0)]

    put(drop, "registry/events/b.ndjson", [event(3), event(4)])
    assert gaps(warehouse, load(warehouse, drop)) == [("rows_differ", "registry/events/b.ndjson", 3, 2)]

    put(drop, "registry/events/b.ndjson", [event(3), event(4), event(5)])
    assert gaps(warehouse, load(warehouse, drop)) == []
    kinds = fetch(warehouse, "select kind, closed_at is null as is_open from ops.import_gaps order by kind")
    assert [(row["kind"], row["is_open"]) for row in kinds] == [
        ("missing_file", False),
        ("overlap", False),
        ("rows_differ", False),
    ]
    # When it was closed stays, however often it is found to be no more.
    closed = "select gap_id, closed_at from ops.import_gaps order by gap_id"
    before = fetch(warehouse, closed)
    gaps(warehouse, load(warehouse, drop))
    assert fetch(warehouse, closed) == before


def test_a_manifest_that_comes_after_its_file_is_held_against_it_all_the_same(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1), event(2)])
    assert gaps(warehouse, load(warehouse, drop)) == []

    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson", "rows": 5}]}))
    report = load(warehouse, drop)
    assert (report.known, report.loads) == (1, [])
    assert gaps(warehouse, report) == [("rows_differ", "registry/events/a.ndjson", 5, 2)]
    # Another claim of the same rows is another gap to read, also where there are more than it says.
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson", "rows": 1}]}))
    assert gaps(warehouse, load(warehouse, drop)) == [("rows_differ", "registry/events/a.ndjson", 1, 2)]

    # A claim that is taken back is none.
    stated: dict[str, object] = {"name": "a.ndjson"}
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [stated]}))
    assert gaps(warehouse, load(warehouse, drop)) == []

    # Of the next delivery, which has not come: it says nothing of the rows of this one.
    stated |= {"rows": 3, "sha256": "0" * 64}
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [stated]}))
    expected = [("missing_file", "registry/events/a.ndjson", 3, 0)]
    assert gaps(warehouse, load(warehouse, drop)) == expected
    # An import of something else does not look there.
    (drop / "finance" / "costs").mkdir(parents=True)
    other = import_drop(warehouse, drop, as_of=AS_OF, entities=["finance/costs"])
    with warehouse.write() as writer:
        record_gaps(writer, as_of=AS_OF, missing=other.missing, entities=["finance/costs"])
        assert [gap["kind"] for gap in open_gaps(writer)] == ["missing_file"]

    stated["rows"] = 2
    stated["sha256"] = hashlib.sha256((drop / "registry/events/a.ndjson").read_bytes()).hexdigest().upper()
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [stated]}))
    assert gaps(warehouse, load(warehouse, drop)) == []


def test_a_refused_file_is_a_gap_until_a_good_one_of_its_name_loads(warehouse: Warehouse, drop: Path) -> None:
    first, second = (("refused_file", f"registry/events/{name}.ndjson.gz", None, 0) for name in "ab")
    for name in "ab":
        put(drop, f"registry/events/{name}.ndjson.gz", b"no gzip")
    assert gaps(warehouse, load(warehouse, drop)) == [first, second]
    # One of another name says nothing of them.
    put(drop, "registry/events/c.ndjson.gz", [event(3)])
    assert gaps(warehouse, load(warehouse, drop)) == [first, second]
    put(drop, "registry/events/a.ndjson.gz", [event(1)])
    assert gaps(warehouse, load(warehouse, drop)) == [second]
    # Nor does one that came before.
    put(drop, "registry/events/a.ndjson.gz", b"no gzip either")
    assert gaps(warehouse, load(warehouse, drop)) == [first, second]


def test_a_manifest_tells_no_address_and_leads_nowhere_else(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1)])
    named = [{"name": "jane.doe@corp.io.ndjson", "rows": 5}, {"name": "a.ndjson", "rows": 1}]
    put(drop, "registry/events/_manifest.json", json.dumps({"files": named}))
    [(kind, name, _, _)] = gaps(warehouse, load(warehouse, drop))
    assert (kind, "jane" in name) == ("missing_file", False)
    for other in ("/home/jane/export.csv", "../events/a.ndjson", "a\0.ndjson", 7):
        put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": other}]}))
        assert gaps(warehouse, load(warehouse, drop)) == [("missing_file", "registry/events/_manifest.json", None, 0)]


def test_a_claim_goes_with_the_delivery_that_it_was_made_of(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1)])
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson", "rows": 2}]}))
    assert gaps(warehouse, load(warehouse, drop)) == [("rows_differ", "registry/events/a.ndjson", 2, 1)]
    put(drop, "registry/events/a.ndjson", [event(1), event(2), event(3)])
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson"}]}))
    assert gaps(warehouse, load(warehouse, drop)) == []


def test_a_manifest_of_more_rows_than_there_can_be_is_none(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1)])
    load(warehouse, drop)
    for rows in (10**20, -1):
        put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson", "rows": rows}]}))
        assert gaps(warehouse, load(warehouse, drop)) == [("missing_file", "registry/events/_manifest.json", None, 0)]


def test_a_manifest_that_is_none_is_a_gap_until_it_is_one(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1)])
    put(drop, "registry/events/_manifest.json", '{"files": [')
    expected = [("missing_file", "registry/events/_manifest.json", None, 0)]
    assert gaps(warehouse, load(warehouse, drop)) == expected
    # Nobody looked at a drop folder, so nobody knows better.
    assert gaps(warehouse) == expected

    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "a.ndjson", "rows": 1}]}))
    assert gaps(warehouse, load(warehouse, drop)) == []


def test_an_empty_day_and_a_short_day_are_told_with_both_numbers(warehouse: Warehouse, drop: Path) -> None:
    tuesday, wednesday, sunday = date(2026, 2, 3), date(2026, 2, 4), date(2026, 2, 8)
    # 10 rows of a weekend day are too few to say that 4 are short.
    weeks_of_events(drop, {tuesday: 0, wednesday: 19, sunday: 4})
    load(warehouse, drop)
    assert gaps(warehouse) == [("empty_day", tuesday, 40, 0), ("short_day", wednesday, 40, 19)]

    for number, found in enumerate((2, 5)):
        put(drop, f"registry/events/some-{found}.ndjson", day_of_events(tuesday, 2 + number, 900_000 + 10 * number))
        load(warehouse, drop)
        assert gaps(warehouse) == [("short_day", tuesday, 40, found), ("short_day", wednesday, 40, 19)]

    put(drop, "registry/events/late.ndjson", day_of_events(tuesday, 15, 900_100))
    load(warehouse, drop)
    assert gaps(warehouse) == [("short_day", wednesday, 40, 19)]


def test_a_holiday_is_no_gap_and_a_day_that_is_none_any_more_is(warehouse: Warehouse, drop: Path) -> None:
    tuesday, wednesday = date(2026, 2, 3), date(2026, 2, 4)
    weeks_of_events(drop, {tuesday: 0, wednesday: 0})
    # The newest list is the whole of it.
    for number, (holiday, workday) in enumerate(((tuesday, wednesday), (wednesday, tuesday), (tuesday, wednesday))):
        put(drop, f"reference/holidays/{number}.csv", f"day,name\n{holiday},Feast\n")
        load(warehouse, drop)
        assert gaps(warehouse) == [("empty_day", workday, 40, 0)]


def test_what_is_known_by_its_latest_version_or_has_no_day_may_come_again(warehouse: Warehouse, drop: Path) -> None:
    incident = {"incident_id": "i1", "started_at": "2026-02-01T10:00:00Z"}
    for day in (1, 2):
        later = incident | {"updated_at": f"2026-02-0{day}T12:00:00Z"}
        put(drop, f"status/incidents/{day}.ndjson", [later])
        put(drop, f"registry/collections/{day}.ndjson", [{"collection_id": "c", "skill_id": "s"}])
        load(warehouse, drop)
        gaps(warehouse)
    merged = fetch(warehouse, "select entity from raw.import_ledger where rows_merged > 0 order by entity")
    assert [row["entity"] for row in merged] == ["collections", "incidents"]
    assert fetch(warehouse, "select kind from ops.import_gaps") == []


def days_of_events(drop: Path, counts: dict[date, int]) -> None:
    for number, (day, count) in enumerate(sorted(counts.items())):
        if count:
            put(drop, f"registry/events/{day}.ndjson", day_of_events(day, count, 1 + 1000 * number))


def test_a_day_is_held_against_its_own_weekday(warehouse: Warehouse, drop: Path) -> None:
    # Mondays have three times the rows of other workdays, Saturdays twice and Sundays less than half.
    usual = {0: 150, 5: 100, 6: 40}
    days = [MONDAY + timedelta(days=number) for number in range((LAST - MONDAY).days + 1)]
    saturday, monday = date(2026, 2, 7), date(2026, 2, 9)
    days_of_events(drop, {day: usual.get(day.weekday(), 50) for day in days} | {saturday: 45, monday: 50})
    load(warehouse, drop)
    assert gaps(warehouse) == [("short_day", saturday, 100, 45), ("short_day", monday, 150, 50)]
    # Days after it is a warning still, with both numbers.
    [row] = observed(warehouse, "gaps_are_closed")
    assert (row["open_gaps"], row["day"], row["rows_found"], row["rows_expected"]) == (2, monday, 50, 150)


def test_a_short_last_day_is_one_warning_and_not_two(warehouse: Warehouse, drop: Path) -> None:
    days = [MONDAY + timedelta(days=number) for number in range((LAST - MONDAY).days + 1)]
    days_of_events(drop, dict.fromkeys(days, 40) | {LAST: 15})
    load(warehouse, drop)
    assert gaps(warehouse) == [("short_day", LAST, 40, 15)]
    [row] = observed(warehouse, "rows_of_the_last_day")
    assert (row["rows"], row["usual"]) == (15, 40)
    assert [row["open_gaps"] for row in observed(warehouse, "gaps_are_closed")] == [0]


def test_an_empty_workday_is_told_before_its_weekday_has_come_twice(warehouse: Warehouse, drop: Path) -> None:
    days = [MONDAY + timedelta(days=number) for number in range(14)]
    thursday = date(2026, 1, 15)
    # Nobody works on a Sunday, and a quiet Tuesday of the second week is too early to tell.
    days_of_events(drop, {day: 0 if day.weekday() == 6 else 40 for day in days} | {thursday: 0, date(2026, 1, 13): 4})
    load(warehouse, drop)
    with warehouse.write() as writer:
        found = record_gaps(writer, as_of=datetime(2026, 1, 19, 6))
    assert [(row["kind"], row["day"], row["rows_expected"]) for row in found] == [("empty_day", thursday, 40)]


def test_a_gap_that_somebody_accepts_stays_closed(warehouse: Warehouse, drop: Path) -> None:
    weeks_of_events(drop, {date(2026, 2, 3): 0, date(2026, 2, 10): 0})
    load(warehouse, drop)
    gaps(warehouse)
    with warehouse.write() as writer:
        gap, other = open_gaps(writer)
        with pytest.raises(UsageError, match="more than one open gap's id begins with"):
            accept_gap(writer, "", "which of them?")
        accept_gap(writer, gap["gap_id"][:8], "the registry was closed on that day")
        with pytest.raises(UsageError, match="no open gap's id begins with"):
            accept_gap(writer, gap["gap_id"][:8], "again")
    assert gaps(warehouse) == [("empty_day", other["day"], 40, 0)]


def test_a_live_source_that_failed_is_a_gap_until_it_was_read(warehouse: Warehouse) -> None:
    initialise(warehouse)
    assert gaps(warehouse, read={"status/checks": "timed out"}) == [("source_failed", None, None, None)]
    assert gaps(warehouse, read={"billing/stripe_events": None}) == [("source_failed", None, None, None)]
    assert gaps(warehouse, read={"status/checks": None}) == []


def observed(warehouse: Warehouse, name: str, table: str = "raw.registry_events") -> list[dict[str, Any]]:
    with warehouse.write() as writer:
        [check] = [each for each in raw_checks(writer, as_of=AS_OF, since=None) if each.name == name]
        return [row for row in check.fetch() if row["table_name"] == table]


def test_a_recent_gap_is_a_warning_and_an_old_one_is_history(warehouse: Warehouse, drop: Path) -> None:
    weeks_of_events(drop, {date(2026, 1, 16): 0})
    load(warehouse, drop)
    gaps(warehouse)
    assert observed(warehouse, "gaps_are_closed")[0]["open_gaps"] == 0
    put(drop, "registry/events/broken.ndjson.gz", b"no gzip")
    gaps(warehouse, load(warehouse, drop))
    [row] = observed(warehouse, "gaps_are_closed")
    assert (row["open_gaps"], row["file_name"]) == (1, "registry/events/broken.ndjson.gz")


def test_an_entity_that_could_never_be_read_is_a_warning_too(warehouse: Warehouse) -> None:
    initialise(warehouse)
    gaps(warehouse, read={"registry/audit_logs": "permission denied", "registry/teams": None})
    [row] = observed(warehouse, "gaps_are_closed", "raw.registry_audit_logs")
    assert (row["open_gaps"], row["kind"]) == (1, "source_failed")


def test_a_key_that_stops_arriving_is_noticed_by_name(warehouse: Warehouse, drop: Path) -> None:
    weeks_of_events(drop, {LAST: 40})
    load(warehouse, drop)
    assert observed(warehouse, "keys_keep_arriving")[0]["share_of_usual_fill"] == pytest.approx(1)

    rows = day_of_events(date(2026, 2, 16), 30, 800_000)
    for row in rows[:21]:
        del row["metadata"]["success"]
    put(drop, "registry/events/2026-02-16.ndjson", rows)
    load(warehouse, drop)

    [row] = observed(warehouse, "keys_keep_arriving")
    # 9 of 30 rows have it, and every row had it before.
    assert (row["key"], row["fill"], row["usual_fill"]) == ("metadata.success", 0.3, 1.0)
    assert row["share_of_usual_fill"] == pytest.approx(0.3)


def test_a_key_is_missed_among_many_small_files_and_in_entities_without_days(warehouse: Warehouse, drop: Path) -> None:
    for number in range(3):
        day = date(2026, 2, 13) + timedelta(days=number)
        for file in range(300):
            rows = day_of_events(day, 1, 1 + 1000 * number + file)
            if day == LAST:
                del rows[0]["metadata"]["success"]
            put(drop, f"registry/events/{day}/{day}-{file:03}.ndjson", rows)
        put(
            drop,
            f"registry/teams/{day}.ndjson",
            [
                {"team_id": f"t{number}-{row}", "account_id": "a", "created_at": f"{day}T00:00:00Z"}
                | ({} if day == LAST else {"name": f"Team {row}"})
                for row in range(60)
            ],
        )
    load(warehouse, drop)
    [row] = observed(warehouse, "keys_keep_arriving")
    assert (row["key"], row["fill"], row["usual_fill"], row["day"]) == ("metadata.success", 0.0, 1.0, LAST)
    [row] = observed(warehouse, "keys_keep_arriving", "raw.registry_teams")
    assert (row["key"], row["fill"], row["usual_fill"]) == ("name", 0.0, 1.0)
