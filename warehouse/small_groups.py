"""Small groups (D4 of the metric definitions): what every viewer but the operator sees of a team's figures.

A row over fewer than five seats keeps its key and its seats and loses every figure, and so does one of a period that
shares a day with such a period: a longer one less the weeks that are shown would be the week that is not. Where one
person alone did or did not (x or n - x is 1), the count, its share and whatever would give them away by subtraction
within the period are hidden, and a band takes the share's place. An account goes where it and its teams together would
tell of a few people who are in two teams or in none. The cohorts of a skill are shown together, and each by itself to
nobody. A count that only grows, and is told day by day, is hidden near both of its ends: between a shown 0 and a shown
2 the hidden would be 1, and its day one person's. A table of teams, accounts or skills without a rule here is refused,
not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.errors import AccessError
from warehouse.published import PUBLISHED, PublishedTable
from warehouse.statements import quoted

MINIMUM_SEATS = 5
_LONGEST_PERIOD = 90
"""Days of the longest published period."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one table hides small groups.

    size: the column n. count: the column x of n. share: hidden where x or n - x is 1. single: hidden where x is 1,
    because then they are one person's. together: counts of people that add up, all hidden where one of them is 1 or
    n - 1. previous: the previous period's count and share. with_previous: hidden whenever those are. also_previous:
    further figures of that period, hidden where its own row is beside a small one. counts: further counts like x, each
    with what is hidden with it. ends: counts told of several days of the same people, each with what is hidden with it
    where at most one of them has, or at most one has not; a band says which. above_one: counts, each with what is
    hidden where it is at most 1. until: the count of `ends` near whose upper end no row is left, and none of too few
    people. over: counts of people, each with the figures that are over them alone, hidden where
    they are too few. withheld: what nobody but the operator sees, because from one row to the next it would tell a
    hidden count. is_dimension: what its rows say is about nobody. least: figures that go by a column saying how few
    people stand behind a part of them. adds_up_over: of each value of these columns the rows add up to a figure that is
    shown elsewhere, so where a row is one person's, the next smallest goes with it.
    alone: the column that says how many people are the only one behind such a row; without it, several rows may be one
    person's. among: the column of the people that `count` is a part of; where all but one of them are counted, `single`
    is hidden too, because the rest of it is that one's. rest_of_skills: figures whose rest, after the skills' figures
    that are shown, may be one person's failures. told_alone: of `single`, what is told where a row is the only one of
    its `only_row_of`: it is then a figure that is shown elsewhere.
    """

    size: str = "seats"
    count: str | None = None
    share: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    previous: tuple[str, str] | None = None
    with_previous: tuple[str, ...] = ()
    also_previous: tuple[str, ...] = ()
    counts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ends: tuple[tuple[str, tuple[str, ...]], ...] = ()
    above_one: tuple[tuple[str, tuple[str, ...]], ...] = ()
    until: str | None = None
    over: tuple[tuple[str, tuple[str, ...]], ...] = ()
    withheld: tuple[str, ...] = ()
    least: tuple["Least", ...] = ()
    adds_up_over: tuple[str, ...] = ()
    alone: str | None = None
    among: str | None = None
    rest_of_skills: tuple[str, ...] = ()
    only_row_of: tuple[str, ...] = ()
    told_alone: tuple[str, ...] = ()
    is_dimension: bool = False


@dataclass(frozen=True, slots=True)
class Least:
    """Figures that are hidden where `column`, the fewest people behind a part of them, is 1.

    breakdown: columns in which `*` stands for all. The rows of a team and period that have it in the same of them add
    up to the row above, so where one of them hides the figures, all do.
    """

    column: str
    hidden: tuple[str, ...]
    breakdown: tuple[str, ...] = ("surface", "model")


def _with_interval(*rates: str) -> tuple[str, ...]:
    return tuple(f"{rate}_{part}" for rate in rates for part in ("rate", "low", "high"))


# Steps of recommendations, each with those that follow from it: they are parts of it.
_LIFT = ("lift", "lift_low", "lift_high")
_CLICKED_INSTALLED = ("clicked_installed", *_with_interval("conversion"))
_RETAINED = (
    *("shown_30", "installed_30", "activated_30", "retained"),
    *_with_interval("retention", "retained_of_activated", "retained_of_shown"),
)
_ACTIVATED = (
    *("shown_14", "installed_14", "activated"),
    *_with_interval("activation", "activated_of_shown"),
    *_RETAINED,
)
_INSTALLED = ("installed", *_with_interval("acceptance"), *_LIFT, *_CLICKED_INSTALLED, *_ACTIVATED)
_CLICKED = ("clicked", *_with_interval("click"), *_CLICKED_INSTALLED)
_HOLDOUT = ("holdout_censored", "holdout_shown", "holdout_installed", *_with_interval("holdout"), *_LIFT)
_RECOMMENDATIONS = (
    Least("least_people_censored", ("censored",)),
    Least("least_people_shown", ("shown", *_CLICKED, *_INSTALLED)),
    Least("least_people_clicked", _CLICKED),
    Least("least_people_installed", _INSTALLED),
    Least("least_people_clicked_installed", _CLICKED_INSTALLED),
    Least("least_people_activated", _ACTIVATED),
    Least("least_people_retained", _RETAINED),
    # What was withheld is the same for every model of a surface.
    Least("least_people_holdout", _HOLDOUT, ("surface",)),
)

# No figure of anybody's doing.
_PLAIN = (
    *("seats", "previous_seats", "has_data", "is_covered", "is_open", "is_provisional", "is_complete_30"),
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
        also_previous=("previous_usage_rank",),
        # To the uses of the team.
        adds_up_over=("team_id", "period_end", "period_days"),
        # Who only failed is no user.
        among="people",
        withheld=("people",),
    ),
    "team_installed_skills": Rule(counts=(("installed_people", ()),)),
    "team_skill_breakdown": Rule(
        count="people",
        share=("people",),
        single=("events",),
        # To the row of all values.
        adds_up_over=("team_id", "skill_name", "period_end", "period_days", "breakdown"),
        alone="people_alone",
        withheld=("people_alone",),
    ),
    # Bots, and what no team is told by: no figure of a person.
    "excluded_events": Rule(is_dimension=True),
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
        rest_of_skills=("uses",),
    ),
    # Money too: hours x a rate x a share, of which an account knows two.
    "team_time_saved": Rule(),
    "team_recommendations": Rule(
        least=_RECOMMENDATIONS,
        withheld=tuple(least.column for least in _RECOMMENDATIONS),
    ),
    # The rows of a window add up to what is shown of it, so one person's row hides them all. Failures beside uses of
    # skills that are hidden would leave those that one person had alone.
    "team_time_saved_uses": Rule(
        count="fewest_users",
        single=("successes", "failures"),
        withheld=("fewest_users",),
        rest_of_skills=("failures",),
        # To the successes of time saved.
        only_row_of=("team_id", "period_end", "period_days", "assumption_set"),
        told_alone=("successes",),
    ),
    "team_onboarding": Rule(
        # How far the rows of a curve reach tells when the last of its people was seen: they stop where it is hidden.
        until="adopters",
        # A stretch in which people were last seen ends where somebody begins.
        ends=(("adopters", ("survival", "adopted_share", "last_seen")),),
        # Where the steps beside a stretch are shown, who was last seen in it follows from them.
        count="fewest_last_seen",
        single=("last_seen",),
        withheld=("at_risk", "events", "censored", "fewest_last_seen"),
    ),
    "team_onboarding_summary": Rule(
        ends=(("adopters", ()), ("adopters_7", ("adopted_by_7",)), ("adopters_30", ("adopted_by_30",))),
        above_one=(("adopters_median", ("median_days",)),),
        withheld=("adopters_median",),
        over=(("people_30", ("median_skills_30",)),),
    ),
    # What one person uses would be read from what is suggested for it. From a score it could be worked out how many of
    # the team use a skill.
    "skill_suggestions": Rule(
        count="active_users",
        share=("active_users",),
        single=("rank", "model", "reason", "reason_skill_name", "people_using", "people_of"),
        withheld=("score",),
    ),
    "account_activity": Rule(
        count="active_users",
        share=("active_users", "adoption_rate", "adoption_low", "adoption_high"),
        single=("active_skills", "uses", "successes"),
        rest_of_skills=("uses",),
    ),
    "skill_quality": Rule(is_dimension=True),
    # All cohorts together less those that are shown would be the one that is not.
    "skill_retention": Rule(
        size="users", withheld=("users", "retained_users", "retention_rate", "retention_low", "retention_high")
    ),
    "skill_retention_curve": Rule(
        size="users",
        counts=(("retained_users", ("retention_rate", "retention_low", "retention_high")),),
    ),
}

_PERIOD = ("period_end", "period_days")
_USAGE = next(table for table in PUBLISHED if table.name == "team_skill_usage")


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
    smallness = _breakdowns if rule.least else _smallness
    joins, small = smallness(table, columns, rule, where)
    whose = f"{table.scope}_id"
    if {whose, *_PERIOD} <= set(columns):
        joins += f" {_beside_small(whose)}"
        if rule.previous:
            joins += f" {_beside_small(whose, is_previous=True)}"
        small = f"({small} or coalesce(p.is_beside_small, 0) = 1)"
    shown = [_shown(name, columns, table, rule, small) for name in columns]
    shown.append(f"{small} as is_suppressed")
    if rule.count and rule.count in columns and "adoption_rate" in columns:
        shown.append(f"case when not ({small}) then {_band(rule.count)} end as adoption_band")
    for count, _ in rule.ends:
        if count in columns:
            shown.append(f"case when not ({small}) then {_end(count, rule)} end as {quoted(f'{count}_band')}")
    if "mean_skill_adoption" in columns and table.name == "team_activity":
        shown.append(f"case when not ({small}) then coalesce(g.has_hidden, 0) = 1 end as is_mean_coarse")
    if rule.until:
        people = f"m.{quoted(rule.size)}"
        is_told = f"{people} >= {MINIMUM_SEATS} and {people} - m.{quoted(rule.until)} >= 2"
        where = f"({where}) and {is_told if {rule.size, rule.until} <= set(columns) else 'false'}"
    return f"select {', '.join(shown)} from {table.qualified} as m {joins} where {where}"


def _smallness(table: PublishedTable, columns: Sequence[str], rule: Rule, where: str) -> tuple[str, str]:
    """The joins a table needs, and the condition under which its whole row is hidden.

    `where` is of the columns that every table of the scope has, so it also keeps other tables to the viewer's rows.
    """
    if table.name == "account_activity":
        # An account's figure less those of its shown teams would be the hidden team's.
        joins = (
            "left join (select m.account_id, m.period_end, m.period_days, "
            "max(case when coalesce(p.is_beside_small, 0) = 1 or m.active_users = 1 or m.seats - m.active_users = 1 "
            "then 1 else 0 end) as has_hidden, sum(m.seats) as seats, sum(m.active_users) as active_users "
            "from metrics.team_activity as m "
            f"{_beside_small('team_id')} where {where} group by m.account_id, m.period_end, m.period_days) as g "
            "on g.account_id = m.account_id and g.period_end = m.period_end and g.period_days = m.period_days "
            "left join (select r.account_id, r.period_end, r.period_days, max(r.is_told) as is_told "
            f"from ({_rests(where)}) as r group by r.account_id, r.period_end, r.period_days) as r "
            "on r.account_id = m.account_id and r.period_end = m.period_end and r.period_days = m.period_days"
        )
        # Who is in two teams is counted once here, and in each of them: the teams together less the account are theirs.
        # Who is in none is what the account has more.
        seats, active = "abs(g.seats - m.seats)", "abs(g.active_users - m.active_users)"
        few = f"{seats} between 1 and {MINIMUM_SEATS - 1} or {seats} > 0 and ({active} = 1 or {seats} - {active} = 1)"
        return joins, (
            f"(coalesce(m.seats, 0) < {MINIMUM_SEATS} or coalesce(g.has_hidden, 0) = 1 or coalesce({few}, false))"
        )
    if table.name == "team_activity":
        joins = (
            "left join (select m.team_id, m.period_end, m.period_days, "
            "max(case when m.users = 1 or m.seats - m.users = 1 then 1 else 0 end) as has_hidden "
            f"from {_USAGE.qualified} as m where {where} group by m.team_id, m.period_end, m.period_days) as g "
            f"{_of_window('g')} left join ({_rests(where)}) as r {_of_window('r')}"
        )
        return joins, f"(coalesce(m.seats, 0) < {MINIMUM_SEATS})"
    if table.name == "team_skill_breakdown":
        # By version the uses of a skill add up to what may be hidden of it, so that the team's do not tell it.
        # The only periods that are kept: whoever opens a page does not wait for those of a year.
        kept = (
            f"exists (select 1 from {table.qualified} as t where t.team_id = m.team_id and t.period_end = m.period_end)"
        )
        # Each has one row; said so, a server does not look for what a query does not ask.
        of_skill = "u.team_id, u.skill_name, u.period_end, u.period_days"
        joins = (
            f"left join (select {of_skill}, max(u.is_hidden) as is_hidden "
            f"from ({_hidden_skills(f'{where} and {kept}')}) as u group by {of_skill}) as g "
            "on m.breakdown = 'sdk_version' and g.team_id = m.team_id and g.skill_name = m.skill_name "
            "and g.period_end = m.period_end and g.period_days = m.period_days"
        )
        return joins, f"(coalesce(m.seats, 0) < {MINIMUM_SEATS} or coalesce(g.is_hidden, 0) = 1)"
    if table.name == "team_time_saved_uses":
        # A row of a skill's own tells what is hidden of the skill, and the rest of the rows what is hidden beside it.
        joins = (
            f"left join metrics.team_activity as a {_of_window('a')} {_own_rows_hidden(table.qualified, where)} "
            "left join (select m.team_id, m.period_end, m.period_days, "
            "max(case when m.people - m.users = 1 then 1 else 0 end) as is_told "
            f"from metrics.team_skill_usage as m where {where} "
            f"group by m.team_id, m.period_end, m.period_days) as r {_of_window('r')}"
        )
        return joins, (
            f"(coalesce(a.seats, 0) < {MINIMUM_SEATS} or coalesce(a.active_users, 0) <= 1 "
            "or coalesce(g.is_hidden, 0) = 1)"
        )
    if rule.size in columns:
        return "", f"(coalesce(m.{quoted(rule.size)}, 0) < {MINIMUM_SEATS})"
    joins = f"left join metrics.team_activity as a {_of_window('a')}"
    # Hours over one active person are that person's hours.
    small = f"coalesce(a.seats, 0) < {MINIMUM_SEATS} or coalesce(a.active_users, 0) <= 1"
    if table.name == "team_time_saved":
        # Hours and successes are two sums over the same uses. Where these are of several assumptions and one is hidden,
        # the two give it back.
        uses = "metrics.team_time_saved_uses"
        joins += (
            f" {_own_rows_hidden(uses, where)} left join (select m.team_id, m.period_end, m.period_days, "
            "m.assumption_set, case when min(m.fewest_users) = 1 and count(*) > 1 then 1 else 0 end as is_few "
            f"from {uses} as m where {where} group by m.team_id, m.period_end, m.period_days, m.assumption_set) as u "
            f"{_of_window('u')} and u.assumption_set = m.assumption_set"
        )
        small += " or coalesce(g.is_hidden, 0) = 1 or coalesce(u.is_few, 0) = 1"
    return joins, f"({small})"


def _own_rows_hidden(uses: str, where: str) -> str:
    """The join that says of a window and set whether the uses of a skill with an assumption of its own are hidden."""
    # Most windows have none, and a server is to find that out before it looks at every skill of theirs.
    has_own = (
        f"exists (select 1 from {uses} as o where o.team_id = m.team_id and o.period_end = m.period_end "
        "and o.period_days = m.period_days and o.assumption_name <> '*')"
    )
    return (
        "left join (select t.team_id, t.period_end, t.period_days, t.assumption_set, max(u.is_hidden) as is_hidden "
        f"from {uses} as t inner join ({_hidden_skills(f'{where} and {has_own}')}) as u "
        "on u.skill_name = t.assumption_name and u.team_id = t.team_id "
        "and u.period_end = t.period_end and u.period_days = t.period_days where t.assumption_name <> '*' "
        "group by t.team_id, t.period_end, t.period_days, t.assumption_set) as g "
        f"{_of_window('g')} and g.assumption_set = m.assumption_set"
    )


def _beside_small(whose: str, *, is_previous: bool = False) -> str:
    """The join that says whether a window of a team or account shares a day with one of fewer seats than are shown.

    With what is shown of no such day, no sum and no difference of shown figures holds a hidden one, however periods
    overlap. is_previous: whether the equal window before it does, whose figures stand in its row. Row by row, for a
    server would otherwise go through the windows of everybody whom the viewer may see; apart, so that it can leave out
    what a query does not ask.
    """
    alias, ago = ("b", 1) if is_previous else ("p", 0)
    before, last = (f"m.period_end - cast({number} * m.period_days as integer)" for number in (ago + 1, ago))
    return (
        f"left join lateral (select max(1) as is_beside_small from metrics.{whose.removesuffix('_id')}_activity as s "
        f"where s.{whose} = m.{whose} and s.seats < {MINIMUM_SEATS} and s.period_end > {before} "
        # Said of the last day too, for a server to find both ends of the range in its index.
        f"and s.period_end < {last} + {_LONGEST_PERIOD} "
        f"and {last} > s.period_end - cast(s.period_days as integer)) as {alias} on true"
    )


def _of_window(alias: str) -> str:
    return "on " + " and ".join(f"{alias}.{name} = m.{name}" for name in ("team_id", *_PERIOD))


def _hidden_skills(where: str) -> str:
    """The rows of skill usage under `where`, each with whether its uses are hidden, as is_hidden."""
    rule = RULES[_USAGE.name]
    is_hidden = f"{_is_alone('m.users', rule)} or {_next_to_one('m.users', _USAGE, rule)}"
    return (
        "select m.team_id, m.skill_name, m.period_end, m.period_days, "
        f"case when {is_hidden} then 1 else 0 end as is_hidden from {_USAGE.qualified} as m where {where}"
    )


def _rests(where: str) -> str:
    """By team and window, as is_told: whether one person's failures are all that is left of the team's uses.

    Nobody else failed with any skill that could be hidden with theirs.
    """
    rule, has_failed = RULES[_USAGE.name], "m.uses > m.successes"
    alone = _is_alone("m.users", rule)
    return (
        "select m.account_id, m.team_id, m.period_end, m.period_days, "
        f"max(case when {alone} and {has_failed} then 1 else 0 end) "
        f"* min(case when m.users > 1 and not {alone} and {has_failed} then 0 else 1 end) as is_told "
        f"from {_USAGE.qualified} as m where {where} group by m.account_id, m.team_id, m.period_end, m.period_days"
    )


def _breakdowns(table: PublishedTable, columns: Sequence[str], rule: Rule, where: str) -> tuple[str, str]:
    """The same of a table with totals: for each of its breakdowns, the smallest of every least in it."""
    of_team = [f"m.{name}" for name in ("team_id", *_PERIOD)]
    totals = {
        column: f"case when m.{quoted(column)} = '*' then 1 else 0 end"
        for each in rule.least
        for column in each.breakdown
    }
    smallest = [
        f"min(min(m.{quoted(each.column)})) over (partition by "
        f"{', '.join([*of_team, *(totals[column] for column in each.breakdown)])}) as {quoted(each.column)}"
        for each in rule.least
        if each.column in columns
    ]
    levels = [f"{total} as all_{column}" for column, total in totals.items()]
    joins = (
        f"left join (select {', '.join([*of_team, *levels, *smallest])} from {table.qualified} as m where {where} "
        f"group by {', '.join([*of_team, *totals.values()])}) as g {_of_window('g')}"
        + "".join(f" and g.all_{column} = {total}" for column, total in totals.items())
    )
    return joins, f"(coalesce(m.seats, 0) < {MINIMUM_SEATS})"


def _shown(name: str, columns: Sequence[str], table: PublishedTable, rule: Rule, small: str) -> str:
    column = f"m.{quoted(name)}"
    if name in table.key or name in _PLAIN:
        return column
    if name in rule.withheld:
        return f"case when false then {column} end as {quoted(name)}"
    reasons, size = [small], f"m.{quoted(rule.size)}"
    reasons.extend(
        f"coalesce(g.{quoted(each.column)} = 1, false)" if each.column in columns else "true"
        for each in rule.least
        if name in each.hidden
    )
    for count, hidden in rule.counts:
        if name == count or name in hidden:
            reasons.append(f"coalesce({_alone(f'm.{quoted(count)}', size)}, false)")
    for count, hidden in rule.ends:
        if name == count or name in hidden:
            reasons.append(f"coalesce({_end(count, rule)} is not null, false)" if count in columns else "true")
    for count, hidden in rule.above_one:
        if name in hidden:
            reasons.append(f"coalesce(m.{quoted(count)}, 0) <= 1" if count in columns else "true")
    reasons.extend(
        f"coalesce(m.{quoted(people)}, 0) < {MINIMUM_SEATS}" if people in columns else "true"
        for people, hidden in rule.over
        if name in hidden
    )
    if rule.count and rule.count in columns:
        count = f"m.{quoted(rule.count)}"
        if name in rule.share:
            reasons.append(f"coalesce({_alone(count, size)}, false)")
        elif name in rule.single:
            is_alone = _is_alone(count, rule) if rule.among is None or rule.among in columns else "true"
            if name in rule.told_alone:
                others = ", ".join(f"m.{quoted(column)}" for column in rule.only_row_of)
                is_alone = f"{is_alone} and count(*) over (partition by {others}) > 1"
            reasons.append(f"coalesce({is_alone}, false)")
            if rule.adds_up_over and rule.single[0] in columns:
                reasons.append(_next_to_one(count, table, rule))
    if name in rule.rest_of_skills:
        reasons.append("coalesce(r.is_told = 1, false)")
    for group in rule.together:
        if name in group:
            reasons.extend(f"coalesce({_alone(f'm.{quoted(n)}', size)}, false)" for n in group if n in columns)
    if rule.previous and name in rule.previous + rule.with_previous and set(rule.previous) <= set(columns):
        reasons.append(f"coalesce({_previous_hidden(*rule.previous, columns)}, false)")
    if (
        rule.previous
        and name in rule.previous + rule.with_previous + rule.also_previous
        and set(_PERIOD) <= set(columns)
    ):
        reasons.append("coalesce(b.is_beside_small, 0) = 1")
    value = _coarse_mean(column) if name == "mean_skill_adoption" else column
    return f"case when not ({' or '.join(dict.fromkeys(reasons))}) then {value} end as {quoted(name)}"


def _alone(count: str, seats: str) -> str:
    return f"({count} = 1 or {seats} - {count} = 1)"


def _end(count: str, rule: Rule) -> str:
    """Near which of its ends a count is, as `0-1` or, of five, `4-5`; NULL where it is near neither."""
    x, size = f"m.{quoted(count)}", f"m.{quoted(rule.size)}"
    all_but_one = f"cast({size} - 1 as varchar) || '-' || cast({size} as varchar)"
    return f"case when {x} <= 1 then '0-1' when {size} - {x} <= 1 then {all_but_one} end"


def _is_alone(count: str, rule: Rule) -> str:
    return f"({count} = 1 or m.{quoted(rule.among)} - {count} = 1)" if rule.among else f"{count} = 1"


def _next_to_one(count: str, table: PublishedTable, rule: Rule) -> str:
    """Whether a row is the smallest of several people's where another is one person's: a total would tell that.

    Where people can be all but one of others, one that holds more than what is counted goes before a smaller.
    """
    amount = f"m.{quoted(rule.single[0])}"
    within = "partition by " + ", ".join(f"m.{quoted(name)}" for name in rule.adds_up_over)
    names = ", ".join(f"m.{quoted(name)}" for name in table.key if name not in rule.adds_up_over)
    is_no_cover = f"case when {_is_alone(count, rule)} or {count} < 2 or coalesce({amount}, 0) = 0 then 1 else 0 end"
    if rule.alone:
        has_one = f"m.{quoted(rule.alone)} = 1"
    else:
        has_one = f"count(case when {_is_alone(count, rule)} then 1 end) over ({within}) > 0"
    order = [is_no_cover, count, amount, names]
    if rule.among:
        order.insert(1, f"case when {amount} > m.{quoted(rule.single[1])} then 0 else 1 end")
    return f"({is_no_cover} = 0 and {has_one} and row_number() over ({within} order by {', '.join(order)}) = 1)"


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
