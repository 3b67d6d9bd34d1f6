"""The quality of every skill of a random registry against the definition read in plain Python, on both engines."""

import json
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from ingest.contracts import CONTRACTS
from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import initialise
from tests.conftest import postgres_takes_long
from tests.integration.quality_world import ACCOUNTS, DAY, FIRST, Row, Truth, World, at, follow, make_world
from warehouse import Warehouse

DAYS = 110
LAST = FIRST + (DAYS - 4) * DAY


def fill(warehouse: Warehouse, world: World) -> None:
    """Put the world into the raw tables as an import would."""
    warehouse.initialise(tables=[contract.table for contract in CONTRACTS.values()])
    with warehouse.write() as writer:
        for account in ACCOUNTS:
            internal = {"account_id": account, "kind": "team", "is_internal": account == "ours"}
            writer.append("raw.registry_accounts", [internal])
            writer.append("raw.registry_teams", [{"team_id": f"team-{account}", "account_id": account}])
        writer.append("raw.registry_team_members", world.members)
        writer.append("raw.registry_events", [e | {"metadata": json.dumps(e["metadata"])} for e in world.events])
        writer.append("raw.registry_skill_ratings", world.ratings)
        writer.append("raw.github_repositories", world.repositories)
        writer.append("raw.github_issues", world.issues)
        writer.append("raw.github_issue_comments", world.comments)
    put_skills(warehouse, world)


def put_skills(warehouse: Warehouse, world: World) -> None:
    """The registry's skills as they are now."""
    with warehouse.write() as writer:
        writer.execute("delete from raw.registry_skills")
        writer.append("raw.registry_skills", [_as_json(skill, "categories", "compatibility") for skill in world.skills])


def _as_json(row: Row, *columns: str) -> Row:
    return row | {name: None if row[name] is None else json.dumps(row[name]) for name in columns}


def build(warehouse: Warehouse, as_of: datetime) -> dict[str, Row]:
    """skill_quality by skill_name, built as of a time."""
    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test")
    run = run_dbt(warehouse, ["build", "--select", "+skill_quality", *left_out], as_of=as_of, run_started_at=as_of)
    assert [result.name for result in run.results if result.status not in ("success", "pass")] == []
    with warehouse.write() as writer:
        rows = writer.fetch("select * from build.skill_quality")
    assert {row["as_of"] for row in rows} == {as_of.date() - DAY}
    return {row["skill_name"]: row for row in rows}


def differences(actual: dict[str, Row], expected: dict[str, Row]) -> list[str]:
    assert actual.keys() == expected.keys()
    return [
        f"{name} {column}: {actual[name][column]} instead of {value}"
        for name, row in expected.items()
        for column, value in row.items()
        if not _is_same(actual[name][column], value)
    ]


def _is_same(actual: Any, expected: Any) -> bool:
    return actual == (pytest.approx(expected, abs=1e-9) if isinstance(expected, float) else expected)


@pytest.mark.long
def test_quality_is_what_the_definition_says_day_after_day_twice_a_day_and_after_going_back(
    warehouse: Warehouse,
) -> None:
    world = make_world(seed=73, days=DAYS)
    fill(warehouse, world)
    clocks = [at(LAST + n * DAY, 390) for n in (1, 2, 3)]
    first = Truth(world, clocks[0])
    assert differences(build(warehouse, clocks[0]), first.rows) == []
    states = {row["tier_state"] for row in first.rows.values()}
    assert {"rated", "capped", "insufficient evidence"} <= states

    # The next day every documentation and security score is another, some by a little, some by much.
    for number, skill in enumerate(world.skills):
        if skill["documentation_score"] is not None:
            skill["documentation_score"] = (skill["documentation_score"] + 17 * (number % 3)) % 101
        if skill["security_score"] is not None:
            skill["security_score"] = max(skill["security_score"] - 6 * (number % 4), 0)
        if number % 5 == 0:
            skill["has_critical_advisory"] = False
    put_skills(warehouse, world)
    second = Truth(world, clocks[1], first.tiers)
    assert differences(build(warehouse, clocks[1]), second.rows) == []
    assert differences(build(warehouse, clocks[1] + timedelta(hours=5)), second.rows) == []

    third = Truth(world, clocks[2], second.tiers)
    assert differences(build(warehouse, clocks[2]), third.rows) == []

    # Back to the second day, and forward again by it.
    assert differences(build(warehouse, clocks[1]), second.rows) == []
    assert differences(build(warehouse, clocks[2]), third.rows) == []


@postgres_takes_long
def test_a_look_back_leaves_the_tiers_of_later_days_as_the_first_run_found_them(warehouse: Warehouse) -> None:
    # Known are maintenance and security at 15 each, documentation, compatibility and performance at 10: 60 in all. The
    # repository changed on 14 October. As of the 15th (15 x 100 + 15 x 48 + 10 x (40 + 50 + 0)) / 60 is 52; 46 days
    # later maintenance is 100 x (1 - 46/365) = 87.397 and the score 48.849: bronze, but silver where it was silver.
    skill = {
        "skill_id": "s1",
        "skill_name": "a/b",
        "categories": None,
        "repo_updated_at": datetime(2026, 10, 14, 12, tzinfo=UTC),
        "security_score": 52,
        "documentation_score": 40,
        "performance_score": 0,
        "compatibility": ["cursor", "codex"],
    }
    fill(warehouse, World(skills=[skill]))
    october, november = datetime(2026, 10, 15, 6, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)

    def judged(as_of: datetime) -> tuple[float, str, str]:
        row = build(warehouse, as_of)["a/b"]
        return round(row["score"], 3), row["tier"], row["tier_state"]

    for _ in range(2):
        assert judged(november) == (48.849, "bronze", "rated")
        # Twice: the second time finds what the first one said of its own day.
        assert [judged(october), judged(october)] == [(52, "silver", "rated")] * 2
    assert judged(november) == (48.849, "bronze", "rated")
    # A day that was first built in order is remembered, and finds itself again whatever was looked at in between.
    december = november + 4 * DAY
    skill["documentation_score"] = 50
    put_skills(warehouse, World(skills=[skill]))
    # 50 days later (15 x 86.301 + 15 x 48 + 10 x (50 + 50)) / 60: past 50, and not by two.
    for _ in range(2):
        assert judged(december) == (50.242, "bronze", "held")
        # As of October what is now known of the skill is 10 / 6 more.
        assert judged(october) == (53.667, "silver", "rated")
        # As of November the score is 50.516, and nothing is known of the days before: its first run again.
        assert judged(november) == (50.516, "silver", "rated")


@postgres_takes_long
def test_names_of_repositories_are_those_of_every_snapshot_up_to_the_clock(warehouse: Warehouse) -> None:
    initialise(warehouse)
    loads = iter(range(100))

    def snapshot(repository: str, name: str, day: str) -> None:
        row = {"repository_id": repository, "full_name": name, "snapshot_day": date.fromisoformat(day)}
        loaded_at = datetime(2026, 6, 20, 0, next(loads), tzinfo=UTC)
        with warehouse.write() as writer:
            writer.append("raw.github_repositories", [row | {"loaded_at": loaded_at}])

    def names(as_of: str) -> set[tuple[str, str, str]]:
        clock = datetime.fromisoformat(f"{as_of}T06:00:00+00:00")
        run_dbt(warehouse, ["run", "--select", "stg_github__repositories", "int_repository_names"], as_of=clock)
        with warehouse.write() as writer:
            rows = writer.fetch("select * from intermediate.int_repository_names")
        return {(row["repository"], row["repository_id"], f"{row['named_on']:%m-%d}") for row in rows}

    snapshot("1", "O/Old", "2026-01-20")
    snapshot("1", "O/Old", "2026-01-22")
    snapshot("1", "o/new", "2026-06-01")
    snapshot("o/name", "o/name", "2026-06-01")
    assert names("2026-06-10") == {("o/old", "1", "01-22"), ("o/new", "1", "06-01")}

    # Of this month, of one long over, of a month without one so far, and of the clock's own day, which is not over.
    snapshot("1", "o/new", "2026-06-09")
    snapshot("2", "o/old", "2026-01-23")
    snapshot("2", "o/old", "2026-03-01")
    snapshot("2", "o/later", "2026-06-10")
    everything = {
        ("o/old", "1", "01-22"), ("o/old", "2", "01-23"), ("o/old", "2", "03-01"), ("o/new", "1", "06-09"),
    }  # fmt: skip
    assert names("2026-06-10") == everything
    assert names("2026-06-11") == everything | {("o/later", "2", "06-10")}

    # Back to a day of an earlier month, and forward again.
    assert names("2026-01-22") == {("o/old", "1", "01-20")}
    assert names("2026-06-11") == everything | {("o/later", "2", "06-10")}


def test_a_tier_waits_for_two_points_past_each_edge_it_crosses() -> None:
    assert [follow("gold", Fraction(score)) for score in (89, 91, 92, 74, 73, 48, 49)] == [
        "gold", "gold", "platinum", "gold", "silver", "bronze", "silver",
    ]  # fmt: skip
    assert follow(None, Fraction(74)) == "silver"
