"""Skills that go together, in a small random world read the slow way, on both engines."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from math import sqrt
from typing import Any

import pytest

from expectations.frames import evaluate
from expectations.metrics_border import metrics_checks
from orchestration.analysis_step import write_skill_suggestions
from orchestration.dbt_runner import run_dbt
from tests.conftest import postgres_takes_long
from tests.integration.adoption_world import DAY, FIRST_DAY, TEAMS, Truth, World, at, resolved
from tests.integration.test_adoption_windows import add_events, fill, remove_events
from tests.unit.analysis.suggestions_reading import COMPARED, Use, plain_reading
from warehouse import Warehouse

DAYS = 130
AS_OF = datetime(2026, 5, 15, 6, tzinfo=UTC)
MODELS = "+skill_pairs +int_skill_adopters +int_team_windows +int_team_installed_skills"
PUBLIC = ["ann/lint", "bob/test", "cat/docs", "dan/test", *(f"eve/{number}" for number in range(14))]
HIDDEN = {"our/secret": {"visibility": "private", "team_id": "t1"}}
NOT_TO_TRY = {"eve/0": {"is_quarantined": True}, "eve/1": {"has_critical_advisory": True}}

Row = dict[str, Any]


def make_world(seed: int) -> World:
    """Forty people of two tastes, whose sessions hold what must count and what must not."""
    dice = random.Random(seed)
    world = World()
    people = [f"p{number}" for number in range(40)]
    for person in [*people, "robot"]:
        for team in dice.sample(["t1", "t2", "t3", "inside"], k=dice.choice([1, 1, 2])):
            joined = at(FIRST_DAY + dice.randrange(-20, 60) * DAY, 9)
            left = None if dice.random() < 0.8 else joined + timedelta(days=dice.randrange(1, 90))
            stay = {"team_id": team, "actor_key": person, "joined_at": joined, "left_at": left}
            world.members.append(stay | {"is_bot": person == "robot"})
    for number in range(1_500):
        person = dice.choice([*people, "robot", "stranger"])
        day = FIRST_DAY + dice.randrange(DAYS) * DAY
        taste = PUBLIC[: len(PUBLIC) // 2] if sum(map(ord, person)) % 2 else PUBLIC[len(PUBLIC) // 2 :]
        skills = [*dice.sample(taste, dice.randrange(1, 4)), dice.choice([*PUBLIC, *HIDDEN, "lint", "test", "nowhere"])]
        _session(world, dice, person, day, dice.choice([f"s{number}", "always the same", None]), skills)
    # One session of 51 skills, and one of 50 that is a person's still.
    for session, size in (("too many", 51), ("many", 50)):
        for name in range(size):
            moment = at(date(2026, 5, 2), 10)
            world.add_event(
                moment, "telemetry:skill_invoke", "p1", moment,
                skill_name=f"zoe/{name}", session_id=session, success=True,
            )  # fmt: skip
    return world


def _session(world: World, dice: random.Random, person: str, day: date, session: str | None, skills: list[str]) -> None:
    for skill in skills:
        metadata: Row = {"skill_name": skill, "success": dice.choice([True, True, True, True, False])}
        if session is not None:
            metadata["session_id"] = session
        if dice.random() < 0.05:
            del metadata["success"]
        if dice.random() < 0.05:
            metadata["agent_session"] = True
        moment = at(day, dice.randrange(24))
        world.add_event(moment, "telemetry:skill_invoke", person, moment, **metadata)
        if dice.random() < 0.1:
            world.add_event(moment, "telemetry:skill_install", person, moment, skill_id=skill, success=True)


def fill_world(warehouse: Warehouse, world: World) -> None:
    fill(warehouse, world)
    named = {name: {} for name in PUBLIC[4:]} | HIDDEN | NOT_TO_TRY
    columns = ("visibility", "team_id", "quarantined", "has_critical_advisory")
    with warehouse.write() as writer:
        writer.append(
            "raw.registry_skills",
            [
                {"skill_id": name, "skill_name": name, **dict.fromkeys(columns)}
                | {key.removeprefix("is_"): value for key, value in of_skill.items()}
                for name, of_skill in named.items()
            ],
        )


def build(warehouse: Warehouse, as_of: datetime) -> None:
    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test")
    run = run_dbt(warehouse, ["build", "--select", *MODELS.split(), *left_out], as_of=as_of, run_started_at=as_of)
    assert [result.name for result in run.results if result.status not in ("success", "pass")] == []


def fetch(warehouse: Warehouse, statement: str) -> list[Row]:
    with warehouse.write() as writer:
        return writer.fetch(statement)


def seated_anywhere(truth: Truth, person: str, day: date) -> bool:
    return any(person in truth.seated(team, day) for team in TEAMS if team != "inside")


def expected_pairs(truth: Truth) -> dict[tuple[str, str], Row]:
    """skill_pairs by its key, from sets of sessions."""
    sessions: dict[tuple[date, str, str], set[str]] = defaultdict(set)
    for event in truth.events:
        data, day, person = event["metadata"], event["created_at"].date(), event["actor_key"]
        is_own = data.get("user_initiated", not data.get("agent_session", False))
        if event["event_type"] != "telemetry:skill_invoke" or not is_own or data.get("success") is not True:
            continue
        if "session_id" not in data or not seated_anywhere(truth, person, day):
            continue
        if truth.last_day - 90 * DAY < day <= truth.last_day:
            sessions[day, person, data["session_id"]].add(resolved(data["skill_name"]))
    kept = {key: skills for key, skills in sessions.items() if len(skills) <= 50}
    having: dict[str, set[tuple[date, str, str]]] = defaultdict(set)
    for key, skills in kept.items():
        for skill in skills & set(PUBLIC):
            having[skill].add(key)
    rows = {}
    for one, other in combinations(sorted(having), 2):
        both = having[one] & having[other]
        people = {person for _, person, _ in both}
        if len(people) >= 5:
            rows[one, other] = {
                "period_end": truth.last_day,
                "period_days": 90,
                "people": len(people),
                "sessions_together": len(both),
                "sessions_of_skill": len(having[one]),
                "sessions_of_paired": len(having[other]),
                "sessions": len(kept),
                "sessions_left_out": len(sessions) - len(kept),
                "support": pytest.approx(len(both) / len(kept)),
                "confidence": pytest.approx(len(both) / len(having[one])),
                "paired_confidence": pytest.approx(len(both) / len(having[other])),
                "lift": pytest.approx(len(both) * len(kept) / (len(having[one]) * len(having[other]))),
                **_lift_interval(len(both), len(having[one]), len(having[other]), len(kept)),
            }
    return rows


def _lift_interval(both: int, one: int, other: int, sessions: int) -> Row:
    """Wilson's interval of the rarer skill's share with the other, over the other's share of all sessions."""
    n, base, z = min(one, other), max(one, other) / sessions, 1.959963984540054
    middle, spread = both + z * z / 2, z * sqrt(both * (n - both) / n + z * z / 4)
    return {
        "lift_low": pytest.approx((middle - spread) / (n + z * z) / base),
        "lift_high": pytest.approx((middle + spread) / (n + z * z) / base),
    }


def expected_uses(truth: Truth) -> list[Use]:
    """int_skill_adopters, as the plain reading of the suggestions takes them."""
    flags: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for use in truth.uses:
        ago = (truth.last_day - use.day).days
        if 0 <= ago < 118 and use.skill in PUBLIC and use.skill not in NOT_TO_TRY:
            of_use = flags[use.team, use.person, use.skill]
            if use.success is True:
                of_use |= {"b"} if ago >= 28 else {"l"}
                of_use |= {"n"} if ago < 90 else set()
            of_use |= {"u"} if ago < 90 else set()
    return [(*key, "".join(sorted(letters))) for key, letters in sorted(flags.items())]


def assert_as_defined(warehouse: Warehouse, world: World, as_of: datetime) -> None:
    truth = Truth(world, as_of)
    pairs = expected_pairs(truth)
    found = {
        (row["skill_name"], row["paired_skill_name"]): row
        for row in fetch(warehouse, "select * from build.skill_pairs")
    }
    assert found.keys() == pairs.keys()
    assert [{name: found[key][name] for name in row} for key, row in pairs.items()] == list(pairs.values())
    assert len(pairs) > 20

    uses = expected_uses(truth)
    letters = {"b": "was_accepted_before", "l": "was_accepted_lately", "n": "is_accepted", "u": "is_used"}
    adopters = [
        (row["team_id"], row["actor_key"], row["skill_name"], "".join(k for k, name in letters.items() if row[name]))
        for row in fetch(warehouse, "select * from intermediate.int_skill_adopters")
    ]
    assert sorted(adopters) == uses
    with warehouse.write() as writer:
        write_skill_suggestions(writer, as_of)
    rows = fetch(warehouse, "select * from build.skill_suggestions order by team_id, rank")
    teams = ["t1", "t2", "t3"]
    there = [
        (team, skill)
        for team in teams
        for person in truth.seated(team, truth.last_day)
        for skill in truth.installed(person, truth.last_day)
    ]
    expected = plain_reading(uses, teams, there)
    assert [{name: row[name] for name in COMPARED} for row in rows] == expected
    assert {row["team_id"]: row["seats"] for row in rows} == {
        team: len(truth.seats(team, truth.last_day, 90)) for team in {row["team_id"] for row in rows}
    }


@postgres_takes_long
def test_pairs_and_suggestions_are_what_the_definitions_say_day_after_day(warehouse: Warehouse) -> None:
    world = make_world(seed=3)
    fill_world(warehouse, world)
    build(warehouse, AS_OF)
    assert_as_defined(warehouse, world, AS_OF)

    # The next day brings its own events and a late one, and takes a whole day away.
    before = len(world.events)
    dice = random.Random(4)
    for number in range(40):
        _session(world, dice, f"p{number}", date(2026, 5, 15), "today", dice.sample(PUBLIC, 3))
    late = at(date(2026, 5, 15), 20)
    world.add_event(
        at(date(2026, 4, 1), 9), "telemetry:skill_invoke", "p2", late,
        skill_name="lint", session_id="always the same", success=True,
    )  # fmt: skip
    add_events(warehouse, world.events[before:])
    remove_events(warehouse, world, lambda event: event["created_at"].date() == date(2026, 4, 15))
    build(warehouse, AS_OF + DAY)
    assert_as_defined(warehouse, world, AS_OF + DAY)

    # An earlier clock needs days that had left the window.
    build(warehouse, AS_OF - 20 * DAY)
    assert_as_defined(warehouse, world, AS_OF - 20 * DAY)


def test_a_day_that_did_not_change_is_not_read_again_and_one_that_left_the_window_is_forgotten(
    duckdb_warehouse: Warehouse,
) -> None:
    world = make_world(seed=3)
    fill_world(duckdb_warehouse, world)
    build(duckdb_warehouse, AS_OF)
    days = (
        "select min(day) as first, max(day) as last, count(distinct day) as days from intermediate.int_session_skills"
    )
    assert fetch(duckdb_warehouse, days) == [{"first": date(2026, 2, 14), "last": date(2026, 5, 14), "days": 90}]

    # Nobody who asked the raw events of before today would find a session in them.
    with duckdb_warehouse.write() as writer:
        writer.execute("update raw.registry_events set metadata = '{}'")
    before = len(world.events)
    for number in range(6):
        _session(world, random.Random(number), f"p{number}", date(2026, 5, 15), "today", ["ann/lint", "bob/test"])
    add_events(duckdb_warehouse, world.events[before:])
    build(duckdb_warehouse, AS_OF + DAY)

    pairs = expected_pairs(Truth(world, AS_OF + DAY))
    found = fetch(duckdb_warehouse, "select skill_name, paired_skill_name, people from build.skill_pairs")
    assert {(row["skill_name"], row["paired_skill_name"]): row["people"] for row in found} == {
        key: row["people"] for key, row in pairs.items()
    }
    assert fetch(duckdb_warehouse, days) == [{"first": date(2026, 2, 15), "last": date(2026, 5, 15), "days": 90}]


def test_a_row_that_speaks_of_four_people_stops_publishing(duckdb_warehouse: Warehouse) -> None:
    with duckdb_warehouse.write() as writer:
        writer.execute("create schema if not exists build")
        writer.execute("create table build.skill_pairs as select 'a/b' as skill_name, 7 as people")
        writer.execute("create table build.skill_suggestions as select null::bigint as people_using, 5 as people_of")
        [check] = [
            check
            for check in metrics_checks(writer, dict, may_shrink=True)
            if check.name == "no_row_speaks_of_a_few_people"
        ]
        assert {row["status"] for row in evaluate(check)} == {"passed"}
        writer.execute("update build.skill_pairs set people = 4")
        found = {row["table_name"]: row["status"] for row in evaluate(check)}

    assert found == {"metrics.skill_pairs": "failed", "metrics.skill_suggestions": "passed"}
