"""T in worlds that hypothesis draws: uses by assumption and hours, against plain Python draw by draw."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from hashlib import md5
from math import floor, sqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.analysis_step import write_time_saved_hours
from tests.integration.adoption_world import DAY, LENGTHS, Row, Truth, World, member, users
from tests.integration.drawn_worlds import EDGES, FIXED, MANY, History, Next, clocks, histories, worlds
from tests.integration.replayed_dbt import Recording, ReplayedWarehouse
from tests.integration.test_adoption_windows import assert_same, fill, published, put_events, put_what_may_change

GRADES = ("experiment", "diary", "survey", "assumed")
LANDED = {"file_name": "reference/x.csv", "version": 1}

MINUTES = (-2.0, 0.0, 1.0, 4.0, 10.0)
SHARES = (0.0, 0.3, 0.5, 0.9, 1.0)

Range = tuple[float, float, float]


@dataclass
class Assumed:
    """A world, and what is assumed of it: rows of both reference tables, and of each later build of the history."""

    history: History
    assumptions: list[Row]
    factors: list[Row]
    following: list[tuple[list[Row], list[Row]]] = field(default_factory=list)


@st.composite
def steady(draw: Any) -> History:
    """Two people who use two skills every week; of later builds only what is assumed is another."""
    as_of, world = draw(clocks()), World(teams={"t1": "a1"})
    for person, skill in (("p1", "ann/lint"), ("p2", "ann/lint"), ("p2", "bob/test")):
        world.members.append(member("t1", person, as_of - 200 * DAY, None))
        for week in range(20):
            moment = as_of - (7 * week + draw(st.integers(1, 7))) * DAY
            world.add_event(moment, "telemetry:skill_invoke", person, moment, skill_name=skill, success=True)
    following = [Next(as_of + timedelta(seconds=number), lambda _: None) for number in (1, 2, 3)]
    return History(world, as_of, following)


@st.composite
def assumed(draw: Any, drawn_histories: st.SearchStrategy[History]) -> Assumed:
    """Up to two sets, with rows of own skills or without a default, some not in force yet or no longer."""
    history = draw(drawn_histories)
    minutes, shares = (st.lists(st.sampled_from(of), min_size=3, max_size=3).map(sorted) for of in (MINUTES, SHARES))
    # Few days, so that rows of several grades hold from one of them.
    days = st.sampled_from(draw(st.lists(st.sampled_from((*EDGES, 400, -1)), min_size=1, max_size=2)))
    row = st.tuples(
        st.sampled_from(("default", "default", "house")), st.sampled_from(("*", "*", "ann/lint", "bob/test")),
        st.none() | days.map(lambda days: history.as_of.date() - days * DAY), st.sampled_from(GRADES), minutes,
    )  # fmt: skip
    # Two rows of one grade for one day are a mistake that a data test tells.
    rows = draw(st.lists(row, min_size=3, max_size=8, unique_by=lambda row: row[:4]))
    names = ("assumption_set", "skill_name", "valid_from", "grade")
    assumptions = [dict(zip(names, row, strict=False)) | _ends(row[4]) for row in rows]
    factors = [
        {"assumption_set": name, "factor": factor} | _ends(draw(shares))
        for name in ("default", "house") for factor in ("kept", "incremental")
    ]  # fmt: skip
    world = Assumed(history, assumptions, factors)
    for _ in history.following:
        assumptions, factors = _reconsidered(draw, assumptions, factors)
        world.following.append((assumptions, factors))
    return world


def _reconsidered(draw: Any, assumptions: list[Row], factors: list[Row]) -> tuple[list[Row], list[Row]]:
    """The same, or one of the rows with another low, mode or high, of another grade or day, or gone."""
    kind = draw(st.sampled_from(("same", "minutes", "minutes", "grade", "day", "gone", "share", "share", "no share")))
    rows = list(factors if kind.endswith("share") else assumptions)
    number = draw(st.integers(0, len(rows) - 1))
    if kind.endswith("share"):
        rows[number : number + 1] = [_moved(draw, rows[number], SHARES)] if kind == "share" else []
        return assumptions, rows
    row = rows.pop(number)
    if kind == "minutes":
        row = _moved(draw, row, MINUTES)
    if kind == "grade":
        row = row | {"grade": draw(st.sampled_from(GRADES))}
    if kind == "day":
        row = row | {"valid_from": (row["valid_from"] or date(2024, 1, 1)) - draw(st.sampled_from(EDGES)) * DAY}
    if kind != "gone" and _held(row) not in map(_held, rows):
        rows.insert(number, row)
    return rows or assumptions, factors


def _moved(draw: Any, row: Row, pool: tuple[float, ...]) -> Row:
    name = draw(st.sampled_from(("low", "mode", "high")))
    moved = [row | {name: value} for value in pool]
    return draw(st.sampled_from([row for row in moved if row["low"] <= row["mode"] <= row["high"]]))


def _held(row: Row) -> tuple[Any, ...]:
    return row["assumption_set"], row["skill_name"], row["valid_from"], row["grade"]


def _ends(ends: list[float]) -> Row:
    return dict(zip(("low", "mode", "high"), ends, strict=True))


@lru_cache
def uniform(name: str) -> tuple[float, ...]:
    """u(name, d) for d = 1 to 2,000."""
    return tuple(int(md5(f"{name}:{d}".encode()).hexdigest()[:8], 16) / 2**32 for d in range(1, 2001))


@lru_cache(maxsize=1000)
def drawn(name: str, low: float, mode: float, high: float) -> tuple[float, ...]:
    """Each draw of a triangular distribution by its inverse."""
    if low == high:
        return (low,) * 2000
    middle, width = (mode - low) / (high - low), high - low
    return tuple(
        low + sqrt(u * width * (mode - low)) if u < middle else high - sqrt((1 - u) * width * (high - mode))
        for u in uniform(name)
    )


@lru_cache(maxsize=1000)
def hours(uses: tuple[tuple[int, str, Range], ...], kept: Range, incremental: Range) -> list[float]:
    """The 10th, 50th and 90th percentile over all draws of successes x minutes x both shares / 60."""
    parts = [(count, drawn(name, *ends)) for count, name, ends in uses]
    shares = zip(drawn("#kept", *kept), drawn("#incremental", *incremental), strict=True)
    found = sorted(sum(count * minutes[d] for count, minutes in parts) * q * i / 60 for d, (q, i) in enumerate(shares))
    return [_quantile(found, share) for share in (0.1, 0.5, 0.9)]


def _quantile(ordered: list[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = floor(place)
    return ordered[below] + (place - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])


def in_force(world: Assumed, name: str, skill: str, day: date) -> Row | None:
    """A skill's row of a set on a day: the newest, and of one day's the most trusted."""
    rows = [
        row
        for row in world.assumptions
        if (row["assumption_set"], row["skill_name"]) == (name, skill) and (row["valid_from"] or date.min) <= day
    ]
    return max(rows, key=lambda row: (row["valid_from"] or date.min, -GRADES.index(row["grade"])), default=None)


def windows(world: Assumed, truth: Truth) -> Iterator[tuple[tuple[Any, ...], dict[str, Row]]]:
    """(team, period end, days, set) and its rows by the name of the assumption."""
    # A set without both shares has no hours.
    told = [row["assumption_set"] for row in world.factors]
    sets = {row["assumption_set"] for row in world.assumptions if told.count(row["assumption_set"]) == 2}
    for team in truth.teams:
        of_team = [use for use in truth.uses if use.team == team]
        for end in truth.period_ends():
            for length in LENGTHS:
                now = truth.window(of_team, end, length)
                for name in sets:
                    rows: dict[str, Row] = {}
                    for skill in {use.skill for use in now if use.success is True}:
                        mine = [use for use in now if use.skill == skill]
                        chosen = in_force(world, name, skill, end) or in_force(world, name, "*", end)
                        if chosen is not None:
                            row = rows.setdefault(chosen["skill_name"], {"successes": 0, "failures": 0, "users": 0})
                            row["successes"] += sum(use.success is True for use in mine)
                            row["failures"] += sum(use.success is False for use in mine)
                            row["users"] = max(row["users"], len(users(mine)))
                            row |= {column: chosen[column] for column in ("low", "mode", "high", "grade")}
                    if rows:
                        yield (team, end, length, name), rows


def expected(world: Assumed, truth: Truth) -> tuple[dict[tuple[Any, ...], Row], dict[tuple[Any, ...], Row]]:
    """team_time_saved_uses and team_time_saved by their keys."""
    uses, saved = {}, {}
    shares = {(row["assumption_set"], row["factor"]): (row["low"], row["mode"], row["high"]) for row in world.factors}
    for key, rows in windows(world, truth):
        fewest = min(row["users"] for row in rows.values())
        for name, row in rows.items():
            uses[*key, name] = {column: value for column, value in row.items() if column != "users"}
            uses[*key, name]["fewest_users"] = fewest
        parts = ((row["successes"], name, (row["low"], row["mode"], row["high"])) for name, row in rows.items())
        low, middle, high = hours(tuple(sorted(parts)), shares[key[3], "kept"], shares[key[3], "incremental"])
        saved[key] = {
            "hours_p10": low,
            "hours_p50": middle,
            "hours_p90": high,
            "hours_naive": sum(row["successes"] * row["mode"] for row in rows.values()) / 60,
            "successes": sum(row["successes"] for row in rows.values()),
            "weakest_grade": max((row["grade"] for row in rows.values()), key=GRADES.index),
        }
    return uses, saved


@pytest.fixture(scope="module")
def time_saved(recorded_dbt: Recording) -> Recording:
    """What dbt asks to build what hours are made of."""
    return recorded_dbt.only_for("team_time_saved_uses", "int_time_saved_hours")


def put_assumed(warehouse: ReplayedWarehouse, assumptions: list[Row], factors: list[Row]) -> None:
    """Both reference tables as they are now."""
    with warehouse.write() as writer:
        for table, rows in (("assumptions", assumptions), ("factors", factors)):
            told = [row | LANDED | {"file_line": line} for line, row in enumerate(rows, start=2)]
            writer.execute(f"delete from raw.reference_time_saved_{table}")
            writer.append(f"raw.reference_time_saved_{table}", told)


def assert_as_defined(warehouse: ReplayedWarehouse, world: Assumed, as_of: datetime) -> None:
    with warehouse.write() as writer:
        write_time_saved_hours(writer, as_of)
        hours_made = writer.fetch("select * from intermediate.int_time_saved_hours")
    uses, saved = expected(world, Truth(world.history.world, as_of))
    key = ("team_id", "period_end", "period_days", "assumption_set")
    assert_same(published(warehouse, "team_time_saved_uses", (*key, "assumption_name")), uses)
    assert_same({tuple(row[name] for name in key): row for row in hours_made}, saved)


def assert_follows(recording: Recording, world: Assumed) -> None:
    warehouse, history = ReplayedWarehouse(recording), world.history
    fill(warehouse, history.world)
    put_assumed(warehouse, world.assumptions, world.factors)
    warehouse.build(history.as_of)
    assert_as_defined(warehouse, world, history.as_of)
    for step, (assumptions, factors) in zip(history.following, world.following, strict=True):
        step.change(history.world)
        put_what_may_change(warehouse, history.world)
        put_events(warehouse, history.world)
        put_assumed(warehouse, assumptions, factors)
        warehouse.build(step.as_of)
        assert_as_defined(warehouse, Assumed(history, assumptions, factors), step.as_of)
    warehouse.close()


@settings(FIXED, max_examples=12)
@given(world=assumed(worlds()))
def test_every_hour_saved_is_what_the_definition_says(time_saved: Recording, world: Assumed) -> None:
    assert_follows(time_saved, world)


@settings(FIXED, max_examples=12)
@given(world=assumed(steady() | histories()))
def test_hours_follow_other_uses_and_what_is_assumed_anew_and_leave_the_rest(
    time_saved: Recording, world: Assumed
) -> None:
    assert_follows(time_saved, world)


@pytest.mark.long
@settings(MANY, max_examples=60)
@given(world=assumed(worlds() | histories() | steady()))
def test_every_hour_saved_in_many_more_worlds_is_what_the_definition_says(
    time_saved: Recording, world: Assumed
) -> None:
    assert_follows(time_saved, world)
