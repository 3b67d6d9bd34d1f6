"""What dbt's tests found, as rows of `ops.check_results`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any

from orchestration.dbt_runner import NodeResult

_STATUS = {"pass": "passed", "warn": "failed", "fail": "failed", "error": "error"}
# Why each kind of test is asked; a test with a description of its own says it there, one of SQL alone above it.
_REASONS = {
    "grain": "a row that stands twice, or without what it must say, counts people or money twice or not at all",
    "relationships": "a row of an unknown parent is left out wherever the two are joined",
}
_ROWS_SHOWN = 3


def dbt_check_rows(
    results: Iterable[NodeResult],
    manifest: Mapping[str, Any],
    build_id: str,
    checked_at: datetime,
    fetch: Callable[[str], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """One row a data test that ran; a test that was skipped says nothing, because what it stands on failed already.

    A test of severity `error` is blocking, of severity `warn` a warning. A test whose SQL broke has status `error`.
    manifest: dbt's manifest artifact. fetch: answers a statement in the warehouse; asked for the first failing rows.
    """
    rows = []
    for result in results:
        if result.resource_type != "test" or result.status not in _STATUS:
            continue
        node = manifest["nodes"][result.unique_id]
        severity = str(node["config"].get("severity", "error")).lower()
        kind = (node.get("test_metadata") or {}).get("name", "")
        rows.append(
            {
                "build_id": build_id,
                "check_name": result.name,
                "border": "dbt",
                "table_name": tested_table(node, manifest),
                "column_name": node.get("column_name") or "",
                "severity": "warning" if severity == "warn" else "blocking",
                "status": _STATUS[result.status],
                "observed": _observed(result, fetch),
                "expected": "no failing rows",
                "reason": node.get("description") or _REASONS.get(kind) or _first_comment(node.get("raw_code") or ""),
                "checked_at": checked_at,
            }
        )
    return rows


def _first_comment(sql: str) -> str:
    """What the lines of comment say that a test begins with."""
    lines = takewhile(lambda line: line.startswith("--"), (line.strip() for line in sql.strip().splitlines()))
    return " ".join(line.removeprefix("--").strip() for line in lines)


def tested_table(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The table a test is about, as readers know it: `metrics.` for what is published from `build.`."""
    tested = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), None)
    if tested is None:
        return ""
    table = manifest["nodes"].get(tested) or manifest["sources"][tested]
    return public_name(table["schema"], table.get("identifier") or table.get("alias") or table["name"])


def public_name(schema: str, name: str) -> str:
    """`schema.name`, with the build place named `metrics`, as it is once published."""
    return f"{'metrics' if schema == 'build' else schema}.{name}"


def _observed(result: NodeResult, fetch: Callable[[str], list[dict[str, Any]]]) -> str:
    if result.status == "error":
        return result.message
    found = f"{result.failures or 0} failing rows"
    if result.status == "pass" or not result.sql:
        return found
    rows = fetch(f"select * from ({result.sql}) as failing limit {_ROWS_SHOWN}")
    shown = ["; ".join(f"{column} = {value}" for column, value in row.items()) for row in rows]
    return f"{found}, such as {' | '.join(shown)}" if shown else found
