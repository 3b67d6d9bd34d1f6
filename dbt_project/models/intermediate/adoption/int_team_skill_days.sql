{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'day'},
    indexes=found_by(['day'])
) }}

with

uses as (

    select * from {{ ref('int_skill_use_days') }}

    where not is_day_mark and day >= {{ remade_from() }}

),

names as (

    select * from {{ ref('int_skill_names') }}

),

seats as (

    select * from {{ ref('int_seat_spans') }}

),

seated_uses as (

    select
        seats.account_id,
        seats.team_id,
        uses.actor_key,
        names.skill_name,
        names.is_resolved,
        uses.day,
        cast(sum(uses.uses) as bigint) as uses,
        cast(sum(uses.successes) as bigint) as successes,
        cast(sum(uses.failures) as bigint) as failures,
        cast(sum(uses.unknown) as bigint) as unknown

    from uses

    inner join names
        on uses.skill_name_given = names.skill_name_given

    inner join seats
        on uses.actor_key = seats.actor_key and uses.day between seats.first_day and seats.last_day

    group by
        seats.account_id,
        seats.team_id,
        uses.actor_key,
        names.skill_name,
        names.is_resolved,
        uses.day

)

{% if is_incremental() %},

kept_days as (

    select
        kept.account_id,
        kept.team_id,
        kept.actor_key,
        kept.skill_name,
        max(case when kept.successes > 0 then kept.day end) as day,
        max(kept.day) as use_day

    from {{ this }} as kept

    inner join (select distinct account_id, team_id, actor_key, skill_name from seated_uses) as coming
        on
            kept.account_id = coming.account_id
            and kept.team_id = coming.team_id
            and kept.actor_key = coming.actor_key
            and kept.skill_name = coming.skill_name

    where kept.day < {{ remade_from() }}

    group by kept.account_id, kept.team_id, kept.actor_key, kept.skill_name

)
{% endif %}

select
    seated_uses.account_id,
    seated_uses.team_id,
    seated_uses.actor_key,
    seated_uses.skill_name,
    seated_uses.is_resolved,
    seated_uses.day,
    seated_uses.uses,
    seated_uses.successes,
    seated_uses.failures,
    seated_uses.unknown,
    -- The last day before with a success.
    coalesce(
        max(case when seated_uses.successes > 0 then seated_uses.day end) over (
            partition by
                seated_uses.account_id, seated_uses.team_id, seated_uses.actor_key, seated_uses.skill_name
            order by seated_uses.day
            rows between unbounded preceding and 1 preceding
        ),
        {{ 'kept_days.day' if is_incremental() else 'null' }}
    ) as previous_day,
    -- The last day before with any use.
    coalesce(
        lag(seated_uses.day) over (
            partition by
                seated_uses.account_id, seated_uses.team_id, seated_uses.actor_key, seated_uses.skill_name
            order by seated_uses.day
        ),
        {{ 'kept_days.use_day' if is_incremental() else 'null' }}
    ) as previous_use_day,
    {{ made_at() }}

from seated_uses

{% if is_incremental() %}
left join kept_days
    on
        seated_uses.account_id = kept_days.account_id
        and seated_uses.team_id = kept_days.team_id
        and seated_uses.actor_key = kept_days.actor_key
        and seated_uses.skill_name = kept_days.skill_name
{% endif %}
