"""A small random world of teams and events, and what metrics.md says about it, worked out the slow way.

`expected_rows` counts every window on its own from sets of people, sharing no idea with the SQL: a difference is a
mistake in one of the two.
"""

import random
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
    """Raw rows of the entities that adoption reads."""

    members: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)

    def add_event(self, moment: datetime, kind: str, actor: str | None, loaded_at: datetime, **metadata: Any) -> None:
        """One event of the registry."""
        self.events.append(
            {
                "event_id": f"e{len(self.events)}",
                "created_at": moment,
                "event_type": kind,
                "actor_key": actor,
                "ip_prefix": None,
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
                    world.members.append(_member(team, person, joined, None if is_open else left))
                # Coming back may overlap the stay before.
                joined = left + timedelta(hours=dice.choice([-3, 1, 40, 400]))
    world.members.append(_member("t1", "robot", at(FIRST_DAY), None) | {"is_bot": True})
    for _ in range(days * 9):
        _random_event(world, dice, [*people, "robot", "stranger"], days)
    world.add_event(at(FIRST_DAY, 1), "telemetry:skill_view", None, at(FIRST_DAY, 12))
    return world


def add_joiners(world: World) -> None:
    """Thirteen who join one team in one month: some begin, and four leave before they did, in twos."""
    for number in range(13):
        joined = at(date(2026, 3, 2) + number * DAY, 9)
        left = {2: 11, 5: 11, 7: 30, 8: 31}.get(number)
        world.members.append(_member("t3", f"joiner{number}", joined, joined + left * DAY if left else None))
        if number in (0, 1, 3, 4, 9, 10):
            world.add_event(
                joined + (4 if number < 3 else 20) * DAY, "telemetry:skill_invoke", f"joiner{number}",
                joined + 21 * DAY, skill_name="cat/docs", success=True,
            )  # fmt: skip


def _member(team: str, person: str, joined: datetime, left: datetime | None) -> Row:
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


class Truth:
    """What metrics.md says about a world as of a moment."""

    def __init__(self, world: World, as_of: datetime) -> None:
        self.last_day = as_of.date() - DAY
        self.events = [event for event in world.events if event["created_at"] < as_of]
        self.members = [m for m in world.members if not m["is_bot"] and m["team_id"] != "inside"]
        self.members = [m for m in self.members if m["joined_at"] < as_of]
        self.begins = min(event["created_at"].date() for event in self.events)
        self._seated: dict[tuple[str, date], set[str]] = {}
        self._seats: dict[tuple[str, date, int], set[str]] = {}
        self.uses = [use for event in self.events for use in self._uses_of(event)]

    def seated(self, team: str, day: date) -> set[str]:
        """People whose stay overlaps the day."""
        if (team, day) not in self._seated:
            self._seated[team, day] = self._overlapping(team, day)
        return self._seated[team, day]

    def _overlapping(self, team: str, day: date) -> set[str]:
        return {
            member["actor_key"]
            for member in self.members
            if member["team_id"] == team
            and member["joined_at"] < at(day + DAY)
            and (member["left_at"] is None or member["left_at"] > at(day))
        }

    def seats(self, team: str, end: date, length: int) -> set[str]:
        """People seated on at least one day of the window."""
        if (team, end, length) not in self._seats:
            self._seats[team, end, length] = set().union(*(self.seated(team, end - n * DAY) for n in range(length)))
        return self._seats[team, end, length]

    def _uses_of(self, event: Row) -> list[Use]:
        data = event["metadata"]
        by_person = data.get("user_initiated", not data.get("agent_session", False))
        if event["event_type"] != "telemetry:skill_invoke" or "skill_name" not in data or not by_person:
            return []
        day = event["created_at"].date()
        skill, person = resolved(data["skill_name"]), event["actor_key"]
        return [
            Use(team, person, skill, day, data.get("success"))
            for team in TEAMS
            if team != "inside" and person in self.seated(team, day)
        ]

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
        for event in self.events:
            is_install = event["event_type"] == "telemetry:skill_install"
            success = event["metadata"].get("success")
            counts = success is True if is_install else success is not False
            is_change = event["event_type"].endswith("install") and event["actor_key"] == person
            if is_change and counts and event["created_at"].date() <= end:
                skill = resolved(event["metadata"]["skill_id"])
                change = (event["created_at"], not is_install)
                last[skill] = max(last.get(skill, change), change)
        return {skill for skill, (_, is_uninstall) in last.items() if not is_uninstall}


def resolved(name: str) -> str:
    """The one registry name that ends in a bare name, else the name itself."""
    owners = [skill for skill in SKILLS if skill.endswith("/" + name)]
    return owners[0] if "/" not in name and len(owners) == 1 else name


def users(uses: list[Use]) -> set[str]:
    """People with at least one success."""
    return {use.person for use in uses if use.success is True}


def skill_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_skill_usage by its key."""
    rows: dict[tuple[Any, ...], Row] = {}
    for team in ("t1", "t2", "t3"):
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
            "previous_adoption_rate": len(users(then)) / seats_before if is_covered and seats_before else None,
            "is_name_resolved": "/" in skill,
            "is_provisional": end > truth.last_day - 3 * DAY,
        }
    for row in rows.values():
        place = (row["users"], row["user_days"], row["uses"])
        better = sum((other["users"], other["user_days"], other["uses"]) > place for other in rows.values())
        row["usage_rank"] = better + 1 if row["users"] else None
    return rows


def activity_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_activity by its key."""
    rows = {}
    for team in ("t1", "t2", "t3"):
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
    working = [day for day in working if day.weekday() < 5 and day != HOLIDAY]
    mean, mean_working = len(active_days) / length, sum(day in working for _, day in active_days) / len(working)
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
        "mean_dau_working": mean_working,
        "stickiness": mean / len(active) if has_ratio else None,
        "stickiness_working": mean_working / len(active) if has_ratio else None,
        "habitual_users": _habitual(active_days, end) if length == 28 else None,
        "new_users": len(active - earlier),
        "returning_users": len(active & previous),
        "resurrected_users": len((active & earlier) - previous),
        "dormant_users": len(previous - active),
        "previous_active_users": len(previous),
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
    for team in ("t1", "t2", "t3"):
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


def excluded_rows(world: World, as_of: datetime) -> dict[tuple[Any, ...], Row]:
    """excluded_events by its key, of a world without scrapers: uses of bots and of the internal account's people."""
    truth = Truth(world, as_of)
    left_out = []  # (rule, team, event) of every use and each team that its actor sat in that day
    for event in truth.events:
        data = event["metadata"]
        by_person = data.get("user_initiated", not data.get("agent_session", False))
        if event["event_type"] != "telemetry:skill_invoke" or "skill_name" not in data or not by_person:
            continue
        day = event["created_at"].date()
        for member in world.members:
            is_seated = member["joined_at"] < min(at(day + DAY), as_of) and (
                member["left_at"] is None or member["left_at"] > at(day)
            )
            if member["actor_key"] == event["actor_key"] and is_seated:
                if member["team_id"] == "inside":
                    left_out.append(("internal", "inside", event))
                elif member["is_bot"]:
                    left_out.append(("bot", member["team_id"], event))
    rows = {}
    for end in truth.period_ends():
        for length in LENGTHS:
            within = [o for o in left_out if end - length * DAY < o[2]["created_at"].date() <= end]
            for rule, team in {("bot", "*"), ("internal", "*")} | {("bot", team) for _, team, _ in within}:
                of_rule = [o[2] for o in within if o[0] == rule and (team in ("*", o[1]))]
                events = {event["event_id"]: event["actor_key"] for event in of_rule}
                if events:
                    rows[team, rule, end, length] = {"events": len(events), "actors": len(set(events.values()))}
    return rows


def account_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """account_activity by its key: people, not the sum over teams."""
    rows = {}
    for account, teams in {"a1": ("t1", "t2"), "a2": ("t3",)}.items():
        for end in truth.period_ends():
            for length in LENGTHS:
                seats = set().union(*(truth.seats(team, end, length) for team in teams))
                now = truth.window([use for use in truth.uses if use.team in teams], end, length)
                both = [use for use in now if use.team == "t2" and use.person in truth.seated("t1", use.day)]
                if seats:
                    rows[account, end, length] = {
                        "seats": len(seats),
                        "active_users": len(users(now)),
                        "adoption_rate": len(users(now)) / len(seats),
                        "active_skills": len({use.skill for use in now if use.success is True}),
                        "uses": len(now) - len(both),
                        "successes": sum(u.success is True for u in now) - sum(u.success is True for u in both),
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
    for team, person in sorted({(m["team_id"], m["actor_key"]) for m in truth.members}):
        stays = [m for m in truth.members if (m["team_id"], m["actor_key"]) == (team, person)]
        joined = min(m["joined_at"].date() for m in stays)
        if joined > truth.last_day:
            continue
        is_there = any(m["left_at"] is None for m in stays)
        left = date.max if is_there else max(m["left_at"].date() for m in stays)
        seen_until = min(left, truth.last_day)
        successes = {
            (event["created_at"].date(), resolved(event["metadata"]["skill_name"]))
            for event in truth.events
            if event["actor_key"] == person
            and event["event_type"] == "telemetry:skill_invoke"
            and "skill_name" in event["metadata"]
            and event["metadata"].get("success") is True
            and event["metadata"].get("user_initiated", not event["metadata"].get("agent_session", False))
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
    left = Fraction(1)
    for each in range(day + 1):
        at_risk = sum(person.days >= each for person in people)
        if at_risk:
            left *= 1 - Fraction(sum(person.days == each and person.has_begun for person in people), at_risk)
    return left


def onboarding_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_onboarding by its key."""
    rows = {}
    for (team, cohort), people in _cohorts(truth).items():
        ticks = censoring_ticks(people)
        for day in range(91):
            if any(person.days >= day for person in people):
                begun = [person for person in people if person.has_begun]
                rows[team, cohort, day] = {
                    "seats": len(people),
                    "at_risk": sum(person.days >= day for person in people),
                    "events": sum(person.days == day for person in begun),
                    "censored": sum(person.days == day and not person.has_begun for person in people),
                    "adopters": sum(person.days <= day for person in begun),
                    "survival": float(survival(people, day)),
                    "adopted_share": float(1 - survival(people, day)),
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
        shares = {
            day: float(1 - survival(people, day)) if longest >= day or survival(people, day) == 0 else None
            for day in (7, 30)
        }
        skills = [person.skills_30 for person in people if person.skills_30 is not None]
        month_end = (cohort + 31 * DAY).replace(day=1) - DAY
        rows[team, cohort] = {
            "seats": len(people),
            "adopted_by_7": shares[7],
            "adopted_by_30": shares[30],
            "median_days": next((day for day in range(longest + 1) if survival(people, day) <= Fraction(1, 2)), None),
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
