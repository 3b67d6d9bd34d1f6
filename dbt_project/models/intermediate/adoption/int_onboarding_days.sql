{{ config(materialized='view') }}

{#- Kaplan and Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958). -#}
with

joiners as (

    select
        account_id,
        team_id,
        cohort_month,
        days as day,
        case when is_adopted then 1 else 0 end as events,
        case when is_adopted then 0 else 1 end as censored,
        case when has_data then 0 else 1 end as unseen

    from {{ ref('int_onboarding_people') }}

    union all

    -- Everybody is there on the day of joining.
    select distinct
        account_id,
        team_id,
        cohort_month,
        0 as day,
        0 as events,
        0 as censored,
        0 as unseen

    from {{ ref('int_onboarding_people') }}

),

exits as (

    select
        account_id,
        team_id,
        cohort_month,
        day,
        sum(events) as events,
        sum(censored) as censored,
        sum(unseen) as unseen

    from joiners

    group by account_id, team_id, cohort_month, day

),

counted as (

    select
        account_id,
        team_id,
        cohort_month,
        day,
        lead(day) over until_day as next_day,
        events,
        censored,
        sum(events) over until_day as adopters,
        -- Everybody leaves the watch once: who joined all in all, and who is still to leave it.
        sum(events + censored) over cohort as seats,
        sum(events + censored) over from_day as at_risk,
        sum(unseen) over cohort = 0 as has_data

    from exits

    window
        cohort as (partition by account_id, team_id, cohort_month),
        until_day as (partition by account_id, team_id, cohort_month order by day),
        from_day as (
            partition by account_id, team_id, cohort_month
            order by day
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

),

days as (

    -- Up to day 90 also those on which nobody began or was last seen.
    select
        *,
        {{ integer_series('day', 'greatest(day, least(coalesce(next_day - 1, day), 90))') }} as curve_day

    from survivals

)

select
    account_id,
    team_id,
    cohort_month,
    curve_day as day,
    cast(seats as bigint) as seats,
    cast(case when curve_day = day then at_risk else at_risk - events - censored end as bigint) as at_risk,
    cast(case when curve_day = day then events else 0 end as bigint) as events,
    cast(case when curve_day = day then censored else 0 end as bigint) as censored,
    cast(adopters as bigint) as adopters,
    -- To twelve digits: the engines differ in the last ones.
    cast(cast(survival as decimal(14, 12)) as double precision) as survival,
    has_data

from days
