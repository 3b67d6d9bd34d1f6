with

watched as (

    -- Of a day those first who had not begun: who else is in a group with them depends on nobody's name.
    select
        account_id,
        team_id,
        cohort_month,
        watched_days,
        is_adopted,
        row_number() over (
            partition by account_id, team_id, cohort_month
            order by watched_days, case when is_adopted then 1 else 0 end
        ) - 1 as place,
        count(*) over (partition by account_id, team_id, cohort_month) as people

    from {{ ref('int_onboarding_people') }}

    where watched_days <= 90

),

fives as (

    -- In groups as equal as they can be, none below five. Of fewer people than that there is no mark at all.
    select
        account_id,
        team_id,
        cohort_month,
        max(watched_days) as day,
        count(*) as people,
        count(*) filter (where not is_adopted) as not_begun

    from watched

    where people >= 5

    group by account_id, team_id, cohort_month, floor(place * floor(people / 5.0) / people)

),

marks as (

    -- Groups that end on the same day are one.
    select
        account_id,
        team_id,
        cohort_month,
        day,
        sum(people) as people,
        sum(not_begun) as not_begun

    from fives

    group by account_id, team_id, cohort_month, day

),

told as (

    select
        *,
        min(least(nullif(not_begun, 0), nullif(people - not_begun, 0)))
            over (partition by account_id, team_id, cohort_month) as fewest

    from marks

)

select
    days.account_id,
    days.team_id,
    days.cohort_month,
    days.day,
    days.seats,
    days.at_risk,
    days.events,
    days.censored,
    days.adopters,
    days.survival,
    1 - days.survival as adopted_share,
    cast(told.people as bigint) as watch_ended,
    cast(told.not_begun as bigint) as watch_ended_not_begun,
    cast(told.fewest as bigint) as fewest_watch_ended,
    days.has_data,
    {{ metric_columns() }}

from {{ ref('int_onboarding_days') }} as days

-- A day after the last on which anybody was watched has no row, and nobody on it who had not begun.
left join told
    on
        days.account_id = told.account_id
        and days.team_id = told.team_id
        and days.cohort_month = told.cohort_month
        and days.day = told.day
        and told.not_begun > 0

where days.day <= 90
