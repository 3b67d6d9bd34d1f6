"""Whether it ran: outages and slow periods, and what probes, incidents and requests show of them."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.simulator import text
from ingest.simulator.streams import stable_uuid, stream
from ingest.simulator.world import World

# Outages in half a year and their usual length in minutes.
COMPONENTS = {
    "website": (3, 25),
    "search-api": (4, 28),
    "mcp-backend": (3, 30),
    "database": (2, 45),
    "skill-indexer": (5, 60),
    "billing": (2, 35),
    "rate-limiting": (2, 15),
}
# What customers meet is also probed from outside.
_EXTERNAL = ("website", "search-api")
HOLD_MINUTES = 10
_CHECK_MINUTES = 5
_DAY_MINUTES = 1_440
_STATUS = ("operational", "degraded", "outage", "unknown")
_ROUTES = ("search", "get", "recommend", "install", "events", "stats", "other")
_ROUTE_SHARES = np.array((0.34, 0.2, 0.08, 0.05, 0.25, 0.03, 0.05))
_ROUTE_COMPONENT = ("search-api", *("mcp-backend",) * 5, "website")
_ROUTE_MEDIAN_MS = np.array((72, 34, 95, 88, 22, 110, 40))
_METHODS = ("GET", "GET", "POST", "POST", "POST", "GET", "GET")
_REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-1")
_REGION_OF_COUNTRY = {"US": 0, "BR": 0, "DE": 1, "GB": 1, "IN": 2, "JP": 2, "AU": 2}


@dataclass(frozen=True)
class Trouble:
    """One period of one component in minutes of the range, [start, end).

    kind: outage, slow, or gap (nothing arrives).
    """

    component: str
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Maintenance:
    """An approved window in minutes of the range, [start, end)."""

    component: str
    start: int
    end: int


@dataclass
class ServiceTruth:
    """Down and covered minutes per component over the complete days, by S2 and S3 from probes alone."""

    down: Counter[str]
    covered: Counter[str]
    excluded: Counter[str]


class Service:
    """The whole range's troubles, and one day of checks or requests at a time."""

    def __init__(self, world: World, requests: int) -> None:
        self.world, self.requests = world, requests
        self.minutes = world.days * _DAY_MINUTES
        random = stream(world.seed, "troubles")
        self.troubles: list[Trouble] = []
        share = world.days / 180
        for component, (count, usual) in COMPONENTS.items():
            wanted = int(random.poisson(count * share))
            if component in ("search-api", "database"):
                wanted = max(wanted, 1)
            for number in range(wanted):
                length = int(np.clip(random.lognormal(np.log(usual), 0.6), 6, 240))
                start = int(random.integers(_DAY_MINUTES // 2, self.minutes - 300))
                # The database's own probe dies with it, now and then.
                kind = "gap" if component == "database" and number % 2 == 0 else "outage"
                self.troubles.append(Trouble(component, start, start + length, kind))
        for component in ("search-api", "mcp-backend", "search-api", "website"):
            length = int(random.integers(30, 160))
            start = int(random.integers(_DAY_MINUTES // 2, self.minutes - 300))
            self.troubles.append(Trouble(component, start, start + length, "slow"))
        # A Sunday night in the second half; the work itself takes the search down.
        day = world.days // 2
        day = next((d for d in range(day, world.days) if world.day(d).weekday() == 6), day)
        begin = day * _DAY_MINUTES + 120
        self.maintenance = Maintenance("search-api", begin, begin + 90)
        self.troubles.append(Trouble("search-api", begin + 12, begin + 52, "outage"))
        self.series = [(c, "internal") for c in COMPONENTS] + [(c, "external") for c in _EXTERNAL]
        self.state = {
            component: self._minutes(component) for component in COMPONENTS
        }  # 0 operational, 1 slow, 2 outage, 4 gap
        self.truth = ServiceTruth(Counter(), Counter(), Counter())
        self._checks: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        for component, probe in self.series:
            self._checks[component, probe] = self._draw_checks(component, probe)
        self._count()
        self._fragments()

    def _minutes(self, component: str) -> np.ndarray:
        minutes = np.zeros(self.minutes, dtype=np.int8)
        for kind, code in (("slow", 1), ("outage", 2), ("gap", 4)):
            for trouble in self.troubles:
                if trouble.component == component and trouble.kind == kind:
                    minutes[trouble.start : trouble.end] = code
        return minutes

    def _draw_checks(self, component: str, probe: str) -> tuple[np.ndarray, np.ndarray]:
        """Times in seconds of the range, and states, of every check of one probe."""
        random = stream(self.world.seed, "checks", component, probe)
        regular = np.arange(0, self.minutes * 60, _CHECK_MINUTES * 60)
        # A probe runs a little late now and then, never into the next one's time.
        at = regular + random.integers(0, 20, len(regular)) + 60 * (random.random(len(regular)) < 0.02)
        seen = self.state[component][at // 60]
        keep = (seen != 4) & (random.random(len(at)) > 0.0004)
        at, state = at[keep], seen[keep].astype(np.int64)
        state[random.random(len(at)) < 0.0003] = 3
        return at, state

    def _count(self) -> None:
        """Held states on a grid of minutes; any probe that says outage makes the minute down."""
        for component in COMPONENTS:
            down = np.zeros(self.minutes, dtype=bool)
            covered = np.zeros(self.minutes, dtype=bool)
            for probe in ("internal", "external"):
                if (component, probe) not in self._checks:
                    continue
                at, state = self._checks[component, probe]
                minute = at // 60
                following = np.append(minute[1:], self.minutes)
                end = np.minimum(np.minimum(following, minute + HOLD_MINUTES), self.minutes)
                for offset in range(HOLD_MINUTES):
                    held = (minute + offset < end) & (state != 3)
                    covered[minute[held] + offset] = True
                    down[minute[held & (state == 2)] + offset] = True
            excluded = np.zeros(self.minutes, dtype=bool)
            if component == self.maintenance.component:
                excluded[self.maintenance.start : self.maintenance.end] = True
            self.truth.covered[component] = int(covered.sum())
            self.truth.excluded[component] = int((down & excluded).sum())
            self.truth.down[component] = int((down & ~excluded).sum())

    def _fragments(self) -> None:
        self.status_text = text.table_of([f'","status":"{status}","latency_ms":' for status in _STATUS])
        accounts = [f'"{account.account_id}"' for account in self.world.accounts] + ["null"]
        self.account_text = text.table_of([f'Z","account_id":{account},' for account in accounts])
        self.route_text = text.table_of(
            [
                f'"route":"{route}","method":"{method}","status_code":'
                for route, method in zip(_ROUTES, _METHODS, strict=True)
            ]
        )
        self.region_text = text.table_of([f',"region":"{region}"}}\n' for region in _REGIONS])

    def checks(self, day: int) -> pa.Array:
        """One day's checks of every probe, as lines."""
        random = stream(self.world.seed, "check latency", self.world.day(day).isoformat())
        parts = []
        for component, probe in self.series:
            at, state = self._checks[component, probe]
            low, high = np.searchsorted(at, (day * 86_400, (day + 1) * 86_400))
            seconds, states = at[low:high] - day * 86_400, state[low:high]
            median = 60.0 if probe == "internal" else 140.0
            latency = random.lognormal(np.log(median), 0.25, len(states)) * np.where(states == 1, 9.0, 1.0)
            latency_text = text.number_text(latency.astype(np.int64))
            latency_text = pc.call_function(
                "if_else", [pa.array(states >= 2), pa.scalar("null", pa.large_string()), latency_text]
            )
            parts.append(
                text.join_rows(
                    [
                        f'{{"component":"{component}","probe":"{probe}","checked_at":"{self.world.day(day).isoformat()}T',
                        text.clock_text(seconds * 1000),
                        "Z",
                        text.take(self.status_text, states),
                        latency_text,
                        "}\n",
                    ]
                )
            )
        return pa.chunked_array(parts).combine_chunks()

    def incidents(self) -> list[dict[str, Any]]:
        """What was told to the public; short slow periods were not."""
        rows = []
        for number, trouble in enumerate(sorted(self.troubles, key=lambda t: (t.start, t.component))):
            if trouble.start == self.maintenance.start + 12 and trouble.component == self.maintenance.component:
                continue
            length = trouble.end - trouble.start
            impact = "minor" if trouble.kind == "slow" else ("critical" if length > 60 else "major")
            name = trouble.component
            rows.append(
                {
                    "incident_id": f"inc_{stable_uuid(self.world.seed, 'incident', number)[:13]}",
                    "title": f"{name} slow" if trouble.kind == "slow" else f"{name} unavailable",
                    "impact": impact,
                    "status": "resolved",
                    "components": [name],
                    "started_at": self.world.moment(trouble.start * 60 + 120),
                    "resolved_at": self.world.moment(trouble.end * 60 + 300),
                    "updated_at": self.world.moment(trouble.end * 60 + 300),
                }
            )
        return rows

    def maintenance_rows(self) -> list[dict[str, Any]]:
        """The one approved window."""
        window = self.maintenance
        return [
            {
                "window_id": f"mnt_{stable_uuid(self.world.seed, 'maintenance')[:13]}",
                "components": [window.component],
                "starts_at": self.world.moment(window.start * 60),
                "ends_at": self.world.moment(window.end * 60),
                "reason": "search index moved to larger machines",
                "approved_by": "ops_lead",
                "updated_at": self.world.moment((window.start - 4_000) * 60),
            }
        ]

    def requests_of(self, day: int) -> pa.Array:
        """One day's API requests in order of time, as lines."""
        world = self.world
        random = stream(world.seed, "requests", world.day(day).isoformat())
        weekday = world.day(day).weekday()
        usual = self.requests / world.days * (1.25 if weekday < 5 else 0.38) * (0.75 + 0.5 * day / world.days)
        count = int(random.poisson(usual))
        weight = np.array([float(a.signup_day <= day) * (a.part.people[1] + 1) for a in world.accounts] + [0.0])
        weight[-1] = max(weight.sum() * 0.3, 1.0)
        account = random.choice(len(weight), count, p=weight / weight.sum())
        # A daily wave with its height in the European afternoon, when the Americas are awake as well.
        at = np.sort((random.normal(15.5, 4.2, count) % 24 * 3_600_000).astype(np.int64) % 86_400_000)
        route = random.choice(len(_ROUTES), count, p=_ROUTE_SHARES)
        minute = day * _DAY_MINUTES + at // 60_000
        state = np.zeros(count, dtype=np.int8)
        for component in set(_ROUTE_COMPONENT):
            routes = [number for number, name in enumerate(_ROUTE_COMPONENT) if name == component]
            mask = np.isin(route, routes)
            state[mask] = self.state[component][minute[mask]]
        # Without the database hardly anything works.
        state = np.where(self.state["database"][minute] >= 2, 2, state)
        duration = random.lognormal(np.log(_ROUTE_MEDIAN_MS[route]), 0.62)
        duration = np.where(state == 1, duration * random.uniform(4, 14, count), duration)
        drawn = random.random(count)
        code = np.where(drawn < 0.0004, 500, np.where(drawn < 0.0005, 0, 200))
        code = np.where((drawn > 0.985) & (drawn < 0.993), 404, code)
        code = np.where(drawn > 0.9995, 429, code)
        code = np.where((account == len(weight) - 1) & (drawn > 0.993), 429, code)
        broken = (state == 2) & (random.random(count) < 0.7)
        code = np.where(broken, random.choice((500, 502, 503, 0), count), code)
        code = np.where((state == 1) & (random.random(count) < 0.01), 504, code)
        duration = np.where(code == 0, 30_000.0, duration).round(1)
        places = [_REGION_OF_COUNTRY[a.country] for a in world.accounts]
        region = np.where(account < len(weight) - 1, np.array([*places, 0])[account], random.integers(0, 3, count))
        return text.join_rows(
            [
                '{"request_id":"',
                text.uuid_text(random, count),
                f'","started_at":"{world.day(day).isoformat()}T',
                text.clock_text(at),
                text.take(self.account_text, account),
                text.take(self.route_text, route),
                text.number_text(code.astype(np.int64)),
                ',"duration_ms":',
                text.number_text(duration),
                text.take(self.region_text, region),
            ]
        )
