"""The step that computes hours saved: what it makes again after another day, on both engines."""

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from orchestration.analysis_step import write_time_saved_hours
from warehouse import Writer
from warehouse.tables import ColumnSpec, TableSpec

FIRST = datetime(2026, 3, 9, 6)
SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
SUNDAY, MONDAY = date(2026, 3, 8), date(2026, 3, 9)

USES = TableSpec(
    "intermediate",
    "int_time_saved_uses",
    (
        *(ColumnSpec(name, "text") for name in ("account_id", "team_id", "assumption_set", "assumption_name", "grade")),
        ColumnSpec("period_end", "date"),
        *(ColumnSpec(name, "bigint") for name in ("period_days", "successes")),
        *(ColumnSpec(name, "double") for name in ("low", "mode", "high")),
        ColumnSpec("computed_at", "timestamp"),
    ),
    key=("team_id", "period_end", "period_days", "assumption_set", "assumption_name"),
)
FACTORS = TableSpec(
    "intermediate",
    "int_time_saved_factors",
    (
        *(ColumnSpec(name, "text") for name in ("assumption_set", "factor")),
        *(ColumnSpec(name, "double") for name in ("low", "mode", "high")),
    ),
    key=("assumption_set", "factor"),
)


def _uses(team: str, end: date, successes: int, made_at: datetime, minutes: float = 6.0) -> dict[str, Any]:
    """A row of which every draw is the same: successes x minutes / 60 hours."""
    return {
        "account_id": "acme", "team_id": team, "assumption_set": "house", "assumption_name": "*", "grade": "diary",
        "period_end": end, "period_days": 7, "successes": successes,
        "low": minutes, "mode": minutes, "high": minutes, "computed_at": made_at,
    }  # fmt: skip


def _put(writer: Writer, rows: list[dict[str, Any]]) -> None:
    types = {"text": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "date": pa.date32()}
    types["timestamp"] = pa.timestamp("us")
    columns = {c.name: pa.array([row[c.name] for row in rows], types[c.type]) for c in USES.columns}
    writer.replace(USES, pa.table(columns))


def _saved(writer: Writer) -> dict[tuple[str, date], tuple[float, datetime]]:
    rows = writer.fetch("select team_id, period_end, hours_p50, computed_at from intermediate.int_time_saved_hours")
    return {(row["team_id"], row["period_end"]): (row["hours_p50"], row["computed_at"]) for row in rows}


def test_only_windows_whose_uses_were_made_again_are_computed_again(warehouse):
    with warehouse.write() as writer:
        whole = {"assumption_set": "house", "low": 1.0, "mode": 1.0, "high": 1.0}
        factors = [{**whole, "factor": name} for name in ("kept", "incremental")]
        writer.replace(FACTORS, pa.Table.from_pylist(factors))
        _put(
            writer, [_uses("red", SUNDAY, 20, FIRST), _uses("blue", SUNDAY, 10, FIRST), _uses("red", MONDAY, 5, FIRST)]
        )
        assert write_time_saved_hours(writer, FIRST) == 3
        assert _saved(writer) == {
            ("red", SUNDAY): (2.0, FIRST), ("blue", SUNDAY): (1.0, FIRST), ("red", MONDAY): (0.5, FIRST),
        }  # fmt: skip

        # Monday is made again: red has another figure, blue is new. A Sunday's row that stands is not looked at, which
        # its other minutes prove; and blue's Sunday is gone.
        _put(
            writer,
            [
                _uses("red", SUNDAY, 20, FIRST, 600.0),
                _uses("red", MONDAY, 15, SECOND),
                _uses("blue", MONDAY, 30, SECOND),
            ],
        )
        assert write_time_saved_hours(writer, SECOND) == 3
        assert _saved(writer) == {
            ("red", SUNDAY): (2.0, FIRST), ("red", MONDAY): (1.5, SECOND), ("blue", MONDAY): (3.0, SECOND),
        }  # fmt: skip

        # A window that was lost is found missing, however old its uses are; one without a success has no row.
        writer.execute(
            "delete from intermediate.int_time_saved_hours where team_id = 'red' and period_end = ?", [SUNDAY]
        )
        _put(
            writer, [_uses("red", SUNDAY, 20, FIRST), _uses("red", MONDAY, 0, THIRD), _uses("blue", MONDAY, 30, SECOND)]
        )
        assert write_time_saved_hours(writer, THIRD) == 2
        assert _saved(writer) == {("red", SUNDAY): (2.0, THIRD), ("blue", MONDAY): (3.0, SECOND)}


def test_uses_that_were_made_after_a_clock_was_set_back_are_not_taken_for_older_ones(warehouse):
    with warehouse.write() as writer:
        whole = {"assumption_set": "house", "low": 1.0, "mode": 1.0, "high": 1.0}
        writer.replace(FACTORS, pa.Table.from_pylist([{**whole, "factor": name} for name in ("kept", "incremental")]))
        _put(writer, [_uses("red", SUNDAY, 20, THIRD)])
        write_time_saved_hours(writer, THIRD)
        _put(writer, [_uses("red", SUNDAY, 30, SECOND)])
        write_time_saved_hours(writer, SECOND)
        assert _saved(writer) == {("red", SUNDAY): (3.0, SECOND)}


def test_hours_of_a_build_with_other_columns_are_all_computed_again(warehouse):
    with warehouse.write() as writer:
        whole = {"assumption_set": "house", "low": 1.0, "mode": 1.0, "high": 1.0}
        writer.replace(FACTORS, pa.Table.from_pylist([{**whole, "factor": name} for name in ("kept", "incremental")]))
        _put(writer, [_uses("red", SUNDAY, 20, FIRST)])
        write_time_saved_hours(writer, FIRST)
        writer.execute("alter table intermediate.int_time_saved_hours drop column weakest_grade")
        assert write_time_saved_hours(writer, SECOND) == 1
        assert _saved(writer) == {("red", SUNDAY): (2.0, SECOND)}
