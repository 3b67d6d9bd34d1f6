"""A small world of teams and events, and what metrics.md says about it, worked out the slow way.

Every window is counted on its own from sets of people, sharing no idea with the SQL: a difference is a mistake in one
of the two. Worlds by seed are made here; those that hypothesis draws are in `drawn_worlds`.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from statistics import median
from typing import Any

DAY = timedelta(days=1)
LENGTHS = (7, 28, 30, 90)
FIRST_DAY = date(2026, 1, 5)
SKILLS = ("ann/lint", "bob/test", "cat/docs", "dan/test")
NAMES = (*SKILLS, "lint", "test", "nowhere")  # `lint` can only be ann's; `test` could be two
TEAMS = {"t1": "a1", "t2": "a1", "t3": "a2", "inside": "internal"}
HOLIDAY = date(2026, 4, 6)

Row = dict[str, Any]


@dataclass
class World:
    """Raw rows of the entities that adoption reads.

    teams: the account of each; internal: accounts of our own. skills: the registry's names, the skill's id by their
    place. scraping: more searches a day than this, nearly all of full pages, are a scraper's.
    """

    members: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    teams: dict[str, str] = field(default_factory=lambda: dict(TEAMS))
    internal: frozenset[str] = frozenset({"internal"})
    skills: list[str] = field(default_factory=lambda: [*SKILLS, "ann/lint"])
    holidays: frozenset[date] = frozenset({HOLIDAY})
    scraping: int = 1000
    ips: dict[str, str] = field(default_factory=dict)
    made: int = 0

    def add_event(self, moment: datetime, kind: str, actor: str | None, loaded_at: datetime, **metadata: Any) -> None:
        """One event of the registry."""
        self.made += 1
        self.events.append(
            {
                "event_id": f"e{self.made - 1}",
                "created_at": moment,
                "event_type": kind,
                "actor_key": actor,
                "ip_prefix": self.ips.get(actor or ""),
                "metadata": metadata,
                "loaded_at": loaded_at,
            }
        )


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """A moment of a UTC day."""
    return datetime.combine(day, time(hour, minute), UTC)


def make_world(seed: int, days: int) -> World:
    """Ten people who join, leave, come back and sit in two teams; a bot; every kind of event adoption must judge."""
    dice = random.Random(seed)
    world = World()
    people = [f"p{number}" for number in range(10)]
    for person in people:
        for team in dice.sample(["t1", "t2", "t3", "inside"], k=dice.choice([1, 1, 2])):
            joined = at(FIRST_DAY + dice.randrange(-20, days) * DAY, dice.choice([0, 9, 23]))
            for _ in range(dice.choice([1, 1, 2])):
                left = joined + timedelta(hours=dice.choice([5, 24, 200, 900, 2500]))
                if dice.random() < 0.3:
                    left = at(left.date())
                is_open = dice.random() < 0.5
                if left > joined:
                    world.members.append(member(team, person, joined, None if is_open else left))
                # Coming back may overlap the stay before.
                joined = left + timedelta(hours=dice.choice([-3, 1, 40, 400]))
    world.members.append(member("t1", "robot", at(FIRST_DAY), None) | {"is_bot": True})
    for _ in range(days * 9):
        _random_event(world, dice, [*people, "robot", "stranger"], days)
    world.add_event(at(FIRST_DAY, 1), "telemetry:skill_view", None, at(FIRST_DAY, 12))
    return world


def add_joiners(world: World, team: str, first: date) -> None:
    """Thirteen who join one team in one month: some begin, and four leave before they did, in twos."""
    for number in range(13):
        joined = at(first + number * DAY, 9)
        left = {2: 11, 5: 11, 7: 30, 8: 31}.get(number)
        world.members.append(member(team, f"joiner{number}", joined, joined + left * DAY if left else None))
        if number in (0, 1, 3, 4, 9, 10):
            moment = joined + (4 if number < 3 else 20) * DAY
            used = {"skill_name": "cat/docs", "success": True}
            world.add_event(moment, "telemetry:skill_invoke", f"joiner{number}", moment, **used)


def member(team: str, person: str, joined: datetime, left: datetime | None) -> Row:
    """A row of somebody's membership."""
    return {"team_id": team, "actor_key": person, "is_bot": False, "joined_at": joined, "left_at": left}


def _random_event(world: World, dice: random.Random, people: list[str], days: int) -> None:
    # Skewed towards a few people and skills, with whole weeks in which somebody does nothing.
    person = people[min(int(dice.expovariate(0.25)), len(people) - 1)]
    offset = dice.randrange(days)
    if (offset // 9 + len(person) + ord(person[-1])) % 3 == 0:
        return
    moment = at(FIRST_DAY + offset * DAY, dice.randrange(24), dice.choice([0, 30]))
    name = NAMES[min(int(dice.expovariate(0.6)), len(NAMES) - 1)]
    metadata: Row = {}
    if (success := dice.choice([True, True, True, False, None])) is not None:
        metadata["success"] = success
    draw = dice.random()
    if draw < 0.12:
        world.add_event(moment, "telemetry:skill_install", person, at(moment.date(), 23), skill_id=name, **metadata)
    elif draw < 0.2:
        world.add_event(moment, "telemetry:skill_uninstall", person, at(moment.date(), 23), skill_id=name, **metadata)
    else:
        if dice.random() < 0.1:
            metadata["user_initiated"] = dice.choice([True, False])
        if dice.random() < 0.1:
            metadata["agent_session"] = dice.choice([True, False])
        if dice.random() < 0.95:
            metadata["skill_name"] = name
        world.add_event(moment, "telemetry:skill_invoke", person, at(moment.date(), 23), **metadata)


@dataclass(frozen=True)
class Use:
    """One use by a seated person."""

    team: str
    person: str
    skill: str
    day: date
    success: bool | None
    event: str


class Truth:
    """What metrics.md says about a world as of a moment."""

    def __init__(self, world: World, as_of: datetime) -> None:
        self.world, self.last_day = world, as_of.date() - DAY
        self.events = [event for event in world.events if event["created_at"] < as_of]
        self.teams = [team for team, account in world.teams.items() if account not in world.internal]
        # Who left at the moment of joining was never there.
        stays = [m for m in world.members if m["left_at"] is None or m["left_at"] > m["joined_at"]]
        self.stays = [m for m in stays if m["joined_at"] < as_of]
        self.members = [m for m in self.stays if not m["is_bot"] and m["team_id"] in self.teams]
        # Before any event arrived data begins nowhere; the log of installs is no event.
        seen = [event for event in self.events if told_in(event) != "in the audit log"]
        self.begins = min((event["created_at"].date() for event in seen), default=date.max)
        self.scrapers = self._scrapers()
        self._seats: dict[tuple[str, date, int], set[str]] = {}
        self._changes: dict[str, list[tuple[datetime, bool, str]]] = defaultdict(list)
        for event in self.events:
            if not self.is_scraped(event) and (change := self._change_of(event)):
                self._changes[event["actor_key"]].append(change)
        self.uses = [use for event in self.events for use in self._uses_of(event)]

    def _scrapers(self) -> set[tuple[str, str, date]]:
        """Actors and addresses with a day of too many searches, more than 95 % of which filled a page."""
        pages: dict[tuple[str, str, date], list[bool]] = defaultdict(list)
        for event in self.events:
            if event["event_type"] == "search:metrics":
                for kind in ("actor", "ip_prefix"):
                    who = event["actor_key" if kind == "actor" else kind]
                    if who is not None:
                        is_full = event["metadata"].get("result_count") in (20, 50, 100)
                        pages[kind, who, event["created_at"].date()].append(is_full)
        return {key for key, full in pages.items() if len(full) > self.world.scraping and sum(full) > 0.95 * len(full)}

    def scraper_of(self, event: Row) -> tuple[str, str, date] | None:
        """Whose event of a scraping day it is: of an actor and an address that both scrape, the actor's."""
        day = event["created_at"].date()
        found = [("actor", event["actor_key"], day), ("ip_prefix", event["ip_prefix"], day)]
        return next((who for who in found if who in self.scrapers), None)

    def is_scraped(self, event: Row) -> bool:
        """Whether a scraper did it, or it came from one's address."""
        return self.scraper_of(event) is not None

    def resolved(self, name: str) -> str:
        """The one registry name that ends in a bare name, else the name itself."""
        return resolved(name, self.world.skills)

    def seated(self, team: str, day: date) -> set[str]:
        """People whose stay overlaps the day."""
        return self.seats(team, day, 1)

    def seats(self, team: str, end: date, length: int) -> set[str]:
        """People whose stay overlaps at least one day of the window, and so the window."""
        if (team, end, length) not in self._seats:
            self._seats[team, end, length] = {
                member["actor_key"]
                for member in self.members
                if member["team_id"] == team
                and member["joined_at"] < at(end + DAY)
                and (member["left_at"] is None or member["left_at"] > at(end - (length - 1) * DAY))
            }
        return self._seats[team, end, length]

    def _uses_of(self, event: Row) -> list[Use]:
        data, day, person = event["metadata"], event["created_at"].date(), event["actor_key"]
        # A day that is not over belongs to no window and to no week.
        if not is_use(event) or self.is_scraped(event) or day > self.last_day:
            return []
        skill = self.resolved(data["skill_name"])
        return [
            Use(team, person, skill, day, data.get("success"), event["event_id"])
            for team in self.teams
            if person in self.seated(team, day)
        ]

    def _change_of(self, event: Row) -> tuple[datetime, bool, str] | None:
        """When a skill was installed or (True) uninstalled: if it is known to have worked, or not to have failed."""
        is_install = event["event_type"] == "telemetry:skill_install"
        success = event["metadata"].get("success")
        counts = success is True if is_install else success is not False
        if not event["event_type"].endswith("install") or not counts or not event["metadata"].get("skill_id"):
            return None
        return event["created_at"], not is_install, self.resolved(event["metadata"]["skill_id"])

    def period_ends(self) -> list[date]:
        """The last 14 complete days, the Sundays of 53 weeks, the month ends since data began."""
        recent = {self.last_day - n * DAY for n in range(14)}
        year = [self.last_day - n * DAY for n in range(53 * 7)]
        months = [self.last_day - n * DAY for n in range((self.last_day - self.begins).days + 1)]
        return sorted(recent | {d for d in year if d.weekday() == 6} | {d for d in months if (d + DAY).day == 1})

    def window(self, uses: list[Use], end: date, length: int) -> list[Use]:
        """The uses of one window."""
        return [use for use in uses if end - length * DAY < use.day <= end]

    def installed(self, person: str, end: date) -> set[str]:
        """Skills whose last change up to the end of the day is an install; at equal times the uninstall wins."""
        last: dict[str, tuple[datetime, bool]] = {}
        for moment, is_uninstall, skill in self._changes[person]:
            if moment < at(end + DAY):
                last[skill] = max(last.get(skill, (moment, is_uninstall)), (moment, is_uninstall))
        return {skill for skill, (_, is_uninstall) in last.items() if not is_uninstall}


def told_in(event: Row) -> str:
    """Where the registry tells of it: of the installs a third is in the audit log only, and another third in both."""
    is_install = event["event_type"] in ("telemetry:skill_install", "telemetry:skill_uninstall")
    ways = ("as an event", "in the audit log", "in both") if is_install else ("as an event",)
    return ways[int(event["event_id"][1:]) % len(ways)]


def is_use(event: Row) -> bool:
    """Whether somebody used a skill, and not an agent on its own."""
    data = event["metadata"]
    by_person = data.get("user_initiated", not data.get("agent_session", False))
    is_named = event["event_type"] == "telemetry:skill_invoke" and bool(data.get("skill_name"))
    return is_named and by_person and event["actor_key"] is not None


def resolved(name: str, skills: Iterable[str] = SKILLS) -> str:
    """The one registry name that ends in a bare name, else the name itself."""
    owners = sorted({skill for skill in skills if skill.endswith("/" + name)})
    return owners[0] if "/" not in name and len(owners) == 1 else name


def users(uses: list[Use]) -> set[str]:
    """People with at least one success."""
    return {use.person for use in uses if use.success is True}


def skill_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_skill_usage by its key."""
    rows: dict[tuple[Any, ...], Row] = {}
    for team in truth.teams:
        of_team = [use for use in truth.uses if use.team == team]
        for end in truth.period_ends():
            for length in LENGTHS:
                rows |= _skill_rows_of(truth, team, of_team, end, length)
    return rows


def _skill_rows_of(truth: Truth, team: str, uses: list[Use], end: date, length: int) -> dict[tuple[Any, ...], Row]:
    now, before = truth.window(uses, end, length), truth.window(uses, end - length * DAY, length)
    seats = len(truth.seats(team, end, length))
    seats_before = len(truth.seats(team, end - length * DAY, length))
    rows = {}
    for skill in {use.skill for use in now + before}:
        mine = [use for use in now if use.skill == skill]
        then = [use for use in before if use.skill == skill]
        is_covered = truth.begins <= end - (2 * length - 1) * DAY
        told = [use.success for use in mine if use.success is not None]
        rows[team, skill, end, length] = {
            "users": len(users(mine)),
            "people": len({use.person for use in mine}),
            "seats": seats,
            "adoption_rate": len(users(mine)) / seats if seats else None,
            "uses": len(mine),
            "successes": sum(use.success is True for use in mine),
            "failures": sum(use.success is False for use in mine),
            "unknown": sum(use.success is None for use in mine),
            "success_rate": sum(told) / len(told) if told else None,
            "user_days": len({(use.person, use.day) for use in mine if use.success is True}),
            "previous_users": len(users(then)),
            "previous_seats": seats_before,
            "previous_adoption_rate": len(users(then)) / seats_before if is_covered and seats_before else None,
            "is_name_resolved": "/" in skill,
            "is_provisional": end > truth.last_day - 3 * DAY,
        }
    places = {when: {skill: _place(uses, skill) for _, skill, _, _ in rows} for when, uses in enumerate((now, before))}
    for (_, skill, _, _), row in rows.items():
        for when, name in enumerate(("usage_rank", "previous_usage_rank")):
            better = sum(place > places[when][skill] for place in places[when].values())
            row[name] = better + 1 if places[when][skill][0] else None
    return rows


def _place(uses: list[Use], skill: str) -> tuple[int, int, int]:
    mine = [use for use in uses if use.skill == skill]
    return len(users(mine)), len({(use.person, use.day) for use in mine if use.success is True}), len(mine)


def activity_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_activity by its key."""
    rows = {}
    for team in truth.teams:
        uses = [use for use in truth.uses if use.team == team]
        for end in truth.period_ends():
            for length in LENGTHS:
                if truth.seats(team, end, length):
                    rows[team, end, length] = _activity_row(truth, team, uses, end, length)
    return rows


def _activity_row(truth: Truth, team: str, uses: list[Use], end: date, length: int) -> Row:
    now, before = truth.window(uses, end, length), truth.window(uses, end - length * DAY, length)
    earlier = users([use for use in uses if use.day <= end - length * DAY])
    active, previous = users(now), users(before)
    seats = len(truth.seats(team, end, length))
    seats_before = len(truth.seats(team, end - length * DAY, length))
    active_days = {(use.person, use.day) for use in now if use.success is True}
    working = [end - n * DAY for n in range(length)]
    working = [day for day in working if day.weekday() < 5 and day not in truth.world.holidays]
    worked, mean = sum(day in working for _, day in active_days), len(active_days) / length
    has_ratio = bool(active) and truth.begins <= end - (length - 1) * DAY
    installed = set().union(*(truth.installed(person, end) for person in truth.seated(team, end)))
    of_installed = sum(len(users([use for use in now if use.skill == skill])) for skill in installed)
    row = {
        "seats": seats,
        "active_users": len(active),
        "adoption_rate": len(active) / seats,
        "active_skills": len({use.skill for use in now if use.success is True}),
        "installed_skills": len(installed),
        "mean_skill_adoption": of_installed / (len(installed) * seats) if installed else None,
        "uses": len(now),
        "successes": sum(use.success is True for use in now),
        "mean_dau": mean,
        "mean_dau_working": worked / len(working) if working else None,
        "stickiness": mean / len(active) if has_ratio else None,
        "stickiness_working": worked / len(working) / len(active) if has_ratio and working else None,
        "habitual_users": _habitual(active_days, end) if length == 28 else None,
        "new_users": len(active - earlier),
        "returning_users": len(active & previous),
        "resurrected_users": len((active & earlier) - previous),
        "dormant_users": len(previous - active),
        "previous_active_users": len(previous),
        "previous_seats": seats_before,
        "previous_adoption_rate": (
            len(previous) / seats_before if seats_before and truth.begins <= end - (2 * length - 1) * DAY else None
        ),
        "has_data": truth.begins <= end,
        "is_provisional": end > truth.last_day - 3 * DAY,
    }
    return row | _seat_states(truth, team, uses, end, active)


def _seat_states(truth: Truth, team: str, uses: list[Use], end: date, active: set[str]) -> Row:
    states = {"seats_active": 0, "seats_idle": 0, "seats_never_used": 0, "seats_too_new": 0}
    ever = users([use for use in uses if use.day <= end])
    seated = truth.seated(team, end)
    for person in seated:
        joins = [m["joined_at"].date() for m in truth.members if (m["team_id"], m["actor_key"]) == (team, person)]
        days = (end - max(day for day in joins if day <= end)).days
        if person in ever:
            states["seats_active" if person in active else "seats_idle"] += 1
        else:
            states["seats_never_used" if days > 30 else "seats_too_new"] += 1
    return states | {"seats_at_end": len(seated)}


def _habitual(active_days: set[tuple[str, date]], end: date) -> int:
    count = 0
    for person in {person for person, _ in active_days}:
        blocks = [(end - day).days // 7 for somebody, day in active_days if somebody == person]
        count += sum(blocks.count(block) >= 3 for block in range(4)) >= 3
    return count


def installed_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_installed_skills by its key."""
    rows = {}
    for team in truth.teams:
        uses = [use for use in truth.uses if use.team == team]
        for end in truth.period_ends():
            seated = truth.seated(team, end)
            having = [skill for person in seated for skill in truth.installed(person, end)]
            for skill in set(having):
                mine = [use for use in uses if use.skill == skill]
                windows = [length for length in LENGTHS if users(truth.window(mine, end, length))]
                rows[team, skill, end] = {
                    "seats": len(seated),
                    "installed_people": having.count(skill),
                    "used_within_days": min(windows, default=None),
                    "is_provisional": end > truth.last_day - 3 * DAY,
                }
    return rows


def excluded_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """excluded_events by its key: uses of bots and of internal accounts' people, and all that scrapers did."""
    left_out = []  # (rule, team, who, event) of every use and each team that its actor sat in that day
    for event in truth.events:
        day, scraper = event["created_at"].date(), truth.scraper_of(event)
        if scraper is not None and told_in(event) != "in the audit log":
            left_out.append(("scraper", "*", scraper[:2], event))
        elif scraper is None and is_use(event):
            for member in truth.stays:
                is_there = member["joined_at"] < at(day + DAY) and (
                    not member["left_at"] or member["left_at"] > at(day)
                )
                is_internal = truth.world.teams[member["team_id"]] in truth.world.internal
                if member["actor_key"] == event["actor_key"] and is_there and (is_internal or member["is_bot"]):
                    rule = "internal" if is_internal else "bot"
                    left_out.append((rule, member["team_id"], event["actor_key"], event))
    rows = {}
    for end in truth.period_ends():
        for length in LENGTHS:
            within = [o for o in left_out if end - length * DAY < o[3]["created_at"].date() <= end]
            keys = {("*", rule) for rule, *_ in within} | {(team, rule) for rule, team, *_ in within if rule == "bot"}
            for team, rule in keys:
                of_rule = [o for o in within if o[0] == rule and team in ("*", o[1])]
                rows[team, rule, end, length] = {
                    "events": len({event["event_id"] for *_, event in of_rule}),
                    "actors": len({who for _, _, who, _ in of_rule}),
                    "is_provisional": end > truth.last_day - 3 * DAY,
                }
    return rows


def account_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """account_activity by its key: people, not the sum over teams."""
    rows = {}
    for account in {truth.world.teams[team] for team in truth.teams}:
        teams = [team for team in truth.teams if truth.world.teams[team] == account]
        uses = list({use.event: use for use in truth.uses if use.team in teams}.values())
        for end in truth.period_ends():
            for length in LENGTHS:
                seats = set().union(*(truth.seats(team, end, length) for team in teams))
                now = truth.window(uses, end, length)
                if seats:
                    rows[account, end, length] = {
                        "seats": len(seats),
                        "active_users": len(users(now)),
                        "adoption_rate": len(users(now)) / len(seats),
                        "active_skills": len({use.skill for use in now if use.success is True}),
                        "uses": len(now),
                        "successes": sum(use.success is True for use in now),
                        "has_data": truth.begins <= end,
                        "is_covered": truth.begins <= end - (length - 1) * DAY,
                        "is_provisional": end > truth.last_day - 3 * DAY,
                    }
    return rows


def retention_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """skill_retention by its key."""
    weeks: dict[tuple[str, str], set[date]] = {}
    for use in truth.uses:
        if use.success is True:
            weeks.setdefault((use.skill, use.person), set()).add(use.day - use.day.weekday() * DAY)
    rows = {}
    for skill, cohort in sorted({(skill, min(active)) for (skill, _), active in weeks.items()}):
        people = [active for (name, _), active in weeks.items() if name == skill and min(active) == cohort]
        for later in range(1, 13):
            week = cohort + 7 * later * DAY
            is_over = week + 6 * DAY <= truth.last_day
            retained = sum(week in active for active in people) if is_over else None
            rows[skill, cohort, later] = {
                "users": len(people),
                "retained_users": retained,
                "retention_rate": None if retained is None else retained / len(people),
                "is_provisional": week + 6 * DAY > truth.last_day - 3 * DAY,
            }
    return rows


def retention_curve_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """skill_retention_curve by its key."""
    rows: dict[tuple[Any, ...], Row] = {}
    for (skill, _, later), cohort in retention_rows(truth).items():
        if cohort["users"] < 5 or cohort["retained_users"] is None:
            continue
        row = rows.setdefault((skill, later), {"cohorts": 0, "users": 0, "retained_users": 0, "is_provisional": False})
        row["cohorts"] += 1
        row["users"] += cohort["users"]
        row["retained_users"] += cohort["retained_users"]
        row["is_provisional"] |= cohort["is_provisional"]
    return {key: row | {"retention_rate": row["retained_users"] / row["users"]} for key, row in rows.items()}


@dataclass(frozen=True)
class Joiner:
    """One person who joined a team: days until the first success or until last seen, and skills of 30 whole days."""

    team: str
    cohort: date
    days: int
    has_begun: bool
    skills_30: int | None
    joined: date


def joiners(truth: Truth) -> list[Joiner]:
    """Everybody who joined a team by the last complete day."""
    found = []
    # Who comes back after the last complete day has not come back yet.
    members = [m for m in truth.members if m["joined_at"].date() <= truth.last_day]
    for team, person in sorted({(m["team_id"], m["actor_key"]) for m in members}):
        stays = [m for m in members if (m["team_id"], m["actor_key"]) == (team, person)]
        joined = min(m["joined_at"].date() for m in stays)
        is_there = any(m["left_at"] is None for m in stays)
        left = date.max if is_there else max(m["left_at"].date() for m in stays)
        seen_until = min(left, truth.last_day)
        successes = {
            (event["created_at"].date(), truth.resolved(event["metadata"]["skill_name"]))
            for event in truth.events
            if event["actor_key"] == person
            and is_use(event)
            and event["metadata"].get("success") is True
            and not truth.is_scraped(event)
            and joined <= event["created_at"].date() <= seen_until
        }
        first = min((day for day, _ in successes), default=None)
        is_whole = joined + 29 * DAY <= truth.last_day and (left - joined).days >= 30
        skills = {skill for day, skill in successes if (day - joined).days <= 29}
        days = ((first or seen_until) - joined).days
        cohort = joined.replace(day=1)
        found.append(Joiner(team, cohort, days, first is not None, len(skills) if is_whole else None, joined))
    return found


def survival(people: list[Joiner], day: int) -> Fraction:
    """The share that has not begun by the end of the day: the product of (1 - d / n) over the days so far."""
    return survivals(people, day)[day]


def survivals(people: list[Joiner], last: int) -> list[Fraction]:
    """The same of each day up to the last."""
    shares, left = [], Fraction(1)
    for day in range(last + 1):
        begun = sum(person.days == day and person.has_begun for person in people)
        if begun:
            left *= 1 - Fraction(begun, sum(person.days >= day for person in people))
        shares.append(left)
    return shares


def onboarding_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_onboarding by its key."""
    rows = {}
    for (team, cohort), people in _cohorts(truth).items():
        ticks, shares = censoring_ticks(people), survivals(people, 90)
        for day in range(91):
            if any(person.days >= day for person in people):
                begun = [person for person in people if person.has_begun]
                rows[team, cohort, day] = {
                    "seats": len(people),
                    "at_risk": sum(person.days >= day for person in people),
                    "events": sum(person.days == day for person in begun),
                    "censored": sum(person.days == day and not person.has_begun for person in people),
                    "adopters": sum(person.days <= day for person in begun),
                    "survival": float(shares[day]),
                    "adopted_share": float(1 - shares[day]),
                    "has_data": all(person.joined >= truth.begins for person in people),
                    **ticks.get(day, {"last_seen": None, "fewest_last_seen": None}),
                }
    return rows


def censoring_ticks(people: list[Joiner]) -> dict[int, Row]:
    """By the day before a step, or the last day of a curve that ends before day 90, who was last seen since a step."""
    steps = sorted({person.days for person in people if person.has_begun})
    begun = [sum(person.has_begun and person.days <= step for person in people) for step in steps]
    end = max(person.days for person in people)
    ticks: dict[int, Row] = {}
    for number, first in enumerate([0, *steps]):
        last = steps[number] - 1 if number < len(steps) else end
        # The curve is shown to day 90, where it cannot be told whether it goes on.
        seen = [person for person in people if not person.has_begun and first <= person.days <= last]
        if seen and last < 90:
            left = sum(person.days > last for person in people)
            counts = [0, 0, *begun][number : number + 2] + begun[number : number + 1]
            is_hidden = any(count <= 1 or len(people) - count <= 1 for count in counts)
            parts = [len(seen), left, *([1] if is_hidden else [])]
            ticks[last] = {"last_seen": len(seen), "fewest_last_seen": min(part for part in parts if part)}
    return ticks


def onboarding_summary_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_onboarding_summary by its key."""
    rows = {}
    for (team, cohort), people in _cohorts(truth).items():
        longest = max(person.days for person in people)
        left = survivals(people, max(longest, 30))
        shares = {day: float(1 - left[day]) if longest >= day or left[day] == 0 else None for day in (7, 30)}
        middle = next((day for day in range(longest + 1) if left[day] <= Fraction(1, 2)), None)
        begun = [person.days for person in people if person.has_begun]
        skills = [person.skills_30 for person in people if person.skills_30 is not None]
        month_end = (cohort + 31 * DAY).replace(day=1) - DAY
        rows[team, cohort] = {
            "seats": len(people),
            "adopters": len(begun),
            "adopters_7": sum(days <= 7 for days in begun),
            "adopted_by_7": shares[7],
            "adopters_30": sum(days <= 30 for days in begun),
            "adopted_by_30": shares[30],
            "median_days": middle,
            "adopters_median": sum(middle is None or days <= middle for days in begun),
            "people_30": len(skills),
            "median_skills_30": float(median(skills)) if skills else None,
            "is_complete_30": month_end <= truth.last_day
            and all(person.joined + 29 * DAY <= truth.last_day for person in people),
            "has_data": all(person.joined >= truth.begins for person in people),
        }
    return rows


def _cohorts(truth: Truth) -> dict[tuple[str, date], list[Joiner]]:
    cohorts: dict[tuple[str, date], list[Joiner]] = {}
    for person in joiners(truth):
        cohorts.setdefault((person.team, person.cohort), []).append(person)
    return cohorts
