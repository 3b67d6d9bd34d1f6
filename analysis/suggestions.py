"""Skills to try: what a team's own skills point to, tested at every refresh against simply the most used skills.

A pure function of arrays: what goes in is who used which skill when (`int_skill_adopters`), what comes out is up to ten
rows per team. No engine and no I/O, so that both engines publish the same numbers.

Item-item collaborative filtering on accepted use. Source: B. Sarwar et al., "Item-based collaborative filtering
recommendation algorithms", WWW 10 (2001). Nothing here is ever as large as people x skills or skills x skills.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "DEFINITION_VERSION",
    "MINIMUM_PEOPLE",
    "MOST_SKILLS",
    "NEIGHBOURS",
    "OUTPUT",
    "SUGGESTED",
    "skill_suggestions",
]

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

DEFINITION_VERSION = "1"
MINIMUM_PEOPLE = 5
"""What fewer people did is not spoken of (D4), and tells no two skills' nearness."""
MOST_SKILLS = 200
"""A person with more accepted skills in 90 days is a machine: left out, and counted."""
NEIGHBOURS = 50
"""Of each skill so many nearest count: what is further away adds noise, and time."""
SUGGESTED = 10

OUTPUT = pa.schema(
    [
        ("account_id", pa.string()),
        ("team_id", pa.string()),
        ("skill_name", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("model", pa.string()),
        ("reason", pa.string()),
        ("reason_skill_name", pa.string()),
        ("people_using", pa.int64()),
        ("people_of", pa.int64()),
        ("seats", pa.int64()),
        ("active_users", pa.int64()),
        ("hit_rate_at_10", pa.float64()),
        ("popularity_hit_rate_at_10", pa.float64()),
        ("hits_at_10", pa.int64()),
        ("popularity_hits_at_10", pa.int64()),
        ("tested_people", pa.int64()),
        ("people_left_out", pa.int64()),
        ("definition_version", pa.string()),
    ]
)
"""Columns and types of the result, in order."""

# Pairs that are looked at together: some 100 MB at most, however many there are.
_AT_ONCE = 2_000_000
# Scores are told apart to so many digits: what is equal on paper must not be ordered by how its parts were added.
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class _Uses:
    """Who accepted what: one entry per person and skill, sorted by person, then skill; both arrays of one length."""

    person: Integers
    skill: Integers

    def only(self, kept: Booleans) -> "_Uses":
        """The entries for which `kept` (one an entry) is true."""
        return _Uses(self.person[kept], self.skill[kept])


@dataclass(frozen=True, slots=True)
class _Model:
    """Who uses what, and what is used by the same people.

    users: people of each skill; people: of any. first: where the neighbours of each skill begin, the nearest first (one
    entry more than there are skills). skill, nearness, together: of every neighbour which skill it is, the cosine, and
    how many people use both.
    """

    users: Integers
    people: int
    first: Integers
    skill: Integers
    nearness: Doubles
    together: Integers

    def popular(self) -> Integers:
        """Skills of at least MINIMUM_PEOPLE people, the most used first; equal ones by name."""
        order = np.argsort(-self.users, kind="stable")
        return order[self.users[order] >= MINIMUM_PEOPLE]


@dataclass(frozen=True, slots=True)
class _Test:
    """How many of the tested people each model hit; None where too few could be tested to speak of."""

    tested: int
    hits: int | None = None
    popularity_hits: int | None = None

    def is_won(self) -> bool:
        """Whether the collaborative model hit more people."""
        return self.hits is not None and self.popularity_hits is not None and self.hits > self.popularity_hits


@dataclass(frozen=True, slots=True)
class _Owned:
    """Skills of owners (people or teams), each with a weight, sorted by owner, then skill.

    known: what is never suggested to an owner, as owner x skills + skill, sorted.
    """

    owner: Integers
    skill: Integers
    weight: Doubles
    known: Integers
    skills: int


@dataclass(frozen=True, slots=True)
class _Suggested:
    """Suggestions sorted by team and rank: position of the team, of the skill, and why.

    because: the team's skill that speaks for it, -1 for none. using of `of` people use it; -1 where it may not be said.
    """

    team: Integers
    skill: Integers
    score: Doubles
    because: Integers
    using: Integers
    of: Integers


def skill_suggestions(adopters: pa.Table, teams: pa.Table, installed: pa.Table) -> pa.Table:
    """Up to SUGGESTED skills per team, as `OUTPUT` says, sorted by team and rank.

    adopters: team_id, actor_key, skill_name, was_accepted_before, was_accepted_lately, is_accepted, is_used; one row
    per team, person and skill. teams: account_id, team_id, seats. installed: team_id, skill_name. A team in which
    nobody accepted a skill has no row. In which order the rows are given changes nothing.

    Memory: a few numbers per row and per neighbour, and some 100 MB beside them.
    """
    names = adopters["skill_name"].unique().sort()
    teams = teams.sort_by("team_id")
    person, skill = _numbered(adopters["actor_key"]), _positions(adopters["skill_name"], names)
    before, _ = _accepted(person, skill, _flags(adopters, "was_accepted_before"))
    lately, _ = _accepted(person, skill, _flags(adopters, "was_accepted_lately"))
    now, left_out = _accepted(person, skill, _flags(adopters, "is_accepted"))
    test, model = _tested(before, lately, len(names)), _trained(now, len(names))

    team = _positions(adopters["team_id"], teams["team_id"])
    is_used = (team >= 0) & _flags(adopters, "is_used")
    has_team, has_skill = _positions(installed["team_id"], teams["team_id"]), _positions(installed["skill_name"], names)
    is_there = (has_team >= 0) & (has_skill >= 0)
    known = _unique(
        np.concatenate(
            [team[is_used] * len(names) + skill[is_used], has_team[is_there] * len(names) + has_skill[is_there]]
        )
    )
    counts = (team >= 0) & _flags(adopters, "is_accepted") & _is_in(person, now.person)
    active = np.bincount(_distinct(team[counts], person[counts])[0], minlength=teams.num_rows)
    if test.is_won():
        suggested = _collaborative(model, _team_skills(team[counts], skill[counts], active, known, len(names)))
    else:
        suggested = _popularity(model, np.flatnonzero(active), known, len(names))
    return _published(suggested, test, names, teams, active, left_out)


def _flags(table: pa.Table, column: str) -> Booleans:
    return np.asarray(table[column], dtype=bool)


def _positions(column: pa.ChunkedArray, among: pa.Array | pa.ChunkedArray) -> Integers:
    """Where each value stands in `among`; -1 for one that does not."""
    found = pc.index_in(column, value_set=among)  # pyright: ignore[reportAttributeAccessIssue]
    return np.asarray(found.fill_null(-1), dtype=np.int64)


def _numbered(column: pa.ChunkedArray) -> Integers:
    """Each value as its place in the order of all values, whatever order they came in."""
    return _positions(column, column.unique().sort())


def _unique(values: Integers) -> Integers:
    """Distinct whole numbers from 0, sorted; `np.unique` hashes them first, which takes longer."""
    ordered = np.sort(values)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _distinct(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """Distinct pairs of whole numbers from 0, sorted."""
    width = int(right.max()) + 1 if len(right) else 1
    pairs = _unique(left * width + right)
    return pairs // width, pairs % width


def _accepted(person: Integers, skill: Integers, chosen: Booleans) -> tuple[_Uses, int]:
    """What people accepted, once each whatever their teams; and how many people were left out as machines."""
    uses = _Uses(*_distinct(person[chosen], skill[chosen]))
    is_machine = np.bincount(uses.person) > MOST_SKILLS
    return uses.only(~is_machine[uses.person]), int(is_machine.sum())


def _trained(uses: _Uses, skills: int) -> _Model:
    """Users of each skill, and the nearest neighbours of those with enough of them.

    Skills are taken in blocks: the pairs of a block are what else its people use, and only what enough people use
    together stays of them.
    """
    users = np.bincount(uses.skill, minlength=skills)
    people = len(_unique(uses.person))
    uses = uses.only(users[uses.skill] >= MINIMUM_PEOPLE)
    begins = np.searchsorted(uses.person, np.arange(int(uses.person.max(initial=-1)) + 2))
    by_skill = np.argsort(uses.skill, kind="stable")
    who, what = uses.person[by_skill], uses.skill[by_skill]
    parts = []
    for block in _blocks(what, begins[who + 1] - begins[who]):
        entry, other = _spread(begins[who[block]], begins[who[block] + 1])
        lowest = int(what[block.start])
        codes, together = _counted((what[block][entry] - lowest) * skills + uses.skill[other])
        one, two = codes // skills + lowest, codes % skills
        enough = (together >= MINIMUM_PEOPLE) & (one != two)
        one, two, together = one[enough], two[enough], together[enough]
        nearness = together / np.sqrt(users[one] * users[two])
        order = np.lexsort((two, -nearness.round(_DIGITS), one))
        order = order[_place(one[order]) < NEIGHBOURS]
        parts.append((one[order], two[order], nearness[order], together[order]))
    one, two, nearness, together = _joined(parts, 4)
    return _Model(users, people, np.searchsorted(one, np.arange(skills + 1)), two, nearness * 1.0, together)


def _joined(parts: Sequence[tuple[npt.NDArray[Any], ...]], columns: int) -> list[npt.NDArray[Any]]:
    """Parts of the same columns as one; where there is no part, columns without an entry."""
    if not parts:
        return [np.zeros(0, dtype=np.int64)] * columns
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _blocks(group: Integers, cost: Integers) -> Iterator[slice]:
    """Slices of whole groups of a sorted array that cost _AT_ONCE together at most; one alone may cost more."""
    ends = np.append(np.flatnonzero(np.diff(group)) + 1, len(group))
    spent = np.concatenate([[0], np.cumsum(cost)])
    start = 0
    while start < len(group):
        next_end = np.searchsorted(ends, start, side="right")
        last = np.searchsorted(spent[ends], spent[start] + _AT_ONCE, side="right") - 1
        end = int(ends[max(last, next_end)])
        yield slice(start, end)
        start = end


def _spread(begins: Integers, ends: Integers) -> tuple[Integers, Integers]:
    """All positions from each begin to its end: which of them it belongs to, and the position."""
    sizes = ends - begins
    entry = np.repeat(np.arange(len(begins)), sizes)
    return entry, np.arange(len(entry)) - np.repeat(np.cumsum(sizes) - sizes - begins, sizes)


def _counted(codes: Integers) -> tuple[Integers, Integers]:
    """Distinct codes in order, and how often each is there."""
    cells = int(codes.max(initial=-1)) + 1
    if cells > 4 * _AT_ONCE:
        return np.unique(codes, return_counts=True)
    counts = np.bincount(codes, minlength=cells)
    found = np.flatnonzero(counts)
    return found, counts[found]


def _place(group: Integers) -> Integers:
    """Place of each entry within its group, from 0, where groups stand together."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))


def _tested(before: _Uses, lately: _Uses, skills: int) -> _Test:
    """Both models of the days before, tested on people: was one of the ten suggestions taken up since?"""
    had = before.person * skills + before.skill
    codes = lately.person * skills + lately.skill
    taken_up = lately.only(~_is_in(codes, had) & _is_in(lately.person, before.person))
    tested = _unique(taken_up.person)
    if len(tested) < MINIMUM_PEOPLE:
        return _Test(len(tested))
    model = _trained(before, skills)
    own = before.only(_is_in(before.person, tested))
    codes = taken_up.person * skills + taken_up.skill
    known = own.person * skills + own.skill
    owned = _Owned(own.person, own.skill, np.ones(len(own.skill)), known, skills)
    hit = [owner[_is_in(owner * skills + skill, codes)] for owner, skill, _ in _best(model, owned)]
    hits = len(_unique(np.concatenate([*hit, tested[:0]])))
    return _Test(len(tested), hits, _popularity_hits(model, own, taken_up))


def _popularity_hits(model: _Model, own: _Uses, taken_up: _Uses) -> int:
    """How many people took up one of the SUGGESTED most used skills that they did not have."""
    popular = model.popular()
    unpopular = len(popular)
    place = np.full(len(model.users), unpopular)
    place[popular] = np.arange(unpopular)
    had = np.sort(own.person * (unpopular + 1) + place[own.skill])
    asked = place[taken_up.skill]
    begin = taken_up.person * (unpopular + 1)
    # Places before it that the person already had are filled by what comes after.
    had_before = np.searchsorted(had, begin + asked) - np.searchsorted(had, begin)
    return len(_unique(taken_up.person[(asked < unpopular) & (asked - had_before < SUGGESTED)]))


def _neighbours(model: _Model, owned: _Owned) -> Iterator[tuple[Integers, Integers, Doubles, Integers]]:
    """All neighbours of owners' skills, a block of owners at a time, in the order of the owners' skills.

    Per neighbour: its code (owner x skills + skill), the owner's skill, weight x nearness, people who use both.
    """
    for block in _blocks(owned.owner, np.diff(model.first)[owned.skill]):
        owner, skill = owned.owner[block], owned.skill[block]
        entry, at = _spread(model.first[skill], model.first[skill + 1])
        codes = owner[entry] * owned.skills + model.skill[at]
        yield codes, skill[entry], owned.weight[block][entry] * model.nearness[at], model.together[at]


def _best(model: _Model, owned: _Owned) -> Iterator[tuple[Integers, Integers, Doubles]]:
    """Owner, skill and score of the SUGGESTED best of each owner, sorted by owner and rank, a block at a time."""
    for codes, _, value, _ in _neighbours(model, owned):
        order = np.argsort(codes, kind="stable")
        codes = codes[order]
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        score = np.add.reduceat(value[order], starts).round(_DIGITS) if len(starts) else value
        codes = codes[starts]
        fresh = ~_is_in(codes, owned.known)
        owner, skill = np.divmod(codes[fresh], owned.skills)
        score = score[fresh]
        order = np.lexsort((skill, -score, owner))
        order = order[_place(owner[order]) < SUGGESTED]
        yield owner[order], skill[order], score[order]


def _is_in(values: Integers, among: Integers) -> Booleans:
    """Whether each value is among sorted others; `np.isin` would sort both anew."""
    if not len(among):
        return np.zeros(len(values), dtype=bool)
    return among[np.minimum(np.searchsorted(among, values), len(among) - 1)] == values


def _team_skills(team: Integers, skill: Integers, active: Integers, known: Integers, skills: int) -> _Owned:
    """Skills of teams, each weighed by the share of the team's active people who use it."""
    codes, people = np.unique(team * skills + skill, return_counts=True)
    team, skill = np.divmod(codes, max(skills, 1))
    return _Owned(team, skill, people / active[team], known, skills)


def _collaborative(model: _Model, owned: _Owned) -> _Suggested:
    """What the teams' own skills point to, each with the one of them that says most for it."""
    team, skill, score = _joined(list(_best(model, owned)), 3)
    codes = team * owned.skills + skill
    parts = []
    for found, because, value, together in _neighbours(model, owned):
        chosen = _is_in(found, np.sort(codes))
        parts.append((found[chosen], because[chosen], value[chosen], together[chosen]))
    found, because, value, together = _joined(parts, 4)
    # All but one of some people would point at the one.
    is_one_left = model.users[because] - together == 1
    order = np.lexsort((because, -value.round(_DIGITS), is_one_left, found))
    order = order[_place(found[order]) == 0]
    at = order[np.searchsorted(found[order], codes)]
    using, of = (np.where(is_one_left[at], -1, people[at]) for people in (together, model.users[because]))
    return _Suggested(team, skill, score, because[at], using, of)


def _popularity(model: _Model, teams: Integers, known: Integers, skills: int) -> _Suggested:
    """The most used skills that each of the teams does not know."""
    popular = model.popular()
    parts = []
    for team in teams:
        of_team = known[slice(*np.searchsorted(known, (team * skills, (team + 1) * skills)))] - team * skills
        first = popular[: SUGGESTED + len(of_team)]
        first = first[~np.isin(first, of_team)][:SUGGESTED]
        parts.append((np.full(len(first), team), first))
    team, skill = _joined(parts, 2)
    using = model.users[skill]
    is_one_left = model.people - using == 1
    return _Suggested(
        team,
        skill,
        using / max(model.people, 1),
        np.full(len(skill), -1),
        np.where(is_one_left, -1, using),
        np.where(is_one_left, -1, model.people),
    )


def _published(
    suggested: _Suggested, test: _Test, names: pa.Array, teams: pa.Table, active: Integers, left_out: int
) -> pa.Table:
    """The rows as OUTPUT has them."""
    of_team = pa.array(suggested.team)
    names = names.to_pylist()
    is_told = suggested.using >= 0
    because = [names[at] if at >= 0 else None for at in suggested.because]
    numbers = zip(because, suggested.using.tolist(), suggested.of.tolist(), strict=True)
    columns: dict[str, Any] = {name: teams[name].take(of_team) for name in ("account_id", "team_id", "seats")}
    columns |= {
        "skill_name": [names[at] for at in suggested.skill],
        "rank": _place(suggested.team) + 1,
        "score": suggested.score * 1.0,
        "reason": [_reason(*number) for number in numbers],
        "reason_skill_name": because,
        "people_using": pa.array(suggested.using, mask=~is_told),
        "people_of": pa.array(suggested.of, mask=~is_told),
        "active_users": active[suggested.team],
    }
    same = {
        "model": "collaborative" if test.is_won() else "popularity",
        "hit_rate_at_10": None if test.hits is None else test.hits / test.tested,
        "popularity_hit_rate_at_10": None if test.popularity_hits is None else test.popularity_hits / test.tested,
        "hits_at_10": test.hits,
        "popularity_hits_at_10": test.popularity_hits,
        "tested_people": test.tested if test.hits is not None else None,
        "people_left_out": left_out,
        "definition_version": DEFINITION_VERSION,
    }
    columns |= {name: [value] * len(because) for name, value in same.items()}
    return pa.table({field.name: _array(columns[field.name], field.type) for field in OUTPUT}, OUTPUT)


def _array(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return values.cast(kind) if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type=kind)


def _reason(because: str | None, using: int, of: int) -> str:
    """Why, in words. Numbers only where they speak of enough people on either side."""
    who = "people" if because is None else f"people who also use {because}"
    return f"used by nearly all {who}" if using < 0 else f"used by {using:,} of {of:,} {who}"
