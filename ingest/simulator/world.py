"""Who there is: accounts with a story each, their teams, and people who join, leave and come back.

Days are integers, 0 = the first day of the simulated range; an account may have signed up before it. Every figure of
the truth is counted from these arrays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from ingest.simulator.streams import stream, token

DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Part:
    """A role that an account plays: what it is, what happens to it, and how large it is."""

    tier: str
    story: str
    people: tuple[int, int]
    teams: tuple[int, int] = (1, 1)
    sla: str | None = None
    annual: bool = False
    coupon: int = 0


# The first eight already hold every tier and the main traps; a larger world repeats the list.
CAST: tuple[Part, ...] = (
    Part("team", "grow", (9, 16)),
    Part("enterprise", "grow", (34, 48), (2, 3), sla="professional"),
    Part("team", "internal", (6, 8)),
    Part("team", "steady", (12, 18), (2, 2), coupon=20),
    Part("team", "return", (8, 14)),
    Part("individual", "steady", (1, 1), (0, 0)),
    Part("oem", "steady", (6, 9)),
    Part("team", "migrate", (14, 20), (2, 2)),
    Part("team", "complimentary", (5, 8)),
    Part("team", "steady", (10, 16), annual=True),
    Part("team", "unpaid", (6, 10)),
    Part("enterprise", "steady", (28, 40), (2, 3), annual=True),
    Part("team", "trial", (5, 9)),
    Part("team", "paused", (7, 11)),
    Part("team", "shrink", (14, 20)),
    Part("community", "free", (3, 5)),
    Part("team", "churn", (6, 11)),
    Part("enterprise", "grow", (36, 55), (3, 4), sla="premium"),
    Part("individual", "steady", (1, 1), (0, 0), annual=True),
    Part("team", "recovered", (9, 14)),
    Part("team", "grow", (10, 18), (2, 2)),
    Part("enterprise", "steady", (25, 34), (2, 2), sla="professional"),
    Part("team", "steady", (8, 16)),
    Part("individual", "churn", (1, 1), (0, 0)),
    Part("team", "grow", (6, 12)),
    Part("community", "free", (3, 6)),
    Part("enterprise", "steady", (26, 38), (2, 2), coupon=10),
    Part("team", "grow", (9, 14)),
    Part("team", "trial_lost", (5, 8)),
    Part("team", "churn", (8, 14)),
    Part("enterprise", "shrink", (34, 46), (2, 3), sla="standard"),
    Part("team", "grow", (10, 18), annual=True),
    Part("individual", "steady", (1, 1), (0, 0)),
    Part("team", "return", (6, 12)),
    Part("team", "steady", (12, 20), (2, 2)),
    Part("enterprise", "grow", (30, 44), (2, 3)),
    Part("community", "free", (2, 5)),
    Part("team", "steady", (7, 12)),
    Part("team", "grow", (8, 12)),
    Part("team", "steady", (9, 15), coupon=15),
)

# Stories whose turns need most of the range begin before it.
_EARLY = {"return", "unpaid", "paused", "churn", "migrate", "recovered", "shrink", "internal"}
PLACES = (
    ("America/Los_Angeles", "US"),
    ("America/New_York", "US"),
    ("Europe/Berlin", "DE"),
    ("Europe/London", "GB"),
    ("Asia/Kolkata", "IN"),
    ("America/Sao_Paulo", "BR"),
    ("Asia/Tokyo", "JP"),
    ("Australia/Sydney", "AU"),
)
_PLACE_SHARES = (0.24, 0.24, 0.16, 0.12, 0.1, 0.05, 0.05, 0.04)
_FIRST = (
    "Blue",
    "North",
    "Quartz",
    "Silver",
    "Harbor",
    "Maple",
    "Delta",
    "Ember",
    "Cobalt",
    "Willow",
    "Orbit",
    "Granite",
)
_SECOND = (
    "Systems",
    "Labs",
    "Works",
    "Logistics",
    "Health",
    "Robotics",
    "Bank",
    "Media",
    "Energy",
    "Retail",
    "Freight",
)
_TEAM_NAMES = ("Engineering", "Platform", "Product", "Data", "Mobile", "Infrastructure", "Security", "Growth")


@dataclass
class Account:
    """One customer. Days may be negative; `None` = does not happen in the range."""

    index: int
    account_id: str
    name: str
    part: Part
    timezone: str
    country: str
    signup_day: int
    paid_day: int | None
    turn_day: int
    back_day: int | None
    team_indices: list[int] = field(default_factory=list)

    @property
    def is_internal(self) -> bool:
        """Our own people; out of every published number."""
        return self.part.story == "internal"

    @property
    def kind(self) -> str:
        """The registry's word for what the account is."""
        return {"individual": "individual", "oem": "oem", "enterprise": "organization"}.get(self.part.tier, "team")


@dataclass
class Team:
    """A team; `is_unused` ones have members and no use, `zeal` scales how readily a skill spreads."""

    index: int
    team_id: str
    account: int
    name: str
    start_day: int
    is_unused: bool
    zeal: float


@dataclass
class Membership:
    """One row of team_members: seconds since the range's first midnight."""

    team: int
    person: int
    joined: int
    left: int | None
    role: str
    is_bot: bool

    def days(self, until: int) -> tuple[int, int]:
        """First and last seated day, clipped to 0..until; empty when first > last.

        Leaving at midnight does not count the day that begins then.
        """
        last = until if self.left is None else (self.left - 1) // DAY_SECONDS
        return max(0, self.joined // DAY_SECONDS), min(until, last)


@dataclass
class World:
    """Everything that stands before usage is drawn.

    The person arrays hold seated people first, then registered people without a team, then anonymous visitors
    (actor None). offset_minutes: local time minus UTC on the middle day.
    """

    seed: int
    start: date
    days: int
    accounts: list[Account]
    teams: list[Team]
    memberships: list[Membership]
    actors: list[str | None]
    person_account: np.ndarray
    offset_minutes: np.ndarray
    network: np.ndarray
    networks: list[str]
    is_bot: np.ndarray
    eagerness: np.ndarray
    home_team: np.ndarray
    seated_people: int
    registered_people: int
    seated: np.ndarray
    present: np.ndarray

    @property
    def until(self) -> date:
        """The last simulated day, which is complete."""
        return self.start + timedelta(days=self.days - 1)

    def moment(self, seconds: int) -> str:
        """Seconds since the range's first midnight as an ISO time in UTC."""
        return f"{datetime.fromtimestamp(self.unix(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}"

    def unix(self, seconds: int) -> int:
        """Seconds since the range's first midnight as Unix time."""
        return int(datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC).timestamp()) + int(seconds)

    def day(self, index: int) -> date:
        """The calendar day of a day index."""
        return self.start + timedelta(days=index)


def _accounts(seed: int, count: int, days: int) -> Iterator[Account]:
    for index in range(count):
        part = CAST[index % len(CAST)]
        random = stream(seed, "account", index)
        zone, country = PLACES[random.choice(len(PLACES), p=np.array(_PLACE_SHARES) / sum(_PLACE_SHARES))]
        earlier = int(random.integers(-150, -25))
        later = int(random.uniform(-150, days * 0.8))
        signup = earlier if part.story in _EARLY or index < 3 else later
        if part.story == "trial":
            # Still on trial at the end, so that the newest month has one.
            signup = days - 1 - int(random.integers(2, 10))
        if part.story == "trial_lost":
            signup = min(signup, days - 20)
        paid = None if part.story in ("free", "complimentary") else signup + int(random.integers(0, 21))
        turn = max(int(days * random.uniform(0.22, 0.34)), 3)
        if part.story == "unpaid":
            turn = int(days * random.uniform(0.05, 0.2))
        back = turn + max(int(days * random.uniform(0.3, 0.42)), 10) if part.story in ("return", "paused") else None
        name = f"{random.choice(_FIRST)} {random.choice(_SECOND)} {index + 1}"
        if part.story == "internal":
            name = "Skillsmith (internal)" if index < len(CAST) else f"Skillsmith (internal {index + 1})"
        yield Account(
            index,
            f"acc_{token(seed, 'account', index, length=12)}",
            name,
            part,
            zone,
            country,
            signup,
            paid,
            turn,
            back,
        )


def _offset(zone: str, day: date) -> int:
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() // 60)


class _Population:
    """Collects people and memberships while accounts are filled."""

    def __init__(self, seed: int, days: int) -> None:
        self.seed, self.days = seed, days
        self.account: list[int] = []
        self.home: list[int] = []
        self.is_bot: list[bool] = []
        self.memberships: list[Membership] = []

    def person(self, account: int, team: int, *, is_bot: bool = False) -> int:
        self.account.append(account)
        self.home.append(team)
        self.is_bot.append(is_bot)
        return len(self.account) - 1

    def seat(self, random: np.random.Generator, team: Team, person: int, joined_day: int, left_day: int | None) -> None:
        """Seat a person from a working hour of one day to a working hour of another."""
        joined = joined_day * DAY_SECONDS + int(random.integers(7 * 3600, 18 * 3600))
        left = None
        if left_day is not None and left_day < self.days:
            # One in eight leaves exactly at midnight: that day does not count any more.
            at = 0 if random.random() < 0.125 else int(random.integers(8 * 3600, 20 * 3600))
            left = left_day * DAY_SECONDS + at
            if left <= joined:
                left = joined + DAY_SECONDS
            if left >= self.days * DAY_SECONDS:
                left = None
        if joined >= self.days * DAY_SECONDS:
            return
        first = not any(m.team == team.index for m in self.memberships[-60:])
        role = "owner" if first else str(random.choice(("admin", "member", "viewer"), p=(0.08, 0.87, 0.05)))
        self.memberships.append(Membership(team.index, person, joined, left, role, self.is_bot[person]))


def _fill_team(people: _Population, account: Account, team: Team, size: int, random: np.random.Generator) -> None:
    days, story = people.days, account.part.story
    gone = account.turn_day if story in ("churn", "return") else None
    monthly_leave = {"shrink": 0.14, "grow": 0.015}.get(story, 0.025)
    # A team keeps at least three people, whatever else happens.
    for number in range(size):
        joined = team.start_day + int(random.integers(0, 9 if number else 1))
        stays = random.exponential(30 / monthly_leave)
        left = None if number < 3 or size == 3 else max(joined + int(stays), 5)
        person = people.person(account.index, team.index)
        if gone is not None and (left is None or left > gone):
            people.seat(random, team, person, joined, max(gone, joined + 1))
            if account.back_day is not None and (number < 3 or random.random() < 0.7):
                people.seat(random, team, person, account.back_day + int(random.integers(0, 5)), None)
        else:
            people.seat(random, team, person, joined, left)
    if gone is not None or story in ("shrink", "trial", "trial_lost") or size == 3:
        return
    monthly_growth = 0.075 if story == "grow" else 0.03
    arrivals = random.poisson(size * monthly_growth * max(0, days - team.start_day) / 30)
    for _ in range(min(int(arrivals), max(0, 30 - size))):
        joined = int(random.integers(team.start_day + 5, max(days, team.start_day + 6)))
        stays = random.exponential(30 / monthly_leave)
        people.seat(random, team, people.person(account.index, team.index), joined, joined + 1 + int(stays))


def build_world(seed: int, start: date, days: int, accounts: int) -> World:
    """Draw accounts, teams, people and memberships."""
    cast = list(_accounts(seed, accounts, days))
    people = _Population(seed, days)
    teams: list[Team] = []
    for account in cast:
        random = stream(seed, "teams", account.index)
        total = int(random.integers(account.part.people[0], account.part.people[1] + 1))
        count = int(random.integers(account.part.teams[0], account.part.teams[1] + 1))
        for number in range(count):
            is_small = account.index % len(CAST) == 3 and number == 1
            team = Team(
                len(teams),
                f"team_{token(seed, 'team', account.index, number, length=12)}",
                account.index,
                _TEAM_NAMES[(account.index + number) % len(_TEAM_NAMES)],
                account.signup_day + (0 if number == 0 else int(random.integers(0, 12))),
                is_unused=account.index % len(CAST) == 1 and number == count - 1,
                zeal=float(random.beta(5, 2)) if account.part.story != "churn" else float(random.beta(2, 5)),
            )
            teams.append(team)
            account.team_indices.append(team.index)
            size = 3 if is_small else min(30, max(3, round(total / count * random.uniform(0.8, 1.2))))
            _fill_team(people, account, team, size, random)
            if team.index % 4 == 0:
                bot = people.person(account.index, team.index, is_bot=True)
                people.seat(random, team, bot, team.start_day + 2, None)
        if count > 1:
            # Some people sit in two teams of their account.
            home = account.team_indices[0]
            for person in [p for p, t in enumerate(people.home) if t == home and not people.is_bot[p]]:
                if random.random() < 0.12:
                    joined = max(teams[home].start_day, 0) + int(random.integers(8, max(9, days // 2)))
                    people.seat(random, teams[account.team_indices[1]], person, joined, None)
    return _finish(seed, start, days, cast, teams, people)


def _finish(seed: int, start: date, days: int, cast: list[Account], teams: list[Team], people: _Population) -> World:
    random = stream(seed, "people")
    seated_people = len(people.account)
    registered = seated_people + sum(a.part.tier == "individual" for a in cast) + len(cast) * 6
    everyone = registered + max(40, len(cast) * 4)
    account = np.full(everyone, -1)
    account[:seated_people] = people.account
    for number, single in enumerate(a for a in cast if a.part.tier == "individual"):
        account[seated_people + number] = single.index
    home = np.full(everyone, -1)
    home[:seated_people] = people.home
    is_bot = np.zeros(everyone, dtype=bool)
    is_bot[:seated_people] = people.is_bot
    zones = [_offset(zone, start + timedelta(days=days // 2)) for zone, _ in PLACES]
    offset = random.choice(zones, everyone, p=np.array(_PLACE_SHARES) / sum(_PLACE_SHARES))
    by_account = np.array([_offset(a.timezone, start + timedelta(days=days // 2)) for a in cast])
    offset[account >= 0] = by_account[account[account >= 0]]
    # The office shares one network, a third works from home.
    networks = [f"10.{index // 250}.{index % 250}.0/24" for index in range(len(cast))]
    network = account.copy()
    for person in range(everyone):
        if account[person] < 0 or random.random() < 0.33:
            digest = token(seed, "network", person, length=10)
            if person >= registered:
                networks.append(f"anonymous:{digest}")
            else:
                networks.append(f"172.{int(digest[:4], 16) % 250}.{int(digest[4:8], 16) % 250}.0/24")
            network[person] = len(networks) - 1
    eagerness = random.beta(3, 2, everyone)
    # Some never start: more of them where the team is reluctant.
    never = np.full(everyone, 0.12)
    never[:seated_people] = 0.06 + 0.75 * (1 - np.array([team.zeal for team in teams])[home[:seated_people]])
    eagerness[random.random(everyone) < never] = 0.0
    seated = np.zeros((everyone, days), dtype=bool)
    present = np.zeros((everyone, days), dtype=bool)
    for seat in people.memberships:
        first, last = seat.days(days - 1)
        if first > last:
            continue
        present[seat.person, first : last + 1] = True
        if seat.left is not None and random.random() < 0.2:
            # Some go on using what they installed after their seat is gone; it counts for nobody.
            present[seat.person, last + 1 : last + 6] = True
        if not cast[teams[seat.team].account].is_internal:
            seated[seat.person, first : last + 1] = True
    for person in range(seated_people):
        # A holiday of two weeks somewhere in the half-year.
        away = int(random.integers(-60, max(days, 1)))
        if away >= 0:
            present[person, away : away + 10] = False
    for person in range(seated_people, everyone):
        owner = account[person]
        begin = max(0, cast[owner].signup_day) if owner >= 0 else int(random.integers(0, max(1, days // 2)))
        present[person, begin:] = True
        eagerness[person] = max(eagerness[person], 0.2)
    unused = np.array([team.is_unused for team in teams])
    eagerness[:seated_people][unused[home[:seated_people]]] = 0.0
    actors: list[str | None] = [f"usr_{token(seed, 'actor', person)}" for person in range(registered)]
    actors += [None] * (everyone - registered)
    return World(
        seed, start, days, cast, teams, people.memberships, actors, account, offset, network, networks, is_bot,
        eagerness, home, seated_people, registered, seated, present,
    )  # fmt: skip
