"""How fast files land, beside a bare `read_json` of the same files into a table in the same run.

SKILLSMITH_TEST_BENCH_EVENTS sets the size; limits are meant for 10,000,000. SKILLSMITH_TEST_DLT_PYTHON names a Python
that has dlt[duckdb], which then loads the same files in the same run.
"""

import json
import os
import subprocess
import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingest.files import import_drop
from warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.long

ROWS = int(os.environ.get("SKILLSMITH_TEST_BENCH_EVENTS", "1000000"))
FILES = 20
LEAST_SHARE_OF_BARE = 0.45
MOST_PEAK_BYTES = 1.5e9
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


def timed(code: str, *arguments: str, python: str = sys.executable) -> tuple[float, float, str]:
    """Seconds and peak bytes of a program, and what it printed last."""
    told = """
import resource, sys, time
begun = time.perf_counter()
{code}
print()
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    done = subprocess.run(
        [python, "-c", told.replace("{code}", textwrap.dedent(code)), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]) if python == sys.executable else ""},
    )
    *printed, last = done.stdout.strip().splitlines()
    seconds, peak = last.split()
    return float(seconds), float(peak), next((line for line in reversed(printed) if line), "")


BARE = """
import duckdb
engine = duckdb.connect(sys.argv[1] + "/bare.duckdb", config={"threads": 2})
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
settings = load_settings(home=Path(sys.argv[1]) / "home", secret="a key for tests only")
with open_warehouse(settings) as warehouse:
    report = import_drop(warehouse, Path(sys.argv[1]) / "drop", as_of=datetime(2026, 12, 1))
print(report.by_entity()["registry/events"].rows_loaded)
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


def test_import_keeps_its_share_of_a_bare_read_in_bounded_memory(tmp_path: Path) -> None:
    each = ROWS // FILES
    for number in range(FILES):
        write_events(tmp_path / "drop" / "registry" / "events" / f"{number:02}.ndjson.gz", number * each, each)
    bare, bare_peak, _ = timed(BARE, str(tmp_path))
    ours, peak, loaded = timed(OURS, str(tmp_path))
    print(
        f"{ROWS:,} rows: bare {ROWS / bare:,.0f} rows/s ({bare_peak / 1e9:.2f} GB), import {ROWS / ours:,.0f} rows/s "
        f"({peak / 1e9:.2f} GB), share {bare / ours:.2f}"
    )
    if python := os.environ.get("SKILLSMITH_TEST_DLT_PYTHON"):
        dlt, dlt_peak, _ = timed(DLT, str(tmp_path), python=python)
        print(f"dlt {ROWS / dlt:,.0f} rows/s ({dlt_peak / 1e9:.2f} GB), import is {dlt / ours:.1f} times as fast")
    assert int(loaded) == FILES * each
    assert peak <= MOST_PEAK_BYTES
    assert bare / ours >= LEAST_SHARE_OF_BARE


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
