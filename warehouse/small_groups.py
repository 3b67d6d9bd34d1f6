"""Small groups (D4 of the metric definitions): what every viewer but the operator sees of a team's figures.

A row over fewer than five seats keeps its key and its seats and loses every figure. Where one person alone did
or did not (x or n - x is 1), the count, its share and whatever would give them away by subtraction are hidden,
and a band takes the share's place. A cohort of a skill, whose size is itself a figure of what people did, loses that
too. A table of teams, accounts or skills without a rule here is refused, not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.errors import AccessError
from warehouse.published import PublishedTable
from warehouse.statements import quoted

MINIMUM_SEATS = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """How one table hides small groups.

    size: the column n. count: the column x of n. share: hidden where x or n - x is 1. single: hidden where x is 1,
    because then they are one person's. together: counts of people that add up, all hidden where one of them is 1 or
    n - 1. previous: the previous period's count and share. with_previous: hidden whenever those are. counts: further
    counts like x, each with what is hidden with it. withheld: what nobody but the operator sees, because from one row
    to the next it would tell a hidden count. is_dimension: what its rows say is about nobody.
    """

    size: str = "seats"
    count: str | None = None
    share: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    previous: tuple[str, str] | None = None
    with_previous: tuple[str, ...] = ()
    counts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    withheld: tuple[str, ...] = ()
    is_dimension: bool = False


# No figure of anybody's doing.
_PLAIN = (
    *("seats", "previous_seats", "has_data", "is_provisional", "is_complete_30"),
    *("definition_version", "computed_at", "account_id", "team_id"),
)

RULES: dict[str, Rule] = {
    "teams": Rule(is_dimension=True),
    "accounts": Rule(is_dimension=True),
    "team_skill_usage": Rule(
        count="users",
        share=("users", "adoption_rate", "adoption_low", "adoption_high"),
        single=(
            "uses",
            "successes",
            "failures",
            "unknown",
            "success_rate",
            "success_low",
            "success_high",
            "user_days",
        ),
        previous=("previous_users", "previous_adoption_rate"),
    ),
    "team_activity": Rule(
        count="active_users",
        share=(
            "active_users",
            "adoption_rate",
            "adoption_low",
            "adoption_high",
            "stickiness",
            "stickiness_working",
            "new_users",
            "returning_users",
            "resurrected_users",
            "seats_active",
            "seats_idle",
            "seats_never_used",
            "seats_too_new",
        ),
        single=(
            "uses",
            "successes",
            "active_skills",
            "user_days",
            "working_user_days",
            "mean_dau",
            "mean_dau_working",
            "mean_skill_adoption",
            "habitual_users",
        ),
        together=(
            ("new_users", "returning_users", "resurrected_users", "dormant_users"),
            ("habitual_users",),
            ("seats_active", "seats_idle", "seats_never_used", "seats_too_new"),
        ),
        previous=("previous_active_users", "previous_adoption_rate"),
        # Returning and dormant users add up to the previous period's.
        with_previous=("new_users", "returning_users", "resurrected_users", "dormant_users"),
    ),
    "team_time_saved": Rule(),
    "team_onboarding": Rule(
        counts=(("adopters", ("survival", "adopted_share")),),
        withheld=("at_risk", "events", "censored"),
    ),
    "team_onboarding_summary": Rule(
        counts=(
            ("adopters", ("median_days", "median_skills_30")),
            ("adopters_7", ("adopted_by_7",)),
            ("adopters_30", ("adopted_by_30",)),
        ),
    ),
    "account_activity": Rule(
        count="active_users",
        share=("active_users", "adoption_rate"),
        single=("active_skills", "uses", "successes"),
    ),
    "skill_quality": Rule(is_dimension=True),
    "skill_retention": Rule(
        size="users",
        counts=(("retained_users", ("retention_rate", "retention_low", "retention_high")),),
    ),
}

_PERIOD = ("period_end", "period_days")


def protected_select(table: PublishedTable, columns: Sequence[str], where: str) -> str:
    """SELECT of a table's rows as `m` under `where`, small groups hidden; portable SQL over schema `metrics`.

    Raises AccessError where a table of teams, accounts or skills has no rule.
    """
    if table.scope not in ("team", "account", "skill"):
        return f"select m.* from {table.qualified} as m where {where}"
    rule = RULES.get(table.name)
    if rule is None:
        raise AccessError(f"{table.qualified} has no small-group rule, so nobody but the operator may read it")
    if rule.is_dimension:
        return f"select m.* from {table.qualified} as m where {where}"
    joins, small = _smallness(table, columns, rule)
    shown = [_shown(name, columns, table, rule, small) for name in columns]
    shown.append(f"{small} as is_suppressed")
    if rule.count and rule.count in columns and "adoption_rate" in columns:
        shown.append(f"case when not ({small}) then {_band(rule.count)} end as adoption_band")
    return f"select {', '.join(shown)} from {table.qualified} as m {joins} where {where}"


def _smallness(table: PublishedTable, columns: Sequence[str], rule: Rule) -> tuple[str, str]:
    """The joins a table needs, and the condition under which its whole row is hidden."""
    if table.name == "account_activity":
        # An account's figure less those of its shown teams would be the hidden team's.
        joins = (
            "left join (select t.account_id, t.period_end, t.period_days, "
            f"max(case when t.seats < {MINIMUM_SEATS} or t.active_users = 1 or t.seats - t.active_users = 1 "
            "then 1 else 0 end) as has_hidden from metrics.team_activity as t "
            "group by t.account_id, t.period_end, t.period_days) as g "
            "on g.account_id = m.account_id and g.period_end = m.period_end and g.period_days = m.period_days"
        )
        return joins, f"(coalesce(m.seats, 0) < {MINIMUM_SEATS} or coalesce(g.has_hidden, 0) = 1)"
    if table.name == "team_activity":
        joins = (
            "left join (select u.team_id, u.period_end, u.period_days, "
            "max(case when u.users = 1 or u.seats - u.users = 1 then 1 else 0 end) as has_hidden "
            "from metrics.team_skill_usage as u group by u.team_id, u.period_end, u.period_days) as g "
            "on g.team_id = m.team_id and g.period_end = m.period_end and g.period_days = m.period_days"
        )
        return joins, f"(coalesce(m.seats, 0) < {MINIMUM_SEATS})"
    if rule.size in columns:
        return "", f"(coalesce(m.{quoted(rule.size)}, 0) < {MINIMUM_SEATS})"
    joins = (
        "left join metrics.team_activity as a "
        "on a.team_id = m.team_id and a.period_end = m.period_end and a.period_days = m.period_days"
    )
    # Hours over one active person are that person's hours.
    return joins, f"(coalesce(a.seats, 0) < {MINIMUM_SEATS} or coalesce(a.active_users, 0) <= 1)"


def _shown(name: str, columns: Sequence[str], table: PublishedTable, rule: Rule, small: str) -> str:
    column = f"m.{quoted(name)}"
    if name in table.key or name in _PLAIN:
        return column
    if name in rule.withheld:
        return f"case when false then {column} end as {quoted(name)}"
    reasons, size = [small], f"m.{quoted(rule.size)}"
    for count, hidden in rule.counts:
        if name == count or name in hidden:
            reasons.append(f"coalesce({_alone(f'm.{quoted(count)}', size)}, false)")
    if rule.count and rule.count in columns:
        count = f"m.{quoted(rule.count)}"
        if name in rule.share:
            reasons.append(f"coalesce({_alone(count, size)}, false)")
        elif name in rule.single:
            reasons.append(f"coalesce({count} = 1, false)")
    for group in rule.together:
        if name in group:
            reasons.extend(f"coalesce({_alone(f'm.{quoted(n)}', size)}, false)" for n in group if n in columns)
    if rule.previous and name in rule.previous + rule.with_previous and set(rule.previous) <= set(columns):
        reasons.append(f"coalesce({_previous_hidden(*rule.previous, columns)}, false)")
    value = _coarse_mean(column) if name == "mean_skill_adoption" else column
    return f"case when not ({' or '.join(dict.fromkeys(reasons))}) then {value} end as {quoted(name)}"


def _alone(count: str, seats: str) -> str:
    return f"({count} = 1 or {seats} - {count} = 1)"


def _previous_hidden(count: str, rate: str, columns: Sequence[str]) -> str:
    x, share = f"m.{quoted(count)}", f"m.{quoted(rate)}"
    # Where the previous period's seats are not a column, its count over its share is what they were.
    seats = (
        "m.previous_seats" if "previous_seats" in columns else f"(case when {share} > 0 then round({x} / {share}) end)"
    )
    return f"({x} = 1 or {seats} - {x} = 1 or {seats} < {MINIMUM_SEATS})"


def _coarse_mean(column: str) -> str:
    """The mean over skills, its sum of users told to the nearest three where one skill's count is hidden.

    The exact sum less the shown counts would be the hidden count; to the nearest three it fits all of its band.
    """
    cells = "cast(m.installed_skills * m.seats as double precision)"
    return (
        f"case when coalesce(g.has_hidden, 0) = 0 or {cells} = 0 then {column} "
        f"else least(round({column} * {cells} / 3.0) * 3.0 / {cells}, 1.0) end"
    )


def _band(count: str) -> str:
    x = f"m.{quoted(count)}"
    step = "cast(round(200.0 / m.seats) as integer)"
    return (
        f"case when {x} = 1 then '0-' || cast({step} as varchar) || '%' "
        f"when m.seats - {x} = 1 then cast(100 - {step} as varchar) || '-100%' end"
    )
