{{ config(pre_hook="{{ joins_by_hash() }}") }}

with

seated_days as (

    select
        seats.account_id,
        seats.team_id,
        names.skill_name,
        facts.actor_key,
        facts.day,
        facts.breakdown,
        facts.value,
        facts.events

    from {{ ref('int_skill_breakdown_days') }} as facts

    inner join {{ ref('int_skill_names') }} as names
        on facts.skill_name_given = names.skill_name_given

    inner join {{ ref('int_seat_spans') }} as seats
        on facts.actor_key = seats.actor_key and facts.day between seats.first_day and seats.last_day

    where
        not facts.is_day_mark
        and facts.day between {{ window_start(parted_days()) }} and {{ last_complete_day() }}

),

windows as (

    select
        ends.period_end,
        lookbacks.lookback_days,
        ends.period_end - lookbacks.lookback_days + 1 as period_start,
        cast(row_number() over (order by ends.period_end, lookbacks.lookback_days) as integer) as window_number

    from {{ parted_ends() }} as ends

    cross join {{ lookbacks(window_lengths()) }}

),

stretches as (

    -- Days that lie in the same windows, a bit for each, are one stretch: there are a dozen, and ninety days.
    select
        days.day,
        sum(1 << windows.window_number) as stretch

    from (select distinct day from seated_days) as days

    inner join windows
        on days.day between windows.period_start and windows.period_end

    group by days.day

),

windows_of_stretches as (

    select distinct
        stretches.stretch,
        windows.period_end,
        windows.lookback_days

    from stretches

    inner join windows
        on stretches.day between windows.period_start and windows.period_end

),

people_of_stretches as (

    select
        seated_days.account_id,
        seated_days.team_id,
        seated_days.skill_name,
        stretches.stretch,
        seated_days.breakdown,
        seated_days.value,
        seated_days.actor_key,
        sum(seated_days.events) as events

    from seated_days

    inner join stretches
        on seated_days.day = stretches.day

    group by
        seated_days.account_id,
        seated_days.team_id,
        seated_days.skill_name,
        stretches.stretch,
        seated_days.breakdown,
        seated_days.value,
        seated_days.actor_key

),

people_of_values as (

    select
        people.account_id,
        people.team_id,
        people.skill_name,
        windows.period_end,
        windows.lookback_days,
        people.breakdown,
        people.value,
        people.actor_key,
        sum(people.events) as events

    from people_of_stretches as people

    inner join windows_of_stretches as windows
        on people.stretch = windows.stretch

    group by
        people.account_id,
        people.team_id,
        people.skill_name,
        windows.period_end,
        windows.lookback_days,
        people.breakdown,
        people.value,
        people.actor_key

),

people as (

    -- What has no values is a total already.
    select
        account_id,
        team_id,
        skill_name,
        period_end,
        lookback_days,
        breakdown,
        value as named,
        actor_key,
        events

    from people_of_values

    where value <> '*'

    union all

    select
        account_id,
        team_id,
        skill_name,
        period_end,
        lookback_days,
        breakdown,
        '*' as named,
        actor_key,
        sum(events) as events

    from people_of_values

    group by account_id, team_id, skill_name, period_end, lookback_days, breakdown, actor_key

),

counted as (

    select
        account_id,
        team_id,
        skill_name,
        period_end,
        lookback_days,
        breakdown,
        named,
        count(*) as people,
        sum(events) as events,
        min(actor_key) as any_actor_key

    from people

    group by account_id, team_id, skill_name, period_end, lookback_days, breakdown, named

),

alone as (

    -- Who is the only one behind a value may be so behind several.
    select
        team_id,
        skill_name,
        period_end,
        lookback_days,
        breakdown,
        count(distinct case when named <> '*' and people = 1 then any_actor_key end) as people_alone

    from counted

    group by team_id, skill_name, period_end, lookback_days, breakdown

)

select
    counted.team_id,
    counted.skill_name,
    counted.period_end,
    cast(counted.lookback_days as integer) as period_days,
    counted.breakdown,
    counted.named as value,
    counted.account_id,
    cast(team_windows.seats as bigint) as seats,
    cast(counted.people as bigint) as people,
    cast(counted.events as bigint) as events,
    cast(alone.people_alone as bigint) as people_alone,
    counted.period_end >= {{ last_complete_day() }} - 2 as is_provisional,
    {{ metric_columns() }}

from counted

inner join alone
    on
        counted.team_id = alone.team_id
        and counted.skill_name = alone.skill_name
        and counted.period_end = alone.period_end
        and counted.lookback_days = alone.lookback_days
        and counted.breakdown = alone.breakdown

-- Whoever is behind a row is seated on a day of the window.
inner join {{ ref('int_team_windows') }} as team_windows
    on
        counted.account_id = team_windows.account_id
        and counted.team_id = team_windows.team_id
        and counted.period_end = team_windows.sampled_day
        and counted.lookback_days = team_windows.lookback_days
