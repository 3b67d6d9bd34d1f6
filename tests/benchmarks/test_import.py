"""How fast files land, beside what an engine does with the same files or rows and nothing else, in the same run.

SKILLSMITH_TEST_BENCH_EVENTS sets the size; limits are meant for 10,000,000. SKILLSMITH_TEST_DLT_PYTHON names a Python
that has dlt[duckdb,filesystem], which then loads the same files. SKILLSMITH_TEST_TIMESCALE_URL names a native server;
without it COPY is measured on the embedded one.

DuckDB's share is one of processor time: both use every core, and other work on a machine slows the two unequally. What
an import of nothing takes (Python, the tables) is told apart, for of few rows it would be most. What PostgreSQL is
given is parsed while it takes what came before, so there it is time that counts.
"""

import gzip
import json
import os
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psycopg
import pytest

from ingest.files import import_drop
from orchestration.pipeline import install
from warehouse import open_warehouse
from warehouse.duckdb import DuckDBWarehouse
from warehouse.settings import load_settings

pytestmark = pytest.mark.long

ROWS = int(os.environ.get("SKILLSMITH_TEST_BENCH_EVENTS", "1000000"))
FILES = 20
LEAST_SHARE_OF_BARE = 0.45
LEAST_SHARE_OF_COPY = 0.6
MOST_PEAK_BYTES = 1.5e9
MOST_LOOKS_FOR_KEYS = 3
MOST_SECONDS_PER_1000_KNOWN_FILES = 1.0


def write_events(path: Path, first: int, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as engine:
        engine.execute(
            f"""
            copy (
                select
                    uuid()::varchar as event_id,
                    strftime(timestamp '2026-01-01' + to_seconds(i), '%Y-%m-%dT%H:%M:%SZ') as created_at,
                    if(i % 5 = 0, 'search:metrics', 'telemetry:skill_invoke') as event_type,
                    'person-' || (i % 5000) as actor,
                    'team' as auth_tier,
                    'api_key' as auth_method,
                    'skillsmith-cli/1.2.3 (linux)' as user_agent,
                    '203.0.113.0/24' as ip_prefix,
                    {{
                        'skill_name': 'anthropic/skill-' || (i % 900), 'source': 'mcp-tool',
                        'framework': 'claude-code', 'session_id': md5(i::varchar), 'duration_ms': i % 3000,
                        'success': i % 11 > 0, 'sdk_version': '1.4.2', 'platform': 'linux'
                    }} as metadata
                from range({first}, {first + rows}) as numbers(i)
            ) to '{path}' (format json, compression gzip)
            """
        )


@dataclass(frozen=True)
class Run:
    """What a program took, and what it printed last."""

    seconds: float
    cpu_seconds: float
    peak_bytes: float
    printed: str

    def __str__(self) -> str:
        return f"{ROWS / self.seconds:,.0f} rows/s, {self.cpu_seconds:.0f} s of CPU, {self.peak_bytes / 1e9:.2f} GB"


def timed(code: str, *arguments: str, python: str = sys.executable) -> Run:
    told = """
import resource, sys, time
begun = time.perf_counter()
{code}
print()
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""
    done = subprocess.run(
        [python, "-c", told.replace("{code}", textwrap.dedent(code)), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]) if python == sys.executable else ""},
    )
    *printed, last = done.stdout.strip().splitlines()
    seconds, cpu_seconds, peak_bytes = map(float, last.split())
    return Run(seconds, cpu_seconds, peak_bytes, next((line for line in reversed(printed) if line), ""))


# The engine finds out by itself what the columns are, and so takes `metadata` apart, as the import does.
BARE = """
import duckdb
engine = duckdb.connect(sys.argv[1] + "/bare.duckdb", config={"threads": 2})
engine.execute(
    "create table events as select * from read_json($files)", {"files": sys.argv[1] + "/drop/registry/events/*.gz"}
)
engine.close()
"""

# The same where it is told them: a lower bound of what reading these files can take.
TOLD = """
import duckdb
engine = duckdb.connect(sys.argv[1] + "/told.duckdb", config={"threads": 2})
engine.execute(
    "create table events as select * from read_json($files, columns = {event_id: 'VARCHAR', created_at: 'TIMESTAMP', "
    "event_type: 'VARCHAR', actor: 'VARCHAR', auth_tier: 'VARCHAR', auth_method: 'VARCHAR', user_agent: 'VARCHAR', "
    "ip_prefix: 'VARCHAR', metadata: 'JSON'})",
    {"files": sys.argv[1] + "/drop/registry/events/*.gz"},
)
engine.close()
"""

OURS = """
from datetime import datetime
from pathlib import Path
from ingest.files import import_drop
from warehouse import open_warehouse
from warehouse.settings import load_settings
home = Path(sys.argv[1]) / "home"
settings = load_settings(home=home, secret="a key for tests only", warehouse_url=(sys.argv[2:] or [None])[0])
with open_warehouse(settings) as warehouse:
    # COPY has no rollups to keep.
    warehouse.freshen = lambda: None
    report = import_drop(warehouse, Path(sys.argv[1]) / "drop", as_of=datetime(2026, 12, 1))
print(sum(load.rows_loaded for load in report.loads))
"""

DLT = """
import dlt
from dlt.sources.filesystem import filesystem, read_jsonl
files = filesystem(bucket_url="file://" + sys.argv[1] + "/drop/registry/events", file_glob="*.gz")
pipeline = dlt.pipeline(
    "bench", pipelines_dir=sys.argv[1] + "/dlt", dataset_name="raw",
    destination=dlt.destinations.duckdb(sys.argv[1] + "/dlt.duckdb"),
)
pipeline.run((files | read_jsonl()).with_name("events"), write_disposition="append")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose drop folder has the events."""
    folder = tmp_path_factory.mktemp("bench")
    each = ROWS // FILES
    for number in range(FILES):
        write_events(folder / "drop" / "registry" / "events" / f"{number:02}.ndjson.gz", number * each, each)
    return folder


def test_import_keeps_its_share_of_a_bare_read_in_bounded_memory(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    nothing = timed(OURS, str(tmp_path))
    bare, told, ours = (timed(code, str(folder)) for code in (BARE, TOLD, OURS))
    used = ours.cpu_seconds - nothing.cpu_seconds
    share = bare.cpu_seconds / used
    by_time = bare.seconds / (ours.seconds - nothing.seconds)
    print(f"{ROWS:,} rows: bare {bare}; import {ours}, of which {nothing.cpu_seconds:.1f} s for nothing")
    print(f"share of the bare rate {share:.2f} by CPU, {by_time:.2f} by time")
    print(f"a bare read that is told the columns {told}; share of its rate {told.cpu_seconds / used:.2f} by CPU")
    if python := os.environ.get("SKILLSMITH_TEST_DLT_PYTHON"):
        dlt = timed(DLT, str(folder), python=python)
        times, by_cpu = dlt.seconds / ours.seconds, dlt.cpu_seconds / ours.cpu_seconds
        print(f"dlt {dlt}; import is {times:.1f} times as fast, {by_cpu:.1f} times by CPU")
    assert int(ours.printed) == ROWS // FILES * FILES
    assert ours.peak_bytes <= MOST_PEAK_BYTES
    assert share >= LEAST_SHARE_OF_BARE


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of an empty database of the native server, or of the embedded one."""
    native = os.environ.get("SKILLSMITH_TEST_TIMESCALE_URL")
    if not native:
        yield request.getfixturevalue("postgres_url")
        return
    name = f"bench_{uuid.uuid4().hex}"
    with psycopg.connect(native, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    yield urlsplit(native)._replace(path=f"/{name}").geturl()
    with psycopg.connect(native, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


def test_import_keeps_three_fifths_of_the_rate_of_a_bare_copy(folder: Path, server: str, tmp_path: Path) -> None:
    (tmp_path / "drop").symlink_to(folder / "drop")
    with open_warehouse(load_settings(home=tmp_path / "home", secret="a key", warehouse_url=server)) as warehouse:
        install(warehouse)
    ours = timed(OURS, str(tmp_path), server)
    rows = tmp_path / "rows"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("create schema bench")
        connection.execute("create table bench.bare (like raw.registry_events including indexes)")
        is_timescale = connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone()
        if is_timescale:
            connection.execute(
                "select create_hypertable('bench.bare', by_range('created_at', interval '7 days'), "
                "create_default_indexes => false)"
            )
        with (
            rows.open("wb") as file,
            connection.cursor().copy("copy (select * from raw.registry_events) to stdout") as parts,
        ):
            for part in parts:
                file.write(part)
        connection.execute("checkpoint")
        begun = time.perf_counter()
        with rows.open("rb") as file, connection.cursor().copy("copy bench.bare from stdin") as to:
            while part := file.read(1 << 20):
                to.write(part)
        bare = time.perf_counter() - begun
    share = bare / ours.seconds
    kind = "TimescaleDB" if is_timescale else "plain PostgreSQL"
    print(f"{ROWS:,} rows, {kind}: bare COPY {ROWS / bare:,.0f} rows/s; import {ours}; share {share:.2f}")
    assert int(ours.printed) == ROWS // FILES * FILES
    assert ours.peak_bytes <= MOST_PEAK_BYTES
    assert share >= LEAST_SHARE_OF_COPY


FIND = """
import duckdb
engine = duckdb.connect(sys.argv[1] + "/home/warehouse.duckdb", config={"threads": 2})
engine.execute("create temp table staged as from read_json($files)", {"files": sys.argv[1] + "/drop/registry/events/*"})
for _ in range(2):
    started = time.process_time()
    engine.execute(
        "select t.rowid, t.event_id, t.file_name, t.file_line from raw.registry_events as t "
        "semi join staged as s on s.event_id = t.event_id"
    ).fetchall()
    print(time.process_time() - started)
engine.close()
"""


def test_a_small_delivery_with_a_bad_row_costs_a_few_looks_for_its_keys_in_a_long_table(
    folder: Path, tmp_path: Path
) -> None:
    long, short = tmp_path / "long", tmp_path / "short"
    long.mkdir()
    (long / "drop").symlink_to(folder / "drop")
    write_events(short / "drop" / "registry" / "events" / "old.ndjson.gz", ROWS, 1_000)
    for place in (long, short):
        timed(OURS, str(place))
    (long / "drop").unlink()
    (short / "drop" / "registry" / "events" / "old.ndjson.gz").unlink()
    rows = tmp_path / "new.ndjson.gz"
    write_events(rows, ROWS + 1_000, 1_000)
    for place in (long, short):
        (place / "drop" / "registry" / "events").mkdir(parents=True, exist_ok=True)
        with gzip.open(place / "drop" / "registry" / "events" / "new.ndjson.gz", "wb") as file:
            file.write(gzip.decompress(rows.read_bytes()) + b'{"event_id": "bad"}\n')

    look = float(timed(FIND, str(long)).printed)
    into_short, into_long = (timed(OURS, str(place)) for place in (short, long))

    added = into_long.cpu_seconds - into_short.cpu_seconds
    print(
        f"1,000 rows into {ROWS:,}: {added:.2f} s of CPU more than into 1,000; a look for their keys {look:.2f} s: "
        f"{added / look:.1f} times"
    )
    assert int(into_long.printed) == 1_000
    assert added / look <= MOST_LOOKS_FOR_KEYS


def test_known_files_cost_a_millisecond_each(duckdb_warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    folder = tmp_path / "drop" / "finance" / "costs"
    folder.mkdir(parents=True)
    for number in range(1000):
        row = {"month": f"{1900 + number // 12}-{number % 12 + 1:02}", "category": "tools", "amount_cents": number}
        (folder / f"{number:04}.ndjson").write_text(json.dumps(row) + "\n")
    import_drop(duckdb_warehouse, tmp_path / "drop", as_of=datetime(2026, 12, 1))
    empty = tmp_path / "empty"
    empty.mkdir()
    begun = time.perf_counter()
    import_drop(duckdb_warehouse, empty, as_of=datetime(2026, 12, 1))
    nothing = time.perf_counter() - begun

    begun = time.perf_counter()
    report = import_drop(duckdb_warehouse, tmp_path / "drop", as_of=datetime(2026, 12, 1))
    known = time.perf_counter() - begun - nothing

    print(f"1000 known files: {known:.2f} s beyond an import of nothing ({nothing:.2f} s)")
    assert report.known == 1000
    assert known <= MOST_SECONDS_PER_1000_KNOWN_FILES
