"""Metrics that are models, not SQL: fetched from `intermediate`, computed by `analysis`, written to the build place.

Hours go back to `intermediate`, for the model `team_time_saved` says what they are worth.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from warehouse import Writer
from warehouse.tables import ColumnSpec, TableSpec

TIME_SAVED_HOURS = TableSpec(
    schema="intermediate",
    name="int_time_saved_hours",
    key=("team_id", "period_end", "period_days", "assumption_set"),
    columns=(
        ColumnSpec("account_id", "text"),
        ColumnSpec("team_id", "text"),
        ColumnSpec("period_end", "date", "Last day of the period, inclusive."),
        ColumnSpec("period_days", "integer", "Length of the period in days."),
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

SKILL_SUGGESTIONS = TableSpec(
    schema="build",
    name="skill_suggestions",
    key=("team_id", "skill_name"),
    columns=(
        ColumnSpec("account_id", "text"),
        ColumnSpec("team_id", "text"),
        ColumnSpec("skill_name", "text"),
        ColumnSpec("rank", "bigint", "Place among the team's suggestions, from 1."),
        ColumnSpec("score", "double", "What the rank is by."),
        ColumnSpec("model", "text", "collaborative or popularity."),
        ColumnSpec("reason", "text", "Why, in words."),
        ColumnSpec("reason_skill_name", "text", "The team's skill that the reason names."),
        ColumnSpec("people_using", "bigint", "People who use the suggested skill and the reason's."),
        ColumnSpec("people_of", "bigint", "People who use the reason's skill."),
        ColumnSpec("seats", "bigint", "People seated in the team in the 90 days."),
        ColumnSpec("active_users", "bigint", "Of them those whose use the suggestions follow from."),
        ColumnSpec("hit_rate_at_10", "double", "Share of tested people whom the collaborative model hit."),
        ColumnSpec("popularity_hit_rate_at_10", "double", "Share of tested people whom popularity hit."),
        ColumnSpec("hits_at_10", "bigint"),
        ColumnSpec("popularity_hits_at_10", "bigint"),
        ColumnSpec("tested_people", "bigint", "People who took up a skill in the last 28 days."),
        ColumnSpec("people_left_out", "bigint", "People with more skills than a person has."),
        ColumnSpec("definition_version", "text"),
        ColumnSpec("computed_at", "timestamp"),
    ),
    description="Up to ten public skills per team that it does not use, with the reason and how good that proved.",
)

_TYPES = {
    "text": pa.string(),
    "integer": pa.int32(),
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

_ADOPTERS = {
    "team_id": pa.string(),
    "actor_key": pa.string(),
    "skill_name": pa.string(),
    "was_accepted_before": pa.bool_(),
    "was_accepted_lately": pa.bool_(),
    "is_accepted": pa.bool_(),
    "is_used": pa.bool_(),
}
_TEAMS = {"account_id": pa.string(), "team_id": pa.string(), "seats": pa.int64()}
_INSTALLED = {"team_id": pa.string(), "skill_name": pa.string()}
_LAST_DAY = "(select max(period_end) from intermediate.int_windows)"


def write_time_saved_hours(writer: Writer, computed_at: datetime) -> int:
    """Bring intermediate.int_time_saved_hours up to the uses and factors beside it; the number of its rows.

    A window whose uses were not made again since stays as it is. One of a later time than this run's, because a clock
    was set back, could hide that they were, and is computed too. computed_at: the run's start, UTC.
    """
    from analysis.time_saved import team_time_saved

    factors = _fetch(writer, "intermediate.int_time_saved_factors", _FACTORS)
    with writer.transaction():
        if not _is_there(writer, TIME_SAVED_HOURS):
            writer.replace(TIME_SAVED_HOURS, _as_table((), _kinds(TIME_SAVED_HOURS)))
        missing = _forget_outdated_hours(writer, computed_at)
        uses = [
            row for row in _uses_since(writer, min(missing.values(), default=datetime.max)) if _window(row) in missing
        ]
        hours = team_time_saved(_as_table(uses, _USES), factors)
        writer.reading.register("_hours_saved", _stamped(hours, computed_at, TIME_SAVED_HOURS))
        try:
            writer.append_staged("_hours_saved", TIME_SAVED_HOURS.qualified)
        finally:
            writer.reading.unregister("_hours_saved")
    return int(writer.fetch(f"select count(*) as rows from {TIME_SAVED_HOURS.qualified}")[0]["rows"])


def write_skill_suggestions(writer: Writer, computed_at: datetime) -> int:
    """Compute build.skill_suggestions from intermediate.int_skill_adopters and the teams; the number of rows.

    computed_at: the run's start, UTC.
    """
    from analysis.suggestions import skill_suggestions

    adopters = _fetch(writer, "intermediate.int_skill_adopters", _ADOPTERS)
    teams = _fetch(
        writer,
        f"intermediate.int_team_windows where lookback_days = 90 and sampled_day = {_LAST_DAY} and seats > 0",
        _TEAMS,
    )
    installed = _fetch(
        writer, f"intermediate.int_team_installed_skills where period_end = {_LAST_DAY} and people > 0", _INSTALLED
    )
    suggestions = skill_suggestions(adopters, teams, installed)
    return writer.replace(SKILL_SUGGESTIONS, _stamped(suggestions, computed_at, SKILL_SUGGESTIONS))


def _forget_outdated_hours(writer: Writer, computed_at: datetime) -> dict[tuple[Any, ...], datetime]:
    """Delete hours of windows without a success or with newer uses; of each without hours, when its uses were made."""
    name, key = TIME_SAVED_HOURS.qualified, ", ".join(TIME_SAVED_HOURS.key)
    is_same_window = " and ".join(f"used.{column} = saved.{column}" for column in TIME_SAVED_HOURS.key)
    # Beside the hours: Citus joins no table of its workers with one of its coordinator.
    writer.execute(
        f"create temp table _used as select {key}, max(computed_at) as made_at "
        f"from intermediate.int_time_saved_uses where successes > 0 group by {key}"
    )
    writer.execute(f"delete from {name} where computed_at >= ?", [computed_at.replace(tzinfo=None)])
    writer.execute(
        f"delete from {name} as saved where not exists "
        f"(select 1 from _used as used where {is_same_window} and used.made_at <= saved.computed_at)"
    )
    writer.execute(f"delete from _used as used where exists (select 1 from {name} as saved where {is_same_window})")
    missing = {_window(row): row["made_at"] for row in writer.fetch("select * from _used")}
    writer.execute("drop table _used")
    return missing


def _window(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in TIME_SAVED_HOURS.key)


def _uses_since(writer: Writer, made_at: datetime) -> list[dict[str, Any]]:
    return writer.fetch(
        f"select {_selected(_USES)} from intermediate.int_time_saved_uses where successes > 0 and computed_at >= ?",
        [made_at],
    )


def _is_there(writer: Writer, table: TableSpec) -> bool:
    """Whether an earlier build left the table, with these columns."""
    columns = writer.fetch(
        "select column_name from information_schema.columns where table_schema = ? and table_name = ?",
        [table.schema, table.name],
    )
    return {row["column_name"] for row in columns} == set(table.column_names)


def _fetch(writer: Writer, table: str, columns: Mapping[str, pa.DataType]) -> pa.Table:
    return _as_table(writer.fetch(f"select {_selected(columns)} from {table}"), columns)


def _selected(columns: Mapping[str, pa.DataType]) -> str:
    return ", ".join(
        f"cast({name} as double precision) as {name}" if type_ == pa.float64() else name
        for name, type_ in columns.items()
    )


def _as_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pa.DataType]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], type_) for name, type_ in columns.items()})


def _stamped(rows: pa.Table, computed_at: datetime, table: TableSpec) -> pa.Table:
    """The rows with the time of the run, and exactly the table's columns and types."""
    stamp = pa.array([computed_at.replace(tzinfo=None)] * rows.num_rows, _TYPES["timestamp"])
    rows = rows.append_column("computed_at", stamp)
    return pa.table({name: rows[name].cast(kind) for name, kind in _kinds(table).items()})


def _kinds(table: TableSpec) -> dict[str, pa.DataType]:
    return {column.name: _TYPES[column.type] for column in table.columns}
