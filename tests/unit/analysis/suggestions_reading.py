"""What the definition of skills to try says, read out plainly, sharing no idea with the kernel."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

Use = tuple[str, str, str, str]
"""Team, person, skill, and what a row says of them: b before the last 28 days, l in them, n in 90, u any use in 90."""

COMPARED = (
    *("team_id", "skill_name", "rank", "score", "model", "reason_skill_name", "people_using", "people_of"),
    *("active_users", "hits_at_10", "popularity_hits_at_10", "tested_people"),
)


def plain_reading(rows: Sequence[Use], names: Sequence[str], there: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """What the definition says, read out person by person and skill by skill."""

    def accepted(letter: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for _, person, skill, flags in rows:
            if letter in flags:
                found[person].add(skill)
        return {person: skills for person, skills in found.items() if len(skills) <= 200}

    def users(of: dict[str, set[str]]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for person, skills in of.items():
            for skill in skills:
                found[skill].add(person)
        return found

    def near(by_skill: dict[str, set[str]], one: str, two: str) -> float:
        both = len(by_skill[one] & by_skill[two])
        return both / math.sqrt(len(by_skill[one]) * len(by_skill[two])) if both >= 5 else 0.0

    def best(by_skill: dict[str, set[str]], own: dict[str, float], known: set[str]) -> list[tuple[float, str]]:
        scores = [
            (sum(weight * near(by_skill, skill, other) for skill, weight in own.items() if skill in by_skill), other)
            for other in by_skill.keys() - known
        ]
        return sorted(((round(-score, 12), other) for score, other in scores if score > 0))[:10]

    def popular(by_skill: dict[str, set[str]], known: set[str]) -> list[tuple[int, str]]:
        enough = [(-len(them), skill) for skill, them in by_skill.items() if len(them) >= 5 and skill not in known]
        return sorted(enough)[:10]

    before, lately, now = accepted("b"), accepted("l"), accepted("n")
    trained, current = users(before), users(now)
    taken_up = {who: skills - before[who] for who, skills in lately.items() if who in before and skills - before[who]}
    hits = sum(
        any(skill in new for _, skill in best(trained, dict.fromkeys(before[who], 1.0), before[who]))
        for who, new in taken_up.items()
    )
    popularity_hits = sum(
        any(skill in new for _, skill in popular(trained, before[who])) for who, new in taken_up.items()
    )
    is_measured = len(taken_up) >= 5
    is_won = is_measured and hits > popularity_hits

    expected = []
    for team in sorted(names):
        known = {skill for of, _, skill, flags in rows if of == team and "u" in flags}
        known |= {skill for of, skill in there if of == team}
        theirs = {(who, skill) for of, who, skill, flags in rows if of == team and "n" in flags and who in now}
        active = {who for who, _ in theirs}
        own = {skill: sum(each == skill for _, each in theirs) / len(active) for _, skill in theirs}
        if not active:
            continue
        ranked = best(current, own, known) if is_won else popular(current, known)
        for rank, (score, skill) in enumerate(ranked, 1):
            if is_won:
                sayable = []
                for mine, weight in own.items():
                    both, of = len(current[mine] & current[skill]), len(current[mine])
                    if both >= 5:
                        sayable.append(
                            (of - both == 1, round(-weight * near(current, mine, skill), 12), mine, both, of)
                        )
                is_hushed, _, because, using, of = min(sayable)
            else:
                because, using, of = None, -score, len(now)
                is_hushed = of - using == 1
                score = score / len(now)
            expected.append(
                {
                    "team_id": team,
                    "skill_name": skill,
                    "rank": rank,
                    "score": pytest.approx(-score, abs=1e-9),
                    "model": "collaborative" if is_won else "popularity",
                    "reason_skill_name": because,
                    "people_using": None if is_hushed else using,
                    "people_of": None if is_hushed else of,
                    "active_users": len(active),
                    "hits_at_10": hits if is_measured else None,
                    "popularity_hits_at_10": popularity_hits if is_measured else None,
                    "tested_people": len(taken_up) if is_measured else None,
                }
            )
    return expected
