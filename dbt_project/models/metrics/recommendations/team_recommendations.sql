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

    select
        outcomes.*,
        windows.period_end,
        windows.period_days

    from {{ ref('int_recommendation_outcomes') }} as outcomes

    inner join windows
        on outcomes.first_day between windows.period_start and windows.period_end

),

people as (

    -- The star is all of them.
    select
        account_id,
        team_id,
        actor_key,
        period_end,
        period_days,
        coalesce(surface, '*') as surface,
        coalesce(model, '*') as model{% for count in counts %},
        sum({{ count }}) as {{ count }}{% endfor %}

    from outcomes

    where model <> 'holdout'

    group by
        account_id,
        team_id,
        actor_key,
        period_end,
        period_days,
        grouping sets ((surface, model), (surface), (model), ())

),

recommended as (

    select
        account_id,
        team_id,
        period_end,
        period_days,
        surface,
        model{% for count in counts %},
        cast(sum({{ count }}) as bigint) as {{ count }}{% endfor %}{% for step, cut in parts.items() %},
        least({% for part in cut %}
            nullif(count(case when {{ part }} > 0 then 1 end), 0){{ ',' if not loop.last }}{% endfor %}
        ) as least_people_{{ step }}{% endfor %}

    from people

    group by account_id, team_id, period_end, period_days, surface, model

),

withheld_people as (

    select
        account_id,
        team_id,
        actor_key,
        period_end,
        period_days,
        coalesce(surface, '*') as surface,
        sum(censored) as censored,
        sum(shown) as shown,
        sum(installed) as installed

    from outcomes

    where model = 'holdout'

    group by account_id, team_id, actor_key, period_end, period_days, grouping sets ((surface), ())

),

withheld as (

    select
        account_id,
        team_id,
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

    group by account_id, team_id, period_end, period_days, surface

),

keys as (

    select
        account_id,
        team_id,
        period_end,
        period_days,
        surface,
        model

    from recommended

    union

    select
        account_id,
        team_id,
        period_end,
        period_days,
        surface,
        '*' as model

    from withheld

),

counted as (

    select
        keys.team_id,
        keys.period_end,
        keys.period_days,
        keys.surface,
        keys.model,
        keys.account_id,
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

    inner join windows
        on keys.period_end = windows.period_end and keys.period_days = windows.period_days

    left join recommended
        on
            keys.account_id = recommended.account_id
            and keys.team_id = recommended.team_id
            and keys.period_end = recommended.period_end
            and keys.period_days = recommended.period_days
            and keys.surface = recommended.surface
            and keys.model = recommended.model

    -- What nobody was shown has no model of its own: every model is held against the same surface's.
    left join withheld
        on
            keys.account_id = withheld.account_id
            and keys.team_id = withheld.team_id
            and keys.period_end = withheld.period_end
            and keys.period_days = withheld.period_days
            and keys.surface = withheld.surface

    left join {{ ref('int_team_windows') }} as team_windows
        on
            keys.account_id = team_windows.account_id
            and keys.team_id = team_windows.team_id
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
