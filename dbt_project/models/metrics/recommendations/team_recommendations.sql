{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'margin': 30},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash() }}"
) }}

{%- set counts = [
    'censored', 'shown', 'clicked', 'installed', 'clicked_installed',
    'shown_14', 'installed_14', 'activated',
    'shown_30', 'installed_30', 'activated_30', 'retained',
] -%}
{#- Of each share the count that it is of. -#}
{%- set rates = {
    'click': ('clicked', 'shown'),
    'acceptance': ('installed', 'shown'),
    'conversion': ('clicked_installed', 'clicked'),
    'activation': ('activated', 'installed_14'),
    'activated_of_shown': ('activated', 'shown_14'),
    'retention': ('retained', 'installed_30'),
    'retained_of_activated': ('retained', 'activated_30'),
    'retained_of_shown': ('retained', 'shown_30'),
} -%}
{#- Of each step the parts that it cuts others into: figures over one person are told from these. -#}
{%- set parts = {
    'censored': ['censored'],
    'shown': ['shown'],
    'clicked': ['clicked', 'shown - clicked'],
    'installed': ['installed', 'shown - installed'],
    'clicked_installed': ['clicked_installed', 'clicked - clicked_installed', 'installed - clicked_installed'],
    'activated': [
        'shown_14', 'shown - shown_14', 'installed_14', 'installed - installed_14', 'shown_14 - installed_14',
        'activated', 'installed_14 - activated',
    ],
    'retained': [
        'shown_30', 'shown_14 - shown_30', 'installed_30', 'installed_14 - installed_30', 'shown_30 - installed_30',
        'activated_30', 'activated - activated_30', 'installed_30 - activated_30', 'retained',
        'activated_30 - retained',
    ],
} -%}
{%- set withheld_parts = {'holdout': ['censored', 'shown', 'installed', 'shown - installed']} -%}

with

windows as not materialized (

    -- What becomes of an episode is told for thirty days.
    select * from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(30) }}

),

outcomes as (

    -- Numbers for names, which are long: a person is looked up in every window. Nought is for all of them.
    select
        *,
        cast(dense_rank() over (order by account_id, team_id) as integer) as team_number,
        cast(dense_rank() over (order by account_id, team_id, actor_key) as integer) as person_number,
        cast(dense_rank() over (order by surface) as integer) as surface_number,
        cast(dense_rank() over (order by model) as integer) as model_number,
        model = 'holdout' as is_withheld,
        case when model = 'holdout' then {{ having_any(withheld_parts) }} else {{ having_any(parts) }} end as has_any

    from {{ ref('int_recommendation_outcomes') }}

    where first_day >= {{ remade_from(30) }} - {{ window_lengths() | max }}

),

numbered_teams as (

    select distinct
        team_number,
        account_id,
        team_id

    from outcomes

),

numbered_surfaces as (

    select distinct
        surface_number,
        surface

    from outcomes

    union all

    select
        0 as surface_number,
        '*' as surface

),

numbered_models as (

    select distinct
        model_number,
        model

    from outcomes

    union all

    select
        0 as model_number,
        '*' as model

),

days_of_windows as (

    -- Days are few, so that rows meet their windows by the day and not by comparing.
    select
        windows.period_end,
        windows.period_days,
        days.first_day

    from windows

    inner join (select distinct first_day from outcomes) as days
        on days.first_day between windows.period_start and windows.period_end

),

team_days as (

    select
        team_number,
        first_day,
        surface_number,
        model_number,
        is_withheld{% for count in counts %},
        cast(sum({{ count }}) as integer) as {{ count }}{% endfor %}

    from outcomes

    group by team_number, first_day, surface_number, model_number, is_withheld

),

team_windows_of_all as (

    select
        team_days.team_number,
        days_of_windows.period_end,
        days_of_windows.period_days,
        team_days.surface_number,
        team_days.model_number,
        team_days.is_withheld{% for count in counts %},
        cast(sum(team_days.{{ count }}) as integer) as {{ count }}{% endfor %}

    from team_days

    inner join days_of_windows
        on team_days.first_day = days_of_windows.first_day

    group by
        team_days.team_number,
        days_of_windows.period_end,
        days_of_windows.period_days,
        team_days.surface_number,
        team_days.model_number,
        team_days.is_withheld

),

people_of_all as (

    select
        outcomes.team_number,
        outcomes.person_number,
        days_of_windows.period_end,
        days_of_windows.period_days,
        outcomes.surface_number,
        outcomes.model_number,
        outcomes.is_withheld,
        bit_or(outcomes.has_any) as has_any

    from outcomes

    inner join days_of_windows
        on outcomes.first_day = days_of_windows.first_day

    group by
        outcomes.team_number,
        outcomes.person_number,
        days_of_windows.period_end,
        days_of_windows.period_days,
        outcomes.surface_number,
        outcomes.model_number,
        outcomes.is_withheld

),

team_counts as (

    -- The star is all of them.
    select
        team_number,
        period_end,
        period_days,
        coalesce(surface_number, 0) as surface_number,
        coalesce(model_number, 0) as model_number{% for count in counts %},
        cast(sum({{ count }}) as bigint) as {{ count }}{% endfor %}

    from team_windows_of_all

    where not is_withheld

    group by team_number, period_end, period_days, grouping sets ((surface_number, model_number), (surface_number), (model_number), ())

),

people as (

    select
        team_number,
        period_end,
        period_days,
        coalesce(surface_number, 0) as surface_number,
        coalesce(model_number, 0) as model_number,
        bit_or(has_any) as has_any

    from people_of_all

    where not is_withheld

    group by
        team_number,
        person_number,
        period_end,
        period_days,
        grouping sets ((surface_number, model_number), (surface_number), (model_number), ())

),

least_people as (

    select
        team_number,
        period_end,
        period_days,
        surface_number,
        model_number,
        {{ least_people(parts) }}

    from people

    group by team_number, period_end, period_days, surface_number, model_number

),

withheld_counts as (

    select
        team_number,
        period_end,
        period_days,
        coalesce(surface_number, 0) as surface_number,
        cast(sum(censored) as bigint) as holdout_censored,
        cast(sum(shown) as bigint) as holdout_shown,
        cast(sum(installed) as bigint) as holdout_installed

    from team_windows_of_all

    where is_withheld

    group by team_number, period_end, period_days, grouping sets ((surface_number), ())

),

withheld_people as (

    select
        team_number,
        period_end,
        period_days,
        coalesce(surface_number, 0) as surface_number,
        bit_or(has_any) as has_any

    from people_of_all

    where is_withheld

    group by team_number, person_number, period_end, period_days, grouping sets ((surface_number), ())

),

least_withheld_people as (

    select
        team_number,
        period_end,
        period_days,
        surface_number,
        {{ least_people(withheld_parts) }}

    from withheld_people

    group by team_number, period_end, period_days, surface_number

),

keys as (

    select
        team_number,
        period_end,
        period_days,
        surface_number,
        model_number

    from team_counts

    union

    select
        team_number,
        period_end,
        period_days,
        surface_number,
        0 as model_number

    from withheld_counts

),

counted as (

    select
        numbered_teams.team_id,
        keys.period_end,
        keys.period_days,
        numbered_surfaces.surface,
        numbered_models.model,
        numbered_teams.account_id,
        windows.is_covered,
        windows.is_provisional,
        coalesce(team_windows.seats, 0) as seats{% for count in counts %},
        coalesce(team_counts.{{ count }}, 0) as {{ count }}{% endfor %},
        coalesce(withheld_counts.holdout_censored, 0) as holdout_censored,
        coalesce(withheld_counts.holdout_shown, 0) as holdout_shown,
        coalesce(withheld_counts.holdout_installed, 0) as holdout_installed{% for step in parts %},
        least_people.least_people_{{ step }}{% endfor %},
        least_withheld_people.least_people_holdout

    from keys

    inner join numbered_teams
        on keys.team_number = numbered_teams.team_number

    inner join numbered_surfaces
        on keys.surface_number = numbered_surfaces.surface_number

    inner join numbered_models
        on keys.model_number = numbered_models.model_number

    inner join windows
        on keys.period_end = windows.period_end and keys.period_days = windows.period_days

    left join team_counts
        on
            keys.team_number = team_counts.team_number
            and keys.period_end = team_counts.period_end
            and keys.period_days = team_counts.period_days
            and keys.surface_number = team_counts.surface_number
            and keys.model_number = team_counts.model_number

    left join least_people
        on
            keys.team_number = least_people.team_number
            and keys.period_end = least_people.period_end
            and keys.period_days = least_people.period_days
            and keys.surface_number = least_people.surface_number
            and keys.model_number = least_people.model_number

    -- What nobody was shown has no model of its own: every model is held against the same surface's.
    left join withheld_counts
        on
            keys.team_number = withheld_counts.team_number
            and keys.period_end = withheld_counts.period_end
            and keys.period_days = withheld_counts.period_days
            and keys.surface_number = withheld_counts.surface_number

    left join least_withheld_people
        on
            keys.team_number = least_withheld_people.team_number
            and keys.period_end = least_withheld_people.period_end
            and keys.period_days = least_withheld_people.period_days
            and keys.surface_number = least_withheld_people.surface_number

    left join {{ ref('int_team_windows') }} as team_windows
        on
            numbered_teams.account_id = team_windows.account_id
            and numbered_teams.team_id = team_windows.team_id
            and keys.period_days = team_windows.lookback_days
            and keys.period_end = team_windows.sampled_day

),

shares as (

    select
        *{% for rate, (count, base) in rates.items() %},
        {{ ratio(count, base) }} as {{ rate }}_rate,
        {{ wilson_low(count, base) }} as {{ rate }}_low,
        {{ wilson_high(count, base) }} as {{ rate }}_high{% endfor %},
        {{ ratio('holdout_installed', 'holdout_shown') }} as holdout_rate,
        {{ wilson_low('holdout_installed', 'holdout_shown') }} as holdout_low,
        {{ wilson_high('holdout_installed', 'holdout_shown') }} as holdout_high

    from counted

)

{%- set compared = [
    'shares.acceptance_rate', 'shares.acceptance_low', 'shares.acceptance_high',
    'shares.holdout_rate', 'shares.holdout_low', 'shares.holdout_high',
] %}

select
    shares.team_id,
    shares.period_end,
    cast(shares.period_days as integer) as period_days,
    shares.surface,
    shares.model,
    shares.account_id,
    cast(shares.seats as bigint) as seats{% for count in counts %},
    shares.{{ count }}{% endfor %}{% for rate in rates %},
    shares.{{ rate }}_rate,
    shares.{{ rate }}_low,
    shares.{{ rate }}_high{% endfor %},
    shares.holdout_censored,
    shares.holdout_shown,
    shares.holdout_installed,
    shares.holdout_rate,
    shares.holdout_low,
    shares.holdout_high,
    shares.acceptance_rate - shares.holdout_rate as lift,
    {{ difference_low(*compared) }} as lift_low,
    {{ difference_high(*compared) }} as lift_high{% for step in parts %},
    shares.least_people_{{ step }}{% endfor %},
    shares.least_people_holdout,
    shares.is_covered,
    shares.period_end + 30 > {{ last_complete_day() }} as is_open,
    shares.is_provisional,
    {{ metric_columns() }}

from shares

inner join {{ ref('dim_teams') }} as teams
    on shares.team_id = teams.team_id
