"""What a published number was and what it became: the rows of `metrics.restatements`, as portable SQL.

Only numbers that were final count: of a row that was neither provisional nor open (what it counts may still come), or,
in a table without those columns, of a day, month or quarter that was complete at the previous snapshot, of a period of
usage that contained none of its provisional days, and of a cohort's day that all of its people had behind them by then.
Rows that come or go are not restatements.
"""

from collections.abc import Mapping
from datetime import timedelta

from warehouse.access import Snapshot
from warehouse.causes import Causes, settled_until
from warehouse.published import PublishedTable, is_date
from warehouse.small_groups import RULES, Rule
from warehouse.statements import quoted

COLUMNS = {
    "table_name": "text",
    "row_key": "text",
    "column_name": "text",
    "detected_at": "timestamp",
    "old_value": "double",
    "new_value": "double",
    "cause": "text",
    "run_id": "text",
}
DESCRIPTION = "One row per published number that was final and became another: what it was, what it is, when and why."
COLUMN_TEXTS = {
    "table_name": "The table that it stands in.",
    "row_key": "Its row: the columns of the table's key with their values.",
    "column_name": "Its column.",
    "detected_at": "When the snapshot was published that has the new value (UTC).",
    "old_value": "The number in the snapshot before; NULL where it was not measured.",
    "new_value": "The number now; NULL where it is not measured.",
    "cause": "The first of these that can have changed it: definition version, refund, erasure, backfill, "
    "else late data. docs/operations.md says what each means and what cannot be known.",
    "run_id": "The build that made the new value.",
}
KEPT = 100_000
"""Restatements that a snapshot carries, the newest first: enough to explain a year, bounded on a bad day."""

_NUMERIC = ("bigint", "integer", "smallint", "tinyint", "hugeint", "double", "float", "real", "decimal", "numeric")
# Sums of doubles differ in their last bits when rows arrive in another order; that restates nothing.
_RELATIVE_TOLERANCE = 1e-9
# How many days after joining a figure of a cohort says something of: what is not here goes on changing by itself.
_COHORT_DAYS: dict[str, dict[str, str]] = {
    "team_onboarding": dict.fromkeys(("seats", "adopters", "survival", "adopted_share", "last_seen"), "o.day"),
    "team_onboarding_summary": {
        "seats": "0",
        "adopters_7": "7",
        "adopted_by_7": "7",
        "adopters_30": "30",
        "adopted_by_30": "30",
        "people_30": "30",
        "median_skills_30": "30",
        # One that was not reached is contradicted by one that comes to lie in what was watched.
        "median_days": "least(o.median_days, n.median_days)",
    },
}


def restated_values(
    table: PublishedTable,
    old: tuple[str, Mapping[str, str]],
    new: tuple[str, Mapping[str, str]],
    before: Snapshot,
    causes: Causes,
) -> tuple[str, tuple[str, ...]] | None:
    """SQL of the joined rows in which a final number changed, and the columns to look at.

    old, new: each a relation's name and its columns with their types. before: the snapshot of the old ones.
    causes: what has happened since. The SQL gives `row_key`, `cause`, and per column i `old_i`, `new_i`, `changed_i`.
    None where the table has nothing that can be restated.
    """
    old_name, old_columns = old
    new_name, new_columns = new
    final = _final_figures(table, old_columns, before)
    # What nobody is shown, because it only tells the small-group rule whom to hide, is no figure.
    rule = RULES.get(table.name, Rule())
    ruled_by = {rule.count, rule.alone, rule.among, *(least.column for least in rule.least)} & {*rule.withheld}
    values = tuple(
        name
        for name, kind in new_columns.items()
        if name in old_columns and name not in {*table.key, *ruled_by} and kind.lower().startswith(_NUMERIC)
        if name in final
    )
    if not values or not set(table.key) <= set(old_columns):
        return None
    separated = ", ', ', ".join(f"'{name}=', n.{quoted(name)}" for name in table.key)
    versions = {"definition_version"} <= set(old_columns) & set(new_columns)
    cause = causes.sql(table, old_columns, versions)
    parts = []
    for i, name in enumerate(values):
        was, now = (f"cast({alias}.{quoted(name)} as double precision)" for alias in ("o", "n"))
        close = f"abs({was} - {now}) <= {_RELATIVE_TOLERANCE} * greatest(abs({was}), abs({now}))"
        parts.append(
            f"{was} as old_{i}, {now} as new_{i}, "
            f"({final[name]} and {was} is distinct from {now} and not coalesce({close}, false)) as changed_{i}"
        )
    on = " and ".join(f"o.{quoted(name)} = n.{quoted(name)}" for name in table.key)
    touched = " or ".join(f"o.{quoted(name)} is distinct from n.{quoted(name)}" for name in values)
    settled = " or ".join(dict.fromkeys(final[name] for name in values))
    return (
        f"select concat({separated}) as row_key, {cause} as cause, {', '.join(parts)} "
        f"from {old_name} as o join {new_name} as n on {on} where ({settled}) and ({touched})",
        values,
    )


def as_rows(joined: str, table: PublishedTable, values: tuple[str, ...], detected_at: str, run_id: str) -> str:
    """SQL that turns the relation `joined` of `restated_values` into rows of `metrics.restatements`.

    detected_at, run_id: SQL expressions.
    """
    selects = [
        f"select '{table.qualified}' as table_name, row_key, '{name}' as column_name, {detected_at} as detected_at, "
        f"old_{i} as old_value, new_{i} as new_value, cause, {run_id} as run_id from {joined} where changed_{i}"
        for i, name in enumerate(values)
    ]
    return " union all ".join(selects)


def _final_figures(table: PublishedTable, columns: Mapping[str, str], before: Snapshot) -> dict[str, str]:
    """By column whether its figure in the old row `o` was final, as SQL; without those that never are."""
    complete, settled = before.data_until, settled_until(before)
    if complete is None or settled is None:
        return {}
    if (cohorts := _COHORT_DAYS.get(table.name)) and is_date(columns, "cohort_month"):
        ended = "cast(o.cohort_month + interval '1 month' as date) - 1"
        return {
            name: f"coalesce({ended} + cast({days} as integer) <= date '{settled}', false)"
            for name, days in cohorts.items()
        }
    condition = None
    if flags := [name for name in ("is_provisional", "is_open") if name in columns]:
        condition = " and ".join(f"o.{name} is false" for name in flags)
    elif day := table.dated_by(columns):
        condition = f"o.{day} <= date '{settled if day == 'period_end' else complete}'"
    elif month := next((name for name in ("month", "quarter") if name in table.key and is_date(columns, name)), None):
        months = 1 if month == "month" else 3
        condition = f"cast(o.{month} + interval '{months} month' as date) <= date '{complete + timedelta(days=1)}'"
    return dict.fromkeys(columns, condition) if condition else {}
