"""What becomes of recommendations, counted from what was drawn, by definition R1: episode by episode, no warehouse.

`take` is given each day's events, in any order of days; `counts` follows every episode to the end of the range.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from ingest.simulator.world import World

DAY_MS = 86_400_000
BELONGS, ACTIVATES, RETAINS = 7, 14, 30
"""Days since the first impression until which its answer counts, the first success, and later use."""

OWN, ROLLED_OUT, REMOVED = range(3)
"""Changes of what is installed: by the person, by an administrator, away."""


class Recommendations:
    """Collects impressions, clicks, changes and uses; a skill is a number, and so is who, where and by which model."""

    def __init__(self, world: World, surfaces: Sequence[str], models: Sequence[str]) -> None:
        self.world, self.surfaces, self.models = world, surfaces, models
        self._columns: dict[str, list[tuple[np.ndarray, ...]]] = defaultdict(list)

    def take(self, kind: str, *columns: np.ndarray) -> None:
        """Some of a day's events: shown (person, skill, moment, surface, model), clicked (.., surface), changed (..,
        change), used (person, skill, day, success). A moment is milliseconds since the range's first midnight."""
        if len(columns[0]):
            self._columns[kind].append(columns)

    def _of(self, kind: str, width: int) -> list[np.ndarray]:
        parts = self._columns[kind]
        empty = [np.zeros(0, dtype=np.int64)] * width
        return [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else empty

    def counts(self) -> dict[str, dict[str, int]]:
        """Steps by `surface/model`, summed over published teams: who sits in two on the first day counts in both."""
        changes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for person, skill, moment, change in zip(*map(np.ndarray.tolist, self._of("changed", 4)), strict=True):
            changes[person, skill].append((moment, change))
        clicks: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for person, skill, moment, surface in zip(*map(np.ndarray.tolist, self._of("clicked", 4)), strict=True):
            clicks[person, skill, surface].append(moment)
        uses = self._uses(changes)
        teams = self._teams()
        found: dict[str, dict[str, int]] = {}
        for person, skill, surface, moment, model in self._episodes():
            day = moment // DAY_MS
            weight = sum(day in days for days in teams.get(person, ()))
            end = (day + BELONGS + 1) * DAY_MS
            mine = changes.get((person, skill), [])
            installed = _installed(mine, moment, end)
            if not weight or installed is None:
                continue
            # What was withheld cannot be clicked; a later impression of its seven days can.
            is_shown = self.models[model] != "holdout"
            is_clicked = is_shown and any(moment <= at < end for at in clicks.get((person, skill, surface), ()))
            steps = self._steps(day, is_clicked, installed, uses.get((person, skill), []))
            counts = found.setdefault(f"{self.surfaces[surface]}/{self.models[model]}", dict.fromkeys(steps, 0))
            for step, is_reached in steps.items():
                counts[step] += weight * is_reached
        return dict(sorted(found.items()))

    def _episodes(self) -> list[tuple[int, int, int, int, int]]:
        """(person, skill, surface, moment, model) of every episode's first impression."""
        person, skill, moment, surface, model = self._of("shown", 5)
        by_name = np.argsort(np.argsort(np.array(self.models)))[model] if len(model) else model
        order = np.lexsort((by_name, moment, surface, skill, person))
        rows = zip(*(column[order].tolist() for column in (person, skill, surface, moment, model)), strict=True)
        episodes = []
        for _, shown in groupby(rows, key=lambda row: row[:3]):
            last = None
            for row in shown:
                day = row[3] // DAY_MS
                if last is None or day - last > BELONGS:
                    last = day
                    episodes.append(row)
        return episodes

    def _uses(self, changes: Mapping[tuple[int, int], object]) -> dict[tuple[int, int], list[tuple[int, bool]]]:
        """(day, whether one succeeded) of the uses of what was ever installed."""
        uses = defaultdict(list)
        for person, skill, day, success in zip(*map(np.ndarray.tolist, self._of("used", 4)), strict=True):
            if (person, skill) in changes:
                uses[person, skill].append((day, bool(success)))
        return uses

    def _teams(self) -> dict[int, list[set[int]]]:
        """The days on which each person sits in each of their published teams; bots sit in none."""
        until = self.world.days - 1
        days: dict[tuple[int, int], set[int]] = defaultdict(set)
        for seat in self.world.memberships:
            if not seat.is_bot and not self.world.accounts[self.world.teams[seat.team].account].is_internal:
                first, last = seat.days(until)
                days[seat.person, seat.team].update(range(first, last + 1))
        found: dict[int, list[set[int]]] = defaultdict(list)
        for (person, _), seated in days.items():
            found[person].append(seated)
        return found

    def _steps(
        self, day: int, is_clicked: bool, installed: int | bool, uses: Sequence[tuple[int, bool]]
    ) -> dict[str, bool]:
        age = self.world.days - 1 - day
        is_installed = installed is not False
        since = installed // DAY_MS
        is_activated = is_installed and any(since <= at <= day + ACTIVATES and success for at, success in uses)
        is_retained = is_activated and any(day + ACTIVATES < at <= day + RETAINS for at, _ in uses)
        return {
            "censored": age < BELONGS,
            "shown": age >= BELONGS,
            "clicked": age >= BELONGS and is_clicked,
            "installed": age >= BELONGS and is_installed,
            "activated": age >= ACTIVATES and is_activated,
            "retained": age >= RETAINS and is_retained,
        }


def _installed(changes: Sequence[tuple[int, int]], shown: int, end: int) -> int | bool | None:
    """When the person installed it first from `shown` on and before `end`, False where not.

    None where it was installed already or an administrator's roll-out came first.
    """
    # At equal times the uninstall wins.
    before = max(((at, change == REMOVED) for at, change in changes if at < shown), default=(0, True))
    after = [(at, change) for at, change in changes if shown <= at < end]
    own = min((at for at, change in after if change == OWN), default=None)
    rolled_out = min((at for at, change in after if change == ROLLED_OUT), default=None)
    if not before[1] or (rolled_out is not None and (own is None or rolled_out < own)):
        return None
    return False if own is None else own
