"""The whole path on real input: on what SKILLSMITH_REAL_DATA names, else on the committed sample of it.

What the files hold is in `real_data.Facts`, counted by hand.
"""

import csv
import io
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from ingest.report import ImportReport
from orchestration.cli import run
from tests.integration import real_data
from warehouse import Warehouse, open_warehouse
from warehouse.settings import load_settings

GIVEN = os.environ.get("SKILLSMITH_REAL_DATA")
SOURCE = Path(GIVEN) if GIVEN else real_data.SAMPLE
FACTS = real_data.REAL_FACTS if GIVEN else real_data.SAMPLE_FACTS

END_OF_CHECKS = datetime(2021, 7, 22, tzinfo=UTC)
# The publisher counts 133,369 minutes down, of which 45 lie in the unfinished 2021-07-22.
DOWN_MINUTES = 133_324
FIRST_DAY, LAST_DAY = date(2021, 4, 20), date(2021, 7, 21)


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real files as a drop folder."""
    folder = tmp_path_factory.mktemp("real") / "drop"
    real_data.write_drop(SOURCE, folder)
    return folder


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """An initialised warehouse on each engine, shared by this module's tests: the import is most of their time."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("drop database if exists real_input with (force)")
            connection.execute("create database real_input")
        url = server.replace("/postgres?", "/real_input?")
    home = tmp_path_factory.mktemp("home")
    with open_warehouse(load_settings(home=home, secret="a key for tests only", warehouse_url=url)) as opened:
        opened.initialise(contract.table for contract in CONTRACTS.values())
        yield opened


@pytest.fixture(scope="module")
def imported(warehouse: Warehouse, drop: Path) -> ImportReport:
    """What the import of all of it says."""
    return import_drop(warehouse, drop, as_of=END_OF_CHECKS)


def _rows(warehouse: Warehouse, query: str) -> list[tuple]:
    with warehouse.write() as writer:
        return [tuple(row.values()) for row in writer.fetch(query)]


def test_every_row_of_the_files_lands_or_waits_in_quarantine_with_its_reason(warehouse, imported):
    landed = {
        name: (total.rows_seen, total.rows_loaded, total.rows_quarantined)
        for name, total in imported.by_entity().items()
        if name != "reference/components"
    }
    assert imported.refused == []
    assert landed == {
        "registry/skills": (FACTS.skill_rows, FACTS.skills, FACTS.unnamed_skills),
        "github/commits": (FACTS.commits, FACTS.commits, 0),
        "github/pull_requests": (FACTS.pull_requests, FACTS.pull_requests, 0),
        "github/releases": (FACTS.tags, FACTS.tags, 0),
        "github/archive_events": (FACTS.events, FACTS.events, 0),
        "status/checks": (FACTS.checks, FACTS.checks, 0),
    }
    # The ledger says the same of the tables themselves.
    assert _rows(warehouse, "select count(*) as rows, count(distinct skill_id) as ids from raw.registry_skills") == [
        (FACTS.skills, FACTS.skills)
    ]
    reasons = _rows(
        warehouse, "select entity, count(*) as rows, count(reason) as reasons from raw.quarantine group by entity"
    )
    assert reasons == [("skills", FACTS.unnamed_skills, FACTS.unnamed_skills)]


def test_a_skills_id_is_the_uuid5_of_its_repository_and_name(warehouse, imported):
    first = next(row for row in real_data.rows_of(SOURCE / real_data.SKILLS) if row["name"])
    author = first["owner_repo"].split("/")[0]
    found = _rows(
        warehouse,
        "select skill_name from raw.registry_skills"
        f" where skill_id = '{real_data.skill_id(first['owner_repo'], first['name'])}'",
    )
    assert found == [(f"{author}/{first['name']}",)]


def test_archived_events_of_both_shapes_land_once_and_name_nobody(warehouse, imported):
    assert _rows(
        warehouse,
        "select count(*) as rows, count(distinct id) as ids,"
        " sum(case when created_at < '2015-01-01' then 1 else 0 end) as before_2015 from raw.github_archive_events",
    ) == [(FACTS.events, FACTS.events, FACTS.events_without_id)]

    with warehouse.write() as writer:
        rows = writer.fetch("select actor_key, payload, extra from raw.github_archive_events")
    text = "\n".join(str(value) for row in rows for value in row.values())
    addresses = {name for name in real_data.names_in(SOURCE) if "@" in name}
    assert addresses, "the events carry addresses, or this test proves nothing"
    assert [address for address in addresses if address in text] == []


def test_importing_the_same_files_again_changes_nothing(warehouse, drop, imported):
    again = import_drop(warehouse, drop, as_of=END_OF_CHECKS)
    assert (again.rows_seen, again.refused) == (0, [])


@pytest.mark.long
def test_down_minutes_of_a_real_site_agree_with_what_its_publisher_counted(drop, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SKILLSMITH_HOME", str(tmp_path))
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    assert run(["refresh", "--drop", str(drop), "--as-of", END_OF_CHECKS.isoformat()]) == 0
    capsys.readouterr()
    assert run(["query", "availability_daily", "--format", "csv", "--where", "component = 'test-broken-site'"]) == 0
    days = [row for row in csv.DictReader(io.StringIO(capsys.readouterr().out)) if row["account_id"] == "*"]
    wanted = [row for row in days if FIRST_DAY <= date.fromisoformat(row["day"]) <= LAST_DAY]
    assert len(wanted) == (LAST_DAY - FIRST_DAY).days + 1
    assert sum(int(row["down_minutes"]) for row in wanted) == pytest.approx(DOWN_MINUTES, abs=30)
    # It was up for ten minutes on the first day, then down for good: the last day is down from end to end.
    assert float(wanted[-1]["uptime"]) == 0.0
