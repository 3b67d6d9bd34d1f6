"""Windows of a small world against the same world counted the slow way, on both engines; others are drawn elsewhere."""

import itertools
import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ingest.contracts import CONTRACTS
from orchestration.dbt_runner import run_dbt
from tests.conftest import postgres_takes_long
from tests.integration.adoption_world import (
    DAY,
    FIRST_DAY,
    SKILLS,
    Joiner,
    Truth,
    World,
    account_rows,
    activity_rows,
    add_joiners,
    at,
    censoring_ticks,
    excluded_rows,
    installed_rows,
    make_world,
    member,
    onboarding_rows,
    onboarding_summary_rows,
    retention_curve_rows,
    retention_rows,
    skill_rows,
    survival,
    told_in,
)
from warehouse import Warehouse
from warehouse.published import published_table
from warehouse.small_groups import protected_select

DAYS = 130
AS_OF = datetime(2026, 5, 12, 15, 30, tzinfo=UTC)
MODELS = (
    "+team_skill_usage +team_activity +team_installed_skills +excluded_events +account_activity +teams "
    "+team_onboarding +team_onboarding_summary +skill_retention_curve"
)

MOMENT = timedelta(microseconds=1)

Row = dict[str, Any]


def fill(warehouse: Warehouse, world: World) -> None:
    """Put the world into the raw tables as an import would."""
    warehouse.initialise(tables=[contract.table for contract in CONTRACTS.values()])
    with warehouse.write() as writer:
        writer.append("raw.registry_accounts", [_account(a, world) for a in sorted(set(world.teams.values()))])
        teams = [{"team_id": team, "account_id": account, "name": team} for team, account in world.teams.items()]
        writer.append("raw.registry_teams", teams)
    put_what_may_change(warehouse, world)
    add_events(warehouse, world.events)


def put_what_may_change(warehouse: Warehouse, world: World) -> None:
    """Who sits where, the registry's skills and the reference data, as they are now."""
    with warehouse.write() as writer:
        for table in ("registry_team_members", "registry_skills", "reference_holidays", "reference_scraper_rules"):
            writer.execute(f"delete from raw.{table}")
        writer.append("raw.registry_team_members", world.members)
        skills = [{"skill_id": f"s{number}", "skill_name": skill} for number, skill in enumerate(world.skills)]
        writer.append("raw.registry_skills", skills)
        writer.append(
            "raw.reference_holidays", [{"day": day, "name": "x"} | _place("holidays") for day in world.holidays]
        )
        if world.scraping != 1000:
            rule = {"more_than_searches": world.scraping, "more_than_percent": 95, "page_sizes": "20|50|100"}
            rule |= {"valid_from": date(1970, 1, 1)}
            writer.append("raw.reference_scraper_rules", [rule | _place("scraper_rules")])


def put_events(warehouse: Warehouse, world: World) -> None:
    """The events as they are now, in the place of those that are there."""
    with warehouse.write() as writer:
        writer.execute("delete from raw.registry_events")
        writer.execute("delete from raw.registry_audit_logs")
    add_events(warehouse, world.events)


def add_events(warehouse: Warehouse, events: list[Row]) -> None:
    """As the registry tells of them. Of those that are in the log too it has some a day later."""
    rows = [event | {"metadata": json.dumps(event["metadata"])} for event in events]
    with warehouse.write() as writer:
        writer.append("raw.registry_events", [row for row in rows if told_in(row) != "in the audit log"])
        entries = [_audit_entry(row) for row in rows if told_in(row) != "as an event"]
        writer.append("raw.registry_audit_logs", entries)


def _audit_entry(row: Row) -> Row:
    told = ("event_type", "actor_key", "metadata", "loaded_at")
    is_later = told_in(row) == "in both" and int(row["event_id"][1:]) // 3 % 3 > 0
    moment = row["created_at"] + timedelta(days=is_later)
    return {name: row[name] for name in told} | {"id": row["event_id"], "timestamp": moment}


def remove_events(warehouse: Warehouse, world: World, is_gone: Callable[[Row], bool]) -> None:
    """Take events out of the world and of the warehouse, as an erasure does."""
    gone = [event for event in world.events if is_gone(event)]
    assert gone
    world.events = [event for event in world.events if event not in gone]
    with warehouse.write() as writer:
        for event in gone:
            writer.execute("delete from raw.registry_events where event_id = ?", [event["event_id"]])
            writer.execute("delete from raw.registry_audit_logs where id = ?", [event["event_id"]])


def _place(entity: str) -> Row:
    return {"file_name": f"reference/{entity}.csv", "file_line": 2, "version": 1}


def _account(account: str, world: World) -> Row:
    return {"account_id": account, "name": account, "kind": "team", "is_internal": account in world.internal}


def build(warehouse: Warehouse, as_of: datetime) -> None:
    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test")
    run = run_dbt(warehouse, ["build", "--select", *MODELS.split(), *left_out], as_of=as_of, run_started_at=as_of)
    assert [result.name for result in run.results if result.status not in ("success", "pass")] == []


def published(warehouse: Warehouse, table: str, key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    with warehouse.write() as writer:
        rows = writer.fetch(f"select * from build.{table}")
    return {tuple(row[name] for name in key): row for row in rows}


def assert_same(actual: dict[tuple[Any, ...], Row], expected: dict[tuple[Any, ...], Row]) -> None:
    assert sorted(actual.keys() - expected.keys()) == []
    assert sorted(expected.keys() - actual.keys()) == []
    wrong = [
        f"{key} {name}: {actual[key][name]} instead of {value}"
        for key, row in expected.items()
        for name, value in row.items()
        if not _is_same(actual[key][name], value)
    ]
    assert wrong == []


def _is_same(actual: Any, expected: Any) -> bool:
    if isinstance(expected, float) and actual is not None:
        return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-9)
    return actual == expected


def assert_as_defined(warehouse: Warehouse, world: World, as_of: datetime) -> None:
    truth = Truth(world, as_of)
    assert_same(
        published(warehouse, "team_skill_usage", ("team_id", "skill_name", "period_end", "period_days")),
        skill_rows(truth),
    )
    assert_same(published(warehouse, "team_activity", ("team_id", "period_end", "period_days")), activity_rows(truth))
    assert_same(
        published(warehouse, "team_installed_skills", ("team_id", "skill_name", "period_end")), installed_rows(truth)
    )
    assert_same(
        published(warehouse, "excluded_events", ("team_id", "rule", "period_end", "period_days")),
        excluded_rows(truth),
    )
    assert_same(
        published(warehouse, "account_activity", ("account_id", "period_end", "period_days")), account_rows(truth)
    )
    assert_same(published(warehouse, "team_onboarding", ("team_id", "cohort_month", "day")), onboarding_rows(truth))
    assert_same(
        published(warehouse, "team_onboarding_summary", ("team_id", "cohort_month")), onboarding_summary_rows(truth)
    )
    assert_same(
        published(warehouse, "skill_retention", ("skill_name", "cohort_week", "weeks_later")), retention_rows(truth)
    )
    assert_same(
        published(warehouse, "skill_retention_curve", ("skill_name", "weeks_later")), retention_curve_rows(truth)
    )
    seats = {team: row["seats"] for (team,), row in published(warehouse, "teams", ("team_id",)).items()}
    assert seats == {team: len(truth.seated(team, truth.last_day)) for team in truth.teams}


def test_a_tick_of_censoring_says_no_more_than_what_is_shown_beside_it() -> None:
    dice, told = random.Random(9), 0
    for _ in range(400):
        length = dice.choice([12, 40, 110])
        people = [
            Joiner("t1", FIRST_DAY, dice.randrange(length), dice.random() < 0.6, None, FIRST_DAY)
            for _ in range(dice.randrange(5, 20))
        ]
        end = min(90, max(person.days for person in people))
        shown: dict[int, tuple[int, Fraction]] = {-1: (0, Fraction(1))}
        for day in range(end + 1):
            begun = sum(person.has_begun and person.days <= day for person in people)
            if min(begun, len(people) - begun) > 1:
                shown[day] = begun, survival(people, day)
        steps = [day for day in shown if day >= 0 and shown[day][0] > shown.get(day - 1, shown[day])[0]]
        watched = {day: (shown[day][0] - shown[day - 1][0]) / (1 - shown[day][1] / shown[day - 1][1]) for day in steps}
        for day, tick in censoring_ticks(people).items():
            if tick["fewest_last_seen"] > 1:
                first = max((step for step in steps if step <= day), default=None)
                before = len(people) if first is None else watched[first] - (shown[first][0] - shown[first - 1][0])
                assert tick["last_seen"] == before - (0 if day == end else watched[day + 1])
                told += 1
    assert told > 100


def test_from_what_is_shown_of_an_onboarding_no_hidden_count_follows() -> None:
    # Every way in which five or six people begin within four days, or have not when the last was seen on the eleventh.
    never, cohorts = 10, []
    for size in (5, 6):
        cohorts += list(itertools.combinations_with_replacement([0, 1, 2, 3, never], size))
    with duckdb.connect() as engine:
        engine.execute("create schema metrics")
        for name, make in (("team_onboarding", _curve_of), ("team_onboarding_summary", _summary_of)):
            rows = [row for number, days in enumerate(cohorts) for row in make(f"team {number}", days, never)]
            staged = pa.Table.from_pylist(rows)  # noqa: F841 - the engine reads it by its name
            engine.execute(f"create table metrics.{name} as select * from staged")
        shown: dict[str, list[str]] = {f"team {number}": [] for number in range(len(cohorts))}
        for name in ("team_onboarding", "team_onboarding_summary"):
            table = published_table(name)
            assert table is not None
            columns = [row[0] for row in engine.execute(f"describe metrics.{name}").fetchall()]
            order = "1, day" if name == "team_onboarding" else "1"
            found = engine.execute(protected_select(table, columns, "true") + f" order by {order}").to_arrow_table()
            for row in found.to_pylist():
                shown[row.pop("team_id")].append(f"{name} {row}")
    alike: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for number, days in enumerate(cohorts):
        alike[str(shown[f"team {number}"])].append(days)
    hidden = 0
    for same in alike.values():
        for day in range(never + 1):
            counts = {sum(begun <= day and begun != never for begun in days) for days in same}
            if any(count <= 1 or len(same[0]) - count <= 1 for count in counts):
                assert len(counts) > 1, (day, same)
                hidden += 1
    assert hidden > 100


def _people(days: tuple[int, ...], never: int) -> list[Joiner]:
    return [Joiner("t1", FIRST_DAY, day, day != never, None, FIRST_DAY) for day in days]


def _curve_of(team: str, days: tuple[int, ...], never: int) -> Iterator[dict[str, Any]]:
    people = _people(days, never)
    ticks = censoring_ticks(people)
    for day in range(max(days) + 1):
        share = float(survival(people, day))
        yield {
            "team_id": team, "account_id": "a", "cohort_month": FIRST_DAY, "day": day, "seats": len(people),
            "adopters": sum(person.has_begun and person.days <= day for person in people),
            "survival": share, "adopted_share": 1 - share,
            "last_seen": None, "fewest_last_seen": None, **ticks.get(day, {}),
        }  # fmt: skip


def _summary_of(team: str, days: tuple[int, ...], never: int) -> Iterator[dict[str, Any]]:
    people = _people(days, never)
    begun = {day: sum(person.has_begun and person.days <= day for person in people) for day in range(31)}
    middle = next((day for day in range(never + 1) if survival(people, day) <= Fraction(1, 2)), None)
    yield {
        "team_id": team, "account_id": "a", "cohort_month": FIRST_DAY, "seats": len(people), "adopters": begun[30],
        "adopters_7": begun[7], "adopted_by_7": float(1 - survival(people, 7)),
        "adopters_30": begun[30], "adopted_by_30": float(1 - survival(people, 30)),
        "median_days": middle, "adopters_median": begun[30 if middle is None else middle],
        "people_30": len(people), "median_skills_30": 1.0 if middle is not None else 0.0,
    }  # fmt: skip


def edges_world() -> World:
    """What lies at the edges of the 28 days to the leap day of 2028, which begin on the second of February."""
    world, first, leap = World(), date(2028, 2, 2), date(2028, 2, 29)
    before = at(first) - MOMENT
    for person, team, joined, left in (
        ("long", "t1", at(first - 40 * DAY), None),
        ("long", "t2", at(first - 40 * DAY), None),
        ("gone", "t1", at(first - 40 * DAY), at(first)),
        ("late", "t1", at(first - 40 * DAY), at(first) + MOMENT),
        ("last", "t1", at(leap + DAY) - MOMENT, None),
        ("next", "t1", at(leap + DAY), None),
        ("robot", "t1", at(first - 40 * DAY), None),
        ("ours", "inside", at(first - 40 * DAY), None),
    ):
        world.members.append(member(team, person, joined, left) | {"is_bot": person == "robot"})
    for moment, person, name, success in (
        (at(first), "long", "ann/lint", True),
        (before, "long", "bob/test", True),
        (before, "gone", "ann/lint", True),
        (at(first), "late", "test", True),
        (at(first) + MOMENT, "late", "lint", None),
        (at(leap), "last", "lint", True),
        (at(leap + DAY) - MOMENT, "last", "cat/docs", False),
        (at(leap + DAY), "long", "cat/docs", True),
        (at(leap, 12), "robot", "ann/lint", True),
        (at(leap, 12), "ours", "ann/lint", True),
    ):
        said = {"skill_name": name} | ({} if success is None else {"success": success})
        world.add_event(moment, "telemetry:skill_invoke", person, moment, **said)
    for number, (moment, kind) in enumerate(
        ((at(first), "install"), (at(first), "uninstall"), (at(leap), "install"), (at(leap + DAY), "uninstall"))
    ):
        # Both at one moment: the uninstall wins, until the skill is installed again.
        world.made = 30 + 3 * number
        world.add_event(moment, f"telemetry:skill_{kind}", "long", moment, skill_id="ann/lint", success=True)
    add_joiners(world, "t3", date(2027, 12, 1))
    return world


@postgres_takes_long
def test_what_lies_at_the_edges_of_a_leap_years_windows_is_counted_where_it_belongs(warehouse: Warehouse) -> None:
    world, as_of, leap = edges_world(), datetime(2028, 3, 1, tzinfo=UTC), date(2028, 2, 29)
    fill(warehouse, world)
    build(warehouse, as_of)
    assert_as_defined(warehouse, world, as_of)
    team = published(warehouse, "team_activity", ("team_id", "period_end", "period_days"))["t1", leap, 28]
    # Of four people seated three used something: `gone` left at the window's first midnight, `next` joined at its last.
    assert (team["seats"], team["active_users"], team["uses"], team["successes"]) == (3, 3, 5, 3)
    assert (team["new_users"], team["returning_users"], team["dormant_users"]) == (2, 1, 1)
    installed = published(warehouse, "team_installed_skills", ("team_id", "skill_name", "period_end"))
    days = sorted(end for of_team, _, end in installed if of_team == "t1")
    assert days == [leap]
    ticks = published(warehouse, "team_onboarding", ("team_id", "cohort_month", "day")).values()
    assert max(row["fewest_last_seen"] or 0 for row in ticks) > 1, "no tick of this world is shown"

    # A day later: a skill was renamed, so that a bare name has one owner; late events, one erased, a holiday moved.
    world.skills[1], world.holidays = "bob/probe", frozenset({leap})
    late = datetime(2028, 3, 2, 6, tzinfo=UTC)
    world.made = 100
    for moment in (at(date(2028, 2, 2)) - MOMENT, at(date(2028, 2, 15), 9), at(date(2028, 3, 1), 9)):
        world.add_event(moment, "telemetry:skill_invoke", "late", late, skill_name="test", success=True)
    put_what_may_change(warehouse, world)
    add_events(warehouse, world.events[-3:])
    remove_events(warehouse, world, lambda event: event["actor_key"] == "last" and event["metadata"]["success"])
    build(warehouse, late)
    assert_as_defined(warehouse, world, late)
    usage = published(warehouse, "team_skill_usage", ("team_id", "skill_name", "period_end", "period_days"))
    assert usage["t1", "dan/test", leap, 28]["users"] == 1

    # An earlier clock: the leap day is not over, and nothing of later days is there yet.
    build(warehouse, datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC))
    assert_as_defined(warehouse, world, datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC))


@pytest.mark.long
def test_what_changes_in_the_past_is_made_again_from_there_and_nothing_before(warehouse: Warehouse) -> None:
    world = make_world(seed=5, days=DAYS)
    fill(warehouse, world)
    build(warehouse, AS_OF)

    # Somebody is known to have left twelve days ago, somebody else to have come ten days ago.
    leaver = next(m for m in world.members if m["left_at"] is None and m["team_id"] == "t1" and not m["is_bot"])
    leaver["left_at"] = at(date(2026, 4, 30), 12)
    world.members.append(member("t2", "stranger", at(date(2026, 5, 2), 9), None))
    put_what_may_change(warehouse, world)
    build(warehouse, AS_OF.replace(minute=31))
    with warehouse.write() as writer:
        made_again = writer.fetch(
            "select min(period_end) as day, count(distinct period_end) as days from build.team_activity "
            "where computed_at = ?",
            [AS_OF.replace(minute=31)],
        )
        [kept] = writer.fetch(
            "select count(*) as n from build.team_activity where computed_at = ? and period_end < ?",
            [AS_OF, date(2026, 4, 28)],
        )
    # Three days before the first day without the leaver: that long a period may have been provisional.
    assert made_again == [{"day": date(2026, 4, 28), "days": 14}]
    assert kept["n"] > 0


@postgres_takes_long
def test_history_that_comes_before_all_that_is_known_moves_every_window_that_it_should(warehouse: Warehouse) -> None:
    # 28 days before the end of December, a Wednesday, is the end of a period now, and no table has a row of it.
    world = make_world(seed=5, days=40)
    as_of = datetime(2026, 2, 12, 15, 30, tzinfo=UTC)
    for number in range(3):
        seat = {"team_id": "t1", "actor_key": f"early{number}", "is_bot": False, "joined_at": at(date(2025, 10, 1), 9)}
        world.members.append(seat | {"left_at": None})
    fill(warehouse, world)
    build(warehouse, as_of)
    before = len(world.events)
    for number, day in enumerate((date(2025, 12, 4), date(2025, 12, 6))):
        world.add_event(at(day, 9), "telemetry:skill_invoke", f"p{number}", as_of, skill_name="cat/docs", success=True)
    add_events(warehouse, world.events[before:])
    build(warehouse, as_of.replace(minute=31))
    assert_as_defined(warehouse, world, as_of.replace(minute=31))


@postgres_takes_long
def test_an_install_that_the_log_noted_before_midnight_is_of_the_day_of_its_event_once_that_is_there(
    warehouse: Warehouse,
) -> None:
    install = {"event_type": "telemetry:skill_install", "actor_key": "p1"}
    install["metadata"] = json.dumps({"skill_id": SKILLS[0], "success": True})
    noted, happened = at(date(2026, 5, 3), 23, 50), at(date(2026, 5, 4), 0, 10)
    warehouse.initialise(tables=[contract.table for contract in CONTRACTS.values()])
    with warehouse.write() as writer:
        writer.append("raw.registry_audit_logs", [install | {"id": "e1", "timestamp": noted, "loaded_at": noted}])

    def days_of_install(minute: int) -> list[date]:
        chosen = ["--select", "+int_skill_install_days", "--exclude-resource-type", "unit_test", "test"]
        moment = AS_OF.replace(minute=minute)
        run_dbt(warehouse, ["build", *chosen], as_of=moment, run_started_at=moment)
        with warehouse.write() as writer:
            rows = writer.fetch("select day from intermediate.int_skill_install_days where not is_day_mark")
        return [row["day"] for row in rows]

    assert days_of_install(31) == [noted.date()]
    # The event comes with a load that is no newer than the entry's.
    event = install | {"event_id": "e1", "created_at": happened, "ip_prefix": None, "loaded_at": noted}
    with warehouse.write() as writer:
        writer.append("raw.registry_events", [event])
    assert days_of_install(32) == [happened.date()]


@postgres_takes_long
def test_a_changed_scraper_rule_holds_for_old_days_too_and_no_other_day_is_read_again(warehouse: Warehouse) -> None:
    world = make_world(seed=5, days=DAYS)
    march, may = date(2026, 3, 20), date(2026, 5, 5)
    for day in (march, may):
        world.add_event(at(day, 8), "telemetry:skill_invoke", "p3", at(day, 9), skill_name=SKILLS[0], success=True)
        for minute in range(30):
            world.add_event(at(day, 10, minute), "search:metrics", "p3", at(day, 11), result_count=20)
    fill(warehouse, world)
    build(warehouse, AS_OF)
    assert _scrapers(warehouse) == []
    assert {march, may} <= _days_of_use(warehouse, "p3")

    # Before April nobody makes more than twenty searches a day; of later days nothing else is said than before.
    place = {
        "file_name": "reference/scraper_rules.csv",
        "version": 1,
        "more_than_percent": 95,
        "page_sizes": "20|50|100",
    }
    rules = [(2, date(1970, 1, 1), 20), (3, date(2026, 4, 1), 1000)]
    with warehouse.write() as writer:
        writer.append(
            "raw.reference_scraper_rules",
            [place | {"file_line": n, "valid_from": day, "more_than_searches": most} for n, day, most in rules],
        )
    build(warehouse, AS_OF.replace(minute=31))

    assert _scrapers(warehouse) == [{"kind": "actor", "scraper": "p3", "day": march}]
    assert _days_of_use(warehouse, "p3") >= {may}
    assert march not in _days_of_use(warehouse, "p3")
    with warehouse.write() as writer:
        read_again = writer.fetch(
            "select max(since) as last from intermediate.int_usage_changes "
            "where kind = 'day' and detected_at = (select max(detected_at) from intermediate.int_usage_changes)"
        )
    assert read_again == [{"last": date(2026, 3, 31)}]
    world.events = [e for e in world.events if e["actor_key"] != "p3" or e["created_at"].date() != march]
    truth = Truth(world, AS_OF)
    key = ("team_id", "skill_name", "period_end", "period_days")
    assert_same(published(warehouse, "team_skill_usage", key), skill_rows(truth))
    assert_same(published(warehouse, "team_activity", ("team_id", "period_end", "period_days")), activity_rows(truth))


def _scrapers(warehouse: Warehouse) -> list[Row]:
    with warehouse.write() as writer:
        return writer.fetch("select kind, scraper, day from intermediate.int_scraper_days where not is_day_mark")


def _days_of_use(warehouse: Warehouse, person: str) -> set[date]:
    with warehouse.write() as writer:
        rows = writer.fetch(
            "select distinct day from intermediate.int_skill_use_days where actor_key = ? and not is_day_mark", [person]
        )
    return {row["day"] for row in rows}
