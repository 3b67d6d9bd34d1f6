"""`init`, and what each role of a PostgreSQL warehouse may and may not do."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from ingest.erasure import Request, certificates, erase
from ingest.privacy import pseudonym
from orchestration import cli
from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import import_sources, install, replay_quarantine
from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import Role, Viewer, open_reader
from warehouse.errors import StorageError
from warehouse.postgres_roles import ROLES
from warehouse.publish import publish
from warehouse.settings import Settings, load_settings

PASSWORD = "only for tests"


@pytest.fixture
def installed(postgres_settings: Settings) -> Settings:
    with open_warehouse(postgres_settings) as warehouse:
        install(warehouse)
        install(warehouse)
    return postgres_settings


def address(settings: Settings) -> str:
    assert settings.warehouse_url
    return settings.warehouse_url.get_secret_value()


def login(settings: Settings, role: str) -> Settings:
    """The same warehouse as a user who is a member of one role."""
    user = f"test_{role}"
    with psycopg.connect(address(settings), autocommit=True) as connection:
        if not connection.execute("select 1 from pg_roles where rolname = %s", [user]).fetchone():
            connection.execute(f"create role {user} login password '{PASSWORD}' in role {role}")
    parts = urlsplit(address(settings))
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD.replace(' ', '%20')}@{host}"))
    return settings.model_copy(update={"warehouse_url": type(settings.warehouse_url)(url)})


def refused(settings: Settings, *statements: str) -> None:
    with psycopg.connect(address(settings), autocommit=True) as connection:
        for statement in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_init_makes_a_duckdb_file_and_can_be_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert cli.run(["init", "--home", str(tmp_path / "home"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["engine"] == "duckdb"
    assert (tmp_path / "home" / "warehouse.duckdb").exists()


def test_init_makes_roles_that_cannot_log_in(installed: Settings) -> None:
    with psycopg.connect(address(installed)) as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin or rolsuper or rolbypassrls or rolcreaterole from pg_roles "
            "where rolname = any(%s)",
            [list(ROLES)],
        ).fetchall()
    assert sorted(rows) == sorted((role, False) for role in ROLES)


def test_a_newer_warehouse_is_refused_by_init(
    installed: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(address(installed), autocommit=True) as connection:
        connection.execute("insert into ops.schema_version values (99, now())")
    monkeypatch.setenv("SKILLSMITH_WAREHOUSE_URL", address(installed))
    assert cli.run(["init", "--home", str(installed.home)]) == 1
    assert "schema version 99" in capsys.readouterr().err


def test_the_importer_lands_files_and_sees_nothing_that_is_built(installed: Settings, tmp_path: Path) -> None:
    importer = login(installed, "skillsmith_importer")
    file = tmp_path / "drop" / "finance" / "costs" / "one.ndjson"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"month": "2026-01", "category": "tools", "amount_cents": 5}) + "\n")
    with open_warehouse(importer) as warehouse:
        assert import_sources(warehouse, as_of=AS_OF, drop=tmp_path / "drop").rows_seen == 1
        assert replay_quarantine(warehouse, as_of=AS_OF).rows_seen == 0
    refused(
        importer,
        "drop table raw.finance_costs",
        "alter table raw.registry_events add column x text",
        "create table raw.mine (x text)",
        "create table build.mine (x text)",
        "select * from ops.check_results",
        "insert into ops.builds (build_id) values ('x')",
        "delete from ops.schema_version",
        "set role skillsmith_builder",
    )


def test_an_importer_alone_leaves_an_erasure_open_and_says_so(installed: Settings, tmp_path: Path) -> None:
    with open_warehouse(installed) as warehouse, warehouse.write() as writer:
        person = pseudonym(installed.pseudonym_key, "usr_1")
        writer.execute("create table marts.people (actor_key text, uses bigint)")
        writer.append("marts.people", [{"actor_key": person, "uses": 3}])
    # What init gives to whom is given anew, as after a build.
    with open_warehouse(installed) as warehouse:
        install(warehouse)
    importer = login(installed, "skillsmith_importer")
    with open_warehouse(importer) as warehouse:
        with pytest.raises(StorageError, match="lacks a right"):
            erase(warehouse, [Request(person, "usr_1")])
        assert [certificate.completed_at for certificate in certificates(warehouse)] == [None]
    with open_warehouse(installed) as warehouse:
        [certificate] = erase(warehouse, [Request(person, "usr_1")])
        assert certificate.completed_at is not None
        with warehouse.write() as writer:
            assert writer.fetch("select * from marts.people") == []


def test_the_builder_builds_and_publishes_and_cannot_touch_raw_rows(installed: Settings) -> None:
    builder = login(installed, "skillsmith_builder")
    with open_warehouse(builder) as warehouse:
        run_dbt(warehouse, ["seed", "--select", "scraper_rules"], as_of=datetime(2026, 3, 10, tzinfo=UTC))
        run_dbt(
            warehouse,
            ["run", "--select", "stg_registry__events", "int_scraper_rules", "int_event_days"],
            as_of=datetime(2026, 3, 10, tzinfo=UTC),
        )
        build(warehouse, "b1", mark=5)
        publish(warehouse, build_id="b1", as_of=AS_OF)
    refused(
        builder,
        "insert into raw.registry_teams (team_id) values ('x')",
        "delete from raw.registry_events",
        "drop table raw.registry_events",
        "set role skillsmith_importer",
        "select set_config('skillsmith.role', 'executive', false)",
        "create role another",
    )


def test_the_reader_sees_its_viewers_rows_and_no_table(installed: Settings) -> None:
    with open_warehouse(installed) as warehouse:
        build(warehouse, "b1", mark=5)
        publish(warehouse, build_id="b1", as_of=AS_OF)
    reader = login(installed, "skillsmith_reader")
    viewer = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))
    with open_reader(reader) as opened:
        rows = opened.query("select team_id from metrics.team_activity", viewer, ["metrics.team_activity"], {})
    assert rows["team_id"].to_pylist() == ["red"]
    refused(
        reader,
        "select * from metrics.team_activity",
        "select * from build.team_activity",
        "select * from raw.registry_events",
        "select * from raw.import_ledger",
        "create temp table x (y text)",
        "select set_config('skillsmith.role', 'executive', false)",
        "set role skillsmith_builder",
        "set role skillsmith_access",
    )


def test_one_user_for_everything_still_builds_without_a_right_on_raw_rows(installed: Settings) -> None:
    with (
        open_warehouse(installed) as warehouse,
        warehouse.write() as writer,
        pytest.raises(StorageError, match="lacks a right"),
    ):
        writer.execute("delete from raw.registry_events")
    with open_warehouse(load_settings(**installed.model_dump())) as warehouse:
        assert "role=skillsmith_builder" in warehouse.dbt_environment()["PGOPTIONS"]
