{#- Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958). -#}
with

exits as (

    select
        account_id,
        team_id,
        cohort_month,
        days as day,
        sum(case when is_adopted then 1 else 0 end) as events,
        sum(case when is_adopted then 0 else 1 end) as censored,
        sum(case when has_data then 0 else 1 end) as unseen

    from {{ ref('int_onboarding_people') }}

    group by account_id, team_id, cohort_month, days

),

cohorts as (

    select
        account_id,
        team_id,
        cohort_month,
        max(day) as last_day

    from exits

    group by account_id, team_id, cohort_month

),

days as (

    select
        account_id,
        team_id,
        cohort_month,
        {{ integer_series(0, 'least(last_day, 90)') }} as day

    from cohorts

    union

    select
        account_id,
        team_id,
        cohort_month,
        day

    from exits

),

counted as (

    select
        days.account_id,
        days.team_id,
        days.cohort_month,
        days.day,
        coalesce(exits.events, 0) as events,
        coalesce(exits.censored, 0) as censored,
        sum(coalesce(exits.events, 0)) over until_day as adopters,
        -- Everybody leaves the watch once: who joined all in all, and who is still to leave it.
        sum(coalesce(exits.events, 0) + coalesce(exits.censored, 0)) over cohort as seats,
        sum(coalesce(exits.events, 0) + coalesce(exits.censored, 0)) over from_day as at_risk,
        sum(coalesce(exits.unseen, 0)) over cohort = 0 as has_data

    from days

    left join exits
        on
            days.account_id = exits.account_id
            and days.team_id = exits.team_id
            and days.cohort_month = exits.cohort_month
            and days.day = exits.day

    window
        cohort as (partition by days.account_id, days.team_id, days.cohort_month),
        until_day as (partition by days.account_id, days.team_id, days.cohort_month order by days.day),
        from_day as (
            partition by days.account_id, days.team_id, days.cohort_month
            order by days.day
            rows between current row and unbounded following
        )

),

survivals as (

    select
        *,
        -- The product over the days so far; a day on which all who were left began ends it, and has no logarithm.
        case
            when min(at_risk - events) over until_day = 0 then 0
            else exp(sum(ln(case when events < at_risk then {{ ratio('at_risk - events', 'at_risk') }} else 1 end)) over until_day)
        end as survival

    from counted

    window until_day as (partition by account_id, team_id, cohort_month order by day)

)

select
    account_id,
    team_id,
    cohort_month,
    day,
    cast(seats as bigint) as seats,
    cast(at_risk as bigint) as at_risk,
    cast(events as bigint) as events,
    cast(censored as bigint) as censored,
    cast(adopters as bigint) as adopters,
    -- To twelve digits: the engines differ in the last ones.
    cast(cast(survival as decimal(14, 12)) as double precision) as survival,
    has_data

from survivals
