"""Ways around the viewer's room on DuckDB, each tried: none finds another team's row, a file or a setting to turn."""

import base64
from pathlib import Path

import pytest

from tests.integration.published_world import AS_OF, build
from warehouse.access import Role, Viewer, open_reader
from warehouse.duckdb import DuckDBWarehouse
from warehouse.errors import SkillsmithError
from warehouse.publish import publish
from warehouse.settings import load_settings
from warehouse.snapshots import metrics_file, read_pointer

RED = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))
OTHERS = ("gold", "zeta", "blue", "tiny")
ROWS_OF_ANOTHER_ROOM = base64  # a name in this module, for the replacement scan to find


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return load_settings(home=tmp_path_factory.mktemp("home"), secret="a key for tests only")


@pytest.fixture(scope="module")
def reader(settings):
    warehouse = DuckDBWarehouse(settings)
    warehouse.initialise()
    build(warehouse, "b1", mark=5)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(settings) as opened:
        # Another viewer's room is open in the same process; nothing of it may show either.
        gold = Viewer("lead@zeta", Role.TEAM_LEAD, frozenset({"zeta"}), frozenset({"gold"}))
        opened.query("select 1 from metrics.team_activity", gold, ["metrics.team_activity"])
        yield opened


ATTEMPTS = {
    "catalog tables": "select table_name, sql from duckdb_tables()",
    "catalog columns": "select * from duckdb_columns() where table_name like 'mrr%'",
    "databases": "select * from duckdb_databases() where path is not null",
    "settings": "select name, value from duckdb_settings() where value like '%{home}%'",
    "secrets": "select * from duckdb_secrets()",
    "information schema": "select * from information_schema.tables where table_name = 'mrr_bridge'",
    "views": "select sql from duckdb_views() where not internal",
    "attach": "attach '{file}' as other (read_only)",
    "attach in one go": "attach '{file}' as other; select * from other.metrics.team_activity",
    "file as table": "select * from '{file}'",
    "snapshot by its name": "select * from snapshot_metrics.metrics.team_activity",
    "unnamed table": "select * from metrics.teams",
    "copy out": "copy metrics.team_activity to '{home}/out.csv'",
    "copy in": "copy metrics.team_activity from '{home}/out.csv'",
    "export": "export database '{home}/out'",
    "import": "import database '{home}/out'",
    "query()": "from query('select * from snapshot_metrics.metrics.team_activity')",
    "query() attach": "from query('attach ''{file}'' as o')",
    "query_table": "from query_table('snapshot_metrics.metrics.team_activity')",
    "query_table list": "from query_table(['metrics.teams', 'metrics.team_activity'])",
    "use": "use snapshot_metrics",
    "set variable": "set variable team_ids = ['gold']",
    "getvariable": "select getvariable('team_ids')",
    "set": "set enable_external_access = true",
    "set lock": "set lock_configuration = false",
    "reset": "reset enable_external_access",
    "pragma": "pragma database_list",
    "pragma settings": "pragma enable_external_access",
    "several statements": "select 1; select * from metrics.team_activity",
    "hidden second statement": "select 1 /* ; */; drop table metrics.team_activity",
    "read_csv": "select * from read_csv('/etc/passwd', header=false)",
    "read_parquet": "select * from read_parquet('{home}/x.parquet')",
    "read_json": "select * from read_json('{home}/published/current.json')",
    "read_text": "select * from read_text('/etc/passwd')",
    "read_blob": "select * from read_blob('{file}')",
    "read_duckdb": "select * from read_duckdb('{file}', table_name = 'team_activity')",
    "glob": "select * from glob('{home}/*')",
    "sniff": "from sniff_csv('/etc/passwd')",
    "parquet metadata": "select * from parquet_metadata('{home}/x.parquet')",
    "serialized": "from json_execute_serialized_sql(json_serialize_sql('select * from read_text(''/etc/passwd'')'))",
    "serialized table": (
        "from json_execute_serialized_sql(json_serialize_sql('select * from snapshot_metrics.metrics.teams'))"
    ),
    "pragma serialized": "pragma json_execute_serialized_sql('select 1')",
    "getenv": "select getenv('HOME')",
    "replacement scan of a module": "select * from ROWS_OF_ANOTHER_ROOM",
    "replacement scan of a local": "select * from rows_of_everybody",
    "registered arrow": "select * from _rows",
    "prepare": "prepare p as select * from metrics.teams",
    "execute": "execute p",
    "install": "install httpfs",
    "load": "load httpfs",
    "force load": "load '{home}/evil.duckdb_extension'",
    "create": "create table t as select 1",
    "insert": "insert into metrics.team_activity select * from metrics.team_activity",
    "delete": "delete from metrics.team_activity",
    "macro": "create macro m() as table select * from metrics.teams",
    "explain": "explain analyze select * from metrics.team_activity",
    "call": "call pragma_database_size()",
    "http": "select * from read_csv('http://127.0.0.1:9/x.csv')",
    "checkpoint": "checkpoint",
    "temporary files": "select * from duckdb_temporary_files()",
    "logs": "select * from duckdb_logs()",
    "which secret": "from which_secret('s3://x', 's3')",
    "storage": "select * from pragma_storage_info('metrics.teams')",
    "test vectors of another catalog": "select * from system.metrics.teams",
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_no_way_out_of_the_room(reader, settings, name):
    rows_of_everybody = [{"team_id": "gold"}]
    assert rows_of_everybody
    home = settings.home
    file = metrics_file(settings.published_folder, read_pointer(settings.published_folder).snapshot_id)
    statement = ATTEMPTS[name].format(home=home, file=file)
    try:
        got = repr(reader.query(statement, RED, ["metrics.team_activity"]).to_pylist())
    except SkillsmithError as error:
        # What an error says counts as found too, unless it only repeats the statement.
        got = "" if any(other in statement for other in OTHERS) or str(home) in statement else str(error)
    for other in OTHERS:
        assert other not in got
    assert "root:" not in got
    assert str(home) not in got
    assert not (home / "out.csv").exists()
    assert not (home / "out").exists()


def test_the_room_still_holds_exactly_the_viewers_row_after_all_that(reader):
    got = reader.query("select team_id from metrics.team_activity", RED, ["metrics.team_activity"])
    assert got.to_pylist() == [{"team_id": "red"}]


def test_a_room_lists_only_the_named_table(reader):
    got = reader.query("select table_name from duckdb_tables()", RED, ["metrics.team_activity"])
    assert got.to_pylist() == [{"table_name": "team_activity"}]


def test_there_are_at_least_twenty_five_attempts():
    assert len(ATTEMPTS) >= 25
    assert Path("/etc/passwd").read_text().count("root:") >= 1
