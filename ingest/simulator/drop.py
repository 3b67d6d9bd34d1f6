"""Puts the parts of the world together into one drop folder and its answers."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.simulator import registry, text
from ingest.simulator.adoption import build_pairs
from ingest.simulator.billing import (
    build_subscriptions,
    month_starts,
    registry_subscriptions,
    revenue_truth,
    stripe_events,
)
from ingest.simulator.catalog import Catalog, load_catalog
from ingest.simulator.dirt import Deliveries, Dirt
from ingest.simulator.github import github_rows
from ingest.simulator.issues import issues
from ingest.simulator.ratings import malformed_ratings, skill_ratings
from ingest.simulator.service import Service
from ingest.simulator.streams import stream
from ingest.simulator.usage import Usage, UsageTruth
from ingest.simulator.world import DAY_SECONDS, World, build_world
from ingest.simulator.writer import DropWriter, existing_answers
from warehouse.errors import UsageError

# Raised whenever the same arguments give other bytes than before.
GENERATOR_VERSION = 3

Progress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""


def simulate(
    out: Path | str,
    *,
    days: int = 180,
    accounts: int = 40,
    seed: int = 7,
    events: int | None = None,
    until: date,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a drop folder of `days` complete days that end with `until`; the content of its answers.json.

    events: about how many registry events in all; by default 300,000 for 180 days of 40 accounts, and in
    proportion. The same arguments give the same bytes; where `out` already holds
    them nothing is written. Raises UsageError for arguments out of range or an `out` that holds something else, and
    StorageError where the disk refuses. An interrupted run leaves nothing at `out`.
    """
    out = Path(out)
    if events is None:
        events = round(300_000 * days / 180 * accounts / 40)
    for name, value, least, most in (
        ("days", days, 1, 3_650), ("accounts", accounts, 1, 10_000), ("events", events, 0, 2_000_000_000),
    ):  # fmt: skip
        if not least <= value <= most:
            raise UsageError(f"{name} must lie between {least:,} and {most:,}, not {value:,}")
    arguments = {
        "days": days,
        "accounts": accounts,
        "seed": seed,
        "events": events,
        "until": until.isoformat(),
        "generator_version": GENERATOR_VERSION,
    }
    there = existing_answers(out, arguments)
    if there is not None:
        return there
    start = until - timedelta(days=days - 1)
    world = build_world(seed, start, days, accounts)
    catalog = load_catalog(seed, f"{start.isoformat()}T00:00:00", days)
    with DropWriter(out) as writer:
        run = _Run(world, catalog, writer, events, progress or (lambda _what, _done, _total: None))
        run.daily()
        run.slow()
        answers = {"arguments": arguments, **run.answers()}
        writer.finish(answers)
    return answers


class _Run:
    """One run's parts and counts."""

    def __init__(self, world: World, catalog: Catalog, writer: DropWriter, events: int, progress: Progress) -> None:
        self.world, self.catalog, self.writer, self.progress = world, catalog, writer, progress
        self.dirt = Dirt()
        self.rows: Counter[str] = Counter()
        self.usage = Usage(world, catalog, build_pairs(world, catalog), events)
        self.service = Service(world, max(events // 3, world.days))
        self.subscriptions = build_subscriptions(world)

    def daily(self) -> None:
        """Events, requests and checks: one file a day each, a few days in memory."""
        world, dirt = self.world, self.dirt
        event_files = Deliveries(world.seed, world.days, "registry/events", dirt)
        request_files = Deliveries(world.seed, world.days, "registry/api_requests", dirt)
        check_files = Deliveries(world.seed, world.days, "status/checks", dirt)
        for day in range(world.days):
            label = world.day(day).isoformat()
            lines = self.usage.day(day)
            bad = event_files.malformed_events(day, label, len(lines))
            self.rows["registry/events"] += len(lines)
            self._write("registry/events", label, [*event_files.of_day(day, label, lines), text.table_of(bad)])
            requests = self.service.requests_of(day)
            self.rows["registry/api_requests"] += len(requests)
            self._write("registry/api_requests", label, request_files.of_day(day, label, requests))
            checks = self.service.checks(day)
            self.rows["status/checks"] += len(checks)
            self._write("status/checks", label, check_files.of_day(day, label, checks))
            self.progress("days", day + 1, world.days)

    def _write(self, entity: str, name: str, parts: Sequence[pa.Array]) -> None:
        def build() -> pa.Array:
            return pa.chunked_array(list(parts), type=pa.large_string()).combine_chunks()

        self.writer.lines(entity, name, build)

    def slow(self) -> None:
        """Everything that is small: a file a month, or one."""
        world = self.world
        self._versions("registry/accounts", registry.accounts(world), ("account_id",))
        self._versions("registry/teams", registry.teams(world), ("team_id",))
        self._versions("registry/team_members", registry.team_members(world), ("team_id", "actor", "joined_at"))
        self._versions("registry/subscriptions", registry_subscriptions(world, self.subscriptions), ("id",))
        billed = [(event["created"], event) for event in stripe_events(world, self.subscriptions)]
        self._versions("billing/stripe_events", billed, ("id",))
        self._whole("registry/skills", "catalog", self.catalog.rows)
        self._whole("status/incidents", "incidents", self.service.incidents())
        self._whole("status/maintenance", "maintenance", self.service.maintenance_rows())
        until = world.until + timedelta(days=1)
        months = [
            f"{month:%Y-%m}"
            for month in month_starts(world.start, world.until)
            if (month + timedelta(days=32)).replace(day=1) <= until
        ]
        self._whole("finance/costs", "costs", registry.costs(world, months))
        self._whole("reference/time_value", "settings", registry.time_values(world))
        for entity, rows in github_rows(world).items():
            self._whole(f"github/{entity}", entity, rows)
        self._ratings()
        drawn = issues(world, self.catalog)
        for entity, name, lines in (
            ("github/issues", "issues", drawn.issues),
            ("github/issue_comments", "issue_comments", drawn.comments),
            ("github/repositories", "of_skills", drawn.snapshots),
        ):
            self.rows[entity] += len(lines)
            self._write(entity, name, [lines])

    def _ratings(self) -> None:
        """One file a month, in no order of time, with a few of the month before again and broken rows in one."""
        world, entity = self.world, "registry/skill_ratings"
        lines, at = skill_ratings(world, self.catalog, self.usage.pairs)
        self.rows[entity] += len(lines)
        random = stream(world.seed, "versions", entity)
        months = np.array([f"{world.day(day):%Y-%m}" for day in range(world.days)])[at // DAY_SECONDS]
        labels, previous = np.unique(months), np.arange(0)
        for number, month in enumerate(labels):
            chosen = random.permutation(np.flatnonzero(months == month))
            again = random.permutation(previous)[: (1 + len(previous) // 50) if number else 0]
            self.dirt.duplicates[entity] += len(again)
            parts = [text.take(lines, np.concatenate([chosen, again]))]
            if number == len(labels) // 2:
                broken = malformed_ratings(world, self.catalog, str(month))
                for reason, _ in broken:
                    self.dirt.spoil(entity, reason)
                parts.append(text.table_of([line for _, line in broken]))
            self._write(entity, str(month), parts)
            previous = chosen

    def _whole(self, entity: str, name: str, rows: list[dict[str, Any]]) -> None:
        self.rows[entity] += len(rows)
        self.writer.rows(entity, name, rows)

    def _versions(self, entity: str, versions: registry.Versions, key: tuple[str, ...]) -> None:
        """One file a month, in no order of time, with a few of the month before again and one broken row."""
        world = self.world
        random = stream(world.seed, "versions", entity)
        self.rows[entity] += len({tuple(row[part] for part in key) for _, row in versions})
        by_month: dict[str, list[dict[str, Any]]] = {}
        first = f"{world.start:%Y-%m}"
        for moment, row in versions:
            month = max(f"{datetime.fromtimestamp(moment, UTC):%Y-%m}", first)
            by_month.setdefault(month, []).append(row)
        previous: list[dict[str, Any]] = []
        for number, (month, rows) in enumerate(sorted(by_month.items())):
            lines: list[dict[str, Any] | str] = [rows[at] for at in random.permutation(len(rows))]
            again = [previous[at] for at in random.permutation(len(previous))[: 1 + len(previous) // 50]]
            self.dirt.duplicates[entity] += len(again)
            lines += again
            if number == len(by_month) // 2:
                broken = {name: value for name, value in rows[0].items() if name != key[0]}
                lines.append(broken)
                self.dirt.spoil(entity, "no key")
            self.writer.rows(entity, month, lines)
            previous = rows

    def answers(self) -> dict[str, Any]:
        """What a right warehouse must find in these files."""
        world, truth, service = self.world, self.usage.truth, self.service.truth
        revenue = revenue_truth(world, self.subscriptions)
        return {
            "range": {"first_day": world.start.isoformat(), "last_day": world.until.isoformat()},
            "rows": dict(self.rows),
            "duplicates": dict(self.dirt.duplicates),
            "malformed": dict(self.dirt.malformed),
            "malformed_by_reason": dict(self.dirt.malformed_by_reason),
            "late": dict(self.dirt.late),
            "events_by_type": dict(truth.by_type),
            "uses_per_skill": _uses(self.catalog, truth),
            "recommendations": self.usage.recommendations.counts(),
            "mrr": revenue["months"],
            "mrr_by_account": revenue["accounts"],
            "down_minutes": {name: service.down[name] for name in sorted(service.covered)},
            "covered_minutes": {name: service.covered[name] for name in sorted(service.covered)},
            "excluded_minutes": {name: service.excluded[name] for name in sorted(service.covered)},
            "bot_actors": {
                "members": sorted({world.actors[m.person] or "" for m in world.memberships if m.is_bot}),
                "scraper_days": [list(entry) for entry in sorted(truth.scraper_days)],
            },
            "sdk_version_missing_from": world.day(self.usage.sdk_version_stops).isoformat(),
        }


def _uses(catalog: Catalog, truth: UsageTruth) -> dict[str, dict[str, int]]:
    """Uses, successes and failures per skill_name; names without a use are left out.

    uses = successes + failures + unknown. A bare name that several authors have stays bare.
    """
    found: dict[str, dict[str, int]] = {}
    for at, name in enumerate([*catalog.names, *catalog.bare]):
        if truth.uses[at]:
            counts = found.setdefault(name, {"uses": 0, "successes": 0, "failures": 0})
            counts["uses"] += int(truth.uses[at])
            counts["successes"] += int(truth.successes[at])
            counts["failures"] += int(truth.failures[at])
    return dict(sorted(found.items()))
