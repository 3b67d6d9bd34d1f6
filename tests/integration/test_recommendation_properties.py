"""R1 in worlds that hypothesis draws: every row against episodes followed one by one in plain Python."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.adoption_world import DAY, World, at, member
from tests.integration.drawn_worlds import CHANGES, FIXED, MANY, History, histories, worlds
from tests.integration.replayed_dbt import Recording, ReplayedWarehouse
from tests.integration.test_adoption_windows import fill, put_events, put_what_may_change
from tests.integration.test_recommendations import assert_as_defined
from tests.unit.ingest.simulator.recommended import CLICKED, INSTALL, INVOKE, SHOWN

NAMES = ("ann/lint", "bob/test", "lint", "nowhere")
# What follows an impression, and on which of its days: where an episode ends, and where each of its steps does.
SEEN, ANSWERED = (SHOWN, (7, 8, 0, 15, 16)), ("change", (0, 7, 8))
EARLY, LATE = (INVOKE, (0, 14, 15)), (INVOKE, (14, 15, 30, 31))
NOW = (INSTALL, (0,))
CLICK = (CLICKED, (0, 7, 8))
FOLLOWING = (
    (), (CLICK,), (CLICK, CLICK), (ANSWERED, EARLY), (CLICK, ANSWERED, EARLY, LATE), (ANSWERED, EARLY, LATE),
    (SEEN, CLICK, ANSWERED), (SEEN, SEEN), (("change", (-1, 0)), ANSWERED),
    (("change", (0,)), EARLY, EARLY, LATE, LATE), (NOW, (INVOKE, (15,))),
    (NOW, (INVOKE, (0,)), (INVOKE, (14, 31))), (NOW, (INVOKE, (0,)), (INVOKE, (14, 30, 31))),
)  # fmt: skip
MOMENTS = (
    timedelta(0),
    timedelta(0),
    timedelta(0),
    timedelta(microseconds=1),
    -timedelta(microseconds=1),
    timedelta(hours=12),
)


# Days that an episode may have when something comes of it: at the edges of its week, its two weeks and its thirty days.
AGES = (0, 1, 6, 7, 8, 9, 13, 14, 15, 16, 28, 29, 30, 31, 32)


@pytest.fixture(scope="module")
def recommendations(recorded_dbt: Recording) -> Recording:
    """What dbt asks to build this table."""
    return recorded_dbt.only_for("team_recommendations")


@st.composite
def shown(draw: Any, history: History) -> History:
    """The world, and recommendations with what follows them on the days that count and just beside those.

    Most are seen by people who sit in a team all along, each of another skill: so one build judges many.
    """
    world, as_of = history.world, history.as_of
    others = sorted({somebody["actor_key"] for somebody in world.members})
    seated = [f"r{number}" for number in range(8)]
    for person in seated:
        world.members.append(member(min(world.teams), person, as_of - 300 * DAY, None))
    key = st.tuples(st.sampled_from(seated + others[:3]), st.sampled_from(NAMES))
    for person, name in draw(st.lists(key, min_size=12, max_size=24, unique=True)):
        _episode(draw, world, person, name, as_of)
    return history


def _episode(draw: Any, world: World, person: str, name: str, as_of: datetime) -> None:
    before = draw(st.sampled_from((40, 31, 30, 32, 15, 14, 16, 8, 7, 9, 1, 60, 90)))
    at_noon = as_of.replace(hour=12, minute=0, second=0) - before * DAY
    first = draw(st.sampled_from((at_noon, at_noon.replace(hour=0), at_noon + timedelta(hours=12, microseconds=-1))))
    surface = draw(st.sampled_from(("cli", "web", None)))
    _event(draw, world, SHOWN, person, name, surface, first)
    for kind, days in draw(st.sampled_from(FOLLOWING)):
        moment = first + draw(st.sampled_from(days)) * DAY + draw(st.sampled_from(MOMENTS))
        _event(draw, world, kind, person, name, surface, moment)


def _event(draw: Any, world: World, kind: str, person: str, name: str, surface: str | None, moment: datetime) -> None:
    data: dict[str, Any] = {"skill_id": name}
    if kind in (SHOWN, CLICKED):
        data |= {"surface": draw(st.sampled_from((surface, surface, "web")))}
    if kind == SHOWN:
        data |= {"model": draw(st.sampled_from(("heuristic", "sequential", "holdout", None)))}
    if kind == INVOKE:
        data = {"skill_name": name, "success": draw(st.sampled_from((True, True, False, None)))}
    if kind == INSTALL:
        data |= {"success": True, "source": "cli"}
    if kind == "change":
        kind, more = draw(st.sampled_from(CHANGES))
        data |= more
    world.add_event(moment, kind, person, moment, **{key: value for key, value in data.items() if value is not None})
    if kind.endswith("install"):
        world.events[-1]["ip_prefix"] = None


def assert_follows(recording: Recording, history: History) -> None:
    warehouse, world = ReplayedWarehouse(recording), history.world
    fill(warehouse, world)
    warehouse.build(history.as_of)
    assert_as_defined(warehouse, world, history.as_of)
    for step in history.following:
        step.change(world)
        put_what_may_change(warehouse, world)
        put_events(warehouse, world)
        warehouse.build(step.as_of)
        assert_as_defined(warehouse, world, step.as_of)
    warehouse.close()


def _decided_on(day: date, world: World, team: str, came: datetime) -> None:
    """Episodes of every age of AGES, each of somebody else, of whose steps one comes on this day."""
    for age in AGES:
        for step in ("click", "install", "activation", "retention", "late install"):
            person = f"{team}-{day:%m%d}-{age}-{step}"
            world.members.append(member(team, person, at(day) - 300 * DAY, None))
            first, last = at(day - age * DAY, 9), at(day, 9)

            def put(
                moment: datetime, kind: str, person: str = person, is_last: bool = False, **metadata: object
            ) -> None:
                world.add_event(moment, kind, person, came if is_last else moment, **metadata)

            put(first, SHOWN, skill_id="ann/lint", surface="web", model="heuristic")
            hour = timedelta(hours=1)
            if step == "click":
                put(last + hour, CLICKED, is_last=True, skill_id="ann/lint", surface="web")
                continue
            if step.endswith("install"):
                put(last + hour, INSTALL, is_last=True, skill_id="ann/lint", success=True, source="cli")
                continue
            put(first + hour, INSTALL, skill_id="ann/lint", success=True, source="cli")
            if step == "retention":
                put(first + 2 * hour, INVOKE, skill_name="ann/lint", success=True)
            put(last + 3 * hour, INVOKE, is_last=True, skill_name="ann/lint", success=True)


def test_a_day_decides_of_every_episode_to_which_it_is_a_last_one(recommendations: Recording) -> None:
    # Thirty days before the day is a Sunday, at which a window ends.
    warehouse, world, clock = ReplayedWarehouse(recommendations), World(), at(date(2026, 6, 9), 6)
    today, long_ago = clock.date(), clock.date() - 25 * DAY
    _decided_on(today, world, "t1", clock + DAY)
    _decided_on(long_ago, world, "t2", clock + 2 * DAY)
    events = world.events
    # The day is over first; then comes what is late of another; then a day passes without anything.
    for step, now in enumerate((clock, clock + DAY, clock + 2 * DAY, clock + 3 * DAY)):
        world.events = [event for event in events if event["loaded_at"] <= now]
        if step:
            put_events(warehouse, world)
        else:
            fill(warehouse, world)
        warehouse.build(now)
        assert_as_defined(warehouse, world, now)
    warehouse.close()


@settings(FIXED, max_examples=15)
@given(history=worlds().flatmap(shown))
def test_every_funnel_is_what_the_definition_says(recommendations: Recording, history: History) -> None:
    assert_follows(recommendations, history)


@settings(FIXED, max_examples=6)
@given(history=histories().flatmap(shown))
def test_a_funnel_follows_what_came_late_went_or_got_another_name(recommendations: Recording, history: History) -> None:
    assert_follows(recommendations, history)


@pytest.mark.long
@settings(MANY, max_examples=80)
@given(history=(worlds() | histories()).flatmap(shown))
def test_every_funnel_of_many_more_worlds_is_what_the_definition_says(
    recommendations: Recording, history: History
) -> None:
    assert_follows(recommendations, history)
