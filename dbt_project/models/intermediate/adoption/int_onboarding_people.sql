with

bounds as (

    -- An aggregate always has a row: before any event arrived, data begins nowhere.
    select min(day) as data_begins_on from {{ ref('int_event_days') }}

),

stays as (

    select
        account_id,
        team_id,
        actor_key,
        min(first_day) as joined_day,
        -- Nobody has left who is in the team by any of their memberships.
        case when count(*) = count(left_day) then max(left_day) end as left_day

    from {{ ref('int_memberships') }}

    group by account_id, team_id, actor_key

),

observed as (

    select
        account_id,
        team_id,
        actor_key,
        joined_day,
        least(coalesce(left_day, {{ last_complete_day() }}), {{ last_complete_day() }}) as last_day,
        coalesce(left_day < joined_day + 30, false) as is_early_leaver

    from stays

),

successes as (

    select
        observed.team_id,
        observed.actor_key,
        min(uses.day) as first_success_day,
        count(distinct case when uses.day < observed.joined_day + 30 then names.skill_name end) as skills_30

    from observed

    inner join {{ ref('int_skill_use_days') }} as uses
        on
            observed.actor_key = uses.actor_key
            and uses.day between observed.joined_day and observed.last_day

    inner join {{ ref('int_skill_names') }} as names
        on uses.skill_name_given = names.skill_name_given

    where uses.successes > 0

    group by observed.team_id, observed.actor_key

)

select
    observed.account_id,
    observed.team_id,
    observed.actor_key,
    {{ month_start('observed.joined_day') }} as cohort_month,
    {{ days_between('coalesce(successes.first_success_day, observed.last_day)', 'observed.joined_day') }} as days,
    successes.first_success_day is not null as is_adopted,
    observed.joined_day + 29 <= {{ last_complete_day() }} as is_over_30,
    -- Known of those whose first 30 days are over and were spent in the team.
    case
        when observed.joined_day + 29 <= {{ last_complete_day() }} and not observed.is_early_leaver
            then coalesce(successes.skills_30, 0)
    end as skills_30,
    -- Of earlier joiners the first success may lie where nothing was seen.
    coalesce(observed.joined_day >= bounds.data_begins_on, false) as has_data

from observed

cross join bounds

left join successes
    on
        observed.team_id = successes.team_id
        and observed.actor_key = successes.actor_key
