"""A day's refresh reads the day: EXPLAIN of every model that reads raw rows names the chunks that were opened."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.files import import_drop
from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import initialise
from tests.timescale.test_hypertables import event, put, request
from warehouse import Warehouse, open_warehouse
from warehouse.settings import load_settings

pytestmark = [pytest.mark.timescale, pytest.mark.long]

FIRST = datetime(2026, 1, 5)
DAYS = 70
MODELS = (
    "int_event_days int_scraper_days int_skill_use_days int_skill_install_days int_request_days "
    "int_requests_by_minute int_check_days int_availability_days int_raw_arrivals "
    "int_skill_breakdown_days int_recommendation_days int_session_skills int_install_source_days"
)
# The new day and the week it lies in, and the last days of the week before, which arrive late.
MOST_CHUNKS = 2


def add_days(drop: Path, first: int, last: int) -> None:
    for day in range(first, last):
        hours = [FIRST + timedelta(days=day, hours=hour) for hour in range(24)]
        put(drop, f"registry/events/{day:03}.ndjson", [event(day * 100 + n, at) for n, at in enumerate(hours)])
        put(drop, f"registry/api_requests/{day:03}.ndjson", [request(day * 100 + n, at) for n, at in enumerate(hours)])
        checks = [
            {"component": "api", "checked_at": at.isoformat() + "Z", "probe": "external", "status": "operational"}
            for at in hours
        ]
        put(drop, f"status/checks/{day:03}.ndjson", checks)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def opened_chunks(connection: psycopg.Connection, sql: str) -> dict[str, set[str]]:
    """Chunks of raw tables that a statement read from, by hypertable; those only planned are left out."""
    row = connection.execute(f"explain (analyze, format json, timing off) {sql}".encode()).fetchone()
    assert row is not None
    of_chunk = dict(
        connection.execute(
            "select chunk_name, hypertable_name from timescaledb_information.chunks where hypertable_schema = 'raw'"
        ).fetchall()
    )
    found: dict[str, set[str]] = {}
    for node in nodes(row[0][0]["Plan"]):
        name = re.sub(r"^compress(_hyper_\d+_\d+_chunk)$", r"\1", node.get("Relation Name", ""))
        if name in of_chunk and node["Actual Loops"]:
            found.setdefault(of_chunk[name], set()).add(name)
        assert not (node.get("Schema") == "raw" and node.get("Relation Name") in of_chunk.values())
    return found


@pytest.fixture
def warehouse(timescale_database: str, tmp_path: Path) -> Iterator[Warehouse]:
    settings = load_settings(home=tmp_path / "home", secret="a key", warehouse_url=timescale_database, threads=1)
    with open_warehouse(settings) as opened:
        initialise(opened)
        yield opened


def test_a_daily_refresh_opens_the_chunks_of_the_day_and_no_others(
    warehouse: Warehouse, timescale_database: str, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    add_days(drop, 0, DAYS)
    yesterday = FIRST.replace(tzinfo=UTC) + timedelta(days=DAYS, hours=6)
    import_drop(warehouse, drop, as_of=yesterday)
    run_dbt(warehouse, ["seed"], as_of=yesterday)
    run_dbt(warehouse, ["run", "--select", *(f"+{name}" for name in MODELS.split())], as_of=yesterday)
    with psycopg.connect(timescale_database, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(
            "select compress_chunk(c, true) from show_chunks('raw.registry_events', older_than => '2026-03-01') as c"
        )
        connection.execute("analyze")

    add_days(drop, DAYS, DAYS + 1)
    today = yesterday + timedelta(days=1)
    import_drop(warehouse, drop, as_of=today)
    run_dbt(warehouse, ["compile", "--select", *MODELS.split()], as_of=today)

    compiled = warehouse.settings.home / "dbt" / "target" / "compiled"
    read: dict[str, dict[str, set[str]]] = {}
    with psycopg.connect(timescale_database, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("set timezone = 'UTC'")
        # What stands before it in the build is up to date when a model runs.
        for name in MODELS.split():
            [path] = compiled.rglob(f"{name}.sql")
            read[name] = opened_chunks(connection, path.read_text())
            run_dbt(warehouse, ["run", "--select", name], as_of=today)
    print(json.dumps({name: {table: len(chunks) for table, chunks in each.items()} for name, each in read.items()}))
    assert {name for name, each in read.items() if each} >= {"int_skill_use_days", "int_requests_by_minute"}
    too_many = {
        name: {table: sorted(chunks) for table, chunks in each.items() if len(chunks) > MOST_CHUNKS}
        for name, each in read.items()
    }
    assert {name: each for name, each in too_many.items() if each} == {}


def test_an_incremental_day_equals_a_full_build(warehouse: Warehouse, timescale_database: str, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    add_days(drop, 0, 20)
    first = FIRST.replace(tzinfo=UTC) + timedelta(days=19, hours=12)
    tables = [f"intermediate.{name}" for name in MODELS.split() if name not in ("int_raw_arrivals", "int_scraper_days")]

    def built(as_of: datetime, *flags: str) -> dict[str, list[Any]]:
        run_dbt(warehouse, ["run", "--select", *(f"+{name}" for name in MODELS.split()), *flags], as_of=as_of)
        with warehouse.write() as writer:
            return {table: writer.fetch(f"select t::text as row from {table} as t order by 1") for table in tables}

    import_drop(warehouse, drop, as_of=first)
    run_dbt(warehouse, ["seed"], as_of=first)
    built(first)
    late = FIRST + timedelta(days=2, minutes=3)
    put(drop, "registry/events/late.ndjson", [event(90_000, late)])
    put(drop, "registry/api_requests/late.ndjson", [request(90_000, late)])
    add_days(drop, 20, 22)
    later = first + timedelta(days=2)
    import_drop(warehouse, drop, as_of=later)
    assert built(later) == built(later, "--full-refresh")
    # And back: the clock of before, with what is known now; facts of later days stay, and no list of days names them.
    before, whole = built(first), built(first, "--full-refresh")
    days = ("intermediate.int_event_days", "intermediate.int_request_days", "intermediate.int_check_days")
    assert {table: before[table] for table in days} == {table: whole[table] for table in days}
