"""How long chunks should be, and how their columns should lie, for what grows with time besides events.

Prints one line a layout, the chosen one marked; docs/decisions/0015 has the figures. On a native server
(SKILLSMITH_TEST_TIMESCALE_URL), best one of this machine: then its processor time is what counts.
SKILLSMITH_TEST_BENCH_EVENTS sets the size as for test_timescale.py: 20,000,000 stand for 6.7 million requests of 180
days, and for 1.9 million checks and 10,000 repositories a day of two years.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from pathlib import Path

import psycopg
import pytest

from ingest.contracts import CONTRACTS
from orchestration.pipeline import initialise
from tests.benchmarks.test_timescale import EVENTS, LAST, database
from warehouse import open_warehouse, timescale
from warehouse.postgres import PostgresWriter
from warehouse.settings import load_settings
from warehouse.tables import TableSpec, Timeline

pytestmark = [pytest.mark.long, pytest.mark.timescale]

SIZE = EVENTS / 20_000_000
TIMES, ASKED = 3, 10
# Of layouts with chunks of the same length; late rows have a floor below which nobody waits.
MOST_TIMES_SMALLEST, MOST_TIMES_SOONEST, SOON_SECONDS = 1.5, 3, 0.1
LATE_ROWS = 1_000


@dataclass(frozen=True)
class Entity:
    """What is laid out: its days, the staged rows of a day as DuckDB's SQL over `i`, what its models ask.

    A question has {table}, {first} and {after}, the days that it is about.
    """

    name: str
    days: int
    rows_a_day: int
    row: str
    late: str
    many_days: int
    question: str
    layouts: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]

    @property
    def spec(self) -> TableSpec:
        return CONTRACTS[self.name].table


# The bounds are asked, as the models ask them: a plan then names every chunk that there is.
BETWEEN = (
    "(select min(day) from touched)::timestamp at time zone 'UTC' and {time} < "
    "(select max(day) + 1 from touched)::timestamp at time zone 'UTC'"
)
TOUCHED = (
    "with touched as materialized (select day::date "
    "from generate_series('{first}'::date, '{after}'::date - 1, '1 day') as day) "
)

REQUESTS = Entity(
    "registry/api_requests",
    180,
    max(1, int(37_000 * SIZE)),
    "md5(day::varchar || i) as request_id, day + to_milliseconds(i * 86400000 // {rows}) as started_at, "
    "if(hash(i, day) % 12 = 0, null, "
    "'acc_' || substr(md5((floor(sqrt(hash(i, day) % 40000)::double)::int)::varchar), 1, 12)) as account_id, "
    "['search', 'get', 'recommend', 'install', 'events', 'stats', 'other'][(1 + hash(day, i) % 7)::int] "
    "as route, "
    "if(hash(day, i) % 7 = 4, 'POST', 'GET') as method, "
    "[200, 200, 200, 200, 404, 429, 500, 401][greatest(1, (hash(i + 1, day) % 16)::int - 7)] "
    "as status_code, round(exp(3.4 + (hash(i + 2, day) % 1000) / 400.0), 1) as duration_ms, 'us-east-1' as region",
    "request_id = 'late-' || request_id",
    7,
    TOUCHED + "select t.started_at::date, extract(epoch from t.started_at)::bigint / 60, account_id, count(*), "
    "sum(case when status_code >= 500 then 1 else 0 end), sum(case when duration_ms < 200 then 1 else 0 end), "
    "max(loaded_at) from {table} as t join touched on t.started_at::date = touched.day "
    f"where t.started_at >= {BETWEEN.format(time='t.started_at')} group by 1, 2, 3",
    (
        (1, (), ("started_at",)),
        (7, (), ("started_at",)),
        (28, (), ("started_at",)),
        (90, (), ("started_at",)),
        (7, ("route",), ("started_at",)),
        (7, ("account_id",), ("started_at",)),
        (7, (), ("account_id", "started_at")),
    ),
)

CHECKS = Entity(
    "status/checks",
    730,
    max(10, int(2_600 * SIZE) // 10 * 10),
    "['website', 'database', 'api', 'search', 'registry'][1 + i % 5] as component, "
    "day + to_seconds(i // 10 * 864000 // {rows} + hash(i, day) % 60) as checked_at, "
    "['internal', 'external'][1 + i // 5 % 2] as probe, "
    "if(hash(i, day) % 500 = 0, 'outage', if(hash(i, day) % 200 = 0, 'degraded', 'operational')) as status, "
    "(40 + hash(day, i) % 90)::double as latency_ms",
    "checked_at = checked_at + interval 7 millisecond",
    30,
    TOUCHED + "select component, probe, status, extract(epoch from checked_at)::bigint / 60, row_number() over "
    "(partition by component, probe, extract(epoch from checked_at)::bigint / 60 order by checked_at desc) "
    f"from {{table}} as t where t.checked_at >= {BETWEEN.format(time='t.checked_at')}",
    (
        (7, ("component",), ("checked_at",)),
        (28, ("component",), ("checked_at",)),
        (90, ("component",), ("checked_at",)),
        (180, ("component",), ("checked_at",)),
        (90, (), ("checked_at",)),
        (90, ("component", "probe"), ("checked_at",)),
        (90, (), ("component", "probe", "checked_at")),
    ),
)

SNAPSHOTS = Entity(
    "github/repositories",
    730,
    max(1, int(10_000 * SIZE)),
    "(800000 + i)::varchar as repository_id, 'owner-' || (i // 3) || '/repository-' || i as full_name, "
    "day::date as snapshot_day, (hash(i) % 20000 + datediff('day', date '2020-01-01', day) * (hash(i) % 7) // 5)"
    "::bigint as stars, (hash(i) % 900 + datediff('day', date '2020-01-01', day) // (10 + hash(i) % 90))::bigint "
    "as forks, "
    "(hash(i) % 400)::bigint as watchers, (hash(i, day) % 9 + hash(i) % 40)::bigint as open_issues, "
    """'["claude","skills"]' as topics, if(i % 4 = 0, null, 'MIT') as license, i % 50 = 0 as is_archived, """
    "day - to_hours((hash(i) % 900)::int) as pushed_at, 'main' as default_branch",
    "repository_id = 'late-' || repository_id",
    30,
    TOUCHED + "select lower(full_name), repository_id, max(snapshot_day) from {table} as t where snapshot_day >= "
    "(select min(day) from touched) and snapshot_day <= (select max(day) from touched) and full_name like '%/%' "
    "and repository_id not like '%/%' group by 1, 2",
    (
        (7, (), ("repository_id", "snapshot_day")),
        (28, (), ("repository_id", "snapshot_day")),
        (90, (), ("repository_id", "snapshot_day")),
        (28, ("repository_id",), ("snapshot_day",)),
        (28, (), ("snapshot_day",)),
        (28, (), ("snapshot_day", "repository_id")),
        (90, ("repository_id",), ("snapshot_day",)),
    ),
)

AFTER = LAST + timedelta(days=1)


@dataclass(frozen=True)
class Figures:
    """What one layout takes."""

    chunks: int
    bytes_a_row: float
    megabytes: float
    compress: float
    day: float
    late: float
    again: float
    new: float
    old: float
    many: float
    nothing: float

    def __str__(self) -> str:
        return (
            f"{self.chunks:4} chunks  {self.bytes_a_row:6.1f} bytes a row in columns  {self.megabytes:6.0f} MB in all  "
            f"compress {self.compress:5.1f} s  day {self.day * 1000:5.0f}  late {self.late * 1000:5.0f}  "
            f"again {self.again * 1000:5.0f}  asked: new day {self.new * 1000:4.0f}  old day {self.old * 1000:4.0f}  "
            f"many days {self.many * 1000:4.0f}  nothing {self.nothing * 1000:4.1f} ms"
        )


def stage(writer: PostgresWriter, entity: Entity, first: date, days: int, rows: int, load: int) -> None:
    shape = entity.row.replace("{rows}", str(rows))
    writer.reading.sql(
        f"create or replace temp table staged as select {shape}, null::json as extra, 'load-{load}' as load_id, "
        f"timestamp '2026-01-01' + to_seconds({load}) as loaded_at, 'file-{load}.ndjson.gz' as file_name, "
        f"i as file_line from (select timestamp '{first}' + to_days(n::int) as day from range({days}) as d(n)), "
        f"range({rows}) as r(i) order by day, i"
    )


class Clock:
    """Seconds of the session's server process: of processor time where the server runs on this machine, else of time.

    Other work on the machine then hardly shows. Nothing is asked of the server between two looks.
    """

    def __init__(self, writer: PostgresWriter) -> None:
        own = Path(f"/proc/{writer.connection.info.backend_pid}")
        is_here = own.is_dir() and b"skillsmith_bench" in (own / "cmdline").read_bytes()
        self._stat = own / "stat" if is_here else None

    def now(self) -> float:
        if self._stat is None:
            return time.perf_counter()
        return sum(map(int, self._stat.read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def taken(self, work: Callable[[], object]) -> float:
        begun = self.now()
        work()
        return self.now() - begun


def measure(writer: PostgresWriter, entity: Entity, line: Timeline, number: int) -> Figures:
    table = replace(entity.spec, schema="bench", name=f"layout_{number}", timeline=line)
    first, clock = AFTER - timedelta(days=entity.days), Clock(writer)

    def merge() -> None:
        with writer.transaction():
            writer.merge("staged", table)

    def ask(question: bytes) -> None:
        writer.connection.execute(question).fetchall()

    writer.execute("create schema if not exists bench")
    writer.execute(f"create table {table.qualified} (like {entity.spec.qualified})")
    for statement in timescale.make_hypertable(table):
        writer.execute(statement)
    keys = ", ".join(timescale.key_of(table, is_hypertable=True))
    writer.execute(f"create unique index on {table.qualified} ({keys})")
    for begin in range(0, entity.days, 30):
        days = min(30, entity.days - begin)
        stage(writer, entity, first + timedelta(days=begin), days, entity.rows_a_day, begin)
        merge()
    compress = clock.taken(
        lambda: writer.fetch(
            f"select compress_chunk(c, true) from show_chunks('{table.qualified}', "
            f"older_than => date '{AFTER}' - {line.compress_after_days}) as c"
        )
    )
    writer.execute(f"vacuum analyze {table.qualified}")
    [held] = writer.fetch(
        "select count(*) as chunks, sum(z.total_bytes)::float as bytes, min(c.range_start) as first_at, "
        "sum(z.total_bytes) filter (where c.is_compressed)::float as in_columns, "
        "max(c.range_end) filter (where c.is_compressed) as until from timescaledb_information.chunks as c "
        f"join chunks_detailed_size('{table.qualified}') as z on z.chunk_name = c.chunk_name "
        "where c.hypertable_schema = 'bench' and c.hypertable_name = ?",
        [table.name],
    )
    [in_columns] = writer.fetch(
        f"select count(*) as n from {table.qualified} where {line.column} < ?", [held["until"].replace(tzinfo=UTC)]
    )

    old, asked = first + timedelta(days=10), {}
    for name, (begin, end) in {
        "new": (LAST, AFTER),
        "old": (old, old + timedelta(days=1)),
        "many": (AFTER - timedelta(days=entity.many_days), AFTER),
        "nothing": (AFTER, AFTER),
    }.items():
        question = entity.question.format(table=table.qualified, first=begin, after=end).encode()
        # A processor is counted in hundredths of a second.
        asked[name] = clock.taken(lambda q=question: [ask(q) for _ in range(ASKED)]) / ASKED

    merged: dict[str, list[float]] = {"day": [], "again": [], "late": []}
    for n in range(TIMES):
        stage(writer, entity, AFTER + timedelta(days=n), 1, entity.rows_a_day, 1_000 + n)
        merged["day"].append(clock.taken(merge))
        stage(writer, entity, old + timedelta(days=n), 1, entity.rows_a_day, 2_000 + n)
        writer.reading.sql("update staged set file_name = ' '")
        merged["again"].append(clock.taken(merge))
        stage(writer, entity, old + timedelta(days=n), 1, LATE_ROWS, 3_000 + n)
        writer.reading.sql(f"update staged set {entity.late}")
        merged["late"].append(clock.taken(merge))
    writer.execute(f"drop table {table.qualified}")
    return Figures(
        held["chunks"],
        held["in_columns"] / in_columns["n"],
        held["bytes"] / 1e6,
        compress,
        **{name: min(taken) for name, taken in merged.items()},
        **asked,
    )


@pytest.mark.parametrize("entity", [REQUESTS, CHECKS, SNAPSHOTS], ids=lambda entity: entity.name)
def test_the_chosen_layout_is_small_and_takes_late_rows_soon(entity: Entity, tmp_path: Path) -> None:
    with (
        database("skillsmith_bench_chunks") as url,
        open_warehouse(load_settings(home=tmp_path, secret="a key", warehouse_url=url)) as warehouse,
    ):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create extension if not exists timescaledb")
        initialise(warehouse)
        found: list[tuple[Timeline, Figures]] = []
        for number, (days, segment_by, order_by) in enumerate(entity.layouts):
            assert entity.spec.timeline is not None
            line = replace(entity.spec.timeline, chunk_days=days, segment_by=segment_by, order_by=order_by)
            with warehouse.write(None) as writer:
                assert isinstance(writer, PostgresWriter)
                # What a worker beside takes is not seen.
                writer.execute("set max_parallel_workers_per_gather = 0")
                found.append((line, measure(writer, entity, line, number)))
            mark = "*" if line == entity.spec.timeline else " "
            lies = f"{', '.join(segment_by) or '-':18} {', '.join(order_by):30}"
            print(f"{mark} {days:3} days  {lies} {found[-1][1]}", flush=True)
    [chosen] = [figures for line, figures in found if line == entity.spec.timeline]
    alike = [
        each for line, each in found if entity.spec.timeline and line.chunk_days == entity.spec.timeline.chunk_days
    ]
    assert chosen.bytes_a_row <= MOST_TIMES_SMALLEST * min(each.bytes_a_row for each in alike)
    assert chosen.late <= max(SOON_SECONDS, MOST_TIMES_SOONEST * min(each.late for each in alike))
