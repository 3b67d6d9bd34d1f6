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
} %}

with

windows as not materialized (

    -- What becomes of an episode is told for thirty days.
    select * from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(30) }}

),

outcomes as (

    -- Numbers for names: a person is looked up in every window, and their name is long.
    select
        *,
        dense_rank() over (order by account_id, team_id) as team_number,
        dense_rank() over (order by account_id, team_id, actor_key) as person_number

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

in_windows as (

    select
        outcomes.team_number,
        outcomes.person_number,
        outcomes.surface,
        outcomes.model,
        days_of_windows.period_end,
        days_of_windows.period_days{% for count in counts %},
        outcomes.{{ count }}{% endfor %}

    from outcomes

    inner join days_of_windows
        on outcomes.first_day = days_of_windows.first_day

),

people as (

    -- The star is all of them.
    select
        team_number,
        person_number,
        period_end,
        period_days,
        coalesce(surface, '*') as surface,
        coalesce(model, '*') as model{% for count in counts %},
        sum({{ count }}) as {{ count }}{% endfor %}

    from in_windows

    where model <> 'holdout'

    group by
        team_number,
        person_number,
        period_end,
        period_days,
        grouping sets ((surface, model), (surface), (model), ())

),

recommended as (

    select
        team_number,
        period_end,
        period_days,
        surface,
        model{% for count in counts %},
        cast(sum({{ count }}) as bigint) as {{ count }}{% endfor %}{% for step, cut in parts.items() %},
        least({% for part in cut %}
            nullif(count(case when {{ part }} > 0 then 1 end), 0){{ ',' if not loop.last }}{% endfor %}
        ) as least_people_{{ step }}{% endfor %}

    from people

    group by team_number, period_end, period_days, surface, model

),

withheld_people as (

    select
        team_number,
        person_number,
        period_end,
        period_days,
        coalesce(surface, '*') as surface,
        sum(censored) as censored,
        sum(shown) as shown,
        sum(installed) as installed

    from in_windows

    where model = 'holdout'

    group by team_number, person_number, period_end, period_days, grouping sets ((surface), ())

),

withheld as (

    select
        team_number,
        period_end,
        period_days,
        surface,
        cast(sum(censored) as bigint) as holdout_censored,
        cast(sum(shown) as bigint) as holdout_shown,
        cast(sum(installed) as bigint) as holdout_installed,
        least(
            nullif(count(case when censored > 0 then 1 end), 0),
            nullif(count(case when shown > 0 then 1 end), 0),
            nullif(count(case when installed > 0 then 1 end), 0),
            nullif(count(case when shown - installed > 0 then 1 end), 0)
        ) as least_people_holdout

    from withheld_people

    group by team_number, period_end, period_days, surface

),

keys as (

    select
        team_number,
        period_end,
        period_days,
        surface,
        model

    from recommended

    union

    select
        team_number,
        period_end,
        period_days,
        surface,
        '*' as model

    from withheld

),

counted as (

    select
        numbered_teams.team_id,
        keys.period_end,
        keys.period_days,
        keys.surface,
        keys.model,
        numbered_teams.account_id,
        windows.is_covered,
        windows.is_provisional,
        coalesce(team_windows.seats, 0) as seats{% for count in counts %},
        coalesce(recommended.{{ count }}, 0) as {{ count }}{% endfor %},
        coalesce(withheld.holdout_censored, 0) as holdout_censored,
        coalesce(withheld.holdout_shown, 0) as holdout_shown,
        coalesce(withheld.holdout_installed, 0) as holdout_installed{% for step in parts %},
        recommended.least_people_{{ step }}{% endfor %},
        withheld.least_people_holdout

    from keys

    inner join numbered_teams
        on keys.team_number = numbered_teams.team_number

    inner join windows
        on keys.period_end = windows.period_end and keys.period_days = windows.period_days

    left join recommended
        on
            keys.team_number = recommended.team_number
            and keys.period_end = recommended.period_end
            and keys.period_days = recommended.period_days
            and keys.surface = recommended.surface
            and keys.model = recommended.model

    -- What nobody was shown has no model of its own: every model is held against the same surface's.
    left join withheld
        on
            keys.team_number = withheld.team_number
            and keys.period_end = withheld.period_end
            and keys.period_days = withheld.period_days
            and keys.surface = withheld.surface

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
