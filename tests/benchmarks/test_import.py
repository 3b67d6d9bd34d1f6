"""How fast files land, beside a bare `read_json` of the same file into a table in the same run."""

import json
import time
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ingest.files import import_drop
from warehouse.duckdb import DuckDBWarehouse

pytestmark = pytest.mark.long

ROWS = 1_000_000
LEAST_SHARE_OF_BARE = 0.25
MOST_SECONDS_PER_1000_KNOWN_FILES = 1.0


def write_events(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as engine:
        engine.execute(
            f"""
            copy (
                select
                    uuid()::varchar as event_id,
                    strftime(timestamp '2026-01-01' + to_seconds(i * 5), '%Y-%m-%dT%H:%M:%SZ') as created_at,
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
                from range({rows}) as numbers(i)
            ) to '{path}' (format json)
            """
        )


def test_import_keeps_a_quarter_of_the_rate_of_a_bare_read(duckdb_warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    file = tmp_path / "drop" / "registry" / "events" / "events.ndjson"
    write_events(file, ROWS)
    begun = time.perf_counter()
    with duckdb.connect(str(tmp_path / "bare.duckdb"), config={"threads": 2}) as engine:
        engine.execute("create table events as select * from read_json($path)", {"path": str(file)})
    bare = time.perf_counter() - begun

    begun = time.perf_counter()
    report = import_drop(duckdb_warehouse, tmp_path / "drop", as_of=datetime(2026, 12, 1))
    ours = time.perf_counter() - begun

    print(f"bare {ROWS / bare:,.0f} rows/s, import {ROWS / ours:,.0f} rows/s, share {bare / ours:.2f}")
    assert report.by_entity()["registry/events"].rows_loaded == ROWS
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
