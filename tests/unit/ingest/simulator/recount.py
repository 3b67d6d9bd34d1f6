"""A second count of a drop folder, straight from its files and the definitions: plain Python, row by row, no engine."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.unit.ingest.simulator import recommended

KEYS = {
    "registry/events": ("event_id",),
    "registry/accounts": ("account_id",),
    "registry/teams": ("team_id",),
    "registry/team_members": ("team_id", "actor", "joined_at"),
    "registry/skills": ("skill_id",),
    "registry/skill_ratings": ("rating_id",),
    "registry/subscriptions": ("id",),
    "registry/api_requests": ("request_id",),
    "billing/stripe_events": ("id",),
    "status/checks": ("component", "checked_at", "probe"),
    "reference/time_value": ("account_id", "valid_from"),
    "status/incidents": ("incident_id",),
    "status/maintenance": ("window_id",),
    "finance/costs": ("month", "category"),
    "github/repositories": ("repository_id", "snapshot_day"),
    "github/commits": ("repository_id", "sha"),
    "github/pull_requests": ("repository_id", "number"),
    "github/issues": ("repository_id", "number"),
    "github/issue_comments": ("repository_id", "comment_id"),
    "github/releases": ("repository_id", "tag"),
    "github/stargazers": ("repository_id", "actor", "starred_at"),
    "github/archive_events": ("id",),
}
EVENT_TYPES = {
    "search:metrics",
    "telemetry:skill_view",
    "telemetry:skill_install",
    "telemetry:skill_uninstall",
    "telemetry:skill_invoke",
    "telemetry:skill_context_load",
    "telemetry:skill_rate",
    "telemetry:search",
    "telemetry:recommend",
    "telemetry:compare",
    "telemetry:validate",
    "telemetry:recommendation_shown",
    "telemetry:recommendation_clicked",
    "telemetry:recommendation_dismissed",
}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def files(drop: Path, entity: str) -> list[Path]:
    return sorted((drop / entity).glob("*.ndjson.gz"))


def raw_lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def read(drop: Path, entity: str) -> tuple[list[dict[str, Any]], int, int]:
    """The newest version of every valid row, how many rows came twice, and how many are no rows."""
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    seen: set[tuple[str, ...]] = set()
    twice = malformed = 0
    for path in files(drop, entity):
        for line in raw_lines(path):
            try:
                row = json.loads(line)
            except ValueError:
                malformed += 1
                continue
            if not _is_valid(entity, row):
                malformed += 1
                continue
            twice += line in seen
            seen.add(line)
            key = tuple(row[part] for part in KEYS[entity])
            held = newest.get(key)
            if held is None or str(row.get("updated_at", "")) >= str(held.get("updated_at", "")):
                newest[key] = row
    return list(newest.values()), twice, malformed


def _is_valid(entity: str, row: dict[str, Any]) -> bool:
    if any(row.get(part) is None for part in KEYS[entity]):
        return False
    if entity == "registry/skill_ratings":
        return row["stars"] in (1, 2, 3, 4, 5)
    if entity != "registry/events":
        return True
    try:
        created = moment(row["created_at"])
    except ValueError:
        return False
    return row.get("event_type") in EVENT_TYPES and created.year < 2090


def scrapers(events: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(actor or address, day) of every scraper."""
    results: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        if event["event_type"] == "search:metrics":
            for who in {event["actor"], event["ip_prefix"]} - {None}:
                results[who, event["created_at"][:10]].append(event["metadata"]["result_count"])
    return {
        key
        for key, counts in results.items()
        if len(counts) > 1000 and sum(count in (20, 50, 100) for count in counts) > 0.95 * len(counts)
    }


def _seats(drop: Path) -> tuple[dict[str, list[tuple[str, datetime, datetime | None]]], set[str]]:
    """(team, joined, left) of each person's stays in teams that are not our own, and who is a bot."""
    internal = {row["account_id"] for row in read(drop, "registry/accounts")[0] if row["is_internal"]}
    ours = {row["team_id"] for row in read(drop, "registry/teams")[0] if row["account_id"] in internal}
    seats = defaultdict(list)
    bots = set()
    for row in read(drop, "registry/team_members")[0]:
        if row["is_bot"]:
            bots.add(row["actor"])
        if row["team_id"] not in ours:
            left = moment(row["left_at"]) if row["left_at"] else None
            seats[row["actor"]].append((row["team_id"], moment(row["joined_at"]), left))
    return seats, bots


def _teams_on(stays: list[tuple[str, datetime, datetime | None]], day: str) -> set[str]:
    begin = moment(f"{day}T00:00:00Z")
    end = begin + timedelta(days=1)
    return {team for team, joined, left in stays if joined < end and (left is None or left > begin)}


def _names(drop: Path) -> dict[str, set[str]]:
    """The skills of each bare name."""
    by_bare = defaultdict(set)
    for row in read(drop, "registry/skills")[0]:
        by_bare[row["skill_name"].split("/", 1)[1]].add(row["skill_name"])
    return by_bare


def _resolved(name: str, by_bare: dict[str, set[str]]) -> str:
    return next(iter(by_bare[name])) if "/" not in name and len(by_bare[name]) == 1 else name


def _is_own(facts: dict[str, Any]) -> bool:
    return facts.get("user_initiated", facts.get("agent_session") is not True)


def uses_per_skill(drop: Path) -> dict[str, dict[str, int]]:
    """Definition A1's uses: seated that day, by a person, not a bot, not a scraper, not our own."""
    events = read(drop, "registry/events")[0]
    out = scrapers(events)
    seats, bots = _seats(drop)
    by_bare = _names(drop)
    found: dict[str, dict[str, int]] = {}
    for event in events:
        facts, day = event["metadata"], event["created_at"][:10]
        if event["event_type"] != "telemetry:skill_invoke" or event["actor"] in bots or not _is_own(facts):
            continue
        if (event["actor"], day) in out or (event["ip_prefix"], day) in out:
            continue
        if not _teams_on(seats[event["actor"]], day):
            continue
        counts = found.setdefault(_resolved(facts["skill_name"], by_bare), {"uses": 0, "successes": 0, "failures": 0})
        counts["uses"] += 1
        counts["successes"] += facts.get("success") is True
        counts["failures"] += facts.get("success") is False
    return dict(sorted(found.items()))


def recommendations(drop: Path, last_day: str) -> dict[str, dict[str, int]]:
    """Definition R1's steps by `surface/model`, summed over teams, of all episodes that begin in the range."""
    events = read(drop, "registry/events")[0]
    out = scrapers(events)
    seats, bots = _seats(drop)
    by_bare = _names(drop)

    def of_skills() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for event in events:
            facts, day, person = event["metadata"], event["created_at"][:10], event["actor"]
            name = facts.get("skill_name" if event["event_type"] == recommended.INVOKE else "skill_id")
            if person and name and (person, day) not in out and (event["ip_prefix"], day) not in out:
                yield person, _resolved(name, by_bare), event | {"created_at": moment(event["created_at"])}

    found: dict[str, dict[str, int]] = {}
    for episode in recommended.episodes(of_skills(), date.fromisoformat(last_day)):
        steps = {
            "censored": episode.age < 7,
            "shown": episode.age >= 7,
            "clicked": episode.age >= 7 and episode.clicked,
            "installed": episode.age >= 7 and episode.installed,
            "activated": episode.age >= 14 and episode.activated,
            "retained": episode.age >= 30 and episode.retained,
        }
        teams = 0 if episode.person in bots else len(_teams_on(seats[episode.person], episode.day.isoformat()))
        if teams:
            counts = found.setdefault(f"{episode.surface}/{episode.model}", dict.fromkeys(steps, 0))
            for step, is_reached in steps.items():
                counts[step] += teams * is_reached
    return dict(sorted(found.items()))


def _month_amount(whole: dict[str, Any]) -> Fraction:
    total = Fraction(0)
    for item in whole["items"]["data"]:
        price = item["price"]
        months = {"month": 1, "year": 12}[price["recurring"]["interval"]]
        total += Fraction(price["unit_amount"] * item["quantity"], months * price["recurring"]["interval_count"])
    for discount in whole["discounts"]:
        coupon = discount.get("coupon") or discount["source"]["coupon"]
        assert coupon["duration"] == "forever"
        total *= 1 - Fraction(Decimal(str(coupon["percent_off"]))) / 100
    return total


def mrr_by_account(drop: Path, months: list[str]) -> dict[str, dict[str, int]]:
    """Definition M1 from the Stripe events alone."""
    internal = {row["account_id"] for row in read(drop, "registry/accounts")[0] if row["is_internal"]}
    history = defaultdict(list)
    for event in read(drop, "billing/stripe_events")[0]:
        whole = event["data"]["object"]
        is_ours = event["type"].startswith("customer.subscription.") and "trial_will_end" not in event["type"]
        if is_ours and whole["metadata"].get("app", "skillsmith") == "skillsmith":
            history[whole["id"]].append((event["created"], event["id"], event["type"], whole))
    result: dict[str, dict[str, int]] = {}
    for month in months:
        first = date.fromisoformat(f"{month}-01")
        following = (first + timedelta(days=32)).replace(day=1)
        end = datetime(following.year, following.month, following.day, tzinfo=UTC).timestamp()
        amounts: dict[str, Fraction] = defaultdict(Fraction)
        for states in history.values():
            known = sorted((state for state in states if state[0] < end), key=lambda state: state[:2])
            if not known:
                continue
            created, _, kind, whole = known[-1]
            account = whole["metadata"]["account_id"]
            if account in internal or whole["pause_collection"] or whole["status"] in ("trialing", "incomplete"):
                continue
            if kind.endswith("deleted"):
                if (whole["ended_at"] or created) < end:
                    continue
            elif whole["status"] == "canceled":
                continue
            period_end = whole.get("current_period_end") or whole["items"]["data"][0]["current_period_end"]
            if whole["cancel_at_period_end"] and period_end < end:
                continue
            if whole["status"] in ("past_due", "unpaid"):
                actives = [at for at, state in enumerate(known) if state[3]["status"] == "active"]
                since = known[actives[-1] + 1 if actives else 0][0]
                if since + 90 * 86_400 < end:
                    continue
            amounts[account] += _month_amount(whole)
        result[month] = {account: round(amount) for account, amount in sorted(amounts.items()) if amount > 0}
    return result


def down_minutes(drop: Path, last_day: str) -> tuple[dict[str, int], dict[str, int]]:
    """Definition S2 from the probes alone: (down, covered) minutes per component, approved windows left out of down."""
    windows = [
        (component, moment(row["starts_at"]), moment(row["ends_at"]))
        for row in read(drop, "status/maintenance")[0]
        if row["approved_by"]
        for component in row["components"]
    ]
    end = int(moment(f"{last_day}T00:00:00Z").timestamp()) // 60 + 1440
    probes = defaultdict(list)
    for row in read(drop, "status/checks")[0]:
        at = int(moment(row["checked_at"]).timestamp())
        probes[row["component"], row["probe"]].append((at, row["status"]))
    down, covered = defaultdict(set), defaultdict(set)
    for (component, _), checks in probes.items():
        checks.sort()
        for number, (at, status) in enumerate(checks):
            following = checks[number + 1][0] // 60 if number + 1 < len(checks) else end
            held = range(at // 60, min(following, at // 60 + 10, end))
            if status != "unknown":
                covered[component].update(held)
            if status == "outage":
                down[component].update(held)
    for component, begin, stop in windows:
        first, last = int(begin.timestamp()) // 60, int(stop.timestamp() - 1) // 60
        down[component] -= set(range(first, last + 1))
    return (
        {component: len(down[component]) for component in sorted(covered)},
        {component: len(covered[component]) for component in sorted(covered)},
    )
