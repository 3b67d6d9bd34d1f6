with

uses as (

    select * from {{ ref('int_skill_use_days') }}

    where not is_day_mark

),

names as (

    select * from {{ ref('int_skill_names') }}

),

seats as (

    select * from {{ ref('int_seat_spans') }}

)

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
