"""One check on one small frame, evaluated by Great Expectations.

The engine has already reduced its tables to a frame of at most some thousand rows; every row names the table it
speaks about in `table_name` (and `column_name`). The library runs in a process of its own, see `evaluator`.
"""

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
    """Start the process that evaluates, so that the first evaluation does not wait for it."""
    with _LOCK:
        _evaluator()


_LOCK = threading.Lock()
_started: subprocess.Popen[str] | None = None


def _evaluator() -> subprocess.Popen[str]:
    """The process that evaluates, started where there is none."""
    global _started
    if _started is None or _started.poll() is not None:
        # In a session of its own: an interrupt is for us, and the process ends with its input.
        _started = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("evaluator.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        atexit.register(_started.kill)
    return _started


def _unexpected(check: FrameCheck, rows: list[dict[str, Any]]) -> set[int]:
    """Positions of the rows that do not meet the expectation."""
    question = {
        "column": check.column,
        "values": [None if row[check.column] is None else float(row[check.column]) for row in rows],
        "minimum": check.minimum,
        "maximum": check.maximum,
        "severity": "critical" if check.severity == "blocking" else "warning",
        "reason": check.reason,
    }
    with _LOCK:
        process = _evaluator()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("Great Expectations was started without pipes")
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"Great Expectations stopped (exit code {process.wait()})")
    answer = json.loads(line)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return set(answer["wrong"])


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
