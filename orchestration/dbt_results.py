"""The tables that dbt puts an engine's answers into: how it guesses at a column's type is worked out once a run.

For each statement, also of those that answer nothing, it would read the names of months and weekdays anew.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def lean_results() -> Iterator[None]:
    """Around a run of dbt: its tables are as ever, and nothing that makes them is made twice."""
    from dbt_common.clients import agate_helper

    make_tester, make_empty = agate_helper.build_type_tester, agate_helper.empty_table
    empty, testers = make_empty(), {}

    def build_type_tester(text_columns: Iterable[str], string_null_values: Iterable[str] = ("null", "")) -> Any:
        names, nulls = frozenset(text_columns), tuple(string_null_values)
        if (names, nulls) not in testers:
            testers[names, nulls] = make_tester(names, nulls)
        return testers[names, nulls]

    agate_helper.build_type_tester, agate_helper.empty_table = build_type_tester, lambda: empty
    try:
        yield
    finally:
        agate_helper.build_type_tester, agate_helper.empty_table = make_tester, make_empty
