with

stays as (

    select
        members.team_id,
        members.actor_key,
        members.is_bot,
        coalesce(accounts.is_internal, false) as is_internal,
        members.first_day,
        members.last_day

    from {{ ref('stg_registry__team_members') }} as members

    inner join {{ ref('stg_registry__teams') }} as teams
        on members.team_id = teams.team_id

    left join {{ ref('stg_registry__accounts') }} as accounts
        on teams.account_id = accounts.account_id

    where teams.account_id is not null and (members.is_bot or coalesce(accounts.is_internal, false))

),

team_uses as (

    -- Stays that overlap are one day of the team all the same.
    select
        case when stays.is_internal then 'internal' else 'bot' end as rule,
        stays.team_id,
        uses.actor_key,
        uses.skill_name_given,
        uses.day,
        max(uses.uses) as events

    from stays

    inner join {{ ref('int_skill_use_days') }} as uses
        on stays.actor_key = uses.actor_key and uses.day between stays.first_day and stays.last_day

    where not uses.is_day_mark

    group by
        case when stays.is_internal then 'internal' else 'bot' end,
        stays.team_id,
        uses.actor_key,
        uses.skill_name_given,
        uses.day

),

all_uses as (

    -- Somebody in two teams is left out once of all.
    select
        rule,
        actor_key,
        skill_name_given,
        day,
        max(events) as events

    from team_uses

    group by rule, actor_key, skill_name_given, day

),

left_out as (

    select
        team_id,
        rule,
        actor_key as actor,
        day,
        sum(events) as events

    from team_uses

    where rule = 'bot'

    group by team_id, rule, actor_key, day

    union all

    select
        '*' as team_id,
        rule,
        actor_key as actor,
        day,
        sum(events) as events

    from all_uses

    group by rule, actor_key, day

    union all

    select
        '*' as team_id,
        'scraper' as rule,
        concat(kind, ' ', scraper) as actor,
        day,
        events

    from {{ ref('int_scraper_days') }}

    where not is_day_mark and events > 0

)

select
    left_out.team_id,
    left_out.rule,
    windows.period_end,
    windows.period_days,
    cast(sum(left_out.events) as bigint) as events,
    cast(count(distinct left_out.actor) as bigint) as actors,
    windows.is_provisional,
    {{ metric_columns() }}

from left_out

inner join {{ ref('int_windows') }} as windows
    on left_out.day between windows.period_start and windows.period_end

group by
    left_out.team_id,
    left_out.rule,
    windows.period_end,
    windows.period_days,
    windows.is_provisional
