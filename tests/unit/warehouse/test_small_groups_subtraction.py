"""Whether a hidden figure of recommendations can be worked out from the shown ones: tried by solving for it."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Any

import duckdb
import numpy as np
import pytest

from warehouse.published import published_table
from warehouse.small_groups import protected_select

SURFACES, MODELS = ("cli", "web"), ("heuristic", "collaborative")
AGES = (3, 10, 20, 40)
"""Days since the first impression: nothing over, 7, 14 or 30 days over."""
REACHED = ("shown", "installed", "activated", "retained")
Atom = tuple[str, str, int, bool, str]
"""Surface, model, age, whether clicked, the last step reached: episodes that no figure tells apart."""
ATOMS: tuple[Atom, ...] = tuple(product(SURFACES, MODELS, AGES, (False, True), REACHED))

_ANY, _CLICKED = (False, True), (True,)
COUNTS = {
    "censored": (range(7), _ANY, REACHED),
    "shown": (range(7, 99), _ANY, REACHED),
    "clicked": (range(7, 99), _CLICKED, REACHED),
    "installed": (range(7, 99), _ANY, REACHED[1:]),
    "clicked_installed": (range(7, 99), _CLICKED, REACHED[1:]),
    "shown_14": (range(14, 99), _ANY, REACHED),
    "installed_14": (range(14, 99), _ANY, REACHED[1:]),
    "activated": (range(14, 99), _ANY, REACHED[2:]),
    "shown_30": (range(30, 99), _ANY, REACHED),
    "installed_30": (range(30, 99), _ANY, REACHED[1:]),
    "activated_30": (range(30, 99), _ANY, REACHED[2:]),
    "retained": (range(30, 99), _ANY, REACHED[3:]),
}
"""Of each count the ages, clicks and last steps of the atoms that it counts."""

# Which counts go by which column of fewest people, and of which differences it speaks beside them.
LEAST = {
    "censored": (("censored",), ()),
    "shown": (("shown",), ()),
    "clicked": (("clicked",), (("shown", "clicked"),)),
    "installed": (("installed",), (("shown", "installed"),)),
    "clicked_installed": (
        ("clicked_installed",),
        (("clicked", "clicked_installed"), ("installed", "clicked_installed")),
    ),
    "activated": (
        ("shown_14", "installed_14", "activated"),
        (
            ("shown", "shown_14"), ("installed", "installed_14"), ("shown_14", "installed_14"),
            ("installed_14", "activated"),
        ),
    ),
    "retained": (
        ("shown_30", "installed_30", "activated_30", "retained"),
        (
            ("shown_14", "shown_30"), ("installed_14", "installed_30"), ("shown_30", "installed_30"),
            ("activated", "activated_30"), ("installed_30", "activated_30"), ("activated_30", "retained"),
        ),
    ),
}  # fmt: skip


def is_in(atom: Atom, surface: str, model: str, count: str) -> bool:
    """Whether the atom's episodes are counted in a row's figure."""
    is_of_row = surface in ("*", atom[0]) and model in ("*", atom[1])
    return is_of_row and all(value in counted for value, counted in zip(atom[2:], COUNTS[count], strict=True))


def rows_of(episodes: list[tuple[str, Atom]]) -> Iterator[dict[str, Any]]:
    """The published rows of a team with these (person, atom) in one period."""
    for surface, model in product((*SURFACES, "*"), (*MODELS, "*")):
        people = {count: Counter(p for p, a in episodes if is_in(a, surface, model, count)) for count in COUNTS}
        if not (people["shown"] or people["censored"]):
            continue
        row: dict[str, Any] = {"surface": surface, "model": model}
        row |= {count: those.total() for count, those in people.items()}
        for step, (counts, differences) in LEAST.items():
            sizes = [len(people[count]) for count in counts] + [len(people[a] - people[b]) for a, b in differences]
            row[f"least_people_{step}"] = min((size for size in sizes if size), default=None)
        yield row


def shown_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as a team lead reads them."""
    table = published_table("team_recommendations")
    assert table is not None
    names = [*COUNTS, *(f"least_people_{step}" for step in LEAST)]
    with duckdb.connect() as engine:
        engine.execute("create schema metrics")
        engine.execute(
            "create table metrics.team_activity (account_id text, team_id text, period_end date, period_days bigint, "
            "seats bigint)"
        )
        engine.execute(
            "create table metrics.team_recommendations (team_id text, period_end date, period_days bigint, "
            f"surface text, model text, seats bigint, {', '.join(f'{name} bigint' for name in names)})"
        )
        for row in rows:
            whole = {"team_id": "red", "period_end": date(2026, 3, 9), "period_days": 28, "seats": 8} | row
            engine.execute(
                f"insert into metrics.team_recommendations ({', '.join(whole)}) values ({', '.join('?' * len(whole))})",
                list(whole.values()),
            )
        columns = [name for name, *_ in engine.execute("describe metrics.team_recommendations").fetchall()]
        return engine.execute(protected_select(table, columns, "true")).to_arrow_table().to_pylist()


@pytest.mark.parametrize("seed", range(16))
def test_no_hidden_count_over_one_person_follows_from_the_shown_ones(seed: int) -> None:
    dice = random.Random(seed)
    people = [f"p{number}" for number in range(dice.choice((3, 5, 8)))]
    likely = [dice.random() ** 3 for _ in ATOMS]
    episodes = [
        (dice.choice(people), dice.choices(ATOMS, likely)[0]) for _ in range(dice.choice((6, 15, 40, 120, 400)))
    ]
    rows = list(rows_of(episodes))
    shown = {(row["surface"], row["model"]): row for row in shown_rows(rows)}

    def vector(surface: str, model: str, count: str) -> np.ndarray:
        return np.array([float(is_in(atom, surface, model, count)) for atom in ATOMS])

    known = [
        (vector(*key, count), row[count]) for key, row in shown.items() for count in COUNTS if row[count] is not None
    ]
    # Of a shown zero every atom is none; a row that is not there is one of zeros.
    absent = set(product((*SURFACES, "*"), (*MODELS, "*"))) - shown.keys()
    zeros = [v for v, value in known if value == 0] + [vector(*key, c) for key in absent for c in ("shown", "censored")]
    is_open = ~np.any(np.array([*zeros, np.zeros(len(ATOMS))]) > 0, axis=0)
    system = np.array([v for v, _ in known] or [np.zeros(len(ATOMS))])[:, is_open]
    recovered = []
    for row in rows:
        for count in COUNTS:
            its = Counter(p for p, atom in episodes if is_in(atom, row["surface"], row["model"], count))
            is_hidden = shown[row["surface"], row["model"]][count] is None
            if not is_hidden or len(its) != 1:
                continue
            target = vector(row["surface"], row["model"], count)[is_open]
            fit = np.linalg.lstsq(system.T, target, rcond=None)[0]
            if np.allclose(system.T @ fit, target, atol=1e-8):
                recovered.append((row["surface"], row["model"], count))
    assert recovered == []
    # The other way round: nothing over one person is shown.
    for row in rows:
        for count in COUNTS:
            its = Counter(p for p, atom in episodes if is_in(atom, row["surface"], row["model"], count))
            assert len(its) != 1 or shown[row["surface"], row["model"]][count] is None
