"""Both borders of one build, as rows for `ops.check_results`."""

from datetime import UTC, datetime
from typing import Any

from expectations.frames import evaluate
from expectations.metrics_border import RowCounts, compared_tables, metrics_checks, row_counts
from expectations.raw_border import raw_checks
from warehouse import Writer
from warehouse.access import OPERATOR, open_reader
from warehouse.errors import NotPublishedError
from warehouse.settings import Settings


def check_borders(
    writer: Writer, settings: Settings, *, as_of: datetime, allow_older: bool = False
) -> list[dict[str, Any]]:
    """Evaluate every check of both borders on what is built now.

    as_of: the build's clock (UTC). Rows have check_name, border, table_name, column_name, severity, status (passed,
    failed, error), observed, expected and reason.
    """
    checks = [
        *raw_checks(writer, as_of=as_of, since=_last_published(writer)),
        *metrics_checks(writer, lambda: _published_counts(settings), may_shrink=allow_older),
    ]
    return [row for check in checks for row in evaluate(check)]


def _last_published(writer: Writer) -> datetime | None:
    found = writer.fetch("select max(started_at) as started_at from ops.builds where outcome = 'published'")
    moment = found[0]["started_at"]
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _published_counts(settings: Settings) -> RowCounts:
    """Rows by table and day of the snapshot that readers see now; empty before the first."""
    with open_reader(settings) as reader:
        try:
            there = reader.columns()
        except NotPublishedError:
            return {}
        # A table that came with a newer version is not there yet. One session for all of them.
        tables = [table.qualified for table in compared_tables() if table.qualified in there]
        return row_counts(lambda sql: reader.query(sql, OPERATOR, tables).to_pylist(), there, "qualified")
