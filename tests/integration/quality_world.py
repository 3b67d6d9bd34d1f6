"""A small random registry over some days, and what metrics.md Q1 says of its skills, worked out the slow way.

`Truth` reads one day in plain Python with exact fractions, sharing no idea with the SQL.
"""

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
DAY = timedelta(days=1)
FIRST = date(2026, 3, 2)
WEIGHTS = {
    "usage": 20, "rating": 20, "maintenance": 15, "security": 15, "documentation": 10, "compatibility": 10,
    "performance": 10,
}  # fmt: skip
BANDS = [("platinum", 90), ("gold", 75), ("silver", 50), ("bronze", 25), ("unrated", 0)]
ACCOUNTS = ("a1", "a2", "a3", "a4", "a5", "ours")
NAMES = tuple(f"{author}/{name}" for author in ("ann", "bob", "cat") for name in ("lint", "docs", "ship", "test"))


@dataclass
class World:
    """Raw rows of the entities that quality reads."""

    skills: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    ratings: list[Row] = field(default_factory=list)
    repositories: list[Row] = field(default_factory=list)
    issues: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)


def at(day: date, minutes: int = 0) -> datetime:
    """A moment of a UTC day."""
    return datetime.combine(day, time(), UTC) + timedelta(minutes=minutes)


def make_world(seed: int, days: int) -> World:
    """Twelve names of which some are shared, five customers and ourselves, and everything quality has to judge."""
    dice = random.Random(seed)
    world = World()
    for number, name in enumerate([*NAMES, NAMES[0], NAMES[3], NAMES[3]]):
        world.skills.append(_skill(dice, number, name, days))
    people = []
    for account in ACCOUNTS:
        for number in range(4):
            person = f"{account}-{number}"
            people.append(person)
            world.members.append(_member(account, person, is_bot=number == 3))
    # Somebody sits in the teams of two customers.
    world.members.append(_member("a2", "a1-0", is_bot=False))
    for _ in range(days * 12):
        moment = at(FIRST + dice.randrange(days) * DAY, dice.randrange(1440))
        name = NAMES[min(int(dice.expovariate(0.3)), len(NAMES) - 1)]
        metadata = {"skill_name": name, "success": dice.random() < 0.8}
        person = people[min(int(dice.expovariate(0.12)), len(people) - 1)]
        world.events.append(
            {
                "event_id": f"e{len(world.events)}",
                "created_at": moment,
                "event_type": "telemetry:skill_invoke",
                "actor_key": person,
                "metadata": metadata,
                "loaded_at": at(moment.date() + DAY, 60),
            }
        )
    for number in range(90):
        world.ratings.append(
            {
                "rating_id": f"r{number}",
                "skill_id": f"s{dice.randrange(len(world.skills) - 2)}",
                "actor_key": dice.choice([*people, "stranger", None]),
                "stars": dice.choice([1, 3, 4, 4, 5, 5]),
                "created_at": at(FIRST + dice.randrange(days) * DAY, dice.randrange(1440)),
            }
        )
    for number in range(6):
        for day in (FIRST, FIRST + (days - 40) * DAY):
            # The last is called so for the first day alone, which is more than 90 before the end.
            name = "Owner/Moved" if number == 5 and day > FIRST else f"Owner/repo{number}"
            world.repositories.append({"repository_id": f"{number}", "full_name": name, "snapshot_day": day})
    for number in range(120):
        _issue(world, dice, number, days)
    return world


def _skill(dice: random.Random, number: int, name: str, days: int) -> Row:
    def perhaps(value: Any) -> Any:
        return value if dice.random() < 0.75 else None

    return {
        "skill_id": f"s{number}",
        "skill_name": name,
        "repo_url": perhaps(f"https://github.com/owner/repo{dice.randrange(7)}{dice.choice(['', '.git', '/tree/x'])}"),
        "categories": perhaps(dice.choice([["data"], ["data", "design"], ["design"], []])),
        "security_score": perhaps(dice.randrange(60)),
        "has_critical_advisory": perhaps(dice.random() < 0.25),
        "documentation_score": perhaps(dice.randrange(101)),
        "performance_score": perhaps(dice.randrange(101)),
        "compatibility": perhaps(["cursor", "codex", "cline", "vscode", "hermes"][: dice.randrange(6)]),
        "repo_updated_at": perhaps(at(FIRST + (days - 1 - int(dice.expovariate(0.008))) * DAY, 700)),
    }


def _member(account: str, person: str, *, is_bot: bool) -> Row:
    return {
        "team_id": f"team-{account}",
        "actor_key": person,
        "is_bot": is_bot,
        "joined_at": at(FIRST - 10 * DAY),
        "left_at": None,
    }


def _issue(world: World, dice: random.Random, number: int, days: int) -> None:
    # Of the last of them the id is unknown and the name stands for it; of the others it does so now and then.
    names = [(str(number), f"owner/repo{number}") for number in range(6)] + [("owner/repo6", "Owner/Repo6")]
    called = dice.choice([*names, ("5", "owner/moved")])
    repository = dice.choice(called)
    created = at(FIRST + dice.randrange(days) * DAY, dice.choice([0, 600, 1439]))
    author = dice.choice(["asks", "wonders", None])
    issue = {"repository_id": repository, "number": number + 1, "created_at": created, "author_key": author}
    issue["is_bot"] = dice.choice([False, False, False, True, None])
    world.issues.append(issue)
    if dice.random() < 0.3:
        # The same once more; where it says otherwise of the bot, that is the later version.
        again = {"repository_id": dice.choice(called), "is_bot": dice.choice([issue["is_bot"], False])}
        if again["repository_id"] != repository:
            world.issues.append(issue | again | {"updated_at": created})
    for _ in range(dice.randrange(4)):
        late = dice.choice([timedelta(minutes=5), timedelta(days=7), timedelta(days=7, seconds=1), timedelta(days=2)])
        world.comments.append(
            {
                "repository_id": dice.choice(called),
                "comment_id": f"c{len(world.comments)}",
                "number": number + 1,
                "created_at": created + late,
                "author_key": dice.choice(["asks", "helps", None]),
                "is_bot": dice.choice([False, False, True]),
            }
        )


class Truth:
    """What Q1 says of a world on the last day before a clock. tiers: what it said of the day before, by skill_name."""

    def __init__(self, world: World, as_of: datetime, tiers: dict[str, str | None] | None = None) -> None:
        self.world, self.as_of, self.day = world, as_of, as_of.date() - DAY
        self.end = at(self.day + DAY)
        self.earned = tiers or {}
        self.rows = {name: self._row(name) for name in sorted({skill["skill_name"] for skill in world.skills})}
        self.tiers = {name: row["earned_tier"] for name, row in self.rows.items()}

    def _of(self, name: str) -> list[Row]:
        return [skill for skill in self.world.skills if skill["skill_name"] == name]

    def _known(self, name: str, column: str) -> list[Any]:
        return [skill[column] for skill in self._of(name) if skill[column] is not None]

    def _row(self, name: str) -> Row:
        signals = {
            "usage": self._usage(name),
            "rating": self._rating(name),
            "maintenance": self._maintenance(name),
            "security": None,
            "documentation": _mean(self._known(name, "documentation_score")),
            "compatibility": None,
            "performance": _mean(self._known(name, "performance_score")),
        }
        if risks := self._known(name, "security_score"):
            signals["security"] = Fraction(100 - max(risks))
        if lists := self._known(name, "compatibility"):
            signals["compatibility"] = min(Fraction(100), Fraction(max(map(len, lists)) * 100, 4))
        known = sum(WEIGHTS[signal] for signal, value in signals.items() if value is not None)
        total = sum((WEIGHTS[signal] * value for signal, value in signals.items() if value is not None), Fraction(0))
        row: Row = {f"{signal}_score": None if value is None else float(value) for signal, value in signals.items()}
        score = total / known if known else None
        row |= {
            "coverage": known / 100,
            "score": None if score is None else float(score),
            "score_low": float(total / 100),
            "score_high": float((total + 100 * (100 - known)) / 100),
        }
        earned = None
        if score is not None and known >= 60:
            earned = follow(self.earned.get(name), score)
        is_open = any(self._known(name, "has_critical_advisory"))
        is_capped = is_open and earned in ("platinum", "gold", "silver")
        state = "insufficient evidence"
        if earned is not None and score is not None:
            state = "capped" if is_capped else "rated" if earned == band(score) else "held"
        return row | {"earned_tier": earned, "tier": "bronze" if is_capped else earned, "tier_state": state}

    def _category(self, name: str) -> str | None:
        return min((listed[0] for listed in self._known(name, "categories") if listed), default=None)

    def _counted(self, name: str) -> float:
        by_account: dict[str, int] = defaultdict(int)
        for event in self.world.events:
            day, person = event["created_at"].date(), event["actor_key"]
            account = person.split("-")[0]
            # Who sits in no team has no account, so nobody could say which of them counts for how much.
            is_seated = any(member["actor_key"] == person for member in self.world.members)
            is_counted = event["metadata"]["success"] and account != "ours" and not person.endswith("-3") and is_seated
            if event["metadata"]["skill_name"] == name and is_counted and self.day - 27 * DAY <= day <= self.day:
                by_account[account] += 1
        total = sum(by_account.values())
        return math.log(1 + sum(min(uses, total / 4) for uses in by_account.values()))

    def _usage(self, name: str) -> Fraction | None:
        has_data = any(event["created_at"] < min(self.end, self.as_of) for event in self.world.events)
        if self._category(name) is None or not has_data:
            return None
        names = {skill["skill_name"] for skill in self.world.skills}
        peers = [other for other in names if self._category(other) == self._category(name)]
        if len(peers) == 1:
            return None
        below = sum(self._counted(other) < self._counted(name) for other in peers)
        return Fraction(100 * below, len(peers) - 1)

    def _counted_ratings(self, names: list[str]) -> list[int]:
        ids = {skill["skill_id"] for skill in self.world.skills if skill["skill_name"] in names}
        return [
            rating["stars"]
            for rating in self.world.ratings
            if rating["skill_id"] in ids
            and rating["created_at"] < self.end
            and not (rating["actor_key"] or "").startswith("ours")
            and not (rating["actor_key"] or "").endswith("-3")
        ]

    def _rating(self, name: str) -> Fraction | None:
        everything = self._counted_ratings(list({skill["skill_name"] for skill in self.world.skills}))
        mine = self._counted_ratings([name])
        if not mine:
            return None
        stars = (20 * Fraction(sum(everything), len(everything)) + sum(mine)) / (20 + len(mine))
        return (stars - 1) / 4 * 100

    def _maintenance(self, name: str) -> Fraction | None:
        known = []
        if changes := [moment for moment in self._known(name, "repo_updated_at") if moment < self.as_of]:
            days = max((self.day - max(changes).date()).days, 0)
            known.append(max(Fraction(0), 100 * (1 - Fraction(days, 365))))
        # Of an issue that came twice the later version is the one behind.
        issues = {(_id_of(issue["repository_id"]), issue["number"]): issue for issue in self.world.issues}
        asked = [self._is_answered(issue) for issue in issues.values() if self._is_judged(name, issue)]
        if asked:
            known.append(Fraction(100 * sum(asked), len(asked)))
        return _mean(known)

    def _is_judged(self, name: str, issue: Row) -> bool:
        repositories = {
            _id_of(url.removeprefix("https://github.com/").removesuffix(".git").removesuffix("/tree/x"))
            for url in self._known(name, "repo_url")
        }
        created = issue["created_at"]
        return (
            _id_of(issue["repository_id"]) in repositories
            and not issue["is_bot"]
            and self.day - 89 * DAY <= created.date()
            and created + 7 * DAY < self.end
        )

    def _is_answered(self, issue: Row) -> bool:
        return any(
            (_id_of(comment["repository_id"]), comment["number"]) == (_id_of(issue["repository_id"]), issue["number"])
            and not comment["is_bot"]
            and comment["author_key"] != issue["author_key"]
            and comment["created_at"] <= issue["created_at"] + 7 * DAY
            for comment in self.world.comments
        )


def _id_of(repository: str) -> str:
    """A repository's id, or its name in lower case where that is unknown."""
    name = repository.lower()
    known = {"owner/moved": "5"} | {f"owner/repo{number}": str(number) for number in range(6)}
    return known.get(name, name)


def band(score: Fraction) -> str:
    """The tier in whose band the score lies."""
    return next(tier for tier, edge in BANDS if score >= edge)


def follow(tier: str | None, score: Fraction) -> str:
    """The tier after one day: every edge on the way is crossed only when the score is 2 past it."""
    if tier is None:
        return band(score)
    place = [name for name, _ in BANDS].index(tier)
    while place > 0 and score >= BANDS[place - 1][1] + 2:
        place -= 1
    while place < len(BANDS) - 1 and score <= BANDS[place][1] - 2:
        place += 1
    return BANDS[place][0]


def _mean(values: list[Any]) -> Fraction | None:
    return sum(map(Fraction, values), Fraction(0)) / len(values) if values else None
