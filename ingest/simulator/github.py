"""Three repositories' history and a little of GH Archive, in the shapes of the drop folder."""

import hashlib
from datetime import date, timedelta
from typing import Any

from ingest.simulator.streams import stream, token
from ingest.simulator.world import DAY_SECONDS, World

REPOSITORIES = (
    (700_001, "skillsmith/registry", 4_200, "apache-2.0"),
    (700_002, "skillsmith/cli", 1_900, "apache-2.0"),
    (700_003, "skillsmith/skills", 800, "mit"),
)
_COMMITS_A_DAY = (2.6, 1.4, 0.8)
_PEOPLE = 14


def _person(world: World, number: int) -> str:
    return f"dev-{token(world.seed, 'developer', number, length=8)}"


def github_rows(world: World) -> dict[str, list[dict[str, Any]]]:
    """Rows per entity, each in order of time."""
    rows: dict[str, list[dict[str, Any]]] = {
        "repositories": [], "commits": [], "pull_requests": [], "releases": [], "stargazers": [], "archive_events": [],
    }  # fmt: skip
    for at, (identity, name, stars, licence) in enumerate(REPOSITORIES):
        random = stream(world.seed, "github", name)
        number = 0
        for day in range(world.days):
            label = world.day(day)
            works = 1.0 if label.weekday() < 5 else 0.2
            noon = day * DAY_SECONDS + 9 * 3600
            new_stars = int(random.poisson(stars / 900))
            for star in range(new_stars):
                starred = world.moment(noon + int(random.integers(0, 30_000)))
                actor = f"fan-{token(world.seed, name, day, star, length=10)}"
                rows["stargazers"].append({"repository_id": identity, "actor": actor, "starred_at": starred})
                rows["archive_events"].append(
                    _archive(world, "WatchEvent", identity, name, actor, starred, {"action": "started"})
                )
            stars += new_stars
            rows["repositories"].append(_snapshot(identity, name, label, stars, number, licence))
            for commit in range(int(random.poisson(_COMMITS_A_DAY[at] * works))):
                made = noon + int(random.integers(0, 32_000))
                sha = hashlib.sha1(f"{world.seed}/{name}/{day}/{commit}".encode()).hexdigest()  # noqa: S324 - git's own
                is_bot = bool(random.random() < 0.08)
                author = "dependabot[bot]" if is_bot else _person(world, int(random.power(0.4) * _PEOPLE))
                rows["commits"].append(
                    {
                        "repository_id": identity,
                        "sha": sha,
                        "author": author,
                        "authored_at": world.moment(made),
                        "committed_at": world.moment(made + 60),
                        "is_bot": is_bot,
                    }
                )
            for _ in range(int(random.poisson(_COMMITS_A_DAY[at] * works * 0.6))):
                number += 1
                created = noon + int(random.integers(0, 32_000))
                open_for = int(random.lognormal(10.8, 1.3))
                is_over = created + open_for < world.days * DAY_SECONDS
                is_merged = is_over and random.random() < 0.82
                over = world.moment(created + open_for) if is_over else None
                author = _person(world, int(random.power(0.4) * _PEOPLE))
                rows["pull_requests"].append(
                    {
                        "repository_id": identity,
                        "number": number,
                        "author": author,
                        "state": "merged" if is_merged else "closed" if is_over else "open",
                        "created_at": world.moment(created),
                        "merged_at": over if is_merged else None,
                        "closed_at": over,
                        "updated_at": over or world.moment(created),
                    }
                )
                rows["archive_events"].append(
                    _archive(
                        world, "PullRequestEvent", identity, name, author, world.moment(created),
                        {"action": "opened", "number": number},
                    )
                )  # fmt: skip
            if day % (14 + 7 * at) == 10:
                rows["releases"].append(
                    {
                        "repository_id": identity,
                        "tag": f"v2.{len(rows['releases'])}.0",
                        "name": f"v2.{len(rows['releases'])}.0",
                        "created_at": world.moment(noon),
                        "published_at": world.moment(noon + 1_800),
                        "is_prerelease": False,
                    }
                )
    return rows


def _snapshot(identity: int, name: str, day: date, stars: int, pulls: int, licence: str) -> dict[str, Any]:
    return {
        "repository_id": identity,
        "full_name": name,
        "snapshot_day": day.isoformat(),
        "stars": stars,
        "forks": stars // 9,
        "watchers": stars // 30,
        "open_issues": 20 + pulls % 17,
        "topics": ["skills", "coding-agents"],
        "license": licence,
        "is_archived": False,
        "pushed_at": f"{(day - timedelta(days=1)).isoformat()}T17:00:00Z",
        "default_branch": "main",
    }


def _archive(
    world: World, kind: str, identity: int, name: str, actor: str, created: str, payload: dict[str, Any]
) -> dict[str, Any]:
    number = int(token(world.seed, kind, name, actor, created, length=9), 16)
    return {
        "id": str(number),
        "type": kind,
        "actor": {"id": int(token(world.seed, actor, length=7), 16), "login": actor},
        "repo": {"id": identity, "name": name},
        "payload": payload,
        "public": True,
        "created_at": created,
    }
