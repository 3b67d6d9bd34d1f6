{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'margin': 30},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash(and_groups=true) }}"
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
{#- The same of what was withheld; that has no model of its own, so every model is held against the same surface's. -#}
{%- set withheld_parts = {'holdout': ['censored', 'shown', 'installed', 'shown - installed']} -%}
{%- set withheld_counts = ['censored', 'shown', 'installed'] -%}
{%- set lengths = window_lengths() -%}
{%- set sums -%}
    {%- for count in counts %},
        cast(sum({{ count }}) as integer) as {{ count }}{% endfor %}
{%- endset -%}
{#- Two lengths share a number, the longer in its upper half: half as much to carry for each person. -#}
{%- set pairs = lengths | batch(2) | list -%}
{%- set half = 2 ** part_bits() -%}
{%- set anything -%}
    {%- for shorter, longer in pairs %},
        bit_or(any_in_{{ shorter }}_{{ longer }}) as any_in_{{ shorter }}_{{ longer }}{% endfor %}
{%- endset %}

with

windows as (

    -- What becomes of an episode is told for thirty days.
    select
        *,
        cast(row_number() over (order by period_end, period_days) as integer) as window_number,
        cast(dense_rank() over (order by period_end) as integer) as end_number

    from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(30) }}

),

named_outcomes as not materialized (

    select * from {{ ref('int_recommendation_outcomes') }}

    where first_day >= {{ remade_from(30) }} - {{ lengths | max }}

),

people as (

    -- Numbers for names, which are long: a person is looked up in every window.
    select
        account_id,
        team_id,
        actor_key,
        cast(dense_rank() over (order by account_id, team_id) as integer) as team_number,
        cast(row_number() over (order by account_id, team_id, actor_key) as integer) as person_number

    from (select distinct account_id, team_id, actor_key from named_outcomes) as named

),

surfaces as (

    -- Nought is for all of them.
    select
        surface,
        cast(row_number() over (order by surface) as integer) as surface_number

    from (select distinct surface from named_outcomes) as named

    union all

    select
        '*' as surface,
        0 as surface_number

),

models as (

    -- What was withheld is before nought.
    select
        model,
        case when model = 'holdout' then -1 else cast(row_number() over (order by model) as integer) end as model_number

    from (select distinct model from named_outcomes) as named

    union all

    select
        '*' as model,
        0 as model_number

),

outcomes as (

    select
        people.team_number,
        people.person_number,
        surfaces.surface_number,
        models.model_number,
        named_outcomes.first_day{% for count in counts %},
        cast(named_outcomes.{{ count }} as integer) as {{ count }}{% endfor %},
        cast({{ having_any(parts) }} as bigint) as has_any

    from named_outcomes

    inner join people
        on
            named_outcomes.account_id = people.account_id
            and named_outcomes.team_id = people.team_id
            and named_outcomes.actor_key = people.actor_key

    inner join surfaces
        on named_outcomes.surface = surfaces.surface

    inner join models
        on named_outcomes.model = models.model

),

edges as (

    -- What a window counts is what is counted up to its end and not up to the day before it. No other day is asked for.
    select
        day,
        cast(row_number() over (order by day) as integer) as edge_number

    from (
        select period_end as day from windows

        union

        select period_start - 1 as day from windows
    ) as days

),

edges_of_days as (

    select
        days.first_day,
        min(edges.edge_number) as edge_number

    from (select distinct first_day from outcomes) as days

    inner join edges
        on days.first_day <= edges.day

    group by days.first_day

),

parts_by_edge as (

    select
        outcomes.team_number,
        outcomes.surface_number,
        outcomes.model_number,
        edges_of_days.edge_number{% for count in counts %},
        cast(sum(outcomes.{{ count }}) as integer) as {{ count }}{% endfor %}

    from outcomes

    inner join edges_of_days
        on outcomes.first_day = edges_of_days.first_day

    group by outcomes.team_number, outcomes.surface_number, outcomes.model_number, edges_of_days.edge_number

),

so_far as (

    -- Up to an edge at which nothing comes it is what it was up to the one before.
    select
        team_number,
        surface_number,
        model_number,
        {{ integer_series('edge_number', 'next_edge_number - 1') }} as edge_number,
        {{ counts | join(',\n        ') }}

    from (
        select
            team_number,
            surface_number,
            model_number,
            edge_number,
            coalesce(
                lead(edge_number) over edges_so_far, (select count(*) + 1 from edges)
            ) as next_edge_number{% for count in counts %},
            cast(sum({{ count }}) over edges_so_far as integer) as {{ count }}{% endfor %}

        from parts_by_edge

        window edges_so_far as (partition by team_number, surface_number, model_number order by edge_number)
    ) as changes

),

edges_of_windows as (

    select
        windows.window_number,
        ends.edge_number as last_edge,
        befores.edge_number as edge_before

    from windows

    inner join edges as ends
        on windows.period_end = ends.day

    inner join edges as befores
        on windows.period_start - 1 = befores.day

),

counts_of_parts as (

    select
        ended.team_number,
        edges_of_windows.window_number,
        ended.surface_number,
        ended.model_number{% for count in counts %},
        ended.{{ count }} - coalesce(begun.{{ count }}, 0) as {{ count }}{% endfor %}

    from edges_of_windows

    inner join so_far as ended
        on edges_of_windows.last_edge = ended.edge_number

    left join so_far as begun
        on
            edges_of_windows.edge_before = begun.edge_number
            and ended.team_number = begun.team_number
            and ended.surface_number = begun.surface_number
            and ended.model_number = begun.model_number

    where ended.censored + ended.shown > coalesce(begun.censored + begun.shown, 0)

),

counts_of_surfaces as (

    -- The star is all of them, and each total is made of the fewest rows that it can be made of.
    select
        team_number,
        window_number,
        surface_number{% for count in counts %},
        cast(sum(case when model_number > 0 then {{ count }} else 0 end) as integer) as {{ count }}{% endfor %}{% for count in withheld_counts %},
        cast(sum(case when model_number < 0 then {{ count }} else 0 end) as integer) as holdout_{{ count }}{% endfor %}

    from counts_of_parts

    group by team_number, window_number, surface_number

),

counts_of_teams as (

    select
        team_number,
        window_number,
        0 as surface_number{{ sums }}{% for count in withheld_counts %},
        cast(sum(holdout_{{ count }}) as integer) as holdout_{{ count }}{% endfor %}

    from counts_of_surfaces

    group by team_number, window_number

),

totals as (

    select * from counts_of_surfaces

    union all

    select * from counts_of_teams

),

all_counts as (

    select
        team_number,
        window_number,
        surface_number,
        model_number,
        {{ counts | join(',\n        ') }}

    from counts_of_parts

    where model_number > 0

    union all

    select
        team_number,
        window_number,
        0 as surface_number,
        model_number{{ sums }}

    from counts_of_parts

    where model_number > 0

    group by team_number, window_number, model_number

    union all

    select
        team_number,
        window_number,
        surface_number,
        0 as model_number,
        {{ counts | join(',\n        ') }}

    from totals

),

days_of_ends as (

    select
        ends.end_number,
        days.first_day{% for shorter, longer in pairs %},
        -- What a day's bits are multiplied with, to stand in the half of each length that it lies in.
        case
            when ends.period_end - days.first_day < {{ shorter }} then {{ 1 + half }}
            when ends.period_end - days.first_day < {{ longer }} then {{ half }}
            else 0
        end as in_{{ shorter }}_{{ longer }}{% endfor %}

    from (select distinct period_end, end_number from windows) as ends

    inner join edges_of_days as days
        on days.first_day between ends.period_end - {{ (lengths | max) - 1 }} and ends.period_end

),

people_of_parts as (

    -- Of all windows that end on a day at once: a shorter one lies in the longer.
    select
        outcomes.team_number,
        outcomes.person_number,
        days_of_ends.end_number,
        outcomes.surface_number,
        outcomes.model_number{% for shorter, longer in pairs %},
        bit_or(outcomes.has_any * days_of_ends.in_{{ shorter }}_{{ longer }}) as any_in_{{ shorter }}_{{ longer }}{% endfor %}

    from outcomes

    inner join days_of_ends
        on outcomes.first_day = days_of_ends.first_day

    group by
        outcomes.team_number,
        outcomes.person_number,
        days_of_ends.end_number,
        outcomes.surface_number,
        outcomes.model_number

),

people_of_surfaces as (

    select
        team_number,
        person_number,
        end_number,
        surface_number,
        case when model_number > 0 then 0 else -1 end as model_number{{ anything }}

    from people_of_parts

    group by team_number, person_number, end_number, surface_number, case when model_number > 0 then 0 else -1 end

),

all_people as (

    select
        team_number,
        end_number,
        surface_number,
        model_number,
        {% for shorter, longer in pairs %}any_in_{{ shorter }}_{{ longer }}{{ ', ' if not loop.last }}{% endfor %}

    from people_of_parts

    where model_number > 0

    union all

    select
        team_number,
        end_number,
        0 as surface_number,
        model_number{{ anything }}

    from people_of_parts

    where model_number > 0

    group by team_number, person_number, end_number, model_number

    union all

    select
        team_number,
        end_number,
        surface_number,
        model_number,
        {% for shorter, longer in pairs %}any_in_{{ shorter }}_{{ longer }}{{ ', ' if not loop.last }}{% endfor %}

    from people_of_surfaces

    union all

    select
        team_number,
        end_number,
        0 as surface_number,
        model_number{{ anything }}

    from people_of_surfaces

    group by team_number, person_number, end_number, model_number

),

people_one_by_one as (

    -- What a person has any of, and of it what somebody before them has: in what order they come makes no difference.
    select
        team_number,
        end_number,
        surface_number,
        model_number{% for shorter, longer in pairs %},
        any_in_{{ shorter }}_{{ longer }},
        any_in_{{ shorter }}_{{ longer }} & bit_or(any_in_{{ shorter }}_{{ longer }}) over before_them
            as again_in_{{ shorter }}_{{ longer }}{% endfor %}

    from all_people

    window before_them as (
        partition by team_number, end_number, surface_number, model_number
        rows between unbounded preceding and 1 preceding
    )

),

people_of_ends as (

    select
        team_number,
        end_number,
        surface_number,
        model_number{{ anything }}{% for shorter, longer in pairs %},
        bit_or(again_in_{{ shorter }}_{{ longer }}) as again_in_{{ shorter }}_{{ longer }}{% endfor %}

    from people_one_by_one

    group by team_number, end_number, surface_number, model_number

),

people_in_windows as (

    select
        people_of_ends.team_number,
        windows.window_number,
        people_of_ends.surface_number,
        people_of_ends.model_number{% for what in ['any', 'again'] %},
        case windows.period_days
            {%- for shorter, longer in pairs %}
            when {{ shorter }} then people_of_ends.{{ what }}_in_{{ shorter }}_{{ longer }} & {{ half - 1 }}
            when {{ longer }} then people_of_ends.{{ what }}_in_{{ shorter }}_{{ longer }} >> {{ part_bits() }}
            {%- endfor %}
        end as has_{{ what }}{% endfor %}

    from people_of_ends

    inner join windows
        on people_of_ends.end_number = windows.end_number

),

least_people as (

    select
        team_number,
        window_number,
        surface_number,
        model_number,
        {{ least_people(parts, dict(parts, **withheld_parts)) }}

    from people_in_windows

    where has_any <> 0

),

team_windows as (

    select
        teams.team_number,
        windows.window_number,
        teams.account_id,
        teams.team_id,
        windows.period_end,
        windows.period_days,
        windows.is_covered,
        windows.is_provisional,
        coalesce(seats.seats, 0) as seats

    from (select distinct team_number, account_id, team_id from people) as teams

    inner join {{ ref('dim_teams') }} as known_teams
        on teams.team_id = known_teams.team_id

    cross join windows

    left join {{ ref('int_team_windows') }} as seats
        on
            teams.account_id = seats.account_id
            and teams.team_id = seats.team_id
            and windows.period_days = seats.lookback_days
            and windows.period_end = seats.sampled_day

),

counted as (

    select
        team_windows.team_id,
        team_windows.period_end,
        team_windows.period_days,
        surfaces.surface,
        models.model,
        team_windows.account_id,
        team_windows.is_covered,
        team_windows.is_provisional,
        team_windows.seats{% for count in counts %},
        cast(all_counts.{{ count }} as bigint) as {{ count }}{% endfor %}{% for count in withheld_counts %},
        cast(totals.holdout_{{ count }} as bigint) as holdout_{{ count }}{% endfor %}{% for step in parts %},
        least_people.least_people_{{ step }}{% endfor %},
        least_withheld_people.least_people_holdout

    from all_counts

    inner join totals
        on
            all_counts.team_number = totals.team_number
            and all_counts.window_number = totals.window_number
            and all_counts.surface_number = totals.surface_number

    inner join team_windows
        on
            all_counts.team_number = team_windows.team_number
            and all_counts.window_number = team_windows.window_number

    inner join surfaces
        on all_counts.surface_number = surfaces.surface_number

    inner join models
        on all_counts.model_number = models.model_number

    left join least_people
        on
            all_counts.team_number = least_people.team_number
            and all_counts.window_number = least_people.window_number
            and all_counts.surface_number = least_people.surface_number
            and all_counts.model_number = least_people.model_number

    left join least_people as least_withheld_people
        on
            all_counts.team_number = least_withheld_people.team_number
            and all_counts.window_number = least_withheld_people.window_number
            and all_counts.surface_number = least_withheld_people.surface_number
            and least_withheld_people.model_number = -1

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
