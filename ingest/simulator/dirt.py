"""What real deliveries also contain: rows twice, rows days late, and rows that are none.

Dirt is added to what was generated and never takes its place, so the truth stays what the generator counted.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ingest.simulator import text
from ingest.simulator.streams import stable_uuid, stream

LATE_SHARE = 0.004
TWICE_SHARE = 0.003
MALFORMED_SHARE = 0.0006
MOST_DAYS_LATE = 3

_EVENT = (
    '"actor":null,"auth_tier":null,"auth_method":"none","user_agent":"skillsmith-cli/2.1.0","ip_prefix":"198.51.100.0/24",'
    '"metadata":{}}\n'
)


@dataclass
class Dirt:
    """Counts per entity of what was delivered beside the truth."""

    duplicates: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)
    malformed_by_reason: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)

    def spoil(self, entity: str, reason: str, rows: int = 1) -> None:
        """Count malformed rows."""
        self.malformed[entity] += rows
        self.malformed_by_reason[f"{entity}: {reason}"] += rows


def _malformed_event(reason: str, event_id: str, day: str) -> str:
    time = f'"created_at":"{day}T12:00:00.000Z",'
    kind = '"event_type":"telemetry:search",'
    head = f'{{"event_id":"{event_id}",'
    return {
        "broken JSON": f'{head}{time}"event_type":"telemetry:sea\n',
        "bad time": f'{head}"created_at":"12.31.2026 noon",{kind}{_EVENT}',
        "no key": f"{{{time}{kind}{_EVENT}",
        "unknown event type": f'{head}{time}"event_type":"telemetry:skill_teleport",{_EVENT}',
        "in the future": f'{head}"created_at":"2099-01-01T00:00:00.000Z",{kind}{_EVENT}',
        "no event type": f"{head}{time}{_EVENT}",
    }[reason]


REASONS = ("broken JSON", "bad time", "no key", "unknown event type", "in the future", "no event type")


class Deliveries:
    """Which lines stand in which day's file. Late and repeated lines wait for a later day."""

    def __init__(self, seed: int, days: int, entity: str, dirt: Dirt) -> None:
        self.seed, self.days, self.entity, self.dirt = seed, days, entity, dirt
        self._waiting: dict[int, list[pa.Array]] = {}

    def of_day(self, day: int, label: str, lines: pa.Array) -> list[pa.Array]:
        """The parts of the day's file: what is on time, what is late from before, and what is delivered again."""
        random = stream(self.seed, "delivery", self.entity, label)
        drawn = random.random(len(lines))
        left = self.days - 1 - day
        lag = random.integers(1, MOST_DAYS_LATE + 1, len(lines))
        is_late = (drawn < LATE_SHARE) & (lag <= left)
        again = (drawn > 1 - TWICE_SHARE) & (left > 0)
        for after in range(1, min(MOST_DAYS_LATE, left) + 1):
            late = np.flatnonzero(is_late & (lag == after))
            if len(late):
                self._waiting.setdefault(day + after, []).append(text.take(lines, late))
                self.dirt.late[self.entity] += len(late)
        repeated = np.flatnonzero(again)
        if len(repeated):
            self._waiting.setdefault(day + 1, []).append(text.take(lines, repeated))
            self.dirt.duplicates[self.entity] += len(repeated)
        on_time = text.take(lines, np.flatnonzero(~is_late)) if is_late.any() else lines
        return [on_time, *self._waiting.pop(day, [])]

    def malformed_events(self, day: int, label: str, rows: int) -> list[str]:
        """Lines that must not become events; the middle day has one of every kind."""
        random = stream(self.seed, "malformed", label)
        reasons = [REASONS[at] for at in random.integers(0, len(REASONS), random.poisson(rows * MALFORMED_SHARE))]
        if day == self.days // 2:
            reasons += REASONS
        lines = []
        for number, reason in enumerate(reasons):
            lines.append(_malformed_event(reason, stable_uuid(self.seed, "malformed", label, number), label))
            self.dirt.spoil(self.entity, reason)
        return lines
