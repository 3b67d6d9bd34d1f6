"""A warehouse on TimescaleDB comes back from its backup by the steps of docs/operations.md."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from ingest.files import import_drop
from orchestration.pipeline import install
from tests.timescale.conftest import URL_VARIABLE
from tests.timescale.test_hypertables import AS_OF, load_six_weeks, put, request
from warehouse import open_warehouse, timescale
from warehouse.settings import load_settings

pytestmark = [pytest.mark.timescale, pytest.mark.long]

CONTENT = {
    "raw": "select event_id, created_at, actor_key, metadata::text from raw.registry_events order by event_id",
    "rollup": "select t::text as row from rollups.requests_by_hour as t order by 1",
    "days": "select * from raw.days order by table_name, day",
    "chunks": timescale.CHUNKS,
    "policies": (
        "select proc_name, hypertable_name, config::text from timescaledb_information.jobs where job_id >= 1000 "
        "order by job_id"
    ),
}


def content(address: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(address) as connection:
        return {name: connection.execute(statement.encode()).fetchall() for name, statement in CONTENT.items()}


@pytest.fixture
def empty_database(timescale_database: str) -> Iterator[str]:
    name = "skillsmith_restored"
    with psycopg.connect(timescale_database, autocommit=True) as connection:
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
    yield urlsplit(timescale_database)._replace(path=f"/{name}").geturl()
    with psycopg.connect(timescale_database, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def program(name: str, version: int) -> str:
    """A client program of PostgreSQL that is no older than the server."""
    found = shutil.which(name)
    said = subprocess.check_output([found, "--version"], text=True) if found else "0"
    if not found or int(said.split()[-1].split(".")[0].strip("(") or 0) < version:
        pytest.skip(f"not on this platform: no {name} of PostgreSQL {version} on PATH")
    return found


@pytest.mark.skipif(
    URL_VARIABLE not in os.environ,
    reason="not on this platform: the npm build is one session, and pg_dump wants its own",
)
def test_chunks_columns_rollups_and_policies_come_back(
    timescale_database: str, empty_database: str, tmp_path: Path
) -> None:
    with psycopg.connect(timescale_database) as connection:
        version = connection.info.server_version // 10_000
    dump, drop = tmp_path / "warehouse.dump", tmp_path / "drop"
    settings = load_settings(home=tmp_path / "home", secret="a key", warehouse_url=timescale_database, threads=1)
    with open_warehouse(settings) as warehouse:
        install(warehouse)
        load_six_weeks(warehouse, drop)
    with psycopg.connect(timescale_database, autocommit=True) as connection:
        connection.execute("select compress_chunk(c, true) from show_chunks('raw.registry_events') as c")
    before = content(timescale_database)
    assert [row[:3] for row in before["chunks"] if row[0] == "raw.registry_events"] == [("raw.registry_events", 7, 7)]

    subprocess.run(
        [program("pg_dump", version), "--format=custom", f"--file={dump}", timescale_database],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("create extension timescaledb")
        connection.execute("select timescaledb_pre_restore()")
        restore = [program("pg_restore", version), "--exit-on-error", f"--dbname={empty_database}", str(dump)]
        subprocess.run(restore, check=True)
        connection.execute("select timescaledb_post_restore()")

    restored = settings.model_copy(update={"warehouse_url": SecretStr(empty_database), "home": tmp_path / "elsewhere"})
    with open_warehouse(restored) as warehouse:
        install(warehouse)
        after = content(empty_database)
        assert {**after, "chunks": []} == {**before, "chunks": []}
        # Its policies run at once there: more may be columns than was dumped, nothing is rows again.
        assert [row[:2] for row in after["chunks"]] == [row[:2] for row in before["chunks"]]
        assert all(now[2] >= then[2] for now, then in zip(after["chunks"], before["chunks"], strict=True))
        # What was there is known there, and what is new lands, in rollups too.
        assert all(load.rows_loaded == 0 for load in import_drop(warehouse, drop, as_of=AS_OF).loads)
        put(drop, "registry/api_requests/next.ndjson", [request(9000, AS_OF)])
        assert [load.rows_loaded for load in import_drop(warehouse, drop, as_of=AS_OF).loads] == [1]
    assert len(content(empty_database)["rollup"]) == len(before["rollup"]) + 1
