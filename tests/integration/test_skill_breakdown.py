"""Installs and SDK versions in a small random world, against the same world read event by event, on both engines."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

from orchestration.dbt_runner import run_dbt
from tests.conftest import postgres_takes_long
from tests.integration.adoption_world import (
    DAY,
    FIRST_DAY,
    LENGTHS,
    NAMES,
    TEAMS,
    Row,
    Truth,
    World,
    at,
    make_world,
    resolved,
)
from tests.integration.test_adoption_windows import add_events, assert_same, fill, published, remove_events
from warehouse import Warehouse

DAYS = 110
AS_OF = datetime(2026, 4, 22, 15, 30, tzinfo=UTC)
KEY = ("team_id", "skill_name", "period_end", "period_days", "breakdown", "value")
CODES = ("FETCH_FAILED", "SCAN_REJECTED", "UNKNOWN", "", None)
VERSIONS = ("1.3.9", "1.4.2", "*", "", None)
CRAWL = FIRST_DAY + 80 * DAY


def make_installs(seed: int) -> World:
    """The adoption world's people, and installs, uninstalls and uses that say what they like about themselves."""
    dice = random.Random(seed)
    world = make_world(seed, DAYS)
    people = [*(f"p{number}" for number in range(10)), "robot", "stranger"]
    for _ in range(DAYS * 12):
        _event(world, dice, dice.choice(people), FIRST_DAY + dice.randrange(DAYS) * DAY, at(FIRST_DAY + DAYS * DAY))
    # Only installs that failed name this one.
    moment = at(date(2026, 4, 20), 9)
    never = {"skill_id": "eve/never", "success": False, "error_code": "REGISTRY_SKILL_NOT_FOUND"}
    for person in people:
        world.add_event(moment, "telemetry:skill_install", person, moment, **never)
    for number in range(1001):
        moment = at(CRAWL, number % 24, number % 60)
        world.add_event(moment, "search:metrics", "p1", at(CRAWL, 23), result_count=20)
    return world


def _event(world: World, dice: random.Random, person: str, day: date, loaded_at: datetime) -> None:
    moment = at(day, dice.randrange(24))
    name = dice.choice(NAMES)
    said = {
        "success": dice.choice([True, False, False, None]),
        "source": dice.choice(["cli", "mcp-tool", "admin_bulk", None]),
        "error_code": dice.choice(CODES),
        "sdk_version": dice.choice(VERSIONS),
        "user_initiated": dice.choice([True, None, None, None, False]),
    }
    metadata = {key: value for key, value in said.items() if value is not None}
    kind = dice.choice(["skill_install", "skill_install", "skill_uninstall", "skill_invoke", "skill_view"])
    metadata |= {"skill_name": name} if kind == "skill_invoke" else {"skill_id": name}
    world.add_event(moment, f"telemetry:{kind}", person, loaded_at, **metadata)


def what_it_says(event: Row) -> tuple[str, str, str] | None:
    """Skill, breakdown and value that an event counts under, None where it counts under nothing."""
    data, kind = event["metadata"], event["event_type"]
    success, is_bulk = data.get("success"), data.get("source") == "admin_bulk"
    if (event["actor_key"], event["created_at"].date()) == ("p1", CRAWL):
        return None
    if kind == "telemetry:skill_invoke" and "skill_name" in data:
        by_person = data.get("user_initiated", not data.get("agent_session", False))
        version = data.get("sdk_version")
        named = "unknown" if version in (None, "", "*") else version
        return (resolved(data["skill_name"]), "sdk_version", named) if by_person else None
    if kind == "telemetry:skill_uninstall" and not is_bulk and success is not False:
        return resolved(data["skill_id"]), "uninstalled", "*"
    if kind == "telemetry:skill_install" and not is_bulk:
        if success is False:
            return resolved(data["skill_id"]), "install_error", data.get("error_code") or "unknown"
        return resolved(data["skill_id"]), "installed" if success else "install_unknown", "*"
    return None


def expected_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_skill_breakdown by its key, from one list of persons per value."""
    rows: dict[tuple[Any, ...], Row] = {}
    last_sunday = truth.last_day - truth.last_day.isoweekday() % 7 * DAY
    for team, length, end in product(TEAMS, LENGTHS, {truth.last_day, last_sunday}):
        if team == "inside":
            continue
        behind: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for event in truth.events:
            said, day, person = what_it_says(event), event["created_at"].date(), event["actor_key"]
            is_inside = end - length * DAY < day <= end
            if said is not None and is_inside and person in truth.seated(team, day):
                skill, breakdown, value = said
                for named in {value, "*"}:
                    behind[skill, breakdown][named].append(person)
        for (skill, breakdown), values in behind.items():
            alone = {people[0] for value, people in values.items() if value != "*" and len(set(people)) == 1}
            for value, people in values.items():
                rows[team, skill, end, length, breakdown, value] = {
                    "account_id": TEAMS[team],
                    "seats": len(truth.seats(team, end, length)),
                    "people": len(set(people)),
                    "events": len(people),
                    "people_alone": len(alone),
                    "is_provisional": end >= truth.last_day - 2 * DAY,
                }
    return rows


def build(warehouse: Warehouse, as_of: datetime) -> None:
    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test")
    run = run_dbt(
        warehouse, ["build", "--select", "+team_skill_breakdown", *left_out], as_of=as_of, run_started_at=as_of
    )
    assert [result.name for result in run.results if result.status not in ("success", "pass")] == []


def assert_as_defined(warehouse: Warehouse, world: World, as_of: datetime) -> None:
    expected = expected_rows(Truth(world, as_of))
    assert {key[4] for key in expected} == {
        "installed", "install_error", "install_unknown", "uninstalled", "sdk_version"
    }  # fmt: skip
    assert_same(published(warehouse, "team_skill_breakdown", KEY), expected)


@postgres_takes_long
def test_installs_and_versions_are_what_the_definition_says_day_after_day(warehouse: Warehouse) -> None:
    world = make_installs(seed=3)
    fill(warehouse, world)
    build(warehouse, AS_OF)
    assert_as_defined(warehouse, world, AS_OF)
    assert ("t1", "eve/never", date(2026, 4, 21), 7, "install_error", "REGISTRY_SKILL_NOT_FOUND") in expected_rows(
        Truth(world, AS_OF)
    )

    # The next day brings its own events and late ones, and takes a whole day away.
    before = len(world.events)
    dice, late = random.Random(4), AS_OF + DAY - timedelta(hours=1)
    for number in range(60):
        _event(world, dice, f"p{number % 10}", date(2026, 4, 22 if number % 2 else 3), late)
    add_events(warehouse, world.events[before:])
    remove_events(warehouse, world, lambda event: event["created_at"].date() == date(2026, 4, 2))
    build(warehouse, AS_OF + DAY)
    assert_as_defined(warehouse, world, AS_OF + DAY)

    # An earlier clock needs days that had left those that are kept.
    build(warehouse, AS_OF - 15 * DAY)
    assert_as_defined(warehouse, world, AS_OF - 15 * DAY)


def test_the_raw_events_of_a_day_that_did_not_change_are_not_read_again(duckdb_warehouse: Warehouse) -> None:
    world = make_installs(seed=5)
    fill(duckdb_warehouse, world)
    build(duckdb_warehouse, AS_OF)
    # Nobody who asked them again would find an install in them.
    with duckdb_warehouse.write() as writer:
        writer.execute("update raw.registry_events set metadata = '{}'")
    build(duckdb_warehouse, AS_OF + timedelta(hours=1))
    assert_as_defined(duckdb_warehouse, world, AS_OF)
