"""How fast the registry is read from a local server, beside a bare COPY of the same rows in the same run."""

import os
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from ingest.contracts import CONTRACTS
from ingest.live.registry import RegistrySource
from warehouse.settings import load_settings

pytestmark = pytest.mark.long

ROWS = 2_000_000
LEAST_ROWS_A_SECOND = 150_000
LEAST_SHARE_OF_BARE = 0.6
MOST_MEGABYTES_MORE = 100


@pytest.fixture
def registry(postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "create table events (event_id uuid primary key default gen_random_uuid(), created_at timestamptz, "
            "event_type text, actor text, auth_tier text, auth_method text, user_agent text, ip_prefix text, "
            "metadata jsonb)"
        )
        connection.execute(
            "insert into events (created_at, event_type, actor, auth_tier, auth_method, user_agent, ip_prefix, "
            "metadata) select timestamptz '2026-01-01' + i * interval '5 s', 'telemetry:skill_invoke', "
            "'person-' || i % 5000, 'team', 'api_key', 'skillsmith-cli/1.2.3 (linux)', '203.0.113.0/24', "
            "jsonb_build_object('skill_name', 'anthropic/skill-' || i % 900, 'source', 'mcp-tool', 'session_id', "
            "md5(i::text), 'duration_ms', i % 3000, 'success', i % 11 > 0, 'sdk_version', '1.4.2') "
            f"from generate_series(1, {ROWS}) as numbers (i)".encode()
        )
        connection.execute("create index on events (created_at)")
        connection.execute("vacuum analyze events")
    return postgres_url


def bare(address: str, path: Path) -> float:
    """Seconds that psycopg takes to write the same rows to one file."""
    begun = time.perf_counter()
    with (
        psycopg.connect(address) as connection,
        connection.cursor() as cursor,
        path.open("wb") as file,
        cursor.copy("copy events to stdout with (format csv, header true)") as rows,
    ):
        for row in rows:
            file.write(row)
    return time.perf_counter() - begun


def test_the_registry_is_read_at_half_the_rate_of_a_bare_copy_in_bounded_memory(registry: str, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    source = RegistrySource(load_settings(home=tmp_path / "home", registry_url=registry))
    process = psutil.Process(os.getpid())
    bare(registry, tmp_path / "warm.csv")
    before = process.memory_info().rss
    most = rows = 0
    begun = time.perf_counter()
    for window in source.windows(CONTRACTS["registry/events"], None, spool):
        rows += window.rows_claimed or 0
        most = max(most, process.memory_info().rss)
        window.path.unlink()
    ours = time.perf_counter() - begun
    source.close()
    alone = bare(registry, tmp_path / "bare.csv")

    more = (most - before) / (1 << 20)
    print(
        f"bare {ROWS / alone:,.0f} rows/s, registry {ROWS / ours:,.0f} rows/s, share {alone / ours:.2f}, "
        f"memory +{more:.0f} MB"
    )
    assert rows == ROWS
    assert alone / ours >= LEAST_SHARE_OF_BARE
    # Where other work leaves a bare COPY itself no more than that, only the share can be asked for.
    assert ROWS / ours >= min(LEAST_ROWS_A_SECOND, LEAST_SHARE_OF_BARE * ROWS / alone)
    assert more <= MOST_MEGABYTES_MORE
