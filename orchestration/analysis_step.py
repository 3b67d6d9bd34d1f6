"""Metrics that are models, not SQL: fetched from `intermediate`, computed by `analysis`, written to the build place."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from warehouse import Writer
from warehouse.tables import ColumnSpec, TableSpec

TEAM_TIME_SAVED = TableSpec(
    schema="build",
    name="team_time_saved",
    key=("team_id", "period_end", "period_days", "assumption_set"),
    columns=(
        ColumnSpec("account_id", "text"),
        ColumnSpec("team_id", "text"),
        ColumnSpec("period_end", "date", "Last day of the period, inclusive."),
        ColumnSpec("period_days", "bigint", "Length of the period in days."),
        ColumnSpec("assumption_set", "text", "Which set of assumptions was used."),
        ColumnSpec("hours_p10", "double", "Hours saved, 10th percentile of the draws."),
        ColumnSpec("hours_p50", "double", "Hours saved, median of the draws."),
        ColumnSpec("hours_p90", "double", "Hours saved, 90th percentile of the draws."),
        ColumnSpec("hours_naive", "double", "Uses times the most likely minutes, for comparison."),
        ColumnSpec("successes", "bigint", "Successful uses in the period."),
        ColumnSpec("weakest_grade", "text", "Weakest evidence among the assumptions used."),
        ColumnSpec("definition_version", "text"),
        ColumnSpec("computed_at", "timestamp"),
    ),
    description="Hours a team saved in a period, modelled: median and 10th to 90th percentile of 2,000 draws.",
)

_TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}

_USES = {
    "account_id": pa.string(),
    "team_id": pa.string(),
    "period_end": pa.date32(),
    "period_days": pa.int64(),
    "assumption_set": pa.string(),
    "assumption_name": pa.string(),
    "low": pa.float64(),
    "mode": pa.float64(),
    "high": pa.float64(),
    "grade": pa.string(),
    "successes": pa.int64(),
}
_FACTORS = {
    "assumption_set": pa.string(),
    "factor": pa.string(),
    "low": pa.float64(),
    "mode": pa.float64(),
    "high": pa.float64(),
}


def write_team_time_saved(writer: Writer, computed_at: datetime) -> int:
    """Compute build.team_time_saved from intermediate.int_time_saved_uses and its factors; the number of rows.

    computed_at: the run's start, UTC.
    """
    from analysis.time_saved import team_time_saved

    uses = _fetch(writer, "intermediate.int_time_saved_uses", _USES)
    factors = _fetch(writer, "intermediate.int_time_saved_factors", _FACTORS)
    hours = team_time_saved(uses, factors)
    stamp = pa.array([computed_at.replace(tzinfo=None)] * hours.num_rows, pa.timestamp("us"))
    return writer.replace(TEAM_TIME_SAVED, _shaped(hours.append_column("computed_at", stamp), TEAM_TIME_SAVED))


def _fetch(writer: Writer, table: str, columns: Mapping[str, pa.DataType]) -> pa.Table:
    selected = ", ".join(
        f"cast({name} as double precision) as {name}" if type_ == pa.float64() else name
        for name, type_ in columns.items()
    )
    return _as_table(writer.fetch(f"select {selected} from {table}"), columns)


def _as_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], type_) for name, type_ in columns.items()})


def _shaped(rows: pa.Table, table: TableSpec) -> pa.Table:
    """The rows with exactly the table's columns and types."""
    return pa.table({column.name: rows[column.name].cast(_TYPES[column.type]) for column in table.columns})
