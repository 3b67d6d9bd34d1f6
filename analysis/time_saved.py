"""Time saved: hours a team's successful uses are modelled to have saved, with the range the assumptions allow.

A pure function of arrays: what goes in are uses summed per assumption (`int_time_saved_uses`) and the two shares
common to all skills (`int_time_saved_factors`), what comes out is one row per team, window and assumption set. No
engine and no I/O, so that both engines publish the same numbers. Never show a result as measured.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import md5
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = [
    "DEFINITION_VERSION",
    "DRAWS",
    "GRADES",
    "OUTPUT",
    "SENSITIVITY",
    "sensitivity",
    "team_time_saved",
    "triangular",
    "uniform_draws",
    "value_cents",
]

Doubles = npt.NDArray[np.float64]

DEFINITION_VERSION = "1"
DRAWS = 2000
GRADES = ("experiment", "diary", "survey", "assumed")
"""How an assumption came about, most trusted first."""

KEY = ("account_id", "team_id", "period_end", "period_days", "assumption_set")
OUTPUT = pa.schema(
    [
        ("account_id", pa.string()),
        ("team_id", pa.string()),
        ("period_end", pa.date32()),
        ("period_days", pa.int32()),
        ("assumption_set", pa.string()),
        ("hours_p10", pa.float64()),
        ("hours_p50", pa.float64()),
        ("hours_p90", pa.float64()),
        ("hours_naive", pa.float64()),
        ("successes", pa.int64()),
        ("weakest_grade", pa.string()),
        ("definition_version", pa.string()),
    ]
)
"""Columns and types of the result, in order."""

SENSITIVITY = pa.schema(
    [
        ("assumption", pa.string()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("hours_p50_at_low", pa.float64()),
        ("hours_p50_at_high", pa.float64()),
        ("hours_p50", pa.float64()),
    ]
)
"""Columns and types of a sensitivity. `assumption` is the name of an assumption row, `#kept` or `#incremental`."""

# 256 windows x 2,000 draws are 4 MB: what is worked on stays in the processor's cache.
_WINDOWS_AT_ONCE = 256


@lru_cache(maxsize=512)
def uniform_draws(name: str) -> Doubles:
    """The draws u(name, d) for d = 1..DRAWS: first 8 hex digits of md5(name:d) over 2^32, so in [0, 1).

    A fixed function, not a generator: a rerun, another engine or another order never moves a number. Read only.
    """
    digits = (md5(f"{name}:{d}".encode(), usedforsecurity=False).digest()[:4] for d in range(1, DRAWS + 1))
    draws = np.frombuffer(b"".join(digits), dtype=">u4").astype(np.float64) / 2.0**32
    draws.flags.writeable = False
    return draws


def triangular(u: Doubles, low: float, mode: float, high: float) -> Doubles:
    """Inverse CDF of the triangular distribution on [low, high] with its peak at mode, at each u in [0, 1).

    Where low = high it is that value. Raises ValueError unless low <= mode <= high.
    Source: S. Kotz, J. R. van Dorp, "Beyond Beta" (2004), chapter 1.
    """
    if not low <= mode <= high:
        raise ValueError(f"a triangular distribution needs low <= mode <= high, not {low}, {mode}, {high}")
    if low == high:
        return np.full_like(u, low)
    width = high - low
    at_mode = (mode - low) / width
    rising = low + np.sqrt(u * width * (mode - low))
    falling = high - np.sqrt((1.0 - u) * width * (high - mode))
    return np.where(u < at_mode, rising, falling)


def team_time_saved(uses: pa.Table, factors: pa.Table) -> pa.Table:
    """Hours saved per account_id, team_id, period_end, period_days and assumption_set, as `OUTPUT` says.

    uses: account_id, team_id, period_end, period_days, assumption_set, assumption_name, low, mode, high (minutes per
    use), grade, successes; one row per window and assumption row. factors: assumption_set, factor (kept or
    incremental), low, mode, high (shares). A window without successes has no row. Per draw the hours are the sum of
    successes x minutes over its rows, x kept x incremental / 60; quantiles interpolate linearly.

    Raises ValueError for an assumption set without both factors, an unknown grade or a distribution that is none.
    Memory: one row of DRAWS doubles per distinct assumption, and a few MB.
    """
    uses = uses.filter(pa.array(np.asarray(uses["successes"], dtype=np.int64) > 0))
    if uses.num_rows == 0:
        return OUTPUT.empty_table()
    uses = uses.sort_by([(name, "ascending") for name in (*KEY, "assumption_name")])
    starts = _group_starts(uses)
    sizes = np.diff(np.append(starts, uses.num_rows))
    successes = _doubles(uses, "successes")
    minutes, assumption = _minutes_saved(uses)
    shares, share = _shares(uses, factors, starts)

    quantiles = np.empty((len(starts), 3))
    for first in range(0, len(starts), _WINDOWS_AT_ONCE):
        chunk = slice(first, first + _WINDOWS_AT_ONCE)
        hours = _hours(starts[chunk], sizes[chunk], successes, minutes, assumption)
        hours *= shares[share[chunk]]
        quantiles[chunk] = np.quantile(hours, (0.1, 0.5, 0.9), axis=1).T

    grades = _grades(uses)
    columns: dict[str, Any] = {name: uses[name].take(pa.array(starts)) for name in KEY}
    columns["hours_p10"], columns["hours_p50"], columns["hours_p90"] = quantiles.T
    columns["hours_naive"] = np.add.reduceat(successes * _doubles(uses, "mode"), starts) / 60.0
    columns["successes"] = np.add.reduceat(np.asarray(uses["successes"], dtype=np.int64), starts)
    columns["weakest_grade"] = [GRADES[grade] for grade in np.maximum.reduceat(grades, starts)]
    columns["definition_version"] = [DEFINITION_VERSION] * len(starts)
    return pa.table(
        {field.name: pa.chunked_array([_array(columns[field.name], field.type)]) for field in OUTPUT}, OUTPUT
    )


def sensitivity(uses: pa.Table, factors: pa.Table) -> pa.Table:
    """How far the median hours of one window move with each assumption alone, as `SENSITIVITY` says; widest first.

    uses, factors: as for `team_time_saved`, of one team, window and assumption set. Each assumption row and each of the
    two shares is held at its low and at its high in turn, while all others are drawn as ever; hours_p50 is the median
    with all of them drawn. No row where the window has no success. Raises as `team_time_saved` does, and ValueError for
    more than one window.
    """
    base = team_time_saved(uses, factors)
    if base.num_rows == 0:
        return SENSITIVITY.empty_table()
    if base.num_rows > 1:
        raise ValueError(f"a sensitivity is of one window, not of {base.num_rows}")
    assumption_set = base["assumption_set"][0].as_py()
    rows = []
    for assumption in uses.filter(pa.array(np.asarray(uses["successes"], dtype=np.int64) > 0)).to_pylist():
        name, ends = assumption["assumption_name"], (assumption["low"], assumption["high"])
        medians = [_median(_held(uses, "assumption_name", name, end), factors) for end in ends]
        rows.append((name, *ends, *medians))
    for factor in factors.to_pylist():
        if factor["assumption_set"] == assumption_set:
            name, ends = factor["factor"], (factor["low"], factor["high"])
            medians = [_median(uses, _held(factors, "factor", name, end)) for end in ends]
            rows.append((f"#{name}", *ends, *medians))
    rows.sort(key=lambda row: (-abs(row[4] - row[3]), row[0]))
    columns = [*zip(*rows, strict=True), [base["hours_p50"][0].as_py()] * len(rows)]
    return pa.table([pa.array(column) for column in columns], SENSITIVITY)


def value_cents(hours: float, hourly_rate_cents: int, recapture_share: float) -> int:
    """What hours are worth in cents: hours x rate x share, halves to the even cent; less than 0 where the hours are.

    The same function as dbt's macro worth_in_cents, for rates and shares that nobody has set: a page may try them.
    """
    return round(hours * hourly_rate_cents * recapture_share)


def _held(table: pa.Table, column: str, name: str, value: float) -> pa.Table:
    """The table with the distribution of the rows of that name narrowed to one value."""
    names = table[column].to_pylist()
    for end in ("low", "mode", "high"):
        values = [value if of == name else old for of, old in zip(names, table[end].to_pylist(), strict=True)]
        table = table.set_column(table.schema.get_field_index(end), end, pa.array(values, pa.float64()))
    return table


def _median(uses: pa.Table, factors: pa.Table) -> float:
    return team_time_saved(uses, factors)["hours_p50"][0].as_py()


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    """Values of an output column as one Arrow array of its type."""
    if isinstance(values, pa.ChunkedArray):
        return values.cast(kind).combine_chunks()
    return pa.array(values, type=kind)


def _doubles(table: pa.Table, column: str) -> Doubles:
    return np.asarray(table[column].cast(pa.float64()), dtype=np.float64)


def _codes(table: pa.Table, columns: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Each column as whole numbers that are equal where its values are."""
    return [np.asarray(table[name].combine_chunks().dictionary_encode().indices, dtype=np.int64) for name in columns]


def _group_starts(uses: pa.Table) -> npt.NDArray[np.int64]:
    """Positions of the first row of each window in rows sorted by KEY."""
    is_first = np.ones(uses.num_rows, dtype=bool)
    codes = _codes(uses, KEY)
    is_first[1:] = np.any([code[1:] != code[:-1] for code in codes], axis=0)
    return np.flatnonzero(is_first)


def _minutes_saved(uses: pa.Table) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """Minutes per use of each distinct assumption and draw, and which of them each row uses."""
    columns = [uses[name].to_pylist() for name in ("assumption_name", "low", "mode", "high")]
    positions: dict[tuple[str, float, float, float], int] = {}
    assumption = np.array([positions.setdefault(row, len(positions)) for row in zip(*columns, strict=True)])
    return np.stack([triangular(uniform_draws(row[0]), *row[1:]) for row in positions]), assumption


def _shares(uses: pa.Table, factors: pa.Table, starts: npt.NDArray[np.int64]) -> tuple[Doubles, npt.NDArray[np.int64]]:
    """Kept x incremental / 60 of each assumption set and draw, and which of them each window uses."""
    given = {
        (row["assumption_set"], row["factor"]): (row["low"], row["mode"], row["high"]) for row in factors.to_pylist()
    }
    positions: dict[str, int] = {}
    names = uses["assumption_set"].take(pa.array(starts)).to_pylist()
    share = np.array([positions.setdefault(name, len(positions)) for name in names])
    draws = {factor: uniform_draws(f"#{factor}") for factor in ("kept", "incremental")}
    shares = []
    for name in positions:
        for factor in draws:
            if (name, factor) not in given:
                raise ValueError(f"time_saved_factors has no row {factor!r} for the assumption set {name!r}")
        kept, incremental = (triangular(draws[factor], *given[name, factor]) for factor in draws)
        shares.append(kept * incremental / 60.0)
    return np.stack(shares), share


def _hours(
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    successes: Doubles,
    minutes: Doubles,
    assumption: npt.NDArray[np.int64],
) -> Doubles:
    """Sum of successes x minutes per window and draw.

    Added row by row in the order of the names, not by a matrix product: how that adds depends on its size, and then a
    window's number would move in its last digit whenever another window appears.
    """
    total = np.zeros((len(starts), DRAWS))
    part = np.empty(DRAWS)
    for hours, start, size in zip(total, starts, sizes, strict=True):
        for row in range(start, start + size):
            # In place: a window's draws stay in the processor's first cache, which is what makes this quick.
            np.multiply(minutes[assumption[row]], successes[row], out=part)
            np.add(hours, part, out=hours)
    return total


def _grades(uses: pa.Table) -> npt.NDArray[np.int64]:
    """Position of each row's grade in GRADES: the greater, the less trusted."""
    encoded = uses["grade"].combine_chunks().dictionary_encode()
    known = encoded.dictionary.to_pylist()
    unknown = sorted({repr(grade) for grade in known if grade not in GRADES})
    if unknown or encoded.null_count:
        named = ", ".join(unknown) or "none"
        raise ValueError(f"unknown grade of a time-saved assumption: {named}; known are {', '.join(GRADES)}")
    positions = np.array([GRADES.index(grade) for grade in known])
    return positions[np.asarray(encoded.indices, dtype=np.int64)]
