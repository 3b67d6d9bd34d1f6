"""Issues of repositories and who answered them when: our own, and those that the most used skills come from."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest.simulator import text
from ingest.simulator.catalog import Catalog
from ingest.simulator.github import REPOSITORIES
from ingest.simulator.streams import stream, token
from ingest.simulator.world import DAY_SECONDS, World

_OF_SKILLS = 60
_REPORTERS, _MAINTAINERS = 300, 3
_HOUR = 3_600


@dataclass(frozen=True)
class Issues:
    """Lines of the entities, in order of time; snapshots are of the skills' repositories, a line a day each."""

    issues: pa.Array
    comments: pa.Array
    snapshots: pa.Array


def repository_names(catalog: Catalog) -> list[str]:
    """`owner/name` of the repositories of the most used skills, the most used first."""
    by_name: dict[str, str] = {}
    for row in catalog.rows:
        by_name.setdefault(row["skill_name"], row["repo_url"].removeprefix("https://github.com/"))
    return list(dict.fromkeys(by_name[name] for name in catalog.names[:400]))[:_OF_SKILLS]


def issues(world: World, catalog: Catalog) -> Issues:
    """Draw every issue of the range with its comments; people answer well in some repositories and not in others."""
    random = stream(world.seed, "issues")
    names = repository_names(catalog)
    own = len(REPOSITORIES)
    total = own + len(names)
    identity = np.concatenate([[one[0] for one in REPOSITORIES], 800_001 + np.arange(len(names))])
    rate = np.concatenate([[0.5, 0.3, 0.2], random.gamma(1.2, 0.16, len(names))])
    care = random.beta(3.5, 1.5, total)
    opened = random.poisson(rate[:, None], (total, world.days))
    repository, day = (np.repeat(at, opened.ravel()) for at in np.indices(opened.shape).reshape(2, -1))
    count = len(repository)
    created = day * DAY_SECONDS + random.integers(6 * _HOUR, 22 * _HOUR, count)
    order = np.lexsort((created, repository))
    repository, created = repository[order], created[order]
    first = np.searchsorted(repository, np.arange(total))
    # Issues share their numbers with pull requests; ours begin behind those.
    number = np.arange(count) - first[repository] + np.where(repository < own, 10_001, 1)
    is_bot = random.random(count) < 0.04
    reporter = random.integers(0, _REPORTERS, count)
    until = world.days * DAY_SECONDS
    closed = created + (random.lognormal(13.2, 1.4, count)).astype(np.int64) + 600
    closed = np.where(closed < until, closed, 0)

    # A bot greets at once, a maintainer answers or does not, the author adds something, others join in.
    answered = random.random(count) < care[repository]
    answer_at = created + (random.lognormal(11.2, 1.5, count)).astype(np.int64) + 60
    maintainer = _REPORTERS + repository * _MAINTAINERS + random.integers(0, _MAINTAINERS, count)
    parts = []
    for mask, at, author, by_bot in (
        (random.random(count) < 0.3, created + random.integers(3, 60, count), np.full(count, -1), True),
        (answered, answer_at, maintainer, False),
        (random.random(count) < 0.2, created + random.integers(600, 90_000, count), reporter, False),
        (answered & (random.random(count) < 0.4), answer_at + random.integers(600, 200_000, count), reporter, False),
        (random.random(count) < 0.1, created + random.integers(_HOUR, 20 * DAY_SECONDS, count),
         random.integers(0, _REPORTERS, count), False),
    ):  # fmt: skip
        chosen = np.flatnonzero(mask & (at < until))
        parts.append((chosen, at[chosen], author[chosen], np.full(len(chosen), by_bot)))
    issue, at, author, by_bot = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(at, kind="stable")
    issue, at, author, by_bot = issue[order], at[order], author[order], by_bot[order]

    updated = np.maximum(created, closed)
    np.maximum.at(updated, issue, at)
    comments = np.bincount(issue, minlength=count)
    in_time = np.argsort(created, kind="stable")
    people = [f"dev-{token(world.seed, 'reporter', who, length=8)}" for who in range(_REPORTERS)]
    people += [f"dev-{token(world.seed, 'maintainer', who, length=8)}" for who in range(total * _MAINTAINERS)]
    author_text = text.table_of([f',"author":"{who}","is_bot":false' for who in people] + [_BOT])
    head = text.table_of([f'{{"repository_id":{one},"number":' for one in identity])
    state = text.table_of([',"state":"open","closed_at":null', ',"state":"closed","closed_at":"'])
    is_closed = closed > 0
    # The time stands only where there is one.
    closing = text.table_of(["", '"'])
    return Issues(
        issues=text.take(
            text.join_rows(
                [
                    text.take(head, repository),
                    text.number_text(number),
                    text.take(author_text, np.where(is_bot, len(people), reporter)),
                    text.take(state, is_closed),
                    _only_where(is_closed, text.moment_text(world.start, closed)),
                    text.take(closing, is_closed),
                    ',"comments":',
                    text.number_text(comments),
                    ',"created_at":"',
                    text.moment_text(world.start, created),
                    '","updated_at":"',
                    text.moment_text(world.start, updated),
                    '"}\n',
                ]
            ),
            in_time,
        ),
        comments=text.join_rows(
            [
                text.take(head, repository[issue]),
                text.number_text(number[issue]),
                text.take(author_text, np.where(by_bot, len(people), author)),
                ',"comment_id":"',
                text.number_text(5_000_001 + np.arange(len(issue))),
                '","created_at":"',
                text.moment_text(world.start, at),
                '"}\n',
            ]
        ),
        snapshots=_snapshots(world, catalog, names, identity[own:], _open(opened, repository, closed)[own:]),
    )


_BOT = ',"author":"triage[bot]","is_bot":true'


def _only_where(mask: np.ndarray, texts: pa.Array) -> pa.Array:
    return text.take(pa.concat_arrays([text.table_of([""]), texts]), np.where(mask, 1 + np.arange(len(mask)), 0))


def _open(opened: np.ndarray, repository: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """Open issues at the end of each day, (repositories, days)."""
    change = opened.astype(np.int64)
    is_closed = closed > 0
    np.subtract.at(change, (repository[is_closed], closed[is_closed] // DAY_SECONDS), 1)
    return 5 + np.cumsum(change, axis=1)


def _snapshots(
    world: World, catalog: Catalog, names: list[str], identity: np.ndarray, open_issues: np.ndarray
) -> pa.Array:
    known = {row["repo_url"].removeprefix("https://github.com/"): row["stars"] or 40 for row in catalog.rows}
    random = stream(world.seed, "issues", "stars")
    stars = np.array([known[name] for name in names])
    stars = stars[:, None] + np.cumsum(random.poisson(stars[:, None] / 2_500, (len(names), world.days)), axis=1)
    # A day after the other, each with every repository.
    repository, day = np.tile(np.arange(len(names)), world.days), np.repeat(np.arange(world.days), len(names))
    head = text.table_of(
        [
            f'{{"repository_id":{one},"full_name":"{name}","is_archived":false,"default_branch":"main","snapshot_day":"'
            for one, name in zip(identity, names, strict=True)
        ]
    )
    days = text.table_of([world.day(one).isoformat() for one in range(world.days)])
    return text.join_rows(
        [
            text.take(head, repository),
            text.take(days, day),
            '","stars":',
            text.number_text(stars.T.ravel()),
            ',"forks":',
            text.number_text(stars.T.ravel() // 9),
            ',"watchers":',
            text.number_text(stars.T.ravel() // 30),
            ',"open_issues":',
            text.number_text(open_issues.T.ravel()),
            "}\n",
        ]
    )
