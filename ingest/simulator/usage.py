"""Registry events, day by day: what people do with skills, as the registry would have recorded it.

Everything of a day is numpy arrays; only their text goes to a file. Counts of the truth are taken from the arrays
before a row becomes late, is delivered twice or stands beside a malformed one.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from math import ceil

import numpy as np
import pyarrow as pa

from ingest.simulator import text
from ingest.simulator.adoption import Pairs
from ingest.simulator.catalog import Catalog
from ingest.simulator.recommendations import DAY_MS, OWN, REMOVED, ROLLED_OUT, Recommendations
from ingest.simulator.streams import fixed_shares, stream
from ingest.simulator.world import World

# The registry's clients report `success` from this day on.
SUCCESS_REPORTED_FROM = date(2026, 5, 6)
SCRAPER_SEARCHES = 1_000
SCRAPER_RESULT_COUNTS = (20, 50, 100)
SCRAPER_SHARE = 0.95
# The share of the range after which clients no longer send `sdk_version`.
SDK_VERSION_UNTIL = 0.6

(
    INVOKE,
    INSTALL,
    UNINSTALL,
    SHOWN,
    CLICKED,
    DISMISSED,
    SEARCHES,
    VIEW,
    LOAD,
    RATE,
    SEARCH,
    RECOMMEND,
    COMPARE,
    VALIDATE,
) = range(14)
EVENT_TYPES = (
    "telemetry:skill_invoke",
    "telemetry:skill_install",
    "telemetry:skill_uninstall",
    "telemetry:recommendation_shown",
    "telemetry:recommendation_clicked",
    "telemetry:recommendation_dismissed",
    "search:metrics",
    "telemetry:skill_view",
    "telemetry:skill_context_load",
    "telemetry:skill_rate",
    "telemetry:search",
    "telemetry:recommend",
    "telemetry:compare",
    "telemetry:validate",
)
# Shares of the events that are not fixed by who adopts what.
_SHARES = {
    INVOKE: 0.62, SEARCHES: 0.13, SHOWN: 0.07, VIEW: 0.05, LOAD: 0.06, SEARCH: 0.03, RECOMMEND: 0.02, COMPARE: 0.005,
    VALIDATE: 0.01, RATE: 0.005,
}  # fmt: skip
_SOURCES = ("claude-code-hook", "mcp-tool", "cli", "vscode-extension")
_TOOLS = ("skill_run", "search_skills", "get_skill", "run_skill")
_FRAMEWORKS = (
    "claude-code", "cursor", "continue", "cline", "copilot", "windsurf", "codex", "vscode", "opencode", "hermes",
    "unknown",
)  # fmt: skip
_FRAMEWORK_SHARES = np.array((50, 14, 3, 4, 8, 6, 5, 5, 2, 1, 2)) / 100
_SURFACES = ("cli", "mcp", "ide", "web")
_MODELS = ("heuristic", "collaborative", "sequential", "holdout")
_SDK = ("1.8.2", "2.0.0", "2.1.0")
_PLATFORMS = ("darwin", "linux", "win32")
_TIERS = ("trial", "community", "individual", "team", "enterprise", "authenticated", None)
_INSTALL_ERRORS = (
    "REGISTRY_LOOKUP_UNAVAILABLE", "REGISTRY_SKILL_NOT_FOUND", "QUARANTINED", "ALREADY_INSTALLED", "FETCH_FAILED",
    "VALIDATION_FAILED", "SCAN_REJECTED", "CONFIRMATION_REQUIRED", "INVALID_CONTENT", "UNKNOWN",
)  # fmt: skip
# Relative activity by local hour.
_HOURS = np.array((1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 3, 7, 11, 12, 11, 7, 9, 12, 12, 11, 9, 6, 4, 3.5, 3, 2.5, 1.5))
_HOUR_EDGES = np.concatenate([[0.0], np.cumsum(_HOURS) / _HOURS.sum()])
_LAST_MS = 86_399_999
# The share of uses that belong to a piece of work for which a person takes up a kit, and how long such a one lasts.
_WORK_SHARE = 0.65
_WORK_MS = 50 * 60_000


@dataclass
class Group:
    """Events of one kind on one day: person, milliseconds since midnight, and the columns of their metadata.

    recommended: of impressions and clicks (skill, surface, model), of installs and uninstalls (skill, change, whether
    it counts).
    """

    kind: int
    person: np.ndarray
    at: np.ndarray
    metadata: list[pa.Array | str]
    result_count: np.ndarray | None = None
    recommended: tuple[np.ndarray, ...] = ()


@dataclass
class UsageTruth:
    """What the generator knows, by the definitions of A1 and the scraper rule."""

    events: int = 0
    uses: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    successes: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    failures: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    by_type: Counter[str] = field(default_factory=Counter)
    scraper_days: set[tuple[str, str]] = field(default_factory=set)


def _poisson_rows(random: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Row numbers, each repeated as often as its Poisson count says."""
    return np.repeat(np.arange(len(rate)), random.poisson(rate))


class Usage:
    """Draws one day of events at a time. `day(d)` may be called in any order; the truth is summed."""

    def __init__(self, world: World, catalog: Catalog, pairs: Pairs, events: int) -> None:
        self.world, self.catalog, self.pairs = world, catalog, pairs
        self.truth = UsageTruth()
        self.recommendations = Recommendations(world, _SURFACES, _MODELS)
        self.sdk_version_stops = min(ceil(world.days * SDK_VERSION_UNTIL), world.days - 1)
        self.truth.uses = np.zeros(2 * len(catalog.names), dtype=np.int64)
        self.truth.successes = np.zeros(2 * len(catalog.names), dtype=np.int64)
        self.truth.failures = np.zeros(2 * len(catalog.names), dtype=np.int64)
        self._habits()
        self._scrapers(events)
        self._structural()
        self._scale(events)
        self._fragments()

    # --- what stands before the first day

    def _habits(self) -> None:
        world = self.world
        random = stream(world.seed, "habits")
        people = len(world.actors)
        self.rate = random.uniform(0.3, 0.9, people) * np.where(world.eagerness > 0, 1.0, 0.35)
        self.rate[world.seated_people :] *= 0.35
        self.rate[world.is_bot] = 0.97
        weekday = np.array([(world.start.weekday() + day) % 7 for day in range(world.days)])
        factor = np.where(weekday < 5, 1.0, 0.09)
        # Less is done at the year's end, a little less on Fridays.
        factor *= np.where(weekday == 4, 0.9, 1.0)
        dates = [world.day(day) for day in range(world.days)]
        factor *= np.array([0.3 if (d.month, d.day) >= (12, 23) or (d.month, d.day) <= (1, 2) else 1.0 for d in dates])
        self.chance = self.rate[:, None] * factor[None, :] * world.present
        bots = np.flatnonzero(world.is_bot)
        self.chance[bots] = 0.97 * world.present[bots]
        self.source = random.choice(4, people, p=(0.55, 0.25, 0.1, 0.1))
        self.source[world.is_bot] = 2
        self.framework = random.choice(len(_FRAMEWORKS), people, p=_FRAMEWORK_SHARES)
        self.framework[self.source == 0] = 0
        self.framework[self.source == 3] = _FRAMEWORKS.index("vscode")
        self.platform = random.choice(3, people, p=(0.55, 0.3, 0.15))
        self.is_bare_sender = random.random(people) < 0.08

    def _scrapers(self, events: int) -> None:
        """Who scrapes on which day: a seated person, a visitor by address, and a registered stranger in turn."""
        world = self.world
        random = stream(world.seed, "scrapers")
        # One scraper day costs a thousand searches: the smallest worlds have none.
        wanted = int(np.clip(events // 40_000, 1, 60)) if events >= 2_000 else 0
        seated = [
            p for p in range(world.seated_people)
            if not world.is_bot[p] and world.eagerness[p] > 0 and world.seated[p].any()
        ]  # fmt: skip
        strangers = np.arange(world.seated_people, world.registered_people)
        visitors = np.arange(world.registered_people, len(world.actors))
        cast = [int(random.choice(seated)) if seated else int(strangers[0]), int(visitors[0]), int(strangers[-1])]
        # A scraper has an address of its own: nobody else's day is left out with it.
        for person in (cast[0], cast[2]):
            world.networks.append(f"192.0.{len(world.networks) % 250}.0/24")
            world.network[person] = len(world.networks) - 1
        self.scrape: dict[int, list[tuple[int, int]]] = {}
        self.scrape_total = 0
        for number in range(wanted):
            person = cast[number % 3]
            choices = np.flatnonzero(world.present[person])
            if not len(choices):
                continue
            day = int(random.choice(choices))
            if any(p == person for p, _ in self.scrape.get(day, [])):
                continue
            count = int(random.integers(1_010, 1_300))
            self.scrape.setdefault(day, []).append((person, count))
            self.scrape_total += count

    def _structural(self) -> None:
        """Installations, removals and the recommendations that led to them: fixed by who adopts what."""
        pairs, world = self.pairs, self.world
        random = stream(world.seed, "structure")
        count = len(pairs.person)
        install_ms = self._times(random, pairs.person, count)
        # Room for the first use after the installation on the same day.
        install_ms = np.minimum(install_ms, _LAST_MS - 4 * 3_600_000)
        self.first_use_ms = install_ms + random.integers(60_000, 3 * 3_600_000, count)
        before = np.where(pairs.origin == 1, random.integers(0, 6, count), 0)
        shown_day = pairs.start - before
        shown_ms = np.where(
            before == 0, np.maximum(install_ms - random.integers(60_000, 3_600_000, count), 0), install_ms
        )
        holdout = (pairs.origin == 0) & (random.random(count) < 0.02)
        shown = ((pairs.origin == 1) & (shown_day >= 0)) | holdout
        recommended = shown & ~holdout
        clicked_ms = np.minimum(shown_ms + random.integers(2_000, 50_000, count), _LAST_MS)
        clicked_ms = np.where(before == 0, np.minimum(clicked_ms, install_ms - 1_000), clicked_ms)
        clicked_ms = np.maximum(clicked_ms, shown_ms)
        surface = random.integers(0, 4, count)
        model = np.where(holdout, 3, random.integers(0, 3, count))
        failed = random.random(count) < 0.05
        removed = pairs.is_removed & (pairs.end < world.days)
        columns = []
        for kind, mask, day, at in (
            (INSTALL, np.ones(count, dtype=bool), pairs.start, install_ms),
            (INSTALL, failed, pairs.start, np.maximum(install_ms - 45_000, 0)),
            (UNINSTALL, removed, np.minimum(pairs.end, world.days - 1), self._times(random, pairs.person, count)),
            (SHOWN, shown, shown_day, shown_ms),
            (CLICKED, recommended, shown_day, clicked_ms),
        ):
            chosen = np.flatnonzero(mask)
            is_failure = np.full(len(chosen), kind == INSTALL and mask is failed)
            columns.append(
                (
                    np.full(len(chosen), kind),
                    chosen,
                    day[chosen],
                    at[chosen],
                    surface[chosen],
                    model[chosen],
                    is_failure,
                )
            )
        stacked = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
        order = np.argsort(stacked[2], kind="stable")
        self.structure = [column[order] for column in stacked]
        self.structure_edges = np.searchsorted(self.structure[2], np.arange(world.days + 1))

    def _scale(self, events: int) -> None:
        """Rates that bring the whole to about `events`, without changing who adopts what."""
        world, pairs = self.world, self.pairs
        running = np.concatenate([np.zeros((len(world.actors), 1)), np.cumsum(self.chance, axis=1)], axis=1)
        expected = (pairs.weight * (running[pairs.person, pairs.end] - running[pairs.person, pairs.start])).sum()
        free = max(events - len(self.structure[0]) - self.scrape_total - (pairs.weight > 0).sum(), events * 0.05)
        self.use_scale = free * _SHARES[INVOKE] / max(expected, 1.0)
        person_days = self.chance[: world.registered_people].sum()
        self.person_rate = {
            kind: free * share / max(person_days, 1.0) for kind, share in _SHARES.items() if kind != INVOKE
        }
        # Visitors without an account search and look; a fifth of all searches are theirs.
        visits = self.chance[world.registered_people :].sum()
        self.visitor_rate = free * _SHARES[SEARCHES] * 0.2 / max(visits, 1.0)
        self.person_rate[SEARCHES] *= 0.8

    def _fragments(self) -> None:
        world, names, bare = self.world, self.catalog.names, self.catalog.bare
        agents = ("skillsmith-cli/2.1.0", "skillsmith-mcp/2.1.0", "skillsmith-vscode/1.4.2", "claude-code/2.0.31")
        agent_of = (3, 1, 0, 2)
        people = []
        for person, actor in enumerate(world.actors):
            method = "none" if actor is None else ("api_key", "jwt", "api_key", "anon_key")[person % 4]
            head = "null" if actor is None else f'"{actor}"'
            agent = agents[agent_of[self.source[person]]]
            people.append(
                f'"actor":{head},"auth_method":"{method}","user_agent":"{agent}",'
                f'"ip_prefix":"{world.networks[world.network[person]]}",'
            )
        self.person_text = text.table_of(people)
        self.tier_text = text.table_of(
            ['"auth_tier":' + ("null" if tier is None else f'"{tier}"') + ',"metadata":{' for tier in _TIERS]
        )
        self.type_text = text.table_of([f'"event_type":"{name}",' for name in EVENT_TYPES])
        # From the hook, as named elsewhere, and the bare name: three tables behind each other.
        self.invoke_text = text.table_of(
            [f'"skill_name":"{name}","skill_id":"{name}",' for name in names]
            + [f'"skill_name":"{name}",' for name in names]
            + [f'"skill_name":"{name}",' for name in bare]
        )
        self.skill_text = text.table_of([f'"skill_id":"{name}"' for name in names])
        sources = []
        for source in range(4):
            for framework in _FRAMEWORKS:
                tool = "" if source == 0 else f'"skill_id":"{_TOOLS[source]}",'
                sources.append(f'{tool}"source":"{_SOURCES[source]}","framework":"{framework}","session_id":"')
        self.source_text = text.table_of(sources)
        initiated = (
            "",
            '"user_initiated":true,',
            '"agent_session":false,',
            '"agent_session":true,"user_initiated":false,',
            '"agent_session":true,',
        )
        flags = [
            f',{success}"is_subagent":{is_subagent},{how}{sdk}"platform":"{platform}"}}}}\n'
            for success in ("", '"success":false,', '"success":true,')
            for is_subagent in ("false", "true")
            for how in initiated
            for sdk in ("", *(f'"sdk_version":"{version}",' for version in _SDK))
            for platform in _PLATFORMS
        ]
        self.flag_text = text.table_of(flags)
        install_sources = ("cli", "mcp-tool", "vscode-extension", "admin_bulk")
        self.install_text = text.table_of(
            [
                f',"source":"{source}"{outcome}}}}}\n'
                for source in install_sources
                for outcome in (
                    ',"success":true,"trust_tier":"community"',
                    ',"trust_tier":"community"',
                    *(f',"success":false,"error_code":"{code}"' for code in _INSTALL_ERRORS),
                )
            ]
        )
        self.recommendation_text = text.table_of(
            [
                f',"surface":"{surface}","model":"{model}","rank":{rank}}}}}\n'
                for surface in _SURFACES
                for model in _MODELS
                for rank in range(1, 6)
            ]
        )
        self.other_text = text.table_of(
            [
                '"source":"cli"}}\n',
                '"source":"mcp-tool"}}\n',
                '"source":"vscode-extension"}}\n',
                '"source":"claude-code-hook"}}\n',
            ]
        )
        self.tier_of_account = np.array(
            [self._tier(account.part.tier, account.part.story) for account in world.accounts]
        )

    @staticmethod
    def _tier(tier: str, story: str) -> int:
        if story == "trial":
            return _TIERS.index("trial")
        return _TIERS.index(tier) if tier in _TIERS else _TIERS.index("authenticated")

    # --- one day

    def _times(self, random: np.random.Generator, person: np.ndarray, count: int) -> np.ndarray:
        """Milliseconds of the UTC day, following the working hours where the person lives."""
        return self._hours(random.random(count), person)

    def _use_times(self, random: np.random.Generator, person: np.ndarray, skill: np.ndarray, day: int) -> np.ndarray:
        """When skills are used: those of a kit mostly together, each day at another hour."""
        alone = self._times(random, person, len(person))
        begun = self._hours(fixed_shares(self.world.seed, person, self.catalog.kit[skill], day), person)
        within = np.minimum(begun + random.integers(0, _WORK_MS, len(person)), _LAST_MS)
        return np.where(random.random(len(person)) < _WORK_SHARE, within, alone)

    def _hours(self, drawn: np.ndarray, person: np.ndarray) -> np.ndarray:
        """Milliseconds of the UTC day by shares of the day's activity where the person lives."""
        hour = np.searchsorted(_HOUR_EDGES, drawn, side="right") - 1
        inside = (drawn - _HOUR_EDGES[hour]) / (_HOUR_EDGES[hour + 1] - _HOUR_EDGES[hour])
        local = ((hour + inside) * 3_600_000).astype(np.int64)
        return (local - self.world.offset_minutes[person] * 60_000) % 86_400_000

    def day(self, day: int) -> pa.Array:
        """All events of a day as lines, in order of time; their truth is counted."""
        world = self.world
        random = stream(world.seed, "usage", world.day(day).isoformat())
        chance = self.chance[:, day]
        active = random.random(len(chance)) < chance
        groups, invoked = self._invokes(random, day, active)
        groups += self._structure_groups(random, day)
        groups += self._activity(random, active)
        groups += self._scraping(random, day)
        self._count(day, groups, invoked)
        return self._lines(random, day, groups)

    def _invokes(
        self, random: np.random.Generator, day: int, active: np.ndarray
    ) -> tuple[list[Group], dict[str, np.ndarray]]:
        pairs, world = self.pairs, self.world
        running = np.flatnonzero((pairs.start <= day) & (day < pairs.end) & (pairs.weight > 0))
        first = pairs.start[running] == day
        busy = active[pairs.person[running]] & ~first
        counts = np.where(first, 1, random.poisson(np.where(busy, pairs.weight[running] * self.use_scale, 0.0)))
        at_pair = np.repeat(running, counts)
        is_first = np.repeat(first, counts)
        person, skill = pairs.person[at_pair], pairs.skill[at_pair]
        count = len(at_pair)
        at = np.where(is_first, self.first_use_ms[at_pair], self._use_times(random, person, skill, day))
        # Most use comes through one's own tool; now and then through another.
        source = np.where(random.random(count) < 0.9, self.source[person], random.integers(0, 4, count))
        framework = np.where(source == 0, 0, self.framework[person])
        drawn = random.random(count)
        success = np.where(drawn < 0.05, 0, np.where(drawn < 0.11, 1, 2))
        success = np.where(source == 0, np.where(drawn < 0.02, 0, 2), success)
        if world.day(day) < SUCCESS_REPORTED_FROM:
            success = np.zeros(count, dtype=np.int64)
        # A first use is somebody trying it out, so it is the person who starts it and it works.
        drawn = random.random(count)
        initiated = np.select((drawn < 0.55, drawn < 0.8, drawn < 0.9, drawn < 0.97), (0, 1, 2, 3), 4)
        initiated = np.where(is_first, 0, initiated)
        if world.day(day) >= SUCCESS_REPORTED_FROM:
            success = np.where(is_first, 2, success)
        is_subagent = random.random(count) < 0.1
        has_sdk = (source != 0) & (day < self.sdk_version_stops)
        sdk = np.where(has_sdk, 1 + (person + day // 45) % len(_SDK), 0)
        is_bare = self.is_bare_sender[person] & (random.random(count) < 0.5) & (source != 0)
        name = np.where(is_bare, 2, np.where(source == 0, 0, 1)) * len(self.catalog.names) + skill
        flags = (((success * 2 + is_subagent) * 5 + initiated) * 4 + sdk) * 3 + self.platform[person]
        session = (
            person.astype(np.uint64) * np.uint64(2_654_435_761)
            + np.uint64(day * 1_000_003)
            + (at // 7_200_000).astype(np.uint64)
        )
        session = (session * np.uint64(0x9E3779B97F4A7C15)).astype(">u8").view(np.uint8).reshape(-1, 8)
        duration = random.lognormal(6.2, 0.9, count).astype(np.int64)
        group = Group(
            INVOKE,
            person,
            at,
            [
                text.take(self.invoke_text, name),
                text.take(self.source_text, source * len(_FRAMEWORKS) + framework),
                text.hex_text(session),
                '","duration_ms":',
                text.number_text(duration),
                text.take(self.flag_text, flags),
            ],
        )
        return [group], {"person": person, "skill": skill, "success": success, "initiated": initiated, "bare": is_bare}

    def _structure_groups(self, random: np.random.Generator, day: int) -> list[Group]:
        begin, end = self.structure_edges[day], self.structure_edges[day + 1]
        kinds, chosen, _, at, surface, model, is_failure = (column[begin:end] for column in self.structure)
        groups = []
        for kind in (INSTALL, UNINSTALL, SHOWN, CLICKED):
            mask = kinds == kind
            pair = chosen[mask]
            if not len(pair):
                continue
            person, skill = self.pairs.person[pair], self.pairs.skill[pair]
            head = text.take(self.skill_text, skill)
            if kind in (INSTALL, UNINSTALL):
                source = np.where(self.pairs.origin[pair] == 2, 3, np.array((0, 1, 0, 2))[self.source[person]])
                outcome = (random.random(len(pair)) < 0.03).astype(np.int64)
                if self.world.day(day) < SUCCESS_REPORTED_FROM:
                    outcome = (random.random(len(pair)) < 0.25).astype(np.int64)
                error = 2 + random.integers(0, len(_INSTALL_ERRORS), len(pair))
                outcome = np.where(is_failure[mask], error, outcome)
                tail = text.take(self.install_text, source * (2 + len(_INSTALL_ERRORS)) + outcome)
                # An install counts where it is known to have worked, an uninstall unless it is known not to have.
                counts = outcome == 0 if kind == INSTALL else outcome < 2
                change = np.where(source == 3, ROLLED_OUT, OWN) if kind == INSTALL else np.full(len(pair), REMOVED)
                facts = (skill, change, counts)
            else:
                rank = random.integers(0, 5, len(pair))
                tail = text.take(self.recommendation_text, (surface[mask] * 4 + model[mask]) * 5 + rank)
                facts = (skill, surface[mask], model[mask])
            groups.append(Group(kind, person, at[mask], [head, tail], recommended=facts))
        return groups

    def _activity(self, random: np.random.Generator, active: np.ndarray) -> list[Group]:
        """Searches, views and impressions that lead nowhere, by people who are active that day."""
        people = np.flatnonzero(active[: self.world.registered_people])
        groups = []
        popular = min(400, len(self.catalog.names))
        for kind in (SHOWN, VIEW, LOAD, RATE, SEARCH, RECOMMEND, COMPARE, VALIDATE):
            person = people[_poisson_rows(random, np.full(len(people), self.person_rate[kind]))]
            count = len(person)
            at = self._times(random, person, count)
            skill = (popular * random.power(0.45, count) ** 1.5).astype(np.int64) % popular
            head: list[pa.Array | str] = [text.take(self.skill_text, skill)]
            if kind == SHOWN:
                surface, rank = random.integers(0, 4, count), random.integers(0, 5, count)
                model = np.where(random.random(count) < 0.1, 3, random.integers(0, 3, count))
                fragment = (surface * 4 + model) * 5 + rank
                shown = [*head, text.take(self.recommendation_text, fragment)]
                groups.append(Group(SHOWN, person, at, shown, recommended=(skill, surface, model)))
                answer = random.random(count)
                answer[model == 3] = 1.0
                for then, chosen in ((CLICKED, answer < 0.12), (DISMISSED, (answer >= 0.12) & (answer < 0.3))):
                    later = np.minimum(at[chosen] + random.integers(2_000, 120_000, int(chosen.sum())), _LAST_MS)
                    groups.append(
                        Group(
                            then,
                            person[chosen],
                            later,
                            [
                                text.take(self.skill_text, skill[chosen]),
                                text.take(self.recommendation_text, fragment[chosen]),
                            ],
                            recommended=(skill[chosen], surface[chosen], model[chosen]),
                        )
                    )
                continue
            if kind in (SEARCH, RECOMMEND):
                head = [f'"result_count":{20 - kind}']
            groups.append(Group(kind, person, at, [*head, ",", text.take(self.other_text, self.source[person])]))
        visitors = self.world.registered_people + np.flatnonzero(active[self.world.registered_people :])
        person = np.concatenate(
            [
                people[_poisson_rows(random, np.full(len(people), self.person_rate[SEARCHES]))],
                visitors[_poisson_rows(random, np.full(len(visitors), self.visitor_rate))],
            ]
        )
        count = len(person)
        results = np.where(random.random(count) < 0.15, 20, random.integers(0, 60, count))
        groups.append(self._searches(random, person, self._times(random, person, count), results))
        return groups

    def _searches(self, random: np.random.Generator, person: np.ndarray, at: np.ndarray, results: np.ndarray) -> Group:
        request = np.frombuffer(random.bytes(8 * len(person)), dtype=np.uint8).reshape(-1, 8)
        return Group(
            SEARCHES,
            person,
            at,
            [
                '"request_id":"req_',
                text.hex_text(request),
                '","result_count":',
                text.number_text(results),
                ',"has_query":true,"duration_ms":',
                text.number_text(random.gamma(2.0, 22.0, len(person)).astype(np.int64) + 3),
                "}}\n",
            ],
            results,
        )

    def _scraping(self, random: np.random.Generator, day: int) -> list[Group]:
        groups = []
        for person, count in self.scrape.get(day, []):
            who = np.full(count, person)
            begin = int(random.integers(0, 60_000_000))
            at = np.sort(random.integers(begin, begin + 24_000_000, count))
            results = random.choice(SCRAPER_RESULT_COUNTS, count)
            results[random.random(count) < 0.02] = 7
            groups.append(self._searches(random, who, at, results))
        return groups

    def _count(self, day: int, groups: list[Group], invoked: dict[str, np.ndarray]) -> None:
        world, truth = self.world, self.truth
        for group in groups:
            truth.events += len(group.person)
            truth.by_type[EVENT_TYPES[group.kind]] += len(group.person)
        searches = [group for group in groups if group.result_count is not None]
        person = np.concatenate([group.person for group in searches])
        results = np.concatenate([group.result_count for group in searches if group.result_count is not None])
        round_number = np.isin(results, SCRAPER_RESULT_COUNTS)
        named = person < world.registered_people
        everyone, networks = len(world.actors), len(world.networks)

        def scrapers(index: np.ndarray, chosen: np.ndarray, size: int) -> np.ndarray:
            total = np.bincount(index[chosen], minlength=size)
            round_total = np.bincount(index[chosen & round_number], minlength=size)
            return (total > SCRAPER_SEARCHES) & (round_total > SCRAPER_SHARE * total)

        by_actor = scrapers(person, named, everyone)
        by_network = scrapers(world.network[person], np.ones(len(person), dtype=bool), networks)
        out = by_actor | by_network[world.network]
        label = world.day(day).isoformat()
        for at in np.flatnonzero(by_actor):
            truth.scraper_days.add((world.actors[at] or "", label))
        for at in np.flatnonzero(by_network):
            truth.scraper_days.add((world.networks[at], label))
        who = invoked["person"]
        # Bots are out whatever else holds; a person seated in two teams still used the skill once.
        accepted = world.seated[who, day] & ~world.is_bot[who] & ~out[who] & (invoked["initiated"] < 3)
        size = len(self.catalog.names)
        # A bare name of several authors cannot be resolved and stands for itself, behind the full names.
        is_open = invoked["bare"] & ~self.catalog.is_bare_unique[invoked["skill"]]
        named_as = invoked["skill"] + is_open * size
        for counts, mask in (
            (truth.uses, accepted),
            (truth.successes, accepted & (invoked["success"] == 2)),
            (truth.failures, accepted & (invoked["success"] == 1)),
        ):
            counts += np.bincount(named_as[mask], minlength=2 * size)
        self._follow(day, groups, out, (who, named_as, invoked["success"] == 2, invoked["initiated"] < 3))

    def _follow(self, day: int, groups: list[Group], out: np.ndarray, uses: tuple[np.ndarray, ...]) -> None:
        """Hand the day's recommendations and what may come of them on, without scrapers."""
        for group in groups:
            counted = ~out[group.person]
            if group.kind in (INSTALL, UNINSTALL):
                counted &= group.recommended[2]
            moments = (group.person, group.recommended[0], day * DAY_MS + group.at) if group.recommended else ()
            facts = [column[counted] for column in (*moments, *group.recommended[1:])]
            if group.kind == SHOWN:
                self.recommendations.take("shown", *facts)
            elif group.kind == CLICKED:
                self.recommendations.take("clicked", *facts[:4])
            elif group.kind in (INSTALL, UNINSTALL):
                self.recommendations.take("changed", *facts[:4])
        who, skill, success, by_person = uses
        mine = by_person & ~out[who]
        # One a person, skill and day: whether it was used, and whether that worked.
        size = 2 * len(self.catalog.names)
        keys = who[mine].astype(np.int64) * size + skill[mine]
        used, at = np.unique(keys, return_inverse=True)
        worked = np.bincount(at, weights=success[mine], minlength=len(used)) > 0
        self.recommendations.take("used", used // size, used % size, np.full(len(used), day), worked)

    def _lines(self, random: np.random.Generator, day: int, groups: list[Group]) -> pa.Array:
        world = self.world
        midnight = f'","created_at":"{world.day(day).isoformat()}T'
        tails = [text.join_rows(group.metadata) for group in groups]
        person = np.concatenate([group.person for group in groups])
        at = np.concatenate([group.at for group in groups])
        kind = np.concatenate([np.full(len(group.person), group.kind) for group in groups])
        owner = world.person_account[person]
        tier = np.where(owner >= 0, self.tier_of_account[np.maximum(owner, 0)], _TIERS.index("community"))
        tier = np.where(person >= world.registered_people, _TIERS.index(None), tier)
        order = np.argsort(at, kind="stable")
        tail = pa.chunked_array(tails).combine_chunks()
        return text.join_rows(
            [
                '{"event_id":"',
                text.uuid_text(random, len(order)),
                midnight,
                text.clock_text(at[order]),
                'Z",',
                text.take(self.type_text, kind[order]),
                text.take(self.person_text, person[order]),
                text.take(self.tier_text, tier[order]),
                text.take(tail, order),
            ]
        )
