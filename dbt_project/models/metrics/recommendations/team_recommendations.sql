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
{%- set sums -%}
{%- for count in counts %},
        cast(sum({{ count }}) as bigint) as {{ count }}{% endfor %}
{%- endset %}

with

windows as not materialized (

    -- What becomes of an episode is told for thirty days.
    select
        *,
        cast(row_number() over (order by period_end, period_days) as integer) as window_number

    from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(30) }}

),

outcomes as (

    -- Numbers for names, which are long: a person is looked up in every window. Nought is for all of them.
    select
        *,
        cast(dense_rank() over (order by account_id, team_id) as bigint) as team_number,
        cast(dense_rank() over (order by account_id, team_id, actor_key) as integer) as person_number,
        cast(dense_rank() over (order by surface) as integer) as surface_number,
        cast(dense_rank() over (order by model) as integer) as model_number,
        model = 'holdout' as is_withheld,
        case when model = 'holdout' then {{ having_any(withheld_parts) }} else {{ having_any(parts) }} end as has_any

    from {{ ref('int_recommendation_outcomes') }}

    where first_day >= {{ remade_from(30) }} - {{ window_lengths() | max }}

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

team_windows as (

    -- A team in a window as one number: everything below is grouped and joined by it.
    select
        numbered.team_number * (select count(*) + 1 from windows) + windows.window_number as team_window,
        numbered.account_id,
        numbered.team_id,
        windows.period_end,
        windows.period_days,
        windows.is_covered,
        windows.is_provisional,
        coalesce(seats.seats, 0) as seats

    from (
        select distinct
            team_number,
            account_id,
            team_id

        from outcomes
    ) as numbered

    inner join {{ ref('dim_teams') }} as teams
        on numbered.team_id = teams.team_id

    cross join windows

    left join {{ ref('int_team_windows') }} as seats
        on
            numbered.account_id = seats.account_id
            and numbered.team_id = seats.team_id
            and windows.period_days = seats.lookback_days
            and windows.period_end = seats.sampled_day

),

days_of_windows as (

    -- Days are few, so that rows meet their windows by the day and not by comparing.
    select
        (select count(*) + 1 from windows) as windows_of_team,
        windows.window_number,
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

counts_of_parts as (

    select
        team_days.team_number * days_of_windows.windows_of_team + days_of_windows.window_number as team_window,
        team_days.surface_number,
        team_days.model_number,
        team_days.is_withheld{% for count in counts %},
        cast(sum(team_days.{{ count }}) as bigint) as {{ count }}{% endfor %}

    from team_days

    inner join days_of_windows
        on team_days.first_day = days_of_windows.first_day

    group by
        team_days.team_number * days_of_windows.windows_of_team + days_of_windows.window_number,
        team_days.surface_number,
        team_days.model_number,
        team_days.is_withheld

),

people_of_parts as (

    select
        outcomes.team_number * days_of_windows.windows_of_team + days_of_windows.window_number as team_window,
        outcomes.person_number,
        outcomes.surface_number,
        outcomes.model_number,
        outcomes.is_withheld,
        bit_or(outcomes.has_any) as has_any

    from outcomes

    inner join days_of_windows
        on outcomes.first_day = days_of_windows.first_day

    group by
        outcomes.team_number * days_of_windows.windows_of_team + days_of_windows.window_number,
        outcomes.person_number,
        outcomes.surface_number,
        outcomes.model_number,
        outcomes.is_withheld

),

counts_of_surfaces as (

    -- The star is all of them. Each total is made of the fewest rows that it can be made of.
    select
        team_window,
        surface_number,
        is_withheld{{ sums }}

    from counts_of_parts

    group by team_window, surface_number, is_withheld

),

people_of_surfaces as (

    select
        team_window,
        person_number,
        surface_number,
        is_withheld,
        bit_or(has_any) as has_any

    from people_of_parts

    group by team_window, person_number, surface_number, is_withheld

),

all_counts as (

    select
        team_window,
        surface_number,
        model_number,
        is_withheld,
        {{ counts | join(',\n        ') }}

    from counts_of_parts

    where not is_withheld

    union all

    select
        team_window,
        surface_number,
        0 as model_number,
        is_withheld,
        {{ counts | join(',\n        ') }}

    from counts_of_surfaces

    union all

    select
        team_window,
        0 as surface_number,
        model_number,
        is_withheld{{ sums }}

    from counts_of_parts

    where not is_withheld

    group by team_window, model_number, is_withheld

    union all

    select
        team_window,
        0 as surface_number,
        0 as model_number,
        is_withheld{{ sums }}

    from counts_of_surfaces

    group by team_window, is_withheld

),

all_people as (

    select
        team_window,
        person_number,
        surface_number,
        model_number,
        is_withheld,
        has_any

    from people_of_parts

    where not is_withheld

    union all

    select
        team_window,
        person_number,
        surface_number,
        0 as model_number,
        is_withheld,
        has_any

    from people_of_surfaces

    union all

    select
        team_window,
        person_number,
        0 as surface_number,
        model_number,
        is_withheld,
        bit_or(has_any) as has_any

    from people_of_parts

    where not is_withheld

    group by team_window, person_number, model_number, is_withheld

    union all

    select
        team_window,
        person_number,
        0 as surface_number,
        0 as model_number,
        is_withheld,
        bit_or(has_any) as has_any

    from people_of_surfaces

    group by team_window, person_number, is_withheld

),

least_people as (

    select
        team_window,
        surface_number,
        model_number,
        {{ least_people(parts) }}

    from all_people

    where not is_withheld

    group by team_window, surface_number, model_number

),

least_withheld_people as (

    select
        team_window,
        surface_number,
        {{ least_people(withheld_parts) }}

    from all_people

    where is_withheld

    group by team_window, surface_number

),

keys as (

    select
        team_window,
        surface_number,
        model_number

    from all_counts

    group by team_window, surface_number, model_number

),

counted as (

    select
        team_windows.team_id,
        team_windows.period_end,
        team_windows.period_days,
        numbered_surfaces.surface,
        numbered_models.model,
        team_windows.account_id,
        team_windows.is_covered,
        team_windows.is_provisional,
        team_windows.seats{% for count in counts %},
        coalesce(team_counts.{{ count }}, 0) as {{ count }}{% endfor %},
        coalesce(withheld_counts.censored, 0) as holdout_censored,
        coalesce(withheld_counts.shown, 0) as holdout_shown,
        coalesce(withheld_counts.installed, 0) as holdout_installed{% for step in parts %},
        least_people.least_people_{{ step }}{% endfor %},
        least_withheld_people.least_people_holdout

    from keys

    inner join team_windows
        on keys.team_window = team_windows.team_window

    inner join numbered_surfaces
        on keys.surface_number = numbered_surfaces.surface_number

    inner join numbered_models
        on keys.model_number = numbered_models.model_number

    left join all_counts as team_counts
        on
            keys.team_window = team_counts.team_window
            and keys.surface_number = team_counts.surface_number
            and keys.model_number = team_counts.model_number
            and not team_counts.is_withheld

    left join least_people
        on
            keys.team_window = least_people.team_window
            and keys.surface_number = least_people.surface_number
            and keys.model_number = least_people.model_number

    -- What nobody was shown has no model of its own: every model is held against the same surface's.
    left join all_counts as withheld_counts
        on
            keys.team_window = withheld_counts.team_window
            and keys.surface_number = withheld_counts.surface_number
            and withheld_counts.is_withheld

    left join least_withheld_people
        on
            keys.team_window = least_withheld_people.team_window
            and keys.surface_number = least_withheld_people.surface_number

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
