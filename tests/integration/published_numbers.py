"""What is published, every row by its key, for holding one world against another."""

import math
from collections.abc import Sequence
from typing import Any

from warehouse.access import OPERATOR, open_reader
from warehouse.published import PUBLISHED, PublishedTable
from warehouse.settings import Settings

Rows = dict[tuple[str, ...], dict[str, Any]]

# When and how long a run took is its own; what it says of the business is not.
COMPARED = [table for table in PUBLISHED if table.scope not in ("operations", "trust")]


def published_numbers(settings: Settings, tables: Sequence[PublishedTable]) -> dict[str, Rows]:
    """The rows of these tables by name and key, without the time of the run."""
    names = [table.qualified for table in tables]
    with open_reader(settings) as reader:
        # Every statement names every table: what an operator names is opened once.
        rows = {
            table.name: reader.query(f"select * from {table.qualified}", OPERATOR, names).to_pylist()
            for table in tables
        }
    return {
        table.name: {
            tuple(str(row[column]) for column in table.key): {
                name: value for name, value in row.items() if name != "computed_at"
            }
            for row in rows[table.name]
        }
        for table in tables
    }


def assert_same_numbers(left: dict[str, Rows], right: dict[str, Rows], least: int) -> None:
    """Both have the same rows and in them the same values, doubles within 1e-9, and there are at least so many."""
    compared = 0
    for table, rows in left.items():
        others = right[table]
        assert rows.keys() == others.keys(), (
            f"{table}: only the left has {sorted(rows.keys() - others.keys())[:3]}, "
            f"only the right {sorted(others.keys() - rows.keys())[:3]}"
        )
        for key, row in rows.items():
            for column, value in row.items():
                other = others[key][column]
                assert _is_same(value, other), f"{table} {key} {column}: left {value!r}, right {other!r}"
                compared += 1
    assert compared > least


def _is_same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right
