"""Recommendations in a small random world, and what metrics.md R1 says of them, worked out episode by episode.

Sets of people and plain dates, sharing no idea with the SQL: a difference is a mistake in one of the two.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.integration.adoption_world import (
    DAY,
    FIRST_DAY,
    LENGTHS,
    SKILLS,
    Row,
    Truth,
    World,
    at,
    make_world,
)
from tests.unit.ingest.simulator.recommended import CLICKED, INSTALL, INVOKE, SHOWN, UNINSTALL, Episode, episodes

SURFACES = ("cli", "web", None)
MODELS = ("heuristic", "collaborative", "holdout", None)
PEOPLE = [f"p{number}" for number in range(10)]
CRAWL = FIRST_DAY + 40 * DAY
CRAWLER = "p1"


def make_recommendations(seed: int, days: int) -> World:
    """The adoption world's people, uses and installs, and some hundreds of impressions with what could follow them."""
    dice = random.Random(seed)
    world = make_world(seed, days)
    for _ in range(days * 5):
        _impression(world, dice, days)
    for number in range(1001):
        moment = at(CRAWL, number % 24, number % 60)
        world.add_event(moment, "search:metrics", CRAWLER, at(CRAWL, 23), result_count=20)
    return world


def _impression(world: World, dice: random.Random, days: int) -> None:
    person, skill = dice.choice([*PEOPLE, "robot", "stranger"]), dice.choice([*SKILLS, "lint"])
    surface, model = dice.choice(SURFACES), dice.choice(MODELS)
    shown = at(FIRST_DAY + dice.randrange(days) * DAY, dice.randrange(24), dice.choice([0, 30]))

    def happens(kind: str, after_days: int, **more: Any) -> None:
        moment = shown + after_days * DAY + timedelta(minutes=dice.choice([-90, -30, 0, 0, 15, 600]))
        data = {name: value for name, value in more.items() if value is not None}
        if moment.date() < FIRST_DAY + days * DAY:
            world.add_event(moment, kind, person, at(moment.date(), 23), **data)

    happens(SHOWN, 0, skill_id=skill, surface=surface, model=model)
    # What is shown again on day 7 belongs to it, on day 8 it does not.
    for later in (7, 8, 15, 16):
        if dice.random() < 0.2:
            happens(SHOWN, later, skill_id=skill, surface=surface, model=dice.choice(MODELS))
    if dice.random() < 0.1:
        happens(SHOWN, 0, skill_id=skill, surface=surface, model=dice.choice(MODELS))
    if dice.random() < 0.6:
        happens(CLICKED, dice.choice([0, 0, 0, 7, 8]), skill_id=skill, surface=dice.choice([surface, "cli"]))
    if dice.random() < 0.5:
        source = dice.choice(["cli", "cli", "cli", "admin_bulk", None])
        success = dice.choice([True, True, True, True, False, None])
        happens(INSTALL, dice.choice([0, 0, 0, 3, 7, 8]), skill_id=skill, source=source, success=success)
    if dice.random() < 0.15:
        happens(UNINSTALL, dice.choice([-3, 0, 2]), skill_id=skill)
    for _ in range(dice.choice([0, 0, 1, 3])):
        success = dice.choice([True, True, False, None])
        happens(INVOKE, dice.choice([0, 1, 6, 7, 14, 15, 29, 30, 31]), skill_name=skill, success=success)


def _of_skills(truth: Truth) -> Iterator[tuple[str, str, Row]]:
    for event in truth.events:
        data, person = event["metadata"], event["actor_key"]
        name = data.get("skill_name") if event["event_type"] == INVOKE else data.get("skill_id")
        if person and name and not truth.is_scraped(event):
            yield person, truth.resolved(name), event


def recommendation_rows(truth: Truth) -> dict[tuple[Any, ...], Row]:
    """team_recommendations by its key."""
    rows = {}
    found = episodes(_of_skills(truth), truth.last_day)
    for team in truth.teams:
        mine = [e for e in found if e.day <= truth.last_day and e.person in truth.seated(team, e.day)]
        for end in truth.period_ends():
            for length in LENGTHS:
                now = [e for e in mine if end - length * DAY < e.day <= end]
                for surface in sorted({e.surface for e in now} | {"*"}):
                    there = [e for e in now if surface in ("*", e.surface)]
                    models = {e.model for e in there} - {"holdout"}
                    for model in sorted(models | {"*"}) if there else ():
                        rows[team, end, length, surface, model] = _row(truth, there, model) | {
                            "seats": len(truth.seats(team, end, length)),
                            "is_covered": truth.begins <= end - (length - 1) * DAY,
                            "is_open": end > truth.last_day - 30 * DAY,
                            "is_provisional": end > truth.last_day - 3 * DAY,
                        }
    return rows


def _row(truth: Truth, there: list[Episode], model: str) -> Row:
    treated = [e for e in there if e.model != "holdout" and model in ("*", e.model)]
    withheld = [e for e in there if e.model == "holdout"]
    sets = {
        "censored": [e for e in treated if e.age < 7],
        "shown": [e for e in treated if e.age >= 7],
        "shown_14": [e for e in treated if e.age >= 14],
        "shown_30": [e for e in treated if e.age >= 30],
        "holdout_censored": [e for e in withheld if e.age < 7],
        "holdout_shown": [e for e in withheld if e.age >= 7],
    }
    sets["clicked"] = [e for e in sets["shown"] if e.clicked]
    sets["installed"] = [e for e in sets["shown"] if e.installed]
    sets["clicked_installed"] = [e for e in sets["clicked"] if e.installed]
    sets["installed_14"] = [e for e in sets["shown_14"] if e.installed]
    sets["activated"] = [e for e in sets["installed_14"] if e.activated]
    sets["installed_30"] = [e for e in sets["shown_30"] if e.installed]
    sets["activated_30"] = [e for e in sets["installed_30"] if e.activated]
    sets["retained"] = [e for e in sets["activated_30"] if e.retained]
    sets["holdout_installed"] = [e for e in sets["holdout_shown"] if e.installed]
    row: Row = {name: len(those) for name, those in sets.items()}
    row |= {
        "click_rate": _share(sets, "clicked", "shown"),
        "acceptance_rate": _share(sets, "installed", "shown"),
        "conversion_rate": _share(sets, "clicked_installed", "clicked"),
        "activation_rate": _share(sets, "activated", "installed_14"),
        "activated_of_shown_rate": _share(sets, "activated", "shown_14"),
        "retention_rate": _share(sets, "retained", "installed_30"),
        "retained_of_activated_rate": _share(sets, "retained", "activated_30"),
        "retained_of_shown_rate": _share(sets, "retained", "shown_30"),
        "holdout_rate": _share(sets, "holdout_installed", "holdout_shown"),
    }
    accepted, anyway = _share(sets, "installed", "shown"), _share(sets, "holdout_installed", "holdout_shown")
    row["lift"] = None if accepted is None or anyway is None else accepted - anyway

    def fewest(*pairs: tuple[str, str | None]) -> int | None:
        """Over the parts `a` and `a without b`, the fewest people that have one; 2 stands for more too."""
        people = []
        for whole, without in pairs:
            left = Counter(e.person for e in sets[whole])
            left.subtract(Counter(e.person for e in sets[without]) if without else {})
            people.append(sum(count > 0 for count in left.values()))
        return min((min(number, 2) for number in people if number), default=None)

    row["least_people_shown"] = fewest(("shown", None))
    row["least_people_censored"] = fewest(("censored", None))
    row["least_people_clicked"] = fewest(("clicked", None), ("shown", "clicked"))
    row["least_people_installed"] = fewest(("installed", None), ("shown", "installed"))
    row["least_people_clicked_installed"] = fewest(
        ("clicked_installed", None), ("clicked", "clicked_installed"), ("installed", "clicked_installed")
    )
    row["least_people_activated"] = fewest(
        *[(name, None) for name in ("shown_14", "installed_14", "activated")],
        ("shown", "shown_14"), ("installed", "installed_14"), ("shown_14", "installed_14"),
        ("installed_14", "activated"),
    )  # fmt: skip
    row["least_people_retained"] = fewest(
        *[(name, None) for name in ("shown_30", "installed_30", "activated_30", "retained")],
        ("shown_14", "shown_30"), ("installed_14", "installed_30"), ("shown_30", "installed_30"),
        ("activated", "activated_30"), ("installed_30", "activated_30"), ("activated_30", "retained"),
    )  # fmt: skip
    row["least_people_holdout"] = fewest(
        *[(name, None) for name in ("holdout_censored", "holdout_shown", "holdout_installed")],
        ("holdout_shown", "holdout_installed"),
    )  # fmt: skip
    return row


def _share(sets: dict[str, list[Episode]], count: str, base: str) -> float | None:
    return len(sets[count]) / len(sets[base]) if sets[base] else None
