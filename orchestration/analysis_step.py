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
    stamp = pa.array([computed_at.replace(tzinfo=None)] * suggestions.num_rows, pa.timestamp("us"))
    return writer.replace(
        SKILL_SUGGESTIONS, _shaped(suggestions.append_column("computed_at", stamp), SKILL_SUGGESTIONS)
    )


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
