"""A simulated, dirty world through the whole way, against the truth that the simulator counted without a warehouse."""

import hashlib
import hmac
import json
import shutil
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import simulate
from orchestration.cli import run
from tests.integration.published_numbers import published_numbers
from tests.unit.ingest.simulator import recount
from warehouse import open_warehouse
from warehouse.access import OPERATOR, open_reader
from warehouse.published import PUBLISHED
from warehouse.settings import load_settings

KEY = "a key for tests only"
LAST_DAY = "2026-06-30"
AS_OF = "2026-07-01T06:00:00Z"
DAY_BEFORE = "2026-06-30T06:00:00Z"

# Whose rows carry no `updated_at`: there, a row that came twice is the only one that is merged.
WITHOUT_VERSIONS = (
    "registry/events",
    "registry/skill_ratings",
    "registry/api_requests",
    "status/checks",
    "billing/stripe_events",
)
# What the warehouse says of a row (its beginning or end), and what the simulator did to it.
REASONS = {
    "is missing": "no key",
    "event_type is missing": "no event type",
    "stars is above 5": "stars out of range",
    "is not an ISO 8601 time": "bad time",
    "lies in the future": "in the future",
    "not a JSON object": "broken JSON",
    "unknown event_type": "unknown event type",
}
# How a run went is its own: when rows came, what was missing then, and whether what it brought was as good as before.
# Everything else that is published says something of the business or of its files.
TABLES_OF_THE_RUN = ("import_ledger", "import_gaps", "check_results")
COLUMNS_OF_THE_RUN = {
    "quarantine_counts": {"first_seen_at"},
    "table_health": {"warnings", "badge"},
    # A tier remembers that of the build of an earlier day.
    "skill_quality": {"tier", "tier_state", "earned_tier", "rises_at", "falls_at"},
}


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world") / "drop"
    simulate(out, days=40, accounts=8, seed=7, events=6_000, until=date.fromisoformat(LAST_DAY))
    return out


@pytest.fixture(scope="module")
def answers(drop: Path) -> dict[str, Any]:
    return json.loads((drop / "answers.json").read_text())


@pytest.fixture(scope="module")
def home(drop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the whole world was refreshed once."""
    folder = tmp_path_factory.mktemp("whole") / "home"
    refresh(folder, drop)
    return folder


def refresh(home: Path, drop: Path, as_of: str = AS_OF) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILLSMITH_SECRET", KEY)
        assert run(["refresh", "--home", str(home), "--drop", str(drop), "--as-of", as_of, "--json"]) == 0


def fetch(home: Path, statement: str) -> list[dict[str, Any]]:
    """Rows of the warehouse itself, published or not."""
    with open_warehouse(load_settings(home=home, secret=KEY)) as warehouse, warehouse.write() as writer:
        return writer.fetch(statement)


def read(home: Path, table: str, columns: str, where: str = "true") -> list[dict[str, Any]]:
    """Rows of a published table, as its operator reads them."""
    with open_reader(load_settings(home=home)) as reader:
        return reader.query(f"select {columns} from {table} where {where}", OPERATOR, [table], {}).to_pylist()


def pseudonym(person: str) -> str:
    return hmac.new(KEY.encode(), person.encode(), hashlib.sha256).hexdigest()


def everything(home: Path) -> dict[str, dict[tuple[str, ...], dict[str, Any]]]:
    """Every published table that is not of the run, by its key."""
    settings = load_settings(home=home)
    found = published_numbers(settings, [table for table in PUBLISHED if table.name not in TABLES_OF_THE_RUN])
    for table, columns in COLUMNS_OF_THE_RUN.items():
        for row in found[table].values():
            for column in columns:
                del row[column]
    return found


def assert_same(left: dict[str, Any], right: dict[str, Any]) -> None:
    """Every cell of every published table is equal, to the last digit."""
    for table, rows in left.items():
        assert rows.keys() == right[table].keys(), f"{table}: rows of one side only"
        for key, row in rows.items():
            assert row == right[table][key], f"{table} {key}"


def test_every_entity_has_the_rows_that_were_meant_and_accounts_for_every_line(
    home: Path, drop: Path, answers: dict[str, Any]
) -> None:
    ledger = {
        f"{row['source']}/{row['entity']}": row
        for row in fetch(
            home,
            "select source, entity, sum(rows_seen)::bigint as seen, sum(rows_loaded)::bigint as loaded, "
            "sum(rows_merged)::bigint as merged, sum(rows_quarantined)::bigint as quarantined "
            "from raw.import_ledger where outcome = 'loaded' group by 1, 2",
        )
    }
    assert ledger.keys() == answers["rows"].keys()
    for entity, rows in answers["rows"].items():
        lines = sum(len(recount.raw_lines(path)) for path in recount.files(drop, entity))
        malformed = answers["malformed"].get(entity, 0)
        line = ledger[entity]
        assert (line["seen"], line["loaded"], line["quarantined"]) == (lines, rows, malformed), entity
        assert line["merged"] == lines - rows - malformed, entity
        [held] = fetch(home, f"select count(*) as n from raw.{entity.replace('/', '_')}")
        assert held["n"] == rows, entity
    assert {entity: ledger[entity]["merged"] for entity in WITHOUT_VERSIONS} == {
        entity: answers["duplicates"][entity] for entity in WITHOUT_VERSIONS
    }
    assert sum(answers["late"].values()) > 0, "no row of this world came late"


def test_every_malformed_row_waits_in_quarantine_for_the_reason_it_was_spoilt(
    home: Path, answers: dict[str, Any]
) -> None:
    found: Counter[str] = Counter()
    for row in read(home, "ops.quarantine_counts", "source, entity, reason, rows"):
        reason = next(
            meant
            for said, meant in sorted(REASONS.items(), key=lambda each: -len(each[0]))
            if row["reason"].endswith(said)
        )
        found[f"{row['source']}/{row['entity']}: {reason}"] += row["rows"]
    assert dict(found) == answers["malformed_by_reason"]


def test_events_by_type_are_what_was_meant(home: Path, answers: dict[str, Any]) -> None:
    rows = fetch(home, "select event_type, count(*) as n from raw.registry_events group by 1")
    assert {row["event_type"]: row["n"] for row in rows} == answers["events_by_type"]


def test_uses_of_every_skill_are_what_was_meant(home: Path, answers: dict[str, Any]) -> None:
    # One person in two teams has a row in each; their uses are the same uses.
    of_person = {
        (row["actor_key"], row["skill_name"], row["day"]): row
        for row in read(home, "marts.fct_skill_days", "actor_key, skill_name, day, uses, successes, failures")
    }
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in of_person.values():
        found[row["skill_name"]].update({name: row[name] for name in ("uses", "successes", "failures")})
    assert {name: dict(counts) for name, counts in found.items()} == answers["uses_per_skill"]


def test_uses_of_all_accounts_together_are_what_was_meant(home: Path, answers: dict[str, Any]) -> None:
    # The window of 90 days holds the whole world.
    rows = read(home, "metrics.account_activity", "uses", f"period_days = 90 and period_end = '{LAST_DAY}'")
    meant = sum(counts["uses"] for counts in answers["uses_per_skill"].values())
    assert sum(row["uses"] for row in rows) == meant > 1_000


def test_what_becomes_of_recommendations_is_what_was_meant(home: Path, answers: dict[str, Any]) -> None:
    # The window of 90 days holds the whole world. What was withheld is told beside every model of its surface.
    steps = ("censored", "shown", "clicked", "installed", "activated", "retained")
    rows = read(
        home,
        "metrics.team_recommendations",
        f"surface, model, {', '.join(steps)}, holdout_censored, holdout_shown, holdout_installed",
        f"period_days = 90 and period_end = '{LAST_DAY}' and surface <> '*'",
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["model"] != "*":
            found[f"{row['surface']}/{row['model']}"].update({step: row[step] for step in steps})
        else:
            found[f"{row['surface']}/holdout"].update(
                {step: row[f"holdout_{step}"] for step in ("censored", "shown", "installed")}
            )
    meant = {
        name: {step: count for step, count in counts.items() if "holdout" not in name or step in found[name]}
        for name, counts in answers["recommendations"].items()
    }
    assert {name: dict(counts) for name, counts in found.items()} == meant
    assert sum(counts["shown"] for counts in meant.values()) > 100


def test_bots_and_scrapers_are_known_and_use_nothing(home: Path, answers: dict[str, Any]) -> None:
    members = {pseudonym(actor) for actor in answers["bot_actors"]["members"]}
    bots = fetch(home, "select distinct actor_key from raw.registry_team_members where is_bot")
    assert {row["actor_key"] for row in bots} == members
    assert members
    meant = {
        ("actor", pseudonym(who), day) if who.startswith("usr_") else ("ip_prefix", who, day)
        for who, day in answers["bot_actors"]["scraper_days"]
    }
    scrapers = fetch(home, "select kind, scraper, day from intermediate.int_scraper_days where not is_day_mark")
    assert {(row["kind"], row["scraper"], row["day"].isoformat()) for row in scrapers} == meant
    assert meant
    used = {(row["actor_key"], row["day"].isoformat()) for row in read(home, "marts.fct_skill_days", "actor_key, day")}
    assert not members & {actor for actor, _ in used}
    assert not used & {(who, day) for kind, who, day in meant if kind == "actor"}


def test_revenue_of_every_account_and_month_is_right_to_the_cent(home: Path, answers: dict[str, Any]) -> None:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in read(home, "metrics.mrr_by_account", "account_id, month, mrr_cents", "mrr_cents > 0"):
        found[f"{row['month']:%Y-%m}"][row["account_id"]] = row["mrr_cents"]
    assert dict(found) == answers["mrr_by_account"]


def test_movements_of_every_month_are_right_to_the_cent(home: Path, answers: dict[str, Any]) -> None:
    names = ("opening", "new", "expansion", "reactivation", "contraction", "churn", "closing")
    columns = ", ".join(f"{name}_cents as {name}" for name in names)
    rows = read(home, "metrics.mrr_bridge", f"month, {columns}, accounts", "segment = 'total'")
    assert {f"{row.pop('month'):%Y-%m}": row for row in rows} == answers["mrr"]


@pytest.mark.parametrize("minutes", ["down", "covered", "excluded"])
def test_minutes_of_every_component_are_what_was_meant(home: Path, answers: dict[str, Any], minutes: str) -> None:
    column = f"{minutes}_minutes"
    found: Counter[str] = Counter()
    for row in read(home, "metrics.availability_daily", f"component, {column}", "account_id = '*'"):
        found[row["component"]] += row[column]
    assert dict(found) == answers[column]
    assert sum(found.values()) > 0


def test_a_check_that_fails_keeps_what_is_published(home: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "home"
    shutil.copytree(home, folder)
    [snapshot] = read(folder, "metrics.snapshot", "*")
    assert snapshot["as_of"].isoformat() == AS_OF.removesuffix("Z")
    assert not read(folder, "ops.check_results", "*", "status <> 'passed' and severity = 'blocking'")
    with open_warehouse(load_settings(home=folder)) as warehouse, warehouse.write() as writer:
        writer.execute("update build.mrr_bridge set closing_cents = closing_cents + 1 where segment = 'total'")

    assert run(["check", "--home", str(folder)]) == 3
    assert run(["publish", "--home", str(folder)]) == 3

    assert read(folder, "metrics.snapshot", "*") == [snapshot]
    capsys.readouterr()
    run(["status", "--json", "--home", str(folder)])
    status = json.loads(capsys.readouterr().out)
    assert status["last_attempt"]["outcome"] == "refused"
    assert status["last_build"]["outcome"] == "refused"
    assert "mrr_bridge_adds_up" in {row["check_name"] for row in status["last_attempt"]["failed"]}


@pytest.mark.long
def test_a_second_refresh_as_of_the_same_time_changes_no_number(home: Path, drop: Path) -> None:
    before = everything(home)
    loads = fetch(home, "select count(*) as n from raw.import_ledger")

    refresh(home, drop)

    assert fetch(home, "select count(*) as n from raw.import_ledger") == loads
    assert_same(before, everything(home))
    assert read(home, "metrics.restatements", "count(*) as n") == [{"n": 0}]


@pytest.mark.long
def test_a_day_that_arrives_later_gives_what_one_refresh_of_everything_gives(
    home: Path, drop: Path, tmp_path: Path
) -> None:
    growing = tmp_path / "drop"
    held_back = []
    for path in sorted(drop.rglob("*.ndjson.gz")):
        there = growing / path.relative_to(drop)
        there.parent.mkdir(parents=True, exist_ok=True)
        if path.name.startswith(LAST_DAY):
            held_back.append((path, there))
        else:
            there.hardlink_to(path)
    assert len(held_back) == 3, "events, requests and checks have a file a day"

    refresh(tmp_path / "home", growing, DAY_BEFORE)
    assert not read(tmp_path / "home", "metrics.team_activity", "1 as found", f"period_end = '{LAST_DAY}'")
    for path, there in held_back:
        there.hardlink_to(path)
    refresh(tmp_path / "home", growing)

    assert_same(everything(home), everything(tmp_path / "home"))
