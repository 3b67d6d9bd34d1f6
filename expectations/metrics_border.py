"""What must hold of what would be published. All of it blocks: a wrong number is worse than yesterday's."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from expectations.frames import FrameCheck
from warehouse import Writer
from warehouse.published import PUBLISHED, PublishedTable
from warehouse.small_groups import MINIMUM_SEATS

# Built from the results of these checks, so it is not there yet.
AFTER_CHECKS = frozenset({"table_health"})

SHARE_COLUMNS = (
    "adoption_rate",
    "adoption_low",
    "adoption_high",
    "success_rate",
    "previous_adoption_rate",
    "mean_skill_adoption",
    "stickiness",
    "stickiness_working",
    "survival",
    "adopted_share",
    "adopted_by_7",
    "adopted_by_30",
    "support",
    "confidence",
    "paired_confidence",
    "hit_rate_at_10",
    "popularity_hit_rate_at_10",
    "retention_rate",
    "retention_low",
    "retention_high",
    "recapture_share",
    "uptime",
    "coverage",
    "sli",
)

# What a row says of people in general: nobody's rights hide it, so it must never be of a few.
SPOKEN_OF = {"skill_pairs": ("people",), "skill_suggestions": ("people_using", "people_of", "tested_people")}

# The column by which two snapshots of a table are compared on the days both of them have.
_DAY_COLUMNS = ("period_end", "month", "quarter", "day")
_COMPARED_SCOPES = ("team", "account", "skill", "company", "money", "service")
# Their rows come and go with a fifth person who does something, with the model that is published, or with the only
# period that they are kept for.
_COME_AND_GO = frozenset({"skill_pairs", "skill_retention_curve", "skill_suggestions", "team_skill_breakdown"})
LEAST_KEPT_SHARE = 0.9

RowCounts = Mapping[str, Mapping[Any, int]]
"""Rows by published table (`metrics.teams`) and day; the day is None for tables without one."""


def metrics_checks(writer: Writer, previous: Callable[[], RowCounts], *, may_shrink: bool) -> list[FrameCheck]:
    """The checks of the metrics border.

    previous: gives the row counts of the last snapshot (`row_counts` made with its reader). may_shrink: an older
    as_of is published on purpose, so tables may lose rows.
    """
    there = _columns(writer)
    checks = [
        _check(
            "published_table_is_there",
            "is_there",
            1,
            1,
            "the table is built",
            "readers of the last snapshot would lose the table",
            lambda: [
                {"table_name": table.qualified, "is_there": int(table.source in there)}
                for table in PUBLISHED
                if table.name not in AFTER_CHECKS
            ],
        ),
        _check(
            "shares_are_shares",
            "value",
            0,
            1,
            "between 0 and 1",
            "a share outside 0..1 has a wrong numerator or denominator",
            lambda: _shares(writer, there),
            show=("bound",),
        ),
    ]
    if "build.metric_definitions" in there:
        checks.append(
            _check(
                "every_metric_says_what_it_means",
                "tables_undefined",
                0,
                0,
                "a definition for every published table of metrics",
                "a page prints the definition beside the number; without one nobody can tell what it counts",
                lambda: _undefined(writer, there),
            )
        )
    if "build.mrr_bridge" in there:
        checks += [
            _check(
                "mrr_bridge_adds_up",
                "difference_cents",
                0,
                0,
                "opening + movements = closing, to the cent",
                "the bridge is what the board reads; a cent that does not add up is a movement nobody saw",
                lambda: _bridge(writer),
                show=("month", "segment"),
            ),
            _check(
                "mrr_bridge_goes_on",
                "gap_cents",
                0,
                0,
                "a month opens with what the month before closed with, to the cent",
                "MRR that changes between two months belongs to no movement",
                lambda: _bridge_gaps(writer),
                show=("month", "segment"),
            ),
        ]
    if {"build.mrr_bridge", "build.mrr_by_account"} <= there.keys():
        checks += [
            _check(
                "mrr_accounts_make_the_bridge",
                "difference_cents",
                0,
                0,
                "the accounts' MRR sums to the bridge's total, to the cent",
                "the same revenue, counted by account and by movement",
                lambda: _accounts_against_bridge(writer),
                show=("month",),
            ),
        ]
    if {"build.team_activity", "build.team_skill_usage"} <= there.keys():
        checks.append(
            _check(
                "team_adoption_is_at_least_its_best_skill",
                "surplus_users",
                0,
                None,
                "active users of a team >= users of each of its skills",
                "who used one skill used any skill (metrics.md, A2)",
                lambda: _best_skills(writer),
                show=("team_id", "period_end", "period_days"),
            )
        )
    if "value_cents_p50" in there.get("build.team_time_saved", ()):
        checks.append(
            _check(
                "no_money_without_a_rate_and_a_share",
                "rows_out_of_rule",
                0,
                0,
                "a worth of hours only beside the hourly rate and the share that the account set, its ends in order",
                "an account that did not set both has asked for no money figure (metrics.md, T)",
                lambda: _money(writer),
            )
        )
    checks.append(
        _check(
            "no_row_speaks_of_a_few_people",
            "people",
            MINIMUM_SEATS,
            None,
            f"at least {MINIMUM_SEATS} people",
            "these counts are over everybody's teams, and are shown to whoever may see the row (metrics.md, D4)",
            lambda: _spoken_of(writer, there),
            show=("column_name",),
        )
    )
    if not may_shrink:
        checks.append(
            _check(
                "no_table_shrinks_without_cause",
                "kept_share",
                LEAST_KEPT_SHARE,
                None,
                f"at least {LEAST_KEPT_SHARE} of the last snapshot's rows, on the days both have",
                "late data and corrections take single rows back; a lost source or a broken join takes many "
                "(0.9 chosen 2026-11). Where it is meant, publish with --allow-older",
                lambda: _kept(row_counts(writer.fetch, there, "source"), previous()),
                show=("rows_before", "rows_now"),
            )
        )
    return checks


def row_counts(
    fetch: Callable[[str], list[dict[str, Any]]], there: Mapping[str, Collection[str]], place: str
) -> dict[str, dict[Any, int]]:
    """Rows by table and day of every compared table. place: "source" (the build) or "qualified" (published)."""
    counts: dict[str, dict[Any, int]] = {}
    for table in compared_tables():
        columns = there.get(getattr(table, place))
        if columns is None:
            continue
        day = next((name for name in _DAY_COLUMNS if name in columns and name in table.key), "null")
        found = fetch(f"select {day} as day, count(*) as n from {getattr(table, place)} group by 1")
        counts[table.qualified] = {row["day"]: row["n"] for row in found}
    return counts


def compared_tables() -> list[PublishedTable]:
    """The tables whose rows are compared with the last snapshot's."""
    return [table for table in PUBLISHED if table.scope in _COMPARED_SCOPES and table.name not in _COME_AND_GO]


def _check(
    name: str,
    column: str,
    minimum: float | None,
    maximum: float | None,
    expected: str,
    reason: str,
    fetch: Callable[[], list[dict[str, Any]]],
    show: tuple[str, ...] = (),
) -> FrameCheck:
    return FrameCheck(name, "metrics", "blocking", column, minimum, maximum, expected, reason, fetch, show)


def _columns(writer: Writer) -> dict[str, set[str]]:
    """Columns by `schema.table`, of the schemas that are published from."""
    there: dict[str, set[str]] = {}
    for row in writer.fetch(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where table_schema in ('build', 'raw', 'ops')"
    ):
        there.setdefault(f"{row['table_schema']}.{row['table_name']}", set()).add(row["column_name"])
    return there


def _shares(writer: Writer, there: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Least and greatest value of every share column."""
    parts = [
        f"select '{table.qualified}' as table_name, '{column}' as column_name, "
        f"cast(min({column}) as double precision) as least, cast(max({column}) as double precision) as greatest "
        f"from {table.source}"
        for table in PUBLISHED
        for column in SHARE_COLUMNS
        if column in there.get(table.source, ())
    ]
    if not parts:
        return []
    return [
        {"table_name": row["table_name"], "column_name": row["column_name"], "bound": bound, "value": row[bound]}
        for row in writer.fetch(" union all ".join(parts))
        for bound in ("least", "greatest")
    ]


def _spoken_of(writer: Writer, there: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Fewest people that any row speaks of, by table and column."""
    parts = [
        f"select 'metrics.{table}' as table_name, '{column}' as column_name, "
        f"min({column}) as people from build.{table} having count({column}) > 0"
        for table, columns in SPOKEN_OF.items()
        for column in columns
        if column in there.get(f"build.{table}", ())
    ]
    return writer.fetch(" union all ".join(parts)) if parts else []


def _undefined(writer: Writer, there: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """How many tables of metrics have no definition."""
    rows = writer.fetch(
        "select table_name from build.metric_definitions where column_name = '' and length(trim(definition)) > 0"
    )
    defined = {row["table_name"] for row in rows}
    asked = [table for table in PUBLISHED if table.scope in _COMPARED_SCOPES and table.source in there]
    return [
        {
            "table_name": "metrics.metric_definitions",
            "tables_undefined": sum(table.name not in defined for table in asked),
        }
    ]


def _bridge(writer: Writer) -> list[dict[str, Any]]:
    return writer.fetch(
        "select 'metrics.mrr_bridge' as table_name, month, segment, opening_cents + new_cents + expansion_cents "
        "+ reactivation_cents - contraction_cents - churn_cents + transfer_cents - closing_cents as difference_cents "
        "from build.mrr_bridge order by month, segment"
    )


def _bridge_gaps(writer: Writer) -> list[dict[str, Any]]:
    return writer.fetch(
        "select 'metrics.mrr_bridge' as table_name, month, segment, opening_cents - before_cents as gap_cents "
        "from (select month, segment, opening_cents, "
        "lag(closing_cents) over (partition by segment order by month) as before_cents "
        "from build.mrr_bridge) as months "
        "where before_cents is not null order by month, segment"
    )


def _accounts_against_bridge(writer: Writer) -> list[dict[str, Any]]:
    return writer.fetch(
        "select 'metrics.mrr_by_account' as table_name, bridge.month, "
        "coalesce(accounts.mrr_cents, 0) - bridge.closing_cents as difference_cents "
        "from build.mrr_bridge as bridge left join "
        "(select month, sum(mrr_cents) as mrr_cents from build.mrr_by_account group by month) as accounts "
        "on bridge.month = accounts.month where bridge.segment = 'total' order by bridge.month"
    )


def _money(writer: Writer) -> list[dict[str, Any]]:
    return writer.fetch(
        "select 'metrics.team_time_saved' as table_name, count(*) as rows_out_of_rule from build.team_time_saved "
        "where coalesce(value_cents_p10, value_cents_p50, value_cents_p90) is not null "
        "and (hourly_rate_cents is null or recapture_share is null "
        "or not value_cents_p10 <= value_cents_p50 or not value_cents_p50 <= value_cents_p90)"
    )


def _best_skills(writer: Writer) -> list[dict[str, Any]]:
    """The rows nearest to breaking the rule: at most 50, so that the frame stays small at any size of history."""
    return writer.fetch(
        "select 'metrics.team_activity' as table_name, skills.team_id, skills.period_end, skills.period_days, "
        "coalesce(teams.active_users, 0) - skills.users as surplus_users from "
        "(select team_id, period_end, period_days, max(users) as users from build.team_skill_usage "
        "where seats >= 1 group by team_id, period_end, period_days) as skills "
        "left join build.team_activity as teams on skills.team_id = teams.team_id "
        "and skills.period_end = teams.period_end and skills.period_days = teams.period_days "
        "order by surplus_users limit 50"
    )


def _kept(now: RowCounts, before: RowCounts) -> list[dict[str, Any]]:
    rows = []
    for table, days in before.items():
        current = now.get(table)
        if current is None:
            # Said by published_table_is_there.
            continue
        common = [day for day in days if day in current] or list(days)
        rows_before = sum(days[day] for day in common)
        if rows_before == 0:
            continue
        rows_now = sum(current.get(day, 0) for day in common)
        rows.append(
            {
                "table_name": table,
                "rows_before": rows_before,
                "rows_now": rows_now,
                "kept_share": rows_now / rows_before,
            }
        )
    return rows
