"""Q1 in registries that hypothesis draws, over some days: every skill against the definition in fractions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.drawn_worlds import FIXED, MANY, MOMENTS, clocks
from tests.integration.quality_world import ACCOUNTS, DAY, Row, Truth, World
from tests.integration.replayed_dbt import Recording, ReplayedWarehouse
from tests.integration.test_skill_quality import differences, fill, put_skills

NAMES = ("ann/lint", "bob/docs", "cat/ship")
PEOPLE = ("a1-0", "a1-1", "a2-1", "a3-1", "a1-3", "ours-1", "stranger")
# Of windows of 28 and 90 days, and of issues that had a week to be answered in.
DAYS = (0, 1, 6, 7, 8, 27, 28, 29, 88, 89, 90, -1)
WEEK = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


@dataclass
class Registry:
    """A world, the clock of its first build, and what changes before each day's next one."""

    world: World
    as_of: datetime
    following: list[Callable[[World], None]]


@st.composite
def registries(draw: Any) -> Registry:
    """Up to six skills, of which some share a name, with uses, ratings and issues at the edges of their windows."""
    as_of = draw(clocks())
    world = World(skills=[_skill(draw, number, as_of) for number in range(draw(st.integers(1, 6)))])
    joined = as_of - 300 * DAY
    for account in ACCOUNTS:
        for number in range(4):
            member = {"team_id": f"team-{account}", "actor_key": f"{account}-{number}", "is_bot": number == 3}
            world.members.append(member | {"joined_at": joined, "left_at": None})
    world.members.append(world.members[0] | {"team_id": "team-a2"})
    for _ in range(draw(st.integers(0, 8))):
        _uses(draw, world, as_of)
    for number in range(draw(st.integers(0, 6))):
        rated = {"rating_id": f"r{number}", "skill_id": draw(st.sampled_from(world.skills))["skill_id"]}
        rated |= {"actor_key": draw(st.sampled_from((*PEOPLE, None))), "stars": draw(st.integers(1, 5))}
        world.ratings.append(rated | {"created_at": _moment(draw, as_of)})
    for number in range(2):
        world.repositories.append(
            {"repository_id": f"{number}", "full_name": f"Owner/repo{number}", "snapshot_day": as_of.date() - 2 * DAY}
        )
    for number in range(draw(st.integers(0, 5))):
        _issue(draw, world, number, as_of)
    following = [draw(_scores(len(world.skills))) for _ in range(draw(st.integers(0, 2)))]
    return Registry(world, as_of, following)


def _moment(draw: Any, as_of: datetime) -> datetime:
    day = as_of.date() - DAY - draw(st.sampled_from(DAYS)) * DAY
    return draw(st.sampled_from([datetime.combine(day, time, as_of.tzinfo) for time in MOMENTS]))


def _skill(draw: Any, number: int, as_of: datetime) -> Row:
    score = st.none() | st.sampled_from((0, 25, 48, 50, 52, 54.5, 75, 90, 100))
    old = st.none() | st.sampled_from((-1, 0, 1, 100, 364, 365, 366))
    days = draw(old)
    return {
        "skill_id": f"s{number}",
        "skill_name": draw(st.sampled_from(NAMES)),
        "repo_url": draw(
            st.sampled_from((None, "https://github.com/owner/repo0", "https://github.com/owner/repo1.git"))
        ),
        "categories": draw(st.sampled_from((["data"], ["data", "design"], ["design"], [], None))),
        "security_score": draw(score),
        "has_critical_advisory": draw(st.sampled_from((None, False, True))),
        "documentation_score": draw(score),
        "performance_score": draw(score),
        "compatibility": draw(st.sampled_from((None, ["cursor"] * 2, [], ["cursor"] * 3, ["cursor"] * 5))),
        "repo_updated_at": None if days is None else as_of - days * DAY,
    }


def _uses(draw: Any, world: World, as_of: datetime) -> None:
    moment, person = _moment(draw, as_of), draw(st.sampled_from(PEOPLE))
    for _ in range(draw(st.sampled_from((1, 2, 3, 8)))):
        event = {"event_id": f"e{len(world.events)}", "created_at": moment, "event_type": "telemetry:skill_invoke"}
        said = {"skill_name": draw(st.sampled_from(NAMES)), "success": draw(st.sampled_from((True, True, False)))}
        world.events.append(event | {"actor_key": person, "metadata": said, "loaded_at": moment})


def _issue(draw: Any, world: World, number: int, as_of: datetime) -> None:
    created, repository = _moment(draw, as_of), draw(st.sampled_from(("0", "1", "owner/repo1")))
    issue = {"repository_id": repository, "number": number + 1, "created_at": created}
    author, is_bot = draw(st.sampled_from(("asks", None))), draw(st.sampled_from((False, False, True, None)))
    world.issues.append(issue | {"author_key": author, "is_bot": is_bot})
    for _ in range(draw(st.integers(0, 2))):
        answered = created + draw(st.sampled_from((MOMENT, WEEK, WEEK + MOMENT, WEEK - MOMENT)))
        comment = issue | {"comment_id": f"c{len(world.comments)}", "created_at": answered}
        author, is_bot = draw(st.sampled_from(("helps", "asks", None))), draw(st.sampled_from((False, False, True)))
        world.comments.append(comment | {"author_key": author, "is_bot": is_bot})


@st.composite
def _scores(draw: Any, skills: int) -> Callable[[World], None]:
    """Other documentation and performance of some: enough to pass an edge, or an edge and its margin."""
    moved = draw(st.lists(st.sampled_from((0, 0, -6, 6, -12, 12, 50, -50)), min_size=skills, max_size=skills))

    def change(world: World) -> None:
        for skill, points in zip(world.skills, moved, strict=True):
            for column in ("documentation_score", "performance_score"):
                if skill[column] is not None:
                    skill[column] = min(max(skill[column] + points, 0), 100)

    return change


@pytest.fixture(scope="module")
def quality(recorded_dbt: Recording) -> Recording:
    """What dbt asks to build this table."""
    return recorded_dbt.only_for("skill_quality")


def assert_follows(recording: Recording, registry: Registry) -> None:
    warehouse, world, as_of = ReplayedWarehouse(recording), registry.world, registry.as_of
    tiers: dict[str, str | None] = {}
    fill(warehouse, world)
    for change in (None, *registry.following):
        if change is not None:
            change(world)
            put_skills(warehouse, world)
            as_of += DAY
        warehouse.build(as_of)
        truth = Truth(world, as_of, tiers)
        tiers = truth.tiers
        with warehouse.write() as writer:
            rows = writer.fetch("select * from build.skill_quality")
        assert differences({row["skill_name"]: row for row in rows}, truth.rows) == []
    warehouse.close()


@settings(FIXED, max_examples=40)
@given(registry=registries())
def test_the_quality_of_every_skill_is_what_the_definition_says_day_after_day(
    quality: Recording, registry: Registry
) -> None:
    assert_follows(quality, registry)


@pytest.mark.long
@settings(MANY, max_examples=150)
@given(registry=registries())
def test_quality_is_what_the_definition_says_of_many_more_registries(quality: Recording, registry: Registry) -> None:
    assert_follows(quality, registry)
