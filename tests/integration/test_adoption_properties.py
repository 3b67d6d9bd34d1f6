"""A1 to A8 and R2 in worlds that hypothesis draws: every row against the definitions in plain Python."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings

from tests.integration.adoption_world import DAY, World, at, member
from tests.integration.drawn_worlds import FIXED, MANY, History, Next, histories, worlds
from tests.integration.replayed_dbt import Recording, ReplayedWarehouse
from tests.integration.test_adoption_windows import MODELS, assert_as_defined, fill, put_events, put_what_may_change


@pytest.fixture(scope="module")
def adoption(recorded_dbt: Recording) -> Recording:
    """What dbt asks to build these tables."""
    return recorded_dbt.only_for(*MODELS.replace("+", "").split())


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


@settings(FIXED, max_examples=15)
@given(history=worlds())
def test_every_row_is_what_the_definitions_say(adoption: Recording, history: History) -> None:
    assert_follows(adoption, history)


@settings(FIXED, max_examples=8)
@given(history=histories())
def test_late_events_erasures_corrections_renames_and_other_clocks_move_what_they_should_and_no_more(
    adoption: Recording, history: History
) -> None:
    assert_follows(adoption, history)


def test_seats_of_old_stay_counted_where_history_arrives_from_before_data_began(adoption: Recording) -> None:
    # The last of June then ends a month with data, and windows end a week and more before it that none did before.
    as_of, world = at(date(2027, 1, 1), 6), World()
    world.members.append(member("t1", "p1", at(date(2026, 3, 7)), None))

    def use(world: World, day: date, loaded_at: datetime) -> None:
        used = {"skill_name": "ann/lint", "success": True}
        world.add_event(at(day, 9), "telemetry:skill_invoke", "p1", loaded_at, **used)

    use(world, date(2026, 7, 3), as_of)
    later = Next(as_of + DAY, lambda world: use(world, date(2026, 6, 25), as_of + DAY))
    assert_follows(adoption, History(world, as_of, [later]))


def test_a_skill_that_gets_another_name_takes_the_bare_ones_of_all_days_with_it(adoption: Recording) -> None:
    as_of, world = at(date(2028, 3, 1), 6), World(skills=["ann/lint"])
    world.members.append(member("t1", "p1", at(date(2027, 1, 1)), None))
    for day, name in ((date(2027, 9, 1), "lint"), (date(2027, 9, 2), "ann/lint"), (date(2028, 2, 29), "lint")):
        world.add_event(at(day), "telemetry:skill_invoke", "p1", at(day), skill_name=name, success=True)

    def rename(world: World) -> None:
        world.skills[0] = "ann/check-lint" if world.skills[0] == "eve/lint" else "eve/lint"

    # The same clock, so that nothing else has anything made again; then the name that two events bore is nobody's.
    following = [Next(as_of + timedelta(minutes=minutes), rename) for minutes in (1, 2)]
    assert_follows(adoption, History(world, as_of, following))


@pytest.mark.long
@settings(MANY, max_examples=80)
@given(history=worlds() | histories())
def test_every_row_of_many_more_worlds_is_what_the_definitions_say(adoption: Recording, history: History) -> None:
    assert_follows(adoption, history)
