"""Service levels from delivered checks and requests to the published numbers, on both engines."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from orchestration.dbt_runner import run_dbt
from tests.conftest import BUILT_ENGINES
from warehouse import Warehouse, open_warehouse
from warehouse.settings import load_settings

Row = dict[str, Any]
THIRTY_DAYS_LATER = datetime(2026, 1, 31, 6, tzinfo=UTC)
NEXT_DAY = datetime(2026, 2, 1, 6, tzinfo=UTC)


@pytest.fixture(scope="module", params=BUILT_ENGINES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Path]]:
    """A warehouse on each engine and its drop folder: 30 days in which two components are down for 52 minutes.

    A probe's result holds for 30 days here, as on a page that is written on change. A quarter of an hour of the
    first one's outage was maintenance that somebody approved; of the second one's nobody did.
    """
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("drop database if exists service with (force)")
            connection.execute("create database service")
        url = server.replace("/postgres?", "/service?")
    folder = tmp_path_factory.mktemp("service")
    drop = folder / "drop"
    (drop / "reference").mkdir(parents=True)
    (drop / "reference/components.csv").write_text("component,hold_minutes\nmaintained,43200\nplain,43200\n")
    checks = []
    for component in ("maintained", "plain"):
        checks += [
            _check(component, "2026-01-01T00:00:20Z", "operational"),
            _check(component, "2026-01-05T10:00:00Z", "outage"),
            _check(component, "2026-01-05T10:52:00Z", "degraded"),
        ]
    _deliver(drop / "status/checks/1.ndjson", checks)
    window = {"starts_at": "2026-01-05T10:00:00Z", "ends_at": "2026-01-05T10:15:00Z"}
    windows = [
        {"window_id": "w1", "components": ["maintained"], "approved_by": "somebody", **window},
        {"window_id": "w2", "components": ["plain"], "approved_by": None, **window},
    ]
    _deliver(drop / "status/maintenance/1.ndjson", windows)
    # The last hour: 1,000 valid requests of which 16 are bad; before it 4,000 good ones within six hours.
    recent = [
        _request(n, THIRTY_DAYS_LATER - timedelta(minutes=1 + n % 60), 503 if n < 16 else 200) for n in range(1000)
    ]
    earlier = [_request(1000 + n, THIRTY_DAYS_LATER - timedelta(minutes=61 + n % 290), 200) for n in range(4000)]
    # What we ask of ourselves counts for nobody.
    ours = [
        _request(5000 + n, THIRTY_DAYS_LATER - timedelta(minutes=1 + n % 60), 503) | {"account_id": "ours"}
        for n in range(500)
    ]
    _deliver(drop / "registry/api_requests/1.ndjson", recent + earlier + ours)
    known = {"kind": "organization", "updated_at": "2026-01-01T00:00:00Z"}
    accounts = [known | {"account_id": name, "is_internal": name == "ours"} for name in ("a", "ours")]
    _deliver(drop / "registry/accounts/1.ndjson", accounts)
    with open_warehouse(
        load_settings(home=folder / "home", secret="a key for tests only", warehouse_url=url)
    ) as opened:
        opened.initialise(contract.table for contract in CONTRACTS.values())
        import_drop(opened, drop, as_of=THIRTY_DAYS_LATER)
        _build(opened, THIRTY_DAYS_LATER)
        yield opened, drop


def _build(warehouse: Warehouse, as_of: datetime, *options: str) -> None:
    # Tests of what is built here alone: those of accounts hold them against other entities.
    command = ["build", "--select", "+availability_daily", "+slo_status", "--exclude", "test_type:unit"]
    command += ["--indirect-selection", "cautious", *options]
    run = run_dbt(warehouse, command, as_of=as_of, run_started_at=NEXT_DAY)
    assert {result.status for result in run.of_type("test")} <= {"pass"}


def _check(component: str, checked_at: str, status: str, probe: str = "external") -> Row:
    return {"component": component, "checked_at": checked_at, "probe": probe, "status": status}


def _request(number: int, started_at: datetime, status_code: int) -> Row:
    return {
        "request_id": f"r{number}",
        "started_at": started_at.isoformat(),
        "account_id": "a" if number % 2 else None,
        "route": "search",
        "status_code": status_code,
        "duration_ms": 80.0,
    }


def _deliver(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _rows(warehouse: Warehouse, sql: str) -> list[Row]:
    with warehouse.write() as writer:
        return writer.fetch(sql)


def _availability(warehouse: Warehouse) -> list[Row]:
    return _rows(
        warehouse,
        "select component, day, covered_minutes, down_minutes, excluded_minutes, uptime "
        "from build.availability_daily order by component, day",
    )


def test_52_minutes_of_30_days_are_down_unless_15_of_them_are_excluded(place: tuple[Warehouse, Path]) -> None:
    sums = {
        row["component"]: row
        for row in _rows(
            place[0],
            "select component, count(*) as days, sum(covered_minutes) as covered, sum(down_minutes) as down, "
            "sum(excluded_minutes) as excluded from build.availability_daily "
            "where day <= date '2026-01-30' group by component",
        )
    }
    plain, maintained = sums["plain"], sums["maintained"]
    assert (plain["days"], plain["covered"], plain["down"], plain["excluded"]) == (30, 43200, 52, 0)
    assert (maintained["covered"], maintained["down"], maintained["excluded"]) == (43200, 37, 15)
    assert round(100 * (1 - float(plain["down"] / plain["covered"])), 4) == 99.8796
    assert round(100 * (1 - float(maintained["down"] / maintained["covered"])), 4) == 99.9144


def test_an_hour_with_16_bad_of_1000_burns_16_times_the_budget(place: tuple[Warehouse, Path]) -> None:
    (row,) = _rows(
        place[0],
        "select good, valid, burn_1h, burn_6h, budget_left, coverage, state from build.slo_status "
        "where objective = 'availability' and account_id = '*'",
    )
    assert (row["good"], row["valid"]) == (4984, 5000)
    # 16 of 5,000 are 0.32%: 3.2 times the budget of 0.1%, in six hours as in the whole window.
    assert (row["burn_1h"], row["burn_6h"]) == pytest.approx((16.0, 3.2))
    assert row["budget_left"] == pytest.approx(-2.2)
    assert (row["coverage"], row["state"]) == (1.0, "breached")


def test_an_account_is_judged_on_its_own_requests(place: tuple[Warehouse, Path]) -> None:
    (row,) = _rows(
        place[0],
        "select good, valid from build.slo_status where objective = 'latency_p50' and account_id = 'a'",
    )
    # Every second request is the account's; 8 of the 16 bad ones are, and a bad request is not fast.
    assert (row["good"], row["valid"]) == (2492, 2500)
    judged = _rows(place[0], "select distinct account_id from build.slo_status order by account_id")
    assert [row["account_id"] for row in judged] == ["*", "a"]


def test_a_late_check_and_a_new_day_give_what_a_full_rebuild_gives(place: tuple[Warehouse, Path]) -> None:
    warehouse, drop = place
    late = [
        _check("plain", "2026-01-20T12:00:00Z", "outage", "internal"),
        _check("plain", "2026-01-20T12:03:00Z", "operational", "internal"),
        _check("plain", "2026-01-31T23:58:00Z", "outage"),
    ]
    _deliver(drop / "status/checks/2.ndjson", late)
    _deliver(drop / "registry/api_requests/2.ndjson", [_request(9000, NEXT_DAY - timedelta(days=1, hours=1), 500)])
    import_drop(warehouse, drop, as_of=NEXT_DAY)
    _build(warehouse, NEXT_DAY)
    step_by_step = _availability(warehouse), _rows(warehouse, "select * from build.slo_status order by 1, 2")
    _build(warehouse, NEXT_DAY, "--full-refresh")
    assert step_by_step == (
        _availability(warehouse),
        _rows(warehouse, "select * from build.slo_status order by 1, 2"),
    )
    down = {
        row["day"]: row["down_minutes"]
        for row in step_by_step[0]
        if row["component"] == "plain" and row["down_minutes"]
    }
    assert down == {date(2026, 1, 5): 52, date(2026, 1, 20): 3, date(2026, 1, 31): 2}


def test_requests_leave_the_minutes_after_thirty_days_and_come_back_with_the_clock(
    place: tuple[Warehouse, Path],
) -> None:
    warehouse, _ = place
    objectives, minutes = (
        "select * from build.slo_status order by 1, 2",
        "select count(*) as n from intermediate.int_requests_by_minute",
    )
    _build(warehouse, NEXT_DAY)
    before, (there,) = _rows(warehouse, objectives), _rows(warehouse, minutes)
    assert there["n"] > 300
    _build(warehouse, NEXT_DAY + timedelta(days=40))
    assert _rows(warehouse, minutes) == [{"n": 0}]
    _build(warehouse, NEXT_DAY)
    assert (_rows(warehouse, objectives), _rows(warehouse, minutes)) == (before, [there])
