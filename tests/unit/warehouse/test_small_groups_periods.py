"""Whether a figure of a team of fewer than five follows from those of other periods: tried by solving for it."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from warehouse.published import published_table
from warehouse.small_groups import MINIMUM_SEATS, protected_select

FIRST, DAYS = date(2025, 9, 1), 200
LENGTHS = (7, 28, 30, 90)
TEAMS = ("red", "blue")
Stay = tuple[str, str, int, int]
"""Person, team, first and last day."""
Key = tuple[str, int, int]
"""Team, or * for the account, last day and length of a period."""


def ends() -> list[int]:
    """The published period ends: fourteen days, Sundays and the ends of months."""
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    return [
        number
        for number, day in enumerate(days)
        if number >= DAYS - 14 or day.isoweekday() == 7 or (day + timedelta(days=1)).day == 1
    ]


def stays(dice: random.Random) -> Iterator[Stay]:
    """Teams about as large as are shown, whose people come and go; one may end, or begin late."""
    for team in TEAMS:
        begins, over = dice.choice((0, 0, 60)), dice.choice((DAYS, DAYS, DAYS - 40))
        for number in range(dice.choice((4, 5, 6, 8))):
            since = dice.choice((begins, begins, dice.randrange(begins, over)))
            yield f"{team} {number}", team, since, dice.choice((over, over, dice.randrange(since, over))) - 1


def rows_of(seated: list[Stay], uses: dict[tuple[str, int], int]) -> dict[Key, dict[str, Any]]:
    """The published rows: of a team or account in every period in which it has seats."""
    rows = {}
    for team in (*TEAMS, "*"):
        of_team = [stay for stay in seated if team in ("*", stay[1])]
        for end in ends():
            for length in LENGTHS:
                window = range(end - length + 1, end + 1)
                there = {who for who, _, since, until in of_team if since < window.stop and until >= window.start}
                by_person = {who: sum(uses.get((who, day), 0) for day in window) for who in there}
                if there:
                    rows[team, end, length] = {
                        "seats": len(there),
                        "active_users": sum(used > 0 for used in by_person.values()),
                        "uses": sum(by_person.values()),
                    }
    return rows


def shown_uses(rows: dict[Key, dict[str, Any]]) -> dict[Key, int | None]:
    """The uses of every row as a team lead or an account's administrator reads them."""
    shown: dict[Key, int | None] = {}
    counts = "seats bigint, active_users bigint, uses bigint"
    with duckdb.connect() as engine:
        engine.execute("create schema metrics")
        key = "account_id text, team_id text, period_end date, period_days bigint"
        engine.execute(f"create table metrics.team_activity ({key}, {counts})")
        engine.execute(f"create table metrics.account_activity ({key.replace('team_id text, ', '')}, {counts})")
        engine.execute(
            f"create table metrics.team_skill_usage ({key}, skill_name text, users bigint, people bigint, "
            "seats bigint, uses bigint, successes bigint)"
        )
        for (team, end, length), figures in rows.items():
            values = ["acme", *([] if team == "*" else [team]), FIRST + timedelta(days=end), length, *figures.values()]
            table = "account_activity" if team == "*" else "team_activity"
            engine.execute(f"insert into metrics.{table} values ({', '.join('?' * len(values))})", values)
        for name in ("team_activity", "account_activity"):
            table = published_table(name)
            assert table is not None
            columns = [column for column, *_ in engine.execute(f"describe metrics.{name}").fetchall()]
            for row in engine.execute(protected_select(table, columns, "true")).to_arrow_table().to_pylist():
                end = (row["period_end"] - FIRST).days
                shown[row.get("team_id", "*"), end, row["period_days"]] = row["uses"]
    return shown


def recovered(rows: dict[Key, dict[str, Any]], shown: dict[Key, int | None]) -> list[Key]:
    """The periods of fewer seats than are shown whose uses follow from the shown ones."""

    def days_of(key: Key) -> np.ndarray:
        team, end, length = key
        vector = np.zeros((len(TEAMS), DAYS + max(LENGTHS)))
        own = slice(None) if team == "*" else TEAMS.index(team)
        vector[own, max(LENGTHS) + end - length + 1 : max(LENGTHS) + end + 1] = 1
        return vector.ravel()

    known = [key for key, value in shown.items() if value is not None]
    # Of a shown nought every day is none, and of a period without a row.
    noughts = [key for key in known if shown[key] == 0]
    noughts += [(t, end, n) for t in (*TEAMS, "*") for end in ends() for n in LENGTHS if (t, end, n) not in rows]
    is_open = ~np.any([days_of(key) > 0 for key in noughts] or [days_of(("red", 0, 1)) > 9], axis=0)
    small = [key for key, row in rows.items() if row["seats"] < MINIMUM_SEATS and row["uses"] > 0]
    if not (known and small):
        return []
    system = np.array([days_of(key)[is_open] for key in known]).T
    targets = np.array([days_of(key)[is_open] for key in small]).T
    missed = targets - system @ np.linalg.lstsq(system, targets, rcond=None)[0]
    return [key for key, off in zip(small, np.abs(missed).max(axis=0), strict=True) if off < 1e-8]


def world(seed: int) -> dict[Key, dict[str, Any]]:
    dice = random.Random(seed)
    seated = list(stays(dice))
    often = dice.choice((0.1, 0.5, 1.0))
    uses = {
        (who, day): dice.randrange(1, 6)
        for who, _, since, until in seated
        for day in range(since, until + 1)
        if dice.random() < often
    }
    return rows_of(seated, uses)


@pytest.mark.parametrize("seed", range(12))
def test_no_figure_of_a_team_of_fewer_than_five_follows_from_other_periods(seed: int) -> None:
    rows = world(seed)
    shown = shown_uses(rows)
    assert recovered(rows, shown) == []
    assert all(shown[key] is None for key, row in rows.items() if row["seats"] < MINIMUM_SEATS)


def test_it_would_follow_if_periods_were_hidden_one_by_one() -> None:
    worlds = [world(seed) for seed in range(12)]
    one_by_one = [
        {key: row["uses"] if row["seats"] >= MINIMUM_SEATS else None for key, row in w.items()} for w in worlds
    ]
    found = [recovered(rows, shown) for rows, shown in zip(worlds, one_by_one, strict=True)]
    assert sum(bool(keys) for keys in found) > 6
    # And the rule leaves something to see.
    assert sum(any(value is not None for value in shown_uses(rows).values()) for rows in worlds) > 6
