"""What recommendations lead to in a small random world, against the same world followed episode by episode."""

from datetime import UTC, date, datetime

import pytest

from orchestration.dbt_runner import run_dbt
from tests.integration.adoption_world import Truth, World, at
from tests.integration.recommendation_world import make_recommendations, recommendation_rows
from tests.integration.test_adoption_windows import add_events, assert_same, fill, published, remove_events
from tests.unit.ingest.simulator.recommended import CLICKED, INSTALL, SHOWN
from warehouse import Warehouse

DAYS = 110
AS_OF = datetime(2026, 4, 22, 15, 30, tzinfo=UTC)
KEY = ("team_id", "period_end", "period_days", "surface", "model")


def build(warehouse: Warehouse, as_of: datetime) -> None:
    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test")
    run = run_dbt(
        warehouse, ["build", "--select", "+team_recommendations", *left_out], as_of=as_of, run_started_at=as_of
    )
    assert [result.name for result in run.results if result.status not in ("success", "pass")] == []


def assert_as_defined(warehouse: Warehouse, world: World, as_of: datetime) -> None:
    assert_same(published(warehouse, "team_recommendations", KEY), recommendation_rows(Truth(world, as_of)))


@pytest.mark.long
def test_every_funnel_is_what_the_definition_says_also_after_late_events_and_another_clock(
    warehouse: Warehouse,
) -> None:
    world = make_recommendations(seed=3, days=DAYS)
    fill(warehouse, world)
    build(warehouse, AS_OF)
    assert_as_defined(warehouse, world, AS_OF)

    # A day later: an earlier first impression moves what follows it, a late install and click, a day that is gone.
    before = len(world.events)
    late = datetime(2026, 4, 23, 6, 0, tzinfo=UTC)
    for number in range(8):
        day = date(2026, 3, 3 + 2 * number)
        of_skill = {"skill_id": "ann/lint"}
        world.add_event(at(day, 5), SHOWN, f"p{number}", late, surface="web", model="holdout", **of_skill)
        world.add_event(at(day, 6), CLICKED, f"p{number}", late, surface="web", **of_skill)
        world.add_event(at(day, 7), INSTALL, f"p{number}", late, source="cli", success=True, **of_skill)
    add_events(warehouse, world.events[before:])
    remove_events(warehouse, world, lambda event: event["created_at"].date() == date(2026, 4, 2))
    build(warehouse, datetime(2026, 4, 23, 7, 0, tzinfo=UTC))
    assert_as_defined(warehouse, world, datetime(2026, 4, 23, 7, 0, tzinfo=UTC))

    # An earlier clock: what happened later has not happened, and what is open now was not then.
    build(warehouse, datetime(2026, 3, 30, tzinfo=UTC))
    assert_as_defined(warehouse, world, datetime(2026, 3, 30, tzinfo=UTC))
