"""What TimescaleDB is for, in ratios of one run on a native server (SKILLSMITH_TEST_TIMESCALE_URL).

SKILLSMITH_TEST_BENCH_EVENTS sets the size of the world; the limits are meant for 20,000,000 events of 180 days and 200
accounts, and a smaller world is held to them too. The raw rows older than a week are columns, as the policy would
have made them by then. Each test prints what it measured.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from dashboards.data import QUERIES, query_file
from ingest.files import import_drop
from ingest.simulator import simulate
from orchestration.pipeline import install
from orchestration.progress import Silence
from orchestration.refresh import refresh
from warehouse import open_warehouse
from warehouse.access import OPERATOR, Role, Viewer, open_reader
from warehouse.errors import AccessError
from warehouse.settings import Settings, load_settings
from warehouse.visibility import require_tables

pytestmark = [pytest.mark.long, pytest.mark.timescale]

EVENTS = int(os.environ.get("SKILLSMITH_TEST_BENCH_EVENTS", "1000000"))
DAYS, LAST = 180, date(2026, 10, 31)
LEAST_SHARE_OF_COPY = 0.6
MOST_SHARE_OF_PLAIN = 0.25
MOST_QUERY_SECONDS = 0.1
LEAST_TIMES_RAW = 20
MOST_REFRESH_SECONDS = 20
MOST_TIMES_SHORT = 1.5
EXECUTIVE, ENGINEER = Viewer("executive", Role.EXECUTIVE), Viewer("engineer", Role.DATA_ENGINEER)


@dataclass(frozen=True)
class World:
    """A warehouse with every day but the last; how long its events took to import, and then its rollups to follow."""

    settings: Settings
    url: str
    last_day: Path
    events: int
    import_seconds: float
    rollup_seconds: float

    def refresh(self, days: int) -> float:
        """Seconds of a refresh at six in the morning, so many days after the last day that is held back begins."""
        as_of = datetime.combine(LAST + timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=6)
        return seconds_of(lambda: refresh(self.settings, as_of=as_of, allow_older=False, progress=Silence()))[0]

    def deliver_last_day(self) -> None:
        shutil.copytree(self.last_day, self.settings.drop_folder, dirs_exist_ok=True)


@contextmanager
def database(name: str) -> Iterator[str]:
    server = os.environ.get("SKILLSMITH_TEST_TIMESCALE_URL")
    if not server:
        pytest.skip("no SKILLSMITH_TEST_TIMESCALE_URL: ratios of a native server are measured on one")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def filled(url: str, folder: Path, days: int, events: int) -> World:
    settings = load_settings(home=folder / "home", secret="a key", warehouse_url=url, drop=folder / "drop")
    drop, last_day = folder / "drop", folder / "last"
    simulate(drop, days=days, accounts=200, seed=7, events=events, until=LAST)
    for file in drop.rglob(f"{LAST}.*"):
        held = last_day / file.relative_to(drop)
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, held)
    with open_warehouse(settings) as warehouse:
        install(warehouse)
        as_of = datetime.combine(LAST, datetime.min.time(), UTC)
        freshen, rollups = warehouse.freshen, []
        # COPY has no rollups to keep, so what they take is told apart.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(warehouse, "freshen", lambda: rollups.extend(seconds_of(freshen)))
            begun = time.perf_counter()
            report = import_drop(warehouse, drop, as_of=as_of, entities=["registry/events"])
            seconds = time.perf_counter() - begun - sum(rollups)
        import_drop(warehouse, drop, as_of=as_of)
    events = report.by_entity()["registry/events"].rows_loaded
    return World(settings, url, last_day, events, seconds, sum(rollups))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with database("skillsmith_bench") as url:
        yield filled(url, tmp_path_factory.mktemp("bench"), DAYS, EVENTS)


def seconds_of(work: Callable[[], object], times: int = 1) -> list[float]:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return taken


def compress_old(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("registry_events", "registry_api_requests"):
            connection.execute(
                f"select compress_chunk(c, true) from show_chunks('raw.{table}', older_than => date '{LAST}' - 7) as c"
            )


def test_an_import_keeps_three_fifths_of_the_rate_of_a_bare_copy(world: World, tmp_path: Path) -> None:
    file = tmp_path / "events.copy"
    with psycopg.connect(world.url, autocommit=True) as connection, file.open("wb") as out:
        statement = "copy (select * from raw.registry_events order by created_at limit 4000000) to stdout"
        with connection.cursor().copy(statement) as rows:
            for part in rows:
                out.write(part)
    # The same hypertable, with its index and what its rollups ask to be told of, in a database where it is empty.
    with database("skillsmith_bench_bare") as url:
        with open_warehouse(load_settings(home=tmp_path / "home", secret="a key", warehouse_url=url)) as warehouse:
            install(warehouse)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("checkpoint")

            def copy() -> None:
                with file.open("rb") as text, connection.cursor().copy("copy raw.registry_events from stdin") as to:
                    while part := text.read(1 << 20):
                        to.write(part)

            [taken] = seconds_of(copy)
            rows_copied = connection.execute("select count(*) from raw.registry_events").fetchone()
    assert rows_copied is not None
    bare = taken * world.events / rows_copied[0]
    print(
        f"COPY {world.events / bare:,.0f} rows/s, import {world.events / world.import_seconds:,.0f} rows/s, "
        f"share {bare / world.import_seconds:.2f}; rollups after that {world.rollup_seconds:.0f} s"
    )
    assert bare / world.import_seconds >= LEAST_SHARE_OF_COPY


def test_columns_take_a_quarter_of_the_plain_table(world: World) -> None:
    compress_old(world.url)
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("drop table if exists public.plain")
        connection.execute("create table public.plain (like raw.registry_events)")
        connection.execute("create unique index on public.plain (event_id)")
        row = connection.execute(
            "select max(range_end), sum(b.total_bytes) from timescaledb_information.chunks as c "
            "join chunks_detailed_size('raw.registry_events') as b on b.chunk_name = c.chunk_name "
            "where c.hypertable_schema = 'raw' and c.hypertable_name = 'registry_events' and c.is_compressed"
        ).fetchone()
        assert row is not None
        # Enough rows to know what one takes.
        rows = connection.execute(
            "insert into public.plain select * from raw.registry_events where created_at < %s order by created_at "
            "limit 2000000",
            row[:1],
        ).rowcount
        plain = connection.execute("select pg_total_relation_size('public.plain')").fetchone()
        compressed_rows = connection.execute(
            "select count(*) from raw.registry_events where created_at < %s", row[:1]
        ).fetchone()
        connection.execute("drop table public.plain")
    assert plain is not None
    assert compressed_rows is not None
    before, after = plain[0] / rows, float(row[1]) / compressed_rows[0]
    print(f"plain {before:.0f} bytes an event, compressed {after:.0f}, share {after / before:.2f}")
    assert after / before <= MOST_SHARE_OF_PLAIN


def test_a_days_refresh_and_its_queries(world: World, tmp_path: Path) -> None:
    compress_old(world.url)
    full = world.refresh(0)
    world.deliver_last_day()
    day = world.refresh(1)
    # Another day without anything new tells what a refresh costs besides the day.
    idle = world.refresh(2)
    print(f"first refresh {full:.1f} s, with one new day {day:.1f} s, with nothing new {idle:.1f} s")

    print("on disk: " + ", ".join(f"{part} {bytes_ / 1e9:.2f} GB" for part, bytes_ in sizes(world.url).items()))

    slow = queries_slower_than(world, MOST_QUERY_SECONDS)
    ratios = times_raw(world)
    print("times the same from raw: " + ", ".join(f"{name} {ratio:.0f}" for name, ratio in ratios.items()))

    with database("skillsmith_bench_short") as url:
        short = filled(url, tmp_path, DAYS // 10, EVENTS // 10)
        compress_old(url)
        short.refresh(0)
        short.deliver_last_day()
        short_day = short.refresh(1)
    print(f"one new day after a tenth of the history {short_day:.1f} s, ratio {day / short_day:.2f}")
    assert slow == {}
    assert {name: ratio for name, ratio in ratios.items() if ratio < LEAST_TIMES_RAW} == {}
    assert day <= MOST_REFRESH_SECONDS
    assert day / short_day <= MOST_TIMES_SHORT


def sizes(url: str) -> dict[str, float]:
    """Bytes of every schema of the warehouse, indexes included, the largest first; chunks count where they belong."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select part, sum(bytes) from ("
            "select n.nspname as part, pg_total_relation_size(c.oid) as bytes from pg_class as c "
            "join pg_namespace as n on n.oid = c.relnamespace where c.relkind in ('r', 'm') "
            "and n.nspname !~ '^(pg_|_timescaledb|timescaledb|information_schema)' "
            "union all select hypertable_schema, hypertable_size(format('%I.%I', hypertable_schema, hypertable_name)) "
            "from timescaledb_information.hypertables where hypertable_schema not like '\\_timescaledb%' "
            "union all select view_schema, hypertable_size(format('%I.%I', materialization_hypertable_schema, "
            "materialization_hypertable_name)) from timescaledb_information.continuous_aggregates"
            ") as parts group by 1 having sum(bytes) > 0 order by 2 desc"
        ).fetchall()
    return {part: float(bytes_) for part, bytes_ in rows}


def parameters(world: World) -> dict[str, object]:
    """The busiest team, its newest complete period and its first skill, as pages open with them."""
    with open_reader(world.settings) as reader:
        [row] = reader.query(
            "select account_id, team_id, period_end from metrics.team_activity where period_days = 28 "
            "and active_users is not null order by active_users desc, period_end desc limit 1",
            OPERATOR,
            ["metrics.team_activity"],
            {},
        ).to_pylist()
        [skill] = reader.query(
            "select skill_name from metrics.team_skill_usage where team_id = $team_id and period_days = 28 "
            "and period_end = $period_end order by users desc limit 1",
            OPERATOR,
            ["metrics.team_skill_usage"],
            {"team_id": row["team_id"], "period_end": row["period_end"]},
        ).to_pylist()
    months = {"first_month": LAST.replace(day=1) - timedelta(days=180), "last_month": LAST.replace(day=1)}
    whole = {"period_days": 28, "assumption_set": "default", "segment": "total", "surface": "*", "model": "*"}
    return row | skill | months | whole | {"table_name": "team_activity", "column_name": "adoption_rate"}


def queries_slower_than(world: World, seconds: float) -> dict[str, float]:
    """Every query of the dashboards as the viewer it is for, warm; the 95th percentile of those that are too slow."""
    given = parameters(world)
    account, team = str(given["account_id"]), str(given["team_id"])
    lead = Viewer("lead", Role.TEAM_LEAD, frozenset({account}), frozenset({team}))
    slowest: dict[str, float] = {}
    with open_reader(world.settings) as reader:
        teams = reader.query(
            "select team_id from metrics.teams where account_id = $account_id",
            OPERATOR,
            ["metrics.teams"],
            {"account_id": account},
        )
        owner = replace(lead, who="owner", team_ids=frozenset(teams["team_id"].to_pylist()))
        busiest = query_file("busiest_member")
        bound = {name: given[name] for name in busiest.parameters}
        [person] = reader.query(busiest.sql, OPERATOR, busiest.tables, bound).to_pylist()[:1]
        member = replace(lead, who="member", role=Role.MEMBER, actor_key=str(person["actor_key"]))
        for path in sorted(QUERIES.glob("*.sql")):
            file = query_file(path.stem)
            bound = {name: given[name] for name in file.parameters}
            # Whom the demo looks as the operator asks; what nobody has a share of, somebody who may read all of it.
            if path.stem.startswith("busiest_"):
                viewer = OPERATOR
            elif path.stem.startswith("my_"):
                viewer = member
            elif path.stem.startswith("account"):
                viewer = owner
            elif "team_id" in bound:
                viewer = lead
            else:
                viewer = next(each for each in (EXECUTIVE, ENGINEER) if may_read(each, file.tables))
            taken = seconds_of(partial(reader.query, file.sql, viewer, file.tables, bound), times=45)[5:]
            slowest[file.name] = sorted(taken)[int(len(taken) * 0.95)]
    print("queries, 95th percentile: " + ", ".join(f"{name} {p * 1000:.0f} ms" for name, p in slowest.items()))
    return {name: p for name, p in slowest.items() if p > seconds}


def may_read(viewer: Viewer, tables: Sequence[str]) -> bool:
    try:
        require_tables(viewer, tables)
    except AccessError:
        return False
    return True


def times_raw(world: World) -> dict[str, float]:
    """How many times longer the figures of a query take from raw rows: one of each kind."""
    given = parameters(world)
    end = given["period_end"]
    assert isinstance(end, date)
    span = {"first": end - timedelta(days=27), "after": end + timedelta(days=1), "team": given["team_id"]}
    uses = (
        "from raw.registry_events as e join raw.registry_team_members as m on m.actor_key = e.actor_key "
        "and m.team_id = %(team)s where e.event_type = 'telemetry:skill_invoke' and e.created_at >= %(first)s "
        "and e.created_at < %(after)s and e.metadata ->> 'success' = 'true'"
    )
    from_raw = {
        # Of the 53 weeks that this one shows, the newest alone.
        "team_activity": f"select count(distinct e.actor_key) {uses}",
        "team_skills": f"select e.metadata ->> 'skill_name', count(distinct e.actor_key), count(*) {uses} group by 1",
        # As S2 has it: a check holds until its probe's next one, ten minutes at most; a minute is down by any probe.
        "availability": "select component, cast(minute as date), count(distinct minute) filter (where is_down), "
        "count(distinct minute) from (select component, status = 'outage' as is_down, "
        "generate_series(date_trunc('minute', checked_at), least(coalesce(lead(checked_at) over (partition by "
        "component, probe order by checked_at), %(after)s), checked_at + interval '10 minutes') "
        "- interval '1 second', interval '1 minute') as minute from raw.status_checks "
        "where checked_at >= %(first)s and checked_at < %(after)s) as minutes group by 1, 2",
        "slo_status": "select count(*) filter (where duration_ms < 200), count(*) from raw.registry_api_requests "
        "where started_at >= %(first)s and started_at < %(after)s",
    }
    ratios = {}
    with psycopg.connect(world.url, autocommit=True) as connection, open_reader(world.settings) as reader:
        for name, statement in from_raw.items():
            file = query_file(name)
            bound = {each: given[each] for each in file.parameters}
            raw = statistics.median(seconds_of(lambda s=statement: connection.execute(s.encode(), span).fetchall(), 3))
            page = statistics.median(seconds_of(partial(reader.query, file.sql, OPERATOR, file.tables, bound), 9))
            ratios[name] = raw / page
            print(f"{name}: {page * 1000:.0f} ms, from raw {raw * 1000:.0f} ms")
    return ratios
