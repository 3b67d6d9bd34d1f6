"""Readers share connections and leave nothing in them; `status` shows what the server says of its upkeep."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from orchestration.run_lock import run_lock
from orchestration.status import describe, read_status
from tests.integration.published_world import AS_OF, build
from warehouse import open_warehouse
from warehouse.access import Role, Viewer, open_reader
from warehouse.errors import AccessError, SkillsmithError, WarehouseBusyError
from warehouse.postgres import Connection, borrowed_connection, open_connection, read_rows, run
from warehouse.publish import publish
from warehouse.settings import Settings

VIEWERS = {
    team: Viewer(f"{team}@x", Role.MEMBER, frozenset({account}), frozenset({team}))
    for team, account in (("red", "acme"), ("blue", "acme"), ("gold", "zeta"))
}


def backend(connection) -> int:
    return connection.execute("select pg_backend_pid() as pid").fetchone()["pid"]


def test_a_connection_is_used_again_and_comes_back_as_new(postgres_settings: Settings) -> None:
    with borrowed_connection(postgres_settings) as connection:
        first = backend(connection)
        connection.execute("set skillsmith.role = 'executive'")
        connection.read_only = True
    with borrowed_connection(postgres_settings) as connection:
        assert backend(connection) == first
        assert connection.read_only is None
        left = connection.execute("select current_setting('skillsmith.role', true) as role").fetchone()
        assert left == {"role": None} or left == {"role": ""}
        assert connection.execute("show timezone").fetchone() == {"TimeZone": "UTC"}


def test_a_connection_that_died_while_idle_is_replaced(
    postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.postgres._TRUSTED_SECONDS", 0.0)
    # As where a network between drops it, and the server's last word with it.
    monkeypatch.setattr("warehouse.postgres._has_heard", lambda _: False)
    with borrowed_connection(postgres_settings) as connection:
        first = backend(connection)
    with open_connection(postgres_settings) as other:
        other.execute("select pg_terminate_backend(%s)", [first])
    with borrowed_connection(postgres_settings) as connection:
        assert backend(connection) != first


def test_a_connection_that_the_server_has_just_ended_is_replaced_before_anybody_reads(
    postgres_settings: Settings,
) -> None:
    with borrowed_connection(postgres_settings) as connection:
        first = backend(connection)
    with open_connection(postgres_settings) as other:
        other.execute("select pg_terminate_backend(%s, 5000)", [first])
    with borrowed_connection(postgres_settings) as connection:
        assert backend(connection) != first


def test_a_broken_transaction_is_not_handed_on(postgres_settings: Settings) -> None:
    with borrowed_connection(postgres_settings) as connection:
        connection.execute("begin")
        first = backend(connection)
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")
    with borrowed_connection(postgres_settings) as connection:
        assert backend(connection) != first


def test_interleaved_viewers_see_their_own_rows_though_three_in_ten_reads_fail(postgres_settings: Settings) -> None:
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        build(warehouse, "b1", mark=5)
        publish(warehouse, build_id="b1", as_of=AS_OF)
    wrong: list[str] = []

    def read(number: int) -> None:
        team = list(VIEWERS)[number % 3]
        for turn in range(20):
            fails = (number + turn) % 10 < 3
            sql = "select team_id, 1 / (case when $fails then 0 else 1 end) as one from metrics.team_activity"
            try:
                with open_reader(postgres_settings) as reader:
                    rows = reader.query(sql, VIEWERS[team], ["metrics.team_activity"], {"fails": fails}).to_pylist()
            except SkillsmithError as error:
                if not fails:
                    wrong.append(f"{team}: {error}")
                continue
            if [row["team_id"] for row in rows] != [team] or fails:
                wrong.append(f"{team} saw {rows}")

    threads = [threading.Thread(target=read, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("second", ["select 2 as n", "set role postgres", "commit"])
def test_a_read_is_one_statement_by_the_protocol_itself(postgres_settings: Settings, second: str) -> None:
    with borrowed_connection(postgres_settings) as connection:
        assert read_rows(connection, "select 1 as n where %(n)s", {"n": False}) == ([("n", 23)], [])
        with pytest.raises(AccessError, match="multiple commands"):
            read_rows(connection, f"select 1 as n; {second}", {})


def test_statements_and_locks_end_after_a_while(postgres_settings: Settings) -> None:
    brief = postgres_settings.model_copy(update={"statement_minutes": 7})
    with open_connection(brief) as connection:
        assert connection.execute("show statement_timeout").fetchone() == {"statement_timeout": "7min"}
        assert connection.execute("show lock_timeout").fetchone() == {"lock_timeout": "1min"}
    with open_warehouse(brief) as warehouse:
        assert "statement_timeout=7min" in warehouse.dbt_environment()["PGOPTIONS"]


def test_status_says_what_the_server_says(postgres_settings: Settings) -> None:
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        with warehouse.write(None) as writer:
            writer.execute("create table raw.bloated as select n from generate_series(1, 20000) as n")
            writer.execute("alter table raw.bloated set (autovacuum_enabled = false)")
            writer.execute("delete from raw.bloated where n > 5000")
            writer.execute("analyze raw.bloated")
    found = read_status(postgres_settings)
    assert found.storage["timescaledb"] is None
    assert [row["table_name"] for row in found.storage["bloat"]] == ["raw.bloated"]
    assert "15,000 dead rows" in describe(found)


def test_status_does_not_wait_for_a_table_that_is_locked(postgres_settings: Settings) -> None:
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        with warehouse.write(None) as writer:
            writer.execute("create table raw.locked as select n from generate_series(1, 5000) as n")
            writer.execute("delete from raw.locked")
            writer.execute("analyze raw.locked")
    with open_connection(postgres_settings) as holder, holder.transaction():
        holder.execute("lock table raw.locked in access exclusive mode")
        begun = time.monotonic()
        found = read_status(postgres_settings)
        assert time.monotonic() - begun < 10
    assert "dead rows are not known now" in describe(found)
    assert "dead rows are not known now" not in describe(read_status(postgres_settings))


def test_two_homes_on_one_server_run_one_after_the_other(postgres_settings: Settings, tmp_path: Path) -> None:
    elsewhere = postgres_settings.model_copy(update={"home": tmp_path / "elsewhere", "wait_seconds": 0})
    with run_lock(postgres_settings):
        with pytest.raises(WarehouseBusyError, match="from another home"), run_lock(elsewhere):
            pass
        found = read_status(elsewhere)
    assert "another process is writing now" in describe(found)
    with run_lock(elsewhere), run_lock(elsewhere):
        assert "another process is writing now" in describe(read_status(postgres_settings))
    with run_lock(postgres_settings):
        pass


def test_two_status_at_one_moment_do_not_call_each_other_a_run_that_writes(
    postgres_settings: Settings, tmp_path: Path
) -> None:
    elsewhere = postgres_settings.model_copy(update={"home": tmp_path / "elsewhere"})
    is_held = threading.Event()

    def hold() -> None:
        with run_lock(elsewhere):
            is_held.set()
            time.sleep(0.5)

    other = threading.Thread(target=hold)
    other.start()
    assert is_held.wait(30)
    found = read_status(postgres_settings)
    other.join()
    assert not found.is_writing


def test_a_run_waits_for_one_of_another_home_longer_than_a_statement_may_take_and_says_so(
    postgres_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def open_briefly(settings: Settings) -> Connection:
        connection = open_connection(settings)
        run(connection, "set statement_timeout = '300ms'")
        return connection

    elsewhere = postgres_settings.model_copy(update={"home": tmp_path / "elsewhere"})
    with run_lock(postgres_settings):
        monkeypatch.setattr("warehouse.postgres.open_connection", open_briefly)
        monkeypatch.setattr("warehouse.postgres._SILENT_SECONDS", 0)
        with pytest.raises(WarehouseBusyError, match="from another home"), run_lock(elsewhere, wait_seconds=1.4):
            pass
    assert "waiting for it up to 1 seconds" in caplog.text
