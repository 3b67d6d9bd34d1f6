"""A count of recommendations straight from events and definition R1: plain Python, episode by episode, no engine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

SHOWN, CLICKED = "telemetry:recommendation_shown", "telemetry:recommendation_clicked"
INSTALL, UNINSTALL, INVOKE = "telemetry:skill_install", "telemetry:skill_uninstall", "telemetry:skill_invoke"

Event = dict[str, Any]
"""event_type, created_at (a UTC datetime), metadata."""


@dataclass(frozen=True)
class Episode:
    """One episode of somebody who could still install the skill. age: whole days that are over since its first day."""

    person: str
    day: date
    surface: str
    model: str
    clicked: bool
    installed: bool
    activated: bool
    retained: bool
    age: int


def episodes(events: Iterable[tuple[str, str, Event]], last_day: date) -> list[Episode]:
    """Every episode that counts, seated or not, of (person, skill, event) without scrapers."""
    of_skill: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for person, skill, event in events:
        of_skill[person, skill].append(event)
    return [found for key, those in sorted(of_skill.items()) for found in _episodes(last_day, key[0], those)]


def _episodes(last_day: date, person: str, events: list[Event]) -> Iterator[Episode]:
    for surface in {e["metadata"].get("surface") for e in events if e["event_type"] == SHOWN}:
        shown = [e for e in events if e["event_type"] == SHOWN and e["metadata"].get("surface") == surface]
        first = None
        for event in sorted(shown, key=lambda e: (e["created_at"], e["metadata"].get("model", "unknown"))):
            if first is None or (event["created_at"].date() - first).days > 7:
                first = event["created_at"].date()
                found = _followed(last_day, person, event, events)
                if found is not None:
                    yield found


def _followed(last_day: date, person: str, first: Event, events: list[Event]) -> Episode | None:
    begins, day, data = first["created_at"], first["created_at"].date(), first["metadata"]

    def within_a_week(kind: str) -> list[Event]:
        return [
            event
            for event in sorted(events, key=lambda e: e["created_at"])
            if event["event_type"] == kind
            and event["created_at"] >= begins
            and (event["created_at"].date() - day).days <= 7
        ]

    is_installed = False
    before = [
        (e["created_at"], e["event_type"] == UNINSTALL) for e in events if e["created_at"] < begins and _counts(e)
    ]
    for _, is_uninstall in sorted(before):
        is_installed = not is_uninstall
    installs = [e for e in within_a_week(INSTALL) if _counts(e)]
    rolled_out = [e["created_at"] for e in installs if e["metadata"].get("source") == "admin_bulk"]
    own = [e["created_at"] for e in installs if e["metadata"].get("source") != "admin_bulk"]
    if is_installed or (rolled_out and (not own or rolled_out[0] < own[0])):
        return None
    model = data.get("model", "unknown")
    clicks = [e for e in within_a_week(CLICKED) if e["metadata"].get("surface") == data.get("surface")]
    uses = [
        e
        for e in events
        if e["event_type"] == INVOKE and _is_own(e) and own and e["created_at"].date() >= own[0].date()
    ]
    days = [((e["created_at"].date() - day).days, e["metadata"].get("success") is True) for e in uses]
    activated = any(is_success and number <= 14 for number, is_success in days)
    return Episode(
        person=person,
        day=day,
        surface=data.get("surface", "unknown"),
        model=model,
        clicked=bool(clicks) and model != "holdout",
        installed=bool(own),
        activated=activated,
        retained=activated and any(15 <= number <= 30 for number, _ in days),
        age=(last_day - day).days,
    )


def _counts(event: Event) -> bool:
    success = event["metadata"].get("success")
    return (event["event_type"] == INSTALL and success is True) or (
        event["event_type"] == UNINSTALL and success is not False
    )


def _is_own(event: Event) -> bool:
    return event["metadata"].get("user_initiated", not event["metadata"].get("agent_session", False))
