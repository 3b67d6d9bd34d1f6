"""Tables of dbt's results are as ever within a run, made of less."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from dbt_common.clients import agate_helper

from orchestration.dbt_results import lean_results

ROWS: list[list[Any]] = [
    ["2026-06-30", 1, None, "null", datetime(2026, 6, 30, 12), True],
    ["2026-07-01", Decimal("1.5"), "", "x", datetime(2026, 7, 1), False],
]
NAMES = ["day", "number", "text", "null", "time", "flag"]


def _table(of_text: list[str]) -> tuple[list[str], list[tuple[Any, ...]]]:
    table = agate_helper.table_from_rows(ROWS, NAMES, text_only_columns=of_text)
    return [type(kind).__name__ for kind in table.column_types], [tuple(row.values()) for row in table.rows]


def test_columns_are_taken_for_what_dbt_takes_them_for() -> None:
    choices = ([], ["day"], ["text", "null"], ["null", "text"])
    expected = [_table(choice) for choice in choices]
    with lean_results():
        assert [_table(choice) for choice in choices] == expected
        assert _table(["day"]) != _table([]), "a column that is text stays text"


def test_an_answer_without_rows_is_one_table_that_nothing_can_be_put_into() -> None:
    with lean_results():
        empty = agate_helper.empty_table()
        assert (len(empty.rows), len(empty.columns)) == (0, 0)
        assert empty is agate_helper.empty_table()
        assert agate_helper.build_type_tester(["a"]) is agate_helper.build_type_tester(["a"])
        assert agate_helper.build_type_tester(["a"]) is not agate_helper.build_type_tester(["a"], ())
    assert agate_helper.empty_table() is not empty
