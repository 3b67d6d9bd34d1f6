"""What happens to a warehouse at its limits: a second writer, a newer version, a full disk, no permission."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import OPERATOR, open_reader
from warehouse.errors import StorageError, TransientError, UsageError, WarehouseBusyError, WarehouseNewerError
from warehouse.migrations import migrations
from warehouse.postgres import open_connection
from warehouse.publish import publish
from warehouse.settings import load_settings
from warehouse.tables import ColumnSpec, TableSpec

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys
from warehouse import open_warehouse
from warehouse.settings import load_settings
with open_warehouse(load_settings(home=sys.argv[1], warehouse_url=sys.argv[2] or None)) as warehouse:
    with warehouse.write():
        print("writing", flush=True)
        sys.stdin.readline()
"""


def one_line(error) -> bool:
    return "\n" not in str(error.value)


def test_a_second_writer_is_told_to_wait(engine_settings, monkeypatch):
    monkeypatch.setattr("warehouse.postgres._WRITER_SECONDS", 1)
    url = engine_settings.warehouse_url
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(engine_settings.home), url.get_secret_value() if url else ""],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "writing\n"
        with open_warehouse(engine_settings) as warehouse:
            with pytest.raises(WarehouseBusyError, match="wait until") as error, warehouse.write():
                pass
            with pytest.raises(WarehouseBusyError, match="wait until"), warehouse.held(), warehouse.write():
                pass
        assert one_line(error)
    finally:
        holder.communicate("\n", timeout=30)
    with open_warehouse(engine_settings) as warehouse, warehouse.write() as writer:
        assert writer.fetch("select 1 as one") == [{"one": 1}]


def test_a_second_session_in_one_process_is_refused_too(warehouse):
    with warehouse.write(), pytest.raises(WarehouseBusyError), warehouse.write():
        pass


def test_a_warehouse_of_a_newer_version_is_refused_and_unchanged(warehouse):
    with warehouse.write() as writer:
        writer.append("ops.schema_version", [{"version": 99, "applied_at": AS_OF}])
    table = TableSpec("raw", "later", (ColumnSpec("id", "text"),), key=("id",))
    with pytest.raises(WarehouseNewerError, match="99") as error:
        warehouse.initialise([table])
    assert one_line(error)
    with warehouse.write() as writer:
        assert writer.fetch("select 1 from information_schema.tables where table_name = 'later'") == []


def test_initialising_twice_changes_nothing(warehouse):
    warehouse.initialise()
    warehouse.initialise()
    with warehouse.write() as writer:
        assert writer.fetch("select version from ops.schema_version order by 1") == [
            {"version": step.version} for step in migrations("duckdb")
        ]


def test_both_engines_have_the_same_operations_tables(settings, postgres_settings):
    columns = []
    for each in (settings, postgres_settings):
        with open_warehouse(each) as opened:
            opened.initialise()
            with opened.write() as writer:
                columns.append(
                    writer.fetch(
                        "select table_schema, table_name, column_name from information_schema.columns "
                        "where table_schema in ('ops', 'raw') order by 1, 2, 3"
                    )
                )
    assert columns[0] == columns[1]
    assert {"table_schema": "raw", "table_name": "quarantine", "column_name": "row_text"} in columns[0]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 96 MB, where this machine lets us have one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small tmpfs needs root; the file-size limit test covers the same path")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(warehouse) -> None:
    with warehouse.write() as writer, writer.transaction():
        writer.execute(
            "insert into raw.quarantine (quarantine_id, row_text) "
            "select i::varchar, md5(i::varchar) || md5((i + 1)::varchar) || md5((i * 7)::varchar) "
            "from range(2000000) as numbers(i)"
        )


def test_a_full_disk_is_one_line_and_leaves_the_warehouse_as_it_was(small_disk):
    settings = load_settings(home=small_disk / "home")
    with open_warehouse(settings) as warehouse:
        warehouse.initialise()
        with pytest.raises(StorageError, match="free some space") as error:
            fill(warehouse)
        assert one_line(error)
        with warehouse.write() as writer:
            assert writer.fetch("select count(*) as n from raw.quarantine") == [{"n": 0}]


def test_a_disk_that_fills_while_publishing_keeps_the_last_snapshot(small_disk):
    settings = load_settings(home=small_disk / "home")
    with open_warehouse(settings) as warehouse:
        warehouse.initialise()
        build(warehouse, "b1", mark=1)
        first = publish(warehouse, build_id="b1", as_of=AS_OF)
        with (small_disk / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
            while True:
                os.write(ballast.fileno(), bytes(65536))
        with pytest.raises(StorageError) as error:
            publish(warehouse, build_id="b1", as_of=AS_OF)
        assert one_line(error)
        with open_reader(settings) as reader:
            assert reader.snapshot() == first
            sql = "select distinct uses from metrics.team_activity"
            assert reader.query(sql, OPERATOR, ["metrics.team_activity"]).to_pylist() == [{"uses": 1}]
        assert not list(settings.published_folder.glob(".*.metrics.tmp*"))
        (small_disk / "ballast").unlink()
        assert publish(warehouse, build_id="b1", as_of=AS_OF).snapshot_id > first.snapshot_id


LIMITED = """
import resource, signal, sys
from tests.integration.test_warehouse_limits import fill
from warehouse import open_warehouse
from warehouse.errors import StorageError
from warehouse.settings import load_settings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, 8_000_000))
with open_warehouse(load_settings(home=sys.argv[1])) as warehouse:
    warehouse.initialise()
    try:
        fill(warehouse)
    except StorageError as error:
        print(error)
"""


def test_a_file_that_may_not_grow_is_the_same_as_a_full_disk(settings):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(settings.home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "cannot write" in done.stdout, done.stderr
    with open_warehouse(settings) as warehouse, warehouse.write() as writer:
        assert writer.fetch("select count(*) as n from raw.quarantine") == [{"n": 0}]


def test_a_home_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with open_warehouse(load_settings(home=tmp_path / "file" / "home")) as warehouse:
        with pytest.raises(StorageError, match="SKILLSMITH_HOME") as error:
            warehouse.initialise()
        assert one_line(error)


@pytest.mark.parametrize(
    ("url", "kind"),
    [("postgresql://nobody@127.0.0.1:9/none", TransientError), ("nonsense of an address", UsageError)],
)
def test_a_server_that_is_not_there_is_one_line(tmp_path, url, kind):
    with open_warehouse(load_settings(home=tmp_path, warehouse_url=url)) as warehouse:
        with pytest.raises(kind, match="SKILLSMITH_WAREHOUSE_URL") as error:
            warehouse.initialise()
        assert one_line(error)


def test_the_profile_for_dbt_opens_the_same_warehouse_and_holds_no_password(postgres_settings):
    with open_warehouse(postgres_settings) as warehouse:
        profile = warehouse.dbt_profile()
        assert "env_var" in profile["password"]
        with psycopg.connect(host=profile["host"], user=profile["user"], dbname=profile["dbname"]) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_server_compiles_no_statement_for_us(postgres_settings):
    with open_connection(postgres_settings) as connection:
        assert connection.execute("show jit").fetchone() == {"jit": "off"}


def test_tables_of_an_older_version_get_the_indexes_of_this_one(postgres_settings):
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        with warehouse.write() as writer:
            writer.execute("delete from ops.schema_version where version >= 7")
            writer.execute("create schema if not exists intermediate")
            writer.execute("create schema if not exists metrics")
            writer.execute("create table intermediate.int_requests_by_minute (day date, route text)")
            writer.execute("create table intermediate.int_skill_use_days (day date, is_day_mark boolean)")
            writer.execute("create table metrics.team_skill_usage (team_id text, skill_name text, period_end date)")
        warehouse.initialise()
        with warehouse.write() as writer:
            found = writer.fetch(
                "select tablename, indexdef from pg_indexes where schemaname in ('intermediate', 'metrics')"
            )
            assert writer.fetch("select to_regclass('intermediate.int_requests_by_minute') as at") == [{"at": None}]
    columns = {(row["tablename"], row["indexdef"][row["indexdef"].index("(") :]) for row in found}
    assert columns == {
        ("int_skill_use_days", "(day)"),
        ("int_skill_use_days", "(is_day_mark)"),
        ("team_skill_usage", "(team_id, period_end)"),
    }
