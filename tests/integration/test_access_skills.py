"""Uses of a team's skills from which one person's could be worked out: who only failed, what lies beside the hidden."""

import random
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from tests.integration.published_world import AS_OF, DAY, TEAMS
from warehouse import open_warehouse
from warehouse.access import Role, Viewer, open_reader
from warehouse.publish import publish

LEAD = Viewer("red@acme", Role.TEAM_LEAD, frozenset({"acme"}), frozenset({"red"}))
SEATS = TEAMS["red"][1]
COUNTED = {"definition_version": "1", "computed_at": AS_OF, "account_id": "acme", "period_days": 28}


class Ends(NamedTuple):
    """How one person's uses of a skill ended."""

    successes: int
    failures: int = 0


Window = dict[str, dict[str, Ends]]
"""Of a window, by skill, who used it and how that ended."""

ONLY_P_AND_ONLY_FAILING: Window = {
    "docs": {"p": Ends(0, 7)},
    "lint": {"q": Ends(4), "r": Ends(5, 2)},
    "review": {"q": Ends(3), "r": Ends(4), "s": Ends(5)},
}
ONLY_P_FAILING_AMONG_SIX: Window = {
    "docs": {"p": Ends(0, 7)} | {who: Ends(2) for who in "qrstu"},
    "lint": {"q": Ends(4), "r": Ends(5)},
    "review": {"q": Ends(3), "r": Ends(4), "s": Ends(5)},
}
P_ALONE_WITH_TWO_SKILLS: Window = {
    "docs": {"p": Ends(8)},
    "lint": {"q": Ends(4), "r": Ends(5)},
    "plan": {"p": Ends(6)},
    "review": {"q": Ends(3), "r": Ends(4), "s": Ends(5)},
}
NOBODY_ALONE: Window = {
    "docs": {"p": Ends(0, 7), "q": Ends(0, 3)},
    "lint": {"q": Ends(4), "r": Ends(5)},
    "review": {"q": Ends(3), "r": Ends(4, 1), "s": Ends(5)},
}
BY_HAND = (ONLY_P_AND_ONLY_FAILING, ONLY_P_FAILING_AMONG_SIX, P_ALONE_WITH_TWO_SKILLS, NOBODY_ALONE)


def _as_they_fall(dice: random.Random) -> Window:
    return {
        skill: {
            who: Ends(dice.choice((0, 1, 3)) or 1 - bad, bad)
            for who in dice.sample("pqrstu", dice.choice((1, 2, 2, 3, 5)))
            for bad in (dice.choice((0, 0, 0, 1, 4)),)
        }
        for skill in dice.sample(("docs", "lint", "plan", "review", "test"), dice.randrange(2, 6))
    }


def _windows() -> dict[date, Window]:
    dice = random.Random(7)
    found = [*BY_HAND, *(_as_they_fall(dice) for _ in range(120))]
    return {DAY - timedelta(days=number): window for number, window in enumerate(found)}


WINDOWS = _windows()
END_OF = {id(window): end for end, window in WINDOWS.items()}
OWN_ROW = "lint"
"""The skill that has a row of assumptions for itself; the others share the default's."""


def users(people: dict[str, Ends]) -> set[str]:
    return {who for who, ends in people.items() if ends.successes}


def failing(people: dict[str, Ends]) -> int:
    return sum(ends.failures for ends in people.values())


def succeeding(people: dict[str, Ends]) -> int:
    return sum(ends.successes for ends in people.values())


def _usage(end: date, skill: str, people: dict[str, Ends]) -> dict:
    good, bad = succeeding(people), failing(people)
    return COUNTED | {
        "team_id": "red",
        "skill_name": skill,
        "period_end": end,
        "users": len(users(people)),
        "people": len(people),
        "seats": SEATS,
        "adoption_rate": len(users(people)) / SEATS,
        "uses": good + bad,
        "successes": good,
        "failures": bad,
        "unknown": 0,
        "success_rate": good / (good + bad),
        "is_provisional": False,
    }


def _whole(end: date, window: Window) -> dict:
    active = len(set[str]().union(*map(users, window.values())))
    good = sum(map(succeeding, window.values()))
    return COUNTED | {
        "team_id": "red",
        "period_end": end,
        "seats": SEATS,
        "active_users": active,
        "adoption_rate": active / SEATS,
        "uses": good + sum(map(failing, window.values())),
        "successes": good,
        "is_provisional": False,
    }


def _saved(end: date, window: Window) -> list[dict]:
    """As the model sums them: of each assumption the skills with a success, and the fewest users behind any."""
    behind = {
        name: [people for skill, people in window.items() if users(people) and (skill == OWN_ROW) == (name == OWN_ROW)]
        for name in ("*", OWN_ROW)
    }
    behind = {name: skills for name, skills in behind.items() if skills}
    fewest = min((max(len(users(people)) for people in skills) for skills in behind.values()), default=None)
    return [
        COUNTED
        | {
            "team_id": "red",
            "period_end": end,
            "assumption_set": "default",
            "assumption_name": name,
            "successes": sum(map(succeeding, skills)),
            "failures": sum(map(failing, skills)),
            "fewest_users": fewest,
        }
        for name, skills in behind.items()
    ]


@pytest.fixture(scope="module")
def seen(published_settings):
    """`seen(table)`: what the lead of team red sees of the windows' rows."""
    wholes = [_whole(end, window) for end, window in WINDOWS.items()]
    of_account = ("account_id", "period_end", "period_days", "seats", "active_users", "adoption_rate", "uses")
    with open_warehouse(published_settings) as warehouse, warehouse.write() as writer:
        writer.append(
            "build.team_skill_usage",
            [_usage(end, skill, people) for end, window in WINDOWS.items() for skill, people in window.items()],
        )
        writer.append("build.team_activity", wholes)
        writer.append(
            "build.account_activity",
            [{n: row[n] for n in (*of_account, "definition_version", "computed_at")} for row in wholes],
        )
        writer.append(
            "build.team_time_saved_uses", [row for end, window in WINDOWS.items() for row in _saved(end, window)]
        )
        writer.append(
            "build.team_time_saved",
            [
                COUNTED | {"team_id": "red", "period_end": end, "assumption_set": "default", "hours_p50": 1.5}
                for end, window in WINDOWS.items()
                if _saved(end, window)
            ],
        )
    with open_warehouse(published_settings) as warehouse:
        publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(published_settings) as reader:
        yield lambda table: reader.query(
            f"select * from metrics.{table} where period_days = 28", LEAD, [f"metrics.{table}"]
        ).to_pylist()


def test_what_one_person_only_failed_with_is_hidden_and_does_not_come_back_by_subtraction(seen):
    rows = seen("team_skill_usage")
    wholes = {row["period_end"]: row for row in seen("team_activity")}
    accounts = {row["period_end"]: row for row in seen("account_activity")}

    def told(window):
        end = END_OF[id(window)]
        of_skills = {row["skill_name"]: (row["uses"], row["failures"]) for row in rows if row["period_end"] == end}
        return of_skills, wholes[end]["uses"], accounts[end]["uses"]

    # 28 uses of the team less the 12 of review leave docs and lint together: 7 failures of p and 2 of r.
    # Were lint shown, too, they would leave the 7 of p.
    assert told(ONLY_P_AND_ONLY_FAILING) == (
        {"docs": (None, None), "lint": (None, None), "review": (12, 0)}, 30, 30
    )  # fmt: skip
    # Nobody else failed, so all that did not succeed in the team is p's: the team's uses are hidden, too.
    assert told(ONLY_P_FAILING_AMONG_SIX) == (
        {"docs": (None, None), "lint": (None, None), "review": (12, 0)}, None, None
    )  # fmt: skip
    # Of docs and plan together, 14, the rest of the team's uses would be p's.
    assert told(P_ALONE_WITH_TWO_SKILLS) == (
        {"docs": (None, None), "lint": (None, None), "plan": (None, None), "review": (12, 0)}, 35, 35
    )  # fmt: skip
    assert told(NOBODY_ALONE) == ({"docs": (10, 10), "lint": (9, 0), "review": (13, 1)}, 32, 32)
    assert {row["people"] for row in rows} == {None}


def test_whatever_is_hidden_of_a_teams_skills_is_of_two_people_or_more(seen):
    shown = {(row["period_end"], row["skill_name"]) for row in seen("team_skill_usage") if row["uses"] is not None}
    wholes = {row["period_end"]: row for row in seen("team_activity")}
    told = 0
    for end, window in WINDOWS.items():
        hidden = {skill: people for skill, people in window.items() if (end, skill) not in shown}
        for skill, people in window.items():
            assert skill in hidden or (len(users(people)) != 1 and len(people) - len(users(people)) != 1)
        behind = set[str]().union(*map(users, hidden.values()))
        several = any(len(users(people)) > 1 for people in window.values())
        # Where each skill is one person's there is nothing to hide them behind.
        assert len(behind) != 1 or not several
        alone = [
            people for people in hidden.values() if len(users(people)) == 1 or len(people) - len(users(people)) == 1
        ]
        if wholes[end]["uses"] is not None:
            rest = sum(map(failing, hidden.values()))
            assert all(failing(people) == 0 or rest > failing(people) for people in alone)
            told += len(hidden) < len(window)
    assert told > 20


def test_successes_behind_time_saved_do_not_bring_a_hidden_skill_back(seen):
    shown = {(row["period_end"], row["skill_name"]) for row in seen("team_skill_usage") if row["uses"] is not None}
    failures_told = told = 0
    for row in seen("team_time_saved_uses"):
        window, is_own = WINDOWS[row["period_end"]], row["assumption_name"] == OWN_ROW
        hidden = [
            people
            for skill, people in window.items()
            if (skill == OWN_ROW) == is_own and (row["period_end"], skill) not in shown
        ]
        if row["successes"] is not None:
            assert len(set[str]().union(*map(users, hidden))) != 1
            assert not (is_own and hidden)
            told += 1
        if row["failures"] is not None:
            assert not any(len(people) - len(users(people)) == 1 for people in window.values())
            failures_told += 1
    assert min(told, failures_told) > 20


def test_uses_of_a_skill_on_its_own_assumption_are_hidden_where_the_skill_hides_another(seen):
    rows = seen("team_time_saved_uses")

    def told(window):
        end = END_OF[id(window)]
        return {row["assumption_name"]: row["successes"] for row in rows if row["period_end"] == end}

    # The team's 35 successes, less the 12 of review and the 9 of lint's own row, would be the 14 of p.
    assert told(P_ALONE_WITH_TWO_SKILLS) == {"*": None, "lint": None}
    assert told(NOBODY_ALONE) == {"*": 12, "lint": 9}


def test_hours_and_successes_together_do_not_bring_the_uses_of_one_assumption_back(seen):
    parts: dict[date, list[int | None]] = {}
    for row in seen("team_time_saved_uses"):
        parts.setdefault(row["period_end"], []).append(row["successes"])
    told = hidden = 0
    for row in seen("team_time_saved"):
        uses = parts[row["period_end"]]
        if row["hours_p50"] is None:
            # Of a single assumption hours say what successes say.
            assert len(uses) > 1 or len(set[str]().union(*map(users, WINDOWS[row["period_end"]].values()))) <= 1
            hidden += 1
        else:
            assert len(uses) == 1 or None not in uses
            told += 1
    assert min(told, hidden) > 20
