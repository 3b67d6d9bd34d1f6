{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'first_day', 'margin': 30},
    indexes=found_by(['first_day']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with

episodes as (

    -- What happens on a day is of episodes that began up to thirty days before.
    select
        actor_key,
        skill_name,
        surface,
        first_day,
        shown_at,
        model,
        model = 'holdout' as is_withheld

    from {{ ref('int_recommendation_episodes') }}

    where not was_installed and first_day >= {{ remade_from(30) }}

),

names as (

    select * from {{ ref('int_skill_names') }}

),

moments as (

    select
        moments.actor_key,
        names.skill_name,
        moments.kind,
        moments.surface,
        moments.day,
        moments.happened_at

    from {{ ref('int_recommendation_days') }} as moments

    inner join names
        on moments.skill_name_given = names.skill_name_given

    where moments.kind in ('clicked', 'installed', 'rolled out') and moments.day >= {{ remade_from(30) }}

),

answers as (

    select
        episodes.actor_key,
        episodes.skill_name,
        episodes.surface,
        episodes.first_day,
        max(case when moments.kind = 'clicked' then 1 else 0 end) = 1 as is_clicked,
        min(case when moments.kind = 'installed' then moments.happened_at end) as installed_at,
        min(case when moments.kind = 'installed' then moments.day end) as installed_day,
        min(case when moments.kind = 'rolled out' then moments.happened_at end) as rolled_out_at

    from episodes

    inner join moments
        on
            episodes.actor_key = moments.actor_key
            and episodes.skill_name = moments.skill_name
            and episodes.shown_at <= moments.happened_at
            and episodes.first_day + 7 >= moments.day
            and (moments.surface is null or episodes.surface = moments.surface)

    group by episodes.actor_key, episodes.skill_name, episodes.surface, episodes.first_day

),

uses as (

    select
        uses.actor_key,
        names.skill_name,
        uses.day,
        sum(uses.successes) as successes

    from {{ ref('int_skill_use_days') }} as uses

    inner join names
        on uses.skill_name_given = names.skill_name_given

    where not uses.is_day_mark and uses.day >= {{ remade_from(30) }}

    group by uses.actor_key, names.skill_name, uses.day

),

used as (

    select
        answers.actor_key,
        answers.skill_name,
        answers.surface,
        answers.first_day,
        max(case when uses.day <= answers.first_day + 14 and uses.successes > 0 then 1 else 0 end) = 1 as is_activated,
        max(case when uses.day >= answers.first_day + 15 then 1 else 0 end) = 1 as is_used_later

    from answers

    inner join uses
        on
            answers.actor_key = uses.actor_key
            and answers.skill_name = uses.skill_name
            and answers.installed_day <= uses.day
            and answers.first_day + 30 >= uses.day

    group by answers.actor_key, answers.skill_name, answers.surface, answers.first_day

),

judged as (

    select
        episodes.actor_key,
        episodes.surface,
        episodes.model,
        episodes.first_day,
        episodes.first_day + 7 <= {{ last_complete_day() }} as is_over_7,
        episodes.first_day + 14 <= {{ last_complete_day() }} as is_over_14,
        episodes.first_day + 30 <= {{ last_complete_day() }} as is_over_30,
        coalesce(answers.is_clicked and not episodes.is_withheld, false) as is_clicked,
        answers.installed_at is not null as is_installed,
        answers.installed_at is not null and coalesce(used.is_activated, false) as is_activated,
        answers.installed_at is not null and coalesce(used.is_activated and used.is_used_later, false) as is_retained

    from episodes

    left join answers
        on
            episodes.actor_key = answers.actor_key
            and episodes.skill_name = answers.skill_name
            and episodes.surface = answers.surface
            and episodes.first_day = answers.first_day

    left join used
        on
            episodes.actor_key = used.actor_key
            and episodes.skill_name = used.skill_name
            and episodes.surface = used.surface
            and episodes.first_day = used.first_day

    -- Where an administrator's roll-out came first, nobody was left to accept.
    where answers.rolled_out_at is null or answers.installed_at <= answers.rolled_out_at

)

select
    seats.account_id,
    seats.team_id,
    judged.actor_key,
    judged.first_day,
    judged.surface,
    judged.model,
    cast(count(*) filter (where not judged.is_over_7) as bigint) as censored,
    cast(count(*) filter (where judged.is_over_7) as bigint) as shown,
    cast(count(*) filter (where judged.is_over_7 and judged.is_clicked) as bigint) as clicked,
    cast(count(*) filter (where judged.is_over_7 and judged.is_installed) as bigint) as installed,
    cast(count(*) filter (where judged.is_over_7 and judged.is_clicked and judged.is_installed) as bigint)
        as clicked_installed,
    cast(count(*) filter (where judged.is_over_14) as bigint) as shown_14,
    cast(count(*) filter (where judged.is_over_14 and judged.is_installed) as bigint) as installed_14,
    cast(count(*) filter (where judged.is_over_14 and judged.is_activated) as bigint) as activated,
    cast(count(*) filter (where judged.is_over_30) as bigint) as shown_30,
    cast(count(*) filter (where judged.is_over_30 and judged.is_installed) as bigint) as installed_30,
    cast(count(*) filter (where judged.is_over_30 and judged.is_activated) as bigint) as activated_30,
    cast(count(*) filter (where judged.is_over_30 and judged.is_retained) as bigint) as retained,
    {{ made_at() }}

from judged

inner join {{ ref('int_seat_spans') }} as seats
    on judged.actor_key = seats.actor_key and judged.first_day between seats.first_day and seats.last_day

group by
    seats.account_id,
    seats.team_id,
    judged.actor_key,
    judged.first_day,
    judged.surface,
    judged.model
