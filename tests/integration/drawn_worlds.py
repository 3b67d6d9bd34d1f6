"""Worlds of teams and events for hypothesis: few people, much at once, and most of it where a definition turns.

Times are midnights and the last microsecond of a day; days lie at the edges of windows before a clock, or as many days
after somebody joined as onboarding asks for; clocks stand around leap days. What a world becomes with the next build is
drawn with it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.integration.adoption_world import DAY, Row, World, member

FIXED = settings(
    derandomize=True, database=None, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
"""The same examples in every run of `make test`."""
MANY = settings(FIXED, derandomize="SKILLSMITH_TEST_FRESH" not in os.environ)
"""More of them, for `make test-long`; others in every run with SKILLSMITH_TEST_FRESH set, to look for the unknown."""

NAMES = ("ann/lint", "bob/test", "dan/test", "lint", "test", "nowhere", "eve/never", "")
REGISTRY = ("ann/lint", "bob/test", "dan/test", "cat/lint", "lint")
EDGES = (0, 1, 2, 6, 7, 8, 13, 14, 15, 27, 28, 29, 30, 31, 55, 56, 57, 59, 60, 61, 89, 90, 91, 179, 180, 181)
LAST_MOMENT = time(23, 59, 59, 999_999)
MOMENTS = (time(12), time(0), LAST_MOMENT, time(0, 0, 0, 1))
LEAP_DAYS = (date(2024, 2, 29), date(2024, 3, 1), date(2028, 2, 29), date(2028, 3, 1), date(2028, 3, 28))
USES: tuple[Row, ...] = (
    {"success": True},
    {"success": True},
    {"success": False},
    {},
    {"success": True, "agent_session": True},
    {"success": True, "agent_session": True, "user_initiated": True},
    {"success": True, "user_initiated": False},
)
CHANGES: tuple[tuple[str, Row], ...] = (
    ("telemetry:skill_install", {"success": True}),
    ("telemetry:skill_uninstall", {}),
    ("telemetry:skill_install", {"success": True}),
    ("telemetry:skill_uninstall", {"success": True}),
    ("telemetry:skill_install", {"success": True, "source": "admin_bulk"}),
    ("telemetry:skill_uninstall", {"success": False}),
    ("telemetry:skill_install", {"success": False}),
    ("telemetry:skill_install", {}),
)

KINDS = ("late", "renamed", "renamed", "erased", "corrected", "left", "joined", "holiday")

Draw = Callable[[st.SearchStrategy[Any]], Any]


def clocks() -> st.SearchStrategy[datetime]:
    """A moment around a leap day, the beginning of a year, a week or a month, or anywhere."""
    days = (*LEAP_DAYS, date(2027, 1, 1), date(2026, 6, 1), date(2026, 5, 12))
    times = (time(0), time(15, 30), time(23, 59, 59), time(0, 0, 1))
    day = st.sampled_from(days) | st.dates(date(2024, 1, 1), date(2030, 12, 31))
    return st.builds(lambda day, moment: datetime.combine(day, moment, UTC), day, st.sampled_from(times))


@dataclass
class Next:
    """What the next build finds, and when."""

    as_of: datetime
    change: Callable[[World], None]


@dataclass
class History:
    """A world, the clock of its first build, and what becomes of it."""

    world: World
    as_of: datetime
    following: list[Next] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """What an account's people and their days are drawn from."""

    account: str
    clock: datetime
    people: tuple[str, ...]
    teams: tuple[str, ...]
    anchors: tuple[int, ...]

    def moments(self) -> st.SearchStrategy[datetime]:
        """A moment that is so many days before the newest day, at an edge, with others of the account, or after it."""
        before = st.sampled_from(self.anchors) | st.sampled_from(EDGES) | st.integers(-1, 200)
        last_day = self.clock.date() - DAY
        drawn = st.builds(
            lambda days, moment: datetime.combine(last_day - days * DAY, moment, UTC), before, st.sampled_from(MOMENTS)
        )
        return drawn | st.sampled_from((self.clock, self.clock - timedelta(microseconds=1)))


@st.composite
def worlds(draw: Draw, clock: datetime | None = None) -> History:
    """Up to four accounts, of which one may be our own, with people who may sit in teams of any of them."""
    as_of = draw(clocks()) if clock is None else clock
    world = World(teams={}, skills=draw(st.lists(st.sampled_from(REGISTRY), max_size=5)), scraping=2)
    world.holidays = frozenset(as_of.date() - days * DAY for days in draw(st.lists(st.integers(1, 12), max_size=4)))
    places = [_account(draw, world, f"a{number}", as_of) for number in range(draw(st.integers(1, 4)))]
    if len(places) > 1:
        world.internal = frozenset(draw(st.sets(st.just("a1"))))
        teams = tuple(world.teams)
        for place in places:
            for _ in range(draw(st.integers(0, 1))):
                _stay(draw, world, place, draw(st.sampled_from(place.people)), draw(st.sampled_from(teams)))
    return History(world, as_of)


@st.composite
def histories(draw: Draw) -> History:
    """The same, and up to two builds more: a day later, the same day again, or by an earlier clock."""
    history = draw(worlds())
    as_of = history.as_of
    for _ in range(draw(st.integers(1, 2))):
        # Of a clock that stands nothing is a later event's; by one that was set back days are not there yet.
        hours = draw(st.sampled_from((24, 1, 24 * 3, 24 * 14, 24 * 35, -24, -24 * 29)))
        as_of += timedelta(hours=hours)
        history.following.append(Next(as_of, draw(_changes(history.world, as_of))))
    return history


@st.composite
def _changes(draw: Draw, world: World, as_of: datetime) -> Callable[[World], None]:
    people = sorted({member["actor_key"] for member in world.members}) or ["stranger"]
    place = Place("", as_of, tuple(people), tuple(world.teams), (0,))
    made = World(teams=world.teams, made=1_000_000 + int(as_of.timestamp()) % 100_000_000)
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=5))
    for kind in kinds:
        if kind == "late":
            _uses(draw, made, place)
        if kind == "joined":
            _stay(draw, made, place, draw(st.sampled_from(people)), draw(st.sampled_from(place.teams)))
    which = draw(st.lists(st.integers(0, 1000), min_size=len(kinds), max_size=len(kinds)))
    left = draw(place.moments()) if "left" in kinds else None
    name = draw(st.sampled_from(REGISTRY)) if "renamed" in kinds else None
    holiday = as_of.date() - draw(st.integers(1, 100)) * DAY if "holiday" in kinds else None

    def change(world: World) -> None:
        # An event cannot have been read before it happened, nor a late one before the build that finds it.
        late = [event | {"loaded_at": max(as_of, event["created_at"])} for event in made.events]
        for kind, number in zip(kinds, which, strict=True):
            if kind == "erased" and world.events:
                world.events.pop(number % len(world.events))
            if kind == "corrected" and world.events:
                event = world.events[number % len(world.events)]
                metadata = event["metadata"] | {"success": not event["metadata"].get("success", False)}
                world.events[number % len(world.events)] = event | {
                    "metadata": metadata,
                    "loaded_at": max(as_of, event["created_at"], event["loaded_at"] + timedelta(seconds=1)),
                }
            if kind == "left" and world.members:
                world.members[number % len(world.members)]["left_at"] = left
            if kind == "renamed" and name is not None:
                of_skill = number % max(len(world.skills), 1)
                world.skills[of_skill : of_skill + 1] = [name]
        world.events += late
        world.members += made.members
        if holiday is not None:
            world.holidays = frozenset({holiday})

    return change


def _account(draw: Draw, world: World, account: str, as_of: datetime) -> Place:
    teams = tuple(f"{account}-t{number}" for number in range(draw(st.integers(1, 2))))
    people = tuple(f"{account}-p{number}" for number in range(draw(st.integers(1, 5))))
    # Days that several of them have in common: they begin, leave and are last seen together.
    anchors = tuple(draw(st.lists(st.sampled_from(EDGES), min_size=1, max_size=3)))
    place = Place(account, as_of, people, teams, anchors)
    world.teams |= dict.fromkeys(teams, account)
    world.ips |= dict.fromkeys((people[0], people[-1], f"{account}-r0"), account) if draw(st.booleans()) else {}
    for person in people:
        for team in draw(st.sampled_from((teams[:1], teams[:1], teams, teams[-1:]))):
            _stay(draw, world, place, person, team)
    for number in range(draw(st.integers(0, 2))):
        _regular(draw, world, place, f"{account}-r{number}")
    if draw(st.booleans()):
        _crowd(draw, world, place, account)
    for _ in range(draw(st.integers(0, 4))):
        _uses(draw, world, place)
    for _ in range(draw(st.integers(0, 5))):
        _installs(draw, world, place)
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        _searches(draw, world, place)
    return place


def _regular(draw: Draw, world: World, place: Place, person: str) -> None:
    """Who sits in all teams of the account, and uses a skill on two or three days of each week of a 28-day window."""
    end = datetime.combine(place.clock.date() - draw(st.sampled_from((1, 1, 2, 8))) * DAY, time(12), UTC)
    for team in place.teams:
        world.members.append(member(team, person, end - 200 * DAY, None))
    name = draw(st.sampled_from(NAMES[:5]))
    for week, days in enumerate(
        draw(st.sampled_from(((3, 3, 3, 2), (3, 3, 2, 2), (2, 3, 3, 3), (3, 1), (1,), (0, 2))))
    ):
        for day in range(days):
            _use(draw, world, end - (7 * week + day) * DAY, person, name)
    # The more often, the higher only among skills of as many people and days.
    for _ in range(draw(st.integers(0, 3))):
        _use(draw, world, end, person, draw(st.sampled_from((name, "nowhere"))))


def _crowd(draw: Draw, world: World, place: Place, account: str) -> None:
    """Four or five who join together; some use one skill in the same week, and another on day 29 or 30."""
    joined = datetime.combine(place.clock.date() - draw(st.sampled_from((31, 30, 40, 95, 120))) * DAY, time(0), UTC)
    days = draw(
        st.sampled_from(((0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, None, None), (1, 7, 7, None, None), (2, 2, 2, 30)))
    )
    for number, begins in enumerate(days):
        person = f"{account}-c{number}"
        world.members.append(member(place.teams[0], person, joined, None))
        if begins is not None:
            again = draw(st.sampled_from((29, 30, 7, 14)))
            for day, name in ((begins, "bob/test"), (again, "eve/never"), (again, "bob/test")):
                moment = joined + day * DAY
                used = {"skill_name": name, "success": True}
                world.add_event(moment, "telemetry:skill_invoke", person, moment, **used)


def _stay(draw: Draw, world: World, place: Place, person: str, team: str) -> None:
    """One or two memberships, and often a first use some days after joining."""
    joined, is_bot = draw(place.moments()), draw(st.integers(0, 9)) == 9
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        days = draw(st.sampled_from((None, None, 0, 1, 7, 29, 30, 31, 90, 91)))
        left = None
        if days is not None:
            left = datetime.combine(joined.date() + days * DAY, draw(st.sampled_from(MOMENTS)), UTC)
        elif draw(st.integers(0, 3)) == 3:
            left = draw(place.moments())
        if left is None or left >= joined:
            world.members.append(member(team, person, joined, left) | {"is_bot": is_bot})
        if draw(st.booleans()):
            days = draw(st.sampled_from((0, 1, 6, 7, 8, 29, 30, 31, 89, 90, 91)))
            moment = datetime.combine(joined.date() + days * DAY, draw(st.sampled_from(MOMENTS)), UTC)
            _use(draw, world, moment, person, draw(st.sampled_from(NAMES)))
        # Who comes back may do so before having left.
        joined = (left or joined) + timedelta(hours=draw(st.sampled_from((0, 1, -3, 24, 24 * 28))))


def _use(draw: Draw, world: World, moment: datetime, person: str | None, name: str) -> None:
    metadata = draw(st.sampled_from(USES)) | {"skill_name": name}
    world.add_event(moment, "telemetry:skill_invoke", person, moment, **metadata)


def _uses(draw: Draw, world: World, place: Place) -> None:
    """One use, or the same again every so many days."""
    moment, person = draw(place.moments()), draw(st.sampled_from((*place.people, "stranger", None)))
    name, step = draw(st.sampled_from(NAMES)), draw(st.sampled_from((1, 2, 7, 28)))
    for _ in range(draw(st.sampled_from((1, 1, 2, 3, 9, 12)))):
        _use(draw, world, moment, person, name)
        moment += step * DAY


def _installs(draw: Draw, world: World, place: Place) -> None:
    """Changes of one skill of one person, some of them at one moment."""
    moment, person, name = draw(place.moments()), draw(st.sampled_from(place.people)), draw(st.sampled_from(NAMES))
    for _ in range(draw(st.integers(1, 4))):
        kind, metadata = draw(st.sampled_from(CHANGES))
        world.add_event(moment, kind, person, moment, skill_id=name, **metadata)
        # What the log alone tells has no address.
        world.events[-1]["ip_prefix"] = None
        moment += timedelta(
            microseconds=draw(st.sampled_from((0, 0, 0, 1, 24 * 3_600_000_000, 7 * 24 * 3_600_000_000)))
        )


def _searches(draw: Draw, world: World, place: Place) -> None:
    """A day of searches: more than two of full pages are a scraper's."""
    moment, person = draw(place.moments()), draw(st.sampled_from((place.people[0], *place.people)))
    full = draw(st.sampled_from(((20, 20, 20), (20, 50, 100, 20), (20, 20), (20, 20, 7))))
    for number, results in enumerate(full):
        later = moment + timedelta(microseconds=number)
        world.add_event(later, "search:metrics", person, later, result_count=results)
    # Somebody at the same address, or the scraper itself, uses a skill that day.
    others = (f"{place.account}-r0", place.people[-1], place.people[0], person)
    _use(draw, world, moment, draw(st.sampled_from(others)), "ann/lint")
