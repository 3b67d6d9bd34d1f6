"""What people think of the skills that they use: stars, most of them kind, and a few from passers-by."""

import numpy as np
import pyarrow as pa

from ingest.simulator import text
from ingest.simulator.adoption import Pairs
from ingest.simulator.catalog import Catalog
from ingest.simulator.streams import stable_uuid, stream
from ingest.simulator.world import DAY_SECONDS, World

# Of those who use a skill, and of all ratings.
_WHO_RATES, _PASSERS_BY = 0.22, 0.08


def skill_ratings(world: World, catalog: Catalog, pairs: Pairs) -> tuple[pa.Array, np.ndarray]:
    """Ratings as lines and their times (seconds since the range's first midnight), both in order of time."""
    random = stream(world.seed, "ratings")
    liked = stream(world.seed, "ratings", "skills").beta(4.5, 2, len(catalog.names))
    rates = (pairs.weight > 0) & (random.random(len(pairs.person)) < _WHO_RATES)
    person, skill, start = pairs.person[rates], pairs.skill[rates], pairs.start[rates]
    # Some rate what they only looked at.
    count = int(len(person) * _PASSERS_BY)
    person = np.concatenate([person, random.integers(0, world.registered_people, count)])
    skill = np.concatenate([skill, (random.random(count) ** 2 * min(400, len(catalog.names))).astype(np.int64)])
    start = np.concatenate([start, random.integers(0, world.days, count)])
    at = start * DAY_SECONDS + (random.exponential(9, len(person)) * DAY_SECONDS).astype(np.int64)
    at += random.integers(8 * 3600, 18 * 3600, len(person))
    stars = np.clip(np.rint(1.7 + 3.6 * liked[skill] + random.normal(0, 0.9, len(person))), 1, 5).astype(np.int64)
    kept = np.flatnonzero(at < world.days * DAY_SECONDS)
    kept = kept[np.argsort(at[kept], kind="stable")]
    person, skill, at, stars = person[kept], skill[kept], at[kept], stars[kept]
    ids: dict[str, list[str]] = {}
    for row in catalog.rows:
        ids.setdefault(row["skill_name"], []).append(row["skill_id"])
    # Where several rows of the registry share the name, some rate the first and some the last of them.
    skill_text = text.table_of([f'","skill_id":"{ids[name][place]}"' for place in (0, -1) for name in catalog.names])
    actor_text = text.table_of([f',"actor":"{actor}","stars":' for actor in world.actors[: world.registered_people]])
    lines = text.join_rows(
        [
            '{"rating_id":"',
            text.uuid_text(random, len(kept)),
            text.take(skill_text, skill + (person % 2) * len(catalog.names)),
            text.take(actor_text, person),
            text.number_text(stars),
            ',"created_at":"',
            text.moment_text(world.start, at),
            '"}\n',
        ]
    )
    return lines, at


def malformed_ratings(world: World, catalog: Catalog, month: str) -> list[tuple[str, str]]:
    """(what is wrong, line) of rows that must not become ratings."""
    skill = catalog.rows[0]["skill_id"]
    known = f'"skill_id":"{skill}","actor":"{world.actors[0]}","created_at":"{month}-01T12:00:00Z"'
    key = f'"rating_id":"{stable_uuid(world.seed, "malformed rating", month)}"'
    return [
        ("no key", f'{{{known},"stars":4}}\n'),
        ("stars out of range", f'{{{key},{known},"stars":11}}\n'),
        ("broken JSON", f'{{{key},{known},"sta\n'),
    ]
