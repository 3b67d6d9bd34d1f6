"""What TimescaleDB is for, in ratios of one run on a native server (SKILLSMITH_TEST_TIMESCALE_URL).

SKILLSMITH_TEST_BENCH_EVENTS sets the size of the world; the limits are meant for 20,000,000 events of 180 days and 200
accounts, and a smaller world is held to them too. Each test prints what it measured.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from ingest.files import import_drop
from ingest.simulator import simulate
from orchestration.pipeline import install
from orchestration.progress import Silence
from orchestration.refresh import refresh
from warehouse import open_warehouse
from warehouse.access import OPERATOR, open_reader
from warehouse.settings import Settings, load_settings

pytestmark = [pytest.mark.long, pytest.mark.timescale]

EVENTS = int(os.environ.get("SKILLSMITH_TEST_BENCH_EVENTS", "1000000"))
LAST = date(2026, 10, 31)
LEAST_SHARE_OF_COPY = 0.6
MOST_SHARE_OF_PLAIN = 0.25
MOST_PAGE_SECONDS = 0.1
LEAST_TIMES_RAW = 20
MOST_REFRESH_SECONDS = 20


@dataclass(frozen=True)
class World:
    """A warehouse with every day but the last, and how long its events took to import."""

    settings: Settings
    url: str
    drop: Path
    last_day: Path
    events: int
    import_seconds: float


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = os.environ.get("SKILLSMITH_TEST_TIMESCALE_URL")
    if not server:
        pytest.skip("no SKILLSMITH_TEST_TIMESCALE_URL: ratios of a native server are measured on one")
    name, folder = "skillsmith_bench", tmp_path_factory.mktemp("bench")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    settings = load_settings(home=folder / "home", secret="a key", warehouse_url=url, drop=folder / "drop")
    simulate(folder / "drop", days=180, accounts=200, seed=7, events=EVENTS, until=LAST)
    last_day = folder / "last"
    for file in (folder / "drop").rglob(f"{LAST}.*"):
        held = last_day / file.relative_to(folder / "drop")
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, held)
    with open_warehouse(settings) as warehouse:
        install(warehouse)
        as_of = datetime.combine(LAST, datetime.min.time(), UTC)
        begun = time.perf_counter()
        report = import_drop(warehouse, folder / "drop", as_of=as_of, entities=["registry/events"])
        seconds = time.perf_counter() - begun
        import_drop(warehouse, folder / "drop", as_of=as_of)
    yield World(settings, url, folder / "drop", last_day, report.by_entity()["registry/events"].rows_loaded, seconds)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def seconds_of(work: Callable[[], object], times: int = 1) -> list[float]:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return taken


def test_an_import_keeps_three_fifths_of_the_rate_of_a_bare_copy(world: World, tmp_path: Path) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("drop schema if exists bench cascade")
        connection.execute("create schema bench")
        connection.execute("create table bench.bare (like raw.registry_events)")
        connection.execute(
            "select create_hypertable('bench.bare', by_range('created_at', interval '7 days'), "
            "create_default_indexes => false)"
        )
        connection.execute("create unique index on bench.bare (created_at, event_id)")
        file = tmp_path / "events.copy"
        with (
            file.open("wb") as out,
            connection.cursor().copy("copy (select * from raw.registry_events) to stdout") as rows,
        ):
            for part in rows:
                out.write(part)

        def copy() -> None:
            with file.open("rb") as text, connection.cursor().copy("copy bench.bare from stdin") as to:
                while part := text.read(1 << 20):
                    to.write(part)

        [bare] = seconds_of(copy)
    print(
        f"COPY {world.events / bare:,.0f} rows/s, import {world.events / world.import_seconds:,.0f} rows/s, "
        f"share {bare / world.import_seconds:.2f}"
    )
    assert bare / world.import_seconds >= LEAST_SHARE_OF_COPY


def test_columns_take_a_quarter_of_the_plain_table(world: World) -> None:
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("drop table if exists public.plain")
        connection.execute("create table public.plain as select * from raw.registry_events")
        connection.execute("create unique index on public.plain (event_id)")
        connection.execute("select compress_chunk(c, true) from show_chunks('raw.registry_events') as c")
        sizes = connection.execute(
            "select pg_total_relation_size('public.plain'), total_bytes "
            "from hypertable_detailed_size('raw.registry_events')"
        ).fetchone()
        connection.execute("drop table public.plain")
    assert sizes is not None
    plain, compressed = (size / world.events for size in sizes)
    print(f"plain {plain:.0f} bytes an event, compressed {compressed:.0f}, share {compressed / plain:.2f}")
    assert compressed / plain <= MOST_SHARE_OF_PLAIN


def test_a_days_refresh_and_its_pages(world: World) -> None:
    first = datetime.combine(LAST, datetime.min.time(), UTC) + timedelta(hours=6)
    [full] = seconds_of(lambda: refresh(world.settings, as_of=first, allow_older=False, progress=Silence()))
    shutil.copytree(world.last_day, world.drop, dirs_exist_ok=True)
    [day] = seconds_of(
        lambda: refresh(world.settings, as_of=first + timedelta(days=1), allow_older=False, progress=Silence())
    )
    print(f"first refresh {full:.1f} s, refresh with one new day {day:.1f} s")

    page = "select * from metrics.team_activity where team_id = $team_id and period_days = 28 order by period_end"
    with open_reader(world.settings) as reader:
        rows = reader.query(
            "select team_id, period_end, active_users from metrics.team_activity where period_days = 28 "
            "and active_users is not null order by active_users desc, period_end desc limit 1",
            OPERATOR,
            ["metrics.team_activity"],
            {},
        ).to_pylist()
        team, last = rows[0]["team_id"], rows[0]["period_end"]
        taken = seconds_of(
            lambda: reader.query(page, OPERATOR, ["metrics.team_activity"], {"team_id": team}), times=40
        )[5:]
    with psycopg.connect(world.url, autocommit=True) as connection:
        raw = (
            "select count(distinct e.actor_key) from raw.registry_events as e "
            "join raw.registry_team_members as m on m.actor_key = e.actor_key and m.team_id = %s and not m.is_bot "
            "where e.event_type = 'telemetry:skill_invoke' and e.created_at >= %s and e.created_at < %s "
            "and e.metadata ->> 'success' = 'true'"
        )
        span = [team, last - timedelta(days=27), last + timedelta(days=1)]
        # The page shows this figure for every week; from raw it is one such read for each of them.
        weeks = 26
        from_raw = statistics.median(seconds_of(lambda: connection.execute(raw.encode(), span).fetchall(), times=3))
    p95 = sorted(taken)[int(len(taken) * 0.95)]
    print(
        f"page {p95 * 1000:.0f} ms (95th), one of its figures from raw {from_raw * 1000:.0f} ms, {weeks} weeks of them"
    )
    assert p95 <= MOST_PAGE_SECONDS
    assert from_raw * weeks / p95 >= LEAST_TIMES_RAW
    assert day <= MOST_REFRESH_SECONDS
