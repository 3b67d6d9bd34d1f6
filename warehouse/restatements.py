"""What a published number was and what it became: the rows of `metrics.restatements`, as portable SQL.

Only numbers that were final count: of a row that was neither provisional nor open (what it counts may still come), or,
in a table without those columns, of a day, period or month that was complete at the previous snapshot. Rows that come
or go are not restatements.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from warehouse.published import PublishedTable
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
KEPT = 100_000
"""Restatements that a snapshot carries, the newest first: enough to explain a year, bounded on a bad day."""

_NUMERIC = ("bigint", "integer", "smallint", "tinyint", "hugeint", "double", "float", "real", "decimal", "numeric")
# Sums of doubles differ in their last bits when rows arrive in another order; that restates nothing.
_RELATIVE_TOLERANCE = 1e-9


def restated_values(
    table: PublishedTable,
    old: tuple[str, Mapping[str, str]],
    new: tuple[str, Mapping[str, str]],
    complete_until: date | None,
) -> tuple[str, tuple[str, ...]] | None:
    """SQL of the joined rows in which a final number changed, and the columns to look at.

    old, new: each a relation's name and its columns with their types. complete_until: the last day that the old
    snapshot covered, None where it had no data. The SQL gives `row_key`, `cause`, and per column i `old_i`, `new_i`,
    `changed_i`. None where the table has nothing that can be restated.
    """
    old_name, old_columns = old
    new_name, new_columns = new
    final = None if complete_until is None else _was_final(table, old_columns, complete_until)
    # What nobody is shown, because it only tells the small-group rule whom to hide, is no figure.
    rule = RULES.get(table.name, Rule())
    ruled_by = {rule.count, rule.alone, rule.among, *(least.column for least in rule.least)} & {*rule.withheld}
    values = tuple(
        name
        for name, kind in new_columns.items()
        if name in old_columns and name not in {*table.key, *ruled_by} and kind.lower().startswith(_NUMERIC)
    )
    if final is None or not values or not set(table.key) <= set(old_columns):
        return None
    separated = ", ', ', ".join(f"'{name}=', n.{quoted(name)}" for name in table.key)
    versions = {"definition_version"} <= set(old_columns) & set(new_columns)
    cause = "o.definition_version is distinct from n.definition_version" if versions else "false"
    parts = []
    for i, name in enumerate(values):
        was, now = (f"cast({alias}.{quoted(name)} as double precision)" for alias in ("o", "n"))
        close = f"abs({was} - {now}) <= {_RELATIVE_TOLERANCE} * greatest(abs({was}), abs({now}))"
        parts.append(
            f"{was} as old_{i}, {now} as new_{i}, "
            f"({was} is distinct from {now} and not coalesce({close}, false)) as changed_{i}"
        )
    on = " and ".join(f"o.{quoted(name)} = n.{quoted(name)}" for name in table.key)
    touched = " or ".join(f"o.{quoted(name)} is distinct from n.{quoted(name)}" for name in values)
    return (
        f"select concat({separated}) as row_key, "
        f"case when {cause} then 'definition version' else 'late data' end as cause, {', '.join(parts)} "
        f"from {old_name} as o join {new_name} as n on {on} where {final} and ({touched})",
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


def _was_final(table: PublishedTable, columns: Mapping[str, str], complete_until: date) -> str | None:
    if flags := [name for name in ("is_provisional", "is_open") if name in columns]:
        return " and ".join(f"o.{name} is false" for name in flags)
    if day := table.dated_by(columns):
        return f"o.{day} <= date '{complete_until}'"
    if "month" in table.key:
        return f"o.month < date '{(complete_until + timedelta(days=1)).replace(day=1)}'"
    return None
