"""The registry's skills: real names, with invented scores where the source has none."""

import csv
import gzip
import io
import uuid
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from ingest.simulator.streams import stream

_FRAMEWORKS = ["claude-code", "cursor", "copilot", "windsurf"]
TRUST_TIERS = ("official", "verified", "curated", "community", "experimental", "unknown")
SKILLS_PER_KIT = 16


@dataclass(frozen=True)
class Catalog:
    """Skills by popularity. `names[i]` is `author/name`; several registry rows may share one name.

    names: distinct `author/name`, the most popular first. bare: the part after the author. is_bare_unique: whether
    exactly one name of the registry ends in `bare`. kit: of each name the number of its kit, the skills of one
    category that serve one kind of work and are used together. rows: the registry's rows as they are written.
    """

    names: list[str]
    bare: list[str]
    is_bare_unique: np.ndarray
    kit: np.ndarray
    rows: list[dict[str, Any]]


def load_catalog(seed: int, created_before: str, days: int) -> Catalog:
    """Read the bundled list; scores are drawn from the seed.

    created_before: ISO time of the newest skill; days: for so long after it repositories go on changing.
    """
    packed = files("ingest.simulator").joinpath("skills.csv.gz").read_bytes()
    listed = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))
    random = stream(seed, "catalog")
    quality = random.beta(5, 3, len(listed))
    risk = random.gamma(1.5, 9, len(listed)).clip(0, 100)
    documented, fast = random.integers(20, 100, len(listed)), random.integers(30, 100, len(listed))
    trust = random.choice(len(TRUST_TIERS), len(listed), p=(0.02, 0.08, 0.1, 0.6, 0.15, 0.05))
    age = random.integers(1, 900, len(listed))
    newest = np.datetime64(created_before, "s")
    # A repository has changed for all of its skills at once, most of them lately; not every skill was looked at yet.
    facts = stream(seed, "catalog", "facts")
    repositories = sorted({skill["owner_repo"] for skill in listed})
    quiet = dict(zip(repositories, facts.exponential(110, len(repositories)), strict=True))
    is_documented, is_measured = facts.random(len(listed)) < 0.85, facts.random(len(listed)) < 0.55
    is_scanned, is_tried = facts.random(len(listed)) < 0.92, facts.random(len(listed)) < 0.9
    rows = []
    for at, skill in enumerate(listed):
        author = skill["owner_repo"].split("/")[0]
        created = newest - np.timedelta64(int(age[at]) * 86400 + at, "s")
        changed = newest + np.timedelta64(int((days - quiet[skill["owner_repo"]]) * 86400) - 3600, "s")
        changed = max(created, changed)
        rows.append(
            {
                "skill_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{skill['owner_repo']}/{skill['name']}")),
                "skill_name": f"{author}/{skill['name']}",
                "author": author,
                "repo_url": f"https://github.com/{skill['owner_repo']}",
                "categories": [skill["category"]] if skill["category"] else [],
                "tags": skill["tags"].split("|") if skill["tags"] else [],
                "trust_tier": TRUST_TIERS[trust[at]],
                "quality_score": round(float(quality[at]), 3),
                "security_score": round(float(risk[at])) if is_scanned[at] else None,
                "has_critical_advisory": bool(risk[at] > 70),
                "documentation_score": int(documented[at]) if is_documented[at] else None,
                "performance_score": int(fast[at]) if is_measured[at] else None,
                "compatibility": _FRAMEWORKS[: 1 + at % 4] if is_tried[at] else None,
                "stars": int(float(skill["stars"])) if skill["stars"] else None,
                "license": None,
                "quarantined": False,
                "visibility": "public",
                "team_id": None,
                "price_cents": None,
                "created_at": f"{created}Z",
                "updated_at": f"{changed}Z",
                "repo_updated_at": f"{changed}Z",
            }
        )
    best: dict[str, int] = {}
    for row in rows:
        best[row["skill_name"]] = max(best.get(row["skill_name"], 0), row["stars"] or 0)
    copies = Counter(name.split("/", 1)[1] for name in best)
    favourite: dict[str, str] = {}
    for name in sorted(best, key=lambda name: (-best[name], name)):
        favourite.setdefault(name.split("/", 1)[1], name)

    def popularity(name: str) -> tuple[float, str]:
        # A name that many authors reuse is a task that many people have; of its copies the most starred one leads.
        bare = name.split("/", 1)[1]
        return (-(copies[bare] + np.log10(best[name] + 1)) * (favourite[bare] == name), name)

    names = sorted(best, key=popularity)
    bare = [name.split("/", 1)[1] for name in names]
    return Catalog(names, bare, np.array([copies[name] == 1 for name in bare]), _kits(names, rows), rows)


def _kits(names: list[str], rows: list[dict[str, Any]]) -> np.ndarray:
    """Kit of each name: the most popular skills of a category are its first kit, the next ones its second."""
    category = {row["skill_name"]: (row["categories"] or [""])[0] for row in rows}
    seen: Counter[str] = Counter()
    numbers: dict[tuple[str, int], int] = {}
    kits = []
    for name in names:
        of_category = (category[name], seen[category[name]] // SKILLS_PER_KIT)
        seen[category[name]] += 1
        kits.append(numbers.setdefault(of_category, len(numbers)))
    return np.array(kits)
