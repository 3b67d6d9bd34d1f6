with

curves as (

    select
        account_id,
        team_id,
        cohort_month,
        max(seats) as seats,
        max(adopters) as adopters,
        max(case when day <= 7 then adopters end) as adopters_7,
        max(case when day <= 30 then adopters end) as adopters_30,
        min(case when day <= 7 then survival end) as survival_7,
        min(case when day <= 30 then survival end) as survival_30,
        max(day) as last_day,
        min(case when survival <= 0.5 + 1e-9 then day end) as median_days,
        -- On the day of the median, or in the end where it is not reached.
        coalesce(min(case when survival <= 0.5 + 1e-9 then adopters end), max(adopters)) as adopters_median,
        min(case when has_data then 1 else 0 end) = 1 as has_data

    from {{ ref('int_onboarding_days') }}

    group by account_id, team_id, cohort_month

),

skills as (

    select
        account_id,
        team_id,
        cohort_month,
        count(skills_30) as people_30,
        percentile_cont(0.5) within group (order by cast(skills_30 as double precision)) as median_skills_30,
        min(case when is_over_30 then 1 else 0 end) = 1 as is_over_30

    from {{ ref('int_onboarding_people') }}

    group by account_id, team_id, cohort_month

)

select
    curves.account_id,
    curves.team_id,
    curves.cohort_month,
    curves.seats,
    curves.adopters,
    curves.adopters_7,
    -- Once everybody has begun, the share stays 1; where nobody is left to watch, nobody knows it.
    case when curves.last_day >= 7 or curves.survival_7 = 0 then 1 - curves.survival_7 end as adopted_by_7,
    curves.adopters_30,
    case when curves.last_day >= 30 or curves.survival_30 = 0 then 1 - curves.survival_30 end as adopted_by_30,
    curves.median_days,
    curves.adopters_median,
    cast(coalesce(skills.people_30, 0) as bigint) as people_30,
    skills.median_skills_30,
    -- Until the month itself is over somebody more may join.
    {{ add_months('curves.cohort_month', 1) }} - 1 <= {{ last_complete_day() }}
    and coalesce(skills.is_over_30, false) as is_complete_30,
    curves.has_data,
    {{ metric_columns() }}

from curves

left join skills
    on
        curves.account_id = skills.account_id
        and curves.team_id = skills.team_id
        and curves.cohort_month = skills.cohort_month
