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
        sum(case when events > 0 then 1 else 0 end) over until_day as steps,
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

stretches as (

    -- From a step of the curve to the day before the next one, or from the day of joining to the day before the first.
    select
        account_id,
        team_id,
        cohort_month,
        steps,
        min(day) as first_day,
        max(day) as last_exit_day,
        max(seats) as seats,
        max(adopters) as adopters,
        max(adopters) - sum(events) as adopters_before,
        sum(censored) as last_seen,
        min(at_risk - events - censored) as still_watched

    from counted

    group by account_id, team_id, cohort_month, steps

),

ended_stretches as (

    select
        *,
        lead(first_day) over in_order as next_step_day,
        lead(adopters) over in_order as next_adopters

    from stretches

    window in_order as (partition by account_id, team_id, cohort_month order by steps)

),

marks as (

    -- Of stretches that end on the curve, so that it follows from the steps at both ends who was last seen in between.
    select
        account_id,
        team_id,
        cohort_month,
        coalesce(next_step_day - 1, last_exit_day) as day,
        last_seen,
        least(
            last_seen,
            nullif(still_watched, 0),
            -- Beside a step that is not shown, a tick would tell of it: near its ends a curve is hidden.
            case
                when adopters_before <= 1 or adopters <= 1 or seats - coalesce(next_adopters, adopters) <= 1 then 1
            end
        ) as fewest_last_seen

    from ended_stretches

    where last_seen > 0 and coalesce(next_step_day - 1, last_exit_day) < 90

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
    days.account_id,
    days.team_id,
    days.cohort_month,
    days.curve_day as day,
    cast(days.seats as bigint) as seats,
    cast(case when days.curve_day = days.day then days.at_risk else days.at_risk - days.events - days.censored end as bigint)
        as at_risk,
    cast(case when days.curve_day = days.day then days.events else 0 end as bigint) as events,
    cast(case when days.curve_day = days.day then days.censored else 0 end as bigint) as censored,
    cast(days.adopters as bigint) as adopters,
    -- To twelve digits: the engines differ in the last ones.
    cast(cast(days.survival as decimal(14, 12)) as double precision) as survival,
    cast(marks.last_seen as bigint) as last_seen,
    cast(marks.fewest_last_seen as bigint) as fewest_last_seen,
    days.has_data

from days

left join marks
    on
        days.account_id = marks.account_id
        and days.team_id = marks.team_id
        and days.cohort_month = marks.cohort_month
        and days.curve_day = marks.day
