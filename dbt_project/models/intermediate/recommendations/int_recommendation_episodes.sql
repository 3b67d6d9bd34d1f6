{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'first_day'},
    indexes=found_by(['first_day']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with recursive

moments as (

    select
        moments.actor_key,
        names.skill_name,
        moments.kind,
        moments.surface,
        moments.model,
        moments.day,
        moments.happened_at

    from {{ ref('int_recommendation_days') }} as moments

    inner join {{ ref('int_skill_names') }} as names
        on moments.skill_name_given = names.skill_name_given

    where not moments.is_day_mark

),

impressions as (

    -- Of a day's impressions the first; of several at its moment the first model by name.
    select
        actor_key,
        skill_name,
        surface,
        day,
        {{ days_between('day', "'1970-01-01'") }} as day_number,
        happened_at as shown_at,
        model

    from (
        select
            *,
            row_number() over (
                partition by actor_key, skill_name, surface, day
                order by happened_at, model
            ) as place

        from moments

        where kind = 'shown' and day >= {{ remade_from() }}
    ) as placed

    where place = 1

),

following as (

    -- Where an episode begins on a day, the next begins with the first impression after its seven days.
    select
        actor_key,
        skill_name,
        surface,
        day,
        min(day) over (
            partition by actor_key, skill_name, surface
            order by day_number
            range between 8 following and unbounded following
        ) as next_day

    from impressions

),

begun as (

    select
        impressions.actor_key,
        impressions.skill_name,
        impressions.surface,
        min(impressions.day) as day

    from impressions
    {% if is_incremental() %}

    left join {{ this }} as kept
        on
            impressions.actor_key = kept.actor_key
            and impressions.skill_name = kept.skill_name
            and impressions.surface = kept.surface
            and kept.first_day < {{ remade_from() }}
            and kept.first_day >= impressions.day - 7

    where kept.first_day is null
    {% endif %}

    group by impressions.actor_key, impressions.skill_name, impressions.surface

),

starts as (

    select
        actor_key,
        skill_name,
        surface,
        day

    from begun

    union all

    select
        starts.actor_key,
        starts.skill_name,
        starts.surface,
        following.next_day as day

    from starts

    inner join following
        on
            starts.actor_key = following.actor_key
            and starts.skill_name = following.skill_name
            and starts.surface = following.surface
            and starts.day = following.day

    where following.next_day is not null

),

episodes as (

    select
        impressions.actor_key,
        impressions.skill_name,
        impressions.surface,
        impressions.day as first_day,
        impressions.shown_at,
        impressions.model

    from impressions

    inner join starts
        on
            impressions.actor_key = starts.actor_key
            and impressions.skill_name = starts.skill_name
            and impressions.surface = starts.surface
            and impressions.day = starts.day

),

changes as (

    select
        episodes.actor_key,
        episodes.skill_name,
        episodes.surface,
        episodes.first_day,
        max(case when moments.kind <> 'uninstalled' then moments.happened_at end) as last_installed_at,
        max(case when moments.kind = 'uninstalled' then moments.happened_at end) as last_uninstalled_at

    from episodes

    inner join moments
        on
            episodes.actor_key = moments.actor_key
            and episodes.skill_name = moments.skill_name
            and episodes.shown_at > moments.happened_at

    where moments.kind in ('installed', 'rolled out', 'uninstalled')

    group by episodes.actor_key, episodes.skill_name, episodes.surface, episodes.first_day

)

select
    episodes.actor_key,
    episodes.skill_name,
    episodes.surface,
    episodes.first_day,
    episodes.shown_at,
    episodes.model,
    -- At equal times the uninstall wins.
    coalesce(
        changes.last_installed_at is not null
        and (changes.last_uninstalled_at is null or changes.last_installed_at > changes.last_uninstalled_at),
        false
    ) as was_installed,
    {{ made_at() }}

from episodes

left join changes
    on
        episodes.actor_key = changes.actor_key
        and episodes.skill_name = changes.skill_name
        and episodes.surface = changes.surface
        and episodes.first_day = changes.first_day
