"""One check on one small frame, evaluated by Great Expectations.

The engine has already reduced its tables to a frame of at most some thousand rows; every row names the table it
speaks about in `table_name` (and `column_name`). Great Expectations costs seconds to import, so it is imported at the
first evaluation; its telemetry and progress bars are off.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["blocking", "warning"]
Border = Literal["raw", "metrics"]


@dataclass(frozen=True, slots=True)
class FrameCheck:
    """One check: an expectation on `column` of a frame, of every table that the frame names.

    minimum, maximum: inclusive bounds of `column`; a NULL is "no data" and passes. fetch gives the frame's rows. show
    names the columns that say which row is wrong. reason says why the check exists and where its number is from.
    """

    name: str
    border: Border
    severity: Severity
    column: str
    minimum: float | None
    maximum: float | None
    expected: str
    reason: str
    fetch: Callable[[], list[dict[str, Any]]]
    show: tuple[str, ...] = ()


def evaluate(check: FrameCheck) -> list[dict[str, Any]]:
    """Rows for `ops.check_results`, one a table and column that the frame names; no frame rows, no results.

    A check that cannot be evaluated gives one row of status `error`: it is not a failed check.
    """
    try:
        rows = check.fetch()
        wrong = _unexpected(check, rows) if rows else set()
    except Exception as error:  # noqa: BLE001 - whatever broke is recorded as this check's error, and stops publishing
        first_line = next(iter(str(error).splitlines()), "")
        return [_result(check, "", "", "error", f"{type(error).__name__}: {first_line}")]
    by_table: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        by_table.setdefault((row["table_name"], row.get("column_name", "")), []).append(index)
    results = []
    for (table, column), indexes in by_table.items():
        bad = [index for index in indexes if index in wrong]
        observed = _describe(check, [rows[index] for index in bad or indexes], bool(bad))
        results.append(_result(check, table, column, "failed" if bad else "passed", observed))
    return results


def warm_up() -> None:
    """Import Great Expectations now, so that the first evaluation does not wait for it."""
    _great_expectations()


def _great_expectations() -> Any:
    # Read by the library while it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    return great_expectations


def _unexpected(check: FrameCheck, rows: list[dict[str, Any]]) -> set[int]:
    """Positions of the rows that do not meet the expectation."""
    import pandas as pd

    gx = _great_expectations()
    values = [None if row[check.column] is None else float(row[check.column]) for row in rows]
    frame = pd.DataFrame({check.column: pd.Series(values, dtype="float64")})
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("frame")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    expectation = gx.expectations.ExpectColumnValuesToBeBetween(
        column=check.column,
        min_value=check.minimum,
        max_value=check.maximum,
        severity="critical" if check.severity == "blocking" else "warning",
        notes=check.reason,
    )
    outcome = batch.validate(expectation, result_format="COMPLETE")
    if (outcome.exception_info or {}).get("raised_exception"):
        raise RuntimeError(outcome.exception_info["exception_message"])
    if outcome.success:
        return set()
    return {int(index) for index in outcome.result["unexpected_index_list"]}


def _describe(check: FrameCheck, rows: list[dict[str, Any]], is_wrong: bool) -> str:
    first = rows[0]
    value = f"{check.column} = {_number(first[check.column])}"
    where = ", ".join(f"{name} {first[name]}" for name in check.show)
    text = f"{value} ({where})" if where and is_wrong else value
    return f"{text} and {len(rows) - 1} more" if is_wrong and len(rows) > 1 else text


def _number(value: Any) -> str:
    if value is None:
        return "no data"
    return f"{float(value):.4g}" if float(value) != int(float(value)) else f"{int(float(value)):,}"


def _result(check: FrameCheck, table: str, column: str, status: str, observed: str) -> dict[str, Any]:
    return {
        "check_name": check.name,
        "border": check.border,
        "table_name": table,
        "column_name": column,
        "severity": check.severity,
        "status": status,
        "observed": observed,
        "expected": check.expected,
        "reason": check.reason,
    }
