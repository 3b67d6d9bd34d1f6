"""Which skills a person takes up, when, and when they drop them again.

In a team a skill spreads by contagion: the share of its people who use it follows a logistic curve up to a ceiling.
Instead of simulating contacts, every person draws a position on that curve, which gives the same S in one step.
Skills of a kit go together: a team leans towards a few kits, and each of its people towards some of those.
"""

from dataclasses import dataclass

import numpy as np

from ingest.simulator.catalog import Catalog
from ingest.simulator.streams import stream
from ingest.simulator.world import World

_POPULAR = 400
_SKILLS_PER_TEAM = 34
# How much likelier a team takes a skill of its favourite kits, and how many those are.
_FAVOURED = 20.0
_FAVOURITE_KITS = 2
# How far on the curve of a kit's skills a person stands who leans towards the kit, and who does not.
_LEANING = np.array((0.1, 2.1))


@dataclass
class Pairs:
    """One entry per person and skill that they install, sorted by person; all arrays of one length.

    start: day of installation and of the first use; end: first day without use (days = never). weight: relative uses
    on an active day, 0 = installed and never used. origin: 0 found by themselves, 1 after a recommendation,
    2 rolled out by an administrator. is_removed: uninstalled on `end`.
    """

    person: np.ndarray
    skill: np.ndarray
    start: np.ndarray
    end: np.ndarray
    weight: np.ndarray
    origin: np.ndarray
    is_removed: np.ndarray


def _popularity(count: int) -> np.ndarray:
    weights = 1.0 / (np.arange(count) + 4.0) ** 1.05
    return weights / weights.sum()


def build_pairs(world: World, catalog: Catalog) -> Pairs:
    """Draw every adoption of the range, team by team."""
    found: list[tuple[np.ndarray, ...]] = []
    popularity = _popularity(min(_POPULAR, len(catalog.names)))
    kit = catalog.kit[: len(popularity)]
    # The kits of popular skills are popular.
    kits = np.bincount(kit, weights=popularity)
    joined = np.full(world.registered_people, 10**6)
    for seat in world.memberships:
        joined[seat.person] = min(joined[seat.person], seat.joined // 86_400)
    homes = world.home_team[: world.seated_people]
    for team in world.teams:
        members = np.flatnonzero(homes == team.index)
        if team.is_unused or not len(members):
            continue
        random = stream(world.seed, "adoption", team.index)
        favourites = random.choice(len(kits), min(_FAVOURITE_KITS, np.count_nonzero(kits)), replace=False, p=kits)
        likely = popularity * np.where(np.isin(kit, favourites), _FAVOURED, 1.0)
        likely /= likely.sum()
        skills = random.choice(len(likely), min(_SKILLS_PER_TEAM, len(likely)), replace=False, p=likely)
        rank = np.sort(skills)
        # Popular skills reach further and start earlier; a reluctant team stays low on all of them.
        ceiling = np.clip(
            random.beta(2, 3.2, len(rank)) * (1.25 - 0.5 * rank / rank.max()) * (0.35 + team.zeal), 0.03, 0.95
        )
        begins = team.start_day + random.exponential(20 + world.days * 0.35 * np.linspace(0.3, 1.6, len(rank)))
        pace = random.uniform(0.06, 0.22, len(rank))
        leaning = _LEANING[random.integers(0, 2, (len(members), len(kits)))][:, kit[rank]]
        position = random.random((len(members), len(rank))) / leaning
        position /= np.maximum(world.eagerness[members, None] * 1.5, 1e-9)
        takes = position < ceiling
        share = np.clip(np.where(takes, position / ceiling, 0.5), 0.01, 0.99)
        # The curve's middle lies 2 / pace after its beginning.
        day = begins + (np.log(share / (1 - share)) + 2.0) / pace
        settled = joined[members][:, None] + random.exponential(6, takes.shape)
        day = np.maximum(day, settled).astype(np.int64)
        who, what = np.nonzero(takes & (day < world.days))
        start = day[who, what]
        lasts = random.exponential(np.where(random.random(len(who)) < 0.25, 15, 400))
        end = np.minimum(start + 1 + lasts.astype(np.int64), world.days)
        # What began before the range is installed anew in its first weeks, as after an upgrade.
        kept = end > 0
        start = np.where(start < 0, random.integers(0, min(20, world.days), len(start)), start)
        end = np.maximum(end, np.minimum(start + 1, world.days))
        weight = random.lognormal(0, 0.8, len(who)) * (0.4 + popularity[rank[what]] / popularity[0])
        tried = random.random(len(who))
        origin = (random.random(len(who)) < 0.35).astype(np.int8)
        # Who was shown a skill installs it and leaves it at that more often than who looked for it.
        weight[tried < np.where(origin == 1, 0.3, 0.1)] = 0.0
        removed = (end < world.days) & (random.random(len(who)) < 0.6)
        found.append(tuple(a[kept] for a in (members[who], rank[what], start, end, weight, origin, removed)))
        if team.index % 9 == 1:
            # A bulk installation by an administrator: everybody has it, nobody asked for it.
            day0 = min(max(team.start_day, 0) + int(random.integers(10, 40)), world.days - 1)
            size = len(members)
            found.append(
                (
                    members, np.full(size, popularity.size - 1 - team.index % 50), np.full(size, day0),
                    np.full(size, world.days), np.zeros(size), np.full(size, 2, dtype=np.int8),
                    np.zeros(size, dtype=bool),
                )
            )  # fmt: skip
    # People without a team take a few skills as well; they count for no team.
    random = stream(world.seed, "adoption", "registered")
    loose = np.repeat(np.arange(world.seated_people, world.registered_people), 4)
    start = random.integers(0, world.days, len(loose))
    skill = random.choice(len(popularity), len(loose), p=popularity)
    first = np.unique(loose * 10_000 + skill, return_index=True)[1]
    loose, start, skill = loose[first], start[first], skill[first]
    found.append(
        (
            loose, skill, start, np.full(len(loose), world.days), random.lognormal(-0.5, 0.8, len(loose)),
            np.zeros(len(loose), dtype=np.int8), np.zeros(len(loose), dtype=bool),
        )
    )  # fmt: skip
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    person, skills, start, end, weight, origin, removed = (column[order] for column in columns)
    # Nobody installs while away or gone.
    keep = world.present[person, start]
    return Pairs(person[keep], skills[keep], start[keep], end[keep], weight[keep], origin[keep], removed[keep])
