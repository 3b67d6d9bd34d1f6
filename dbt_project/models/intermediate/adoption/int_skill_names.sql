with

given_names as (

    select skill_name_given from {{ ref('int_skill_use_days') }}

    where not is_day_mark

    union

    select skill_name_given from {{ ref('int_skill_install_days') }}

    where not is_day_mark

    union

    select skill_name_given from {{ ref('int_recommendation_days') }}

    where not is_day_mark

    union

    -- Whose install never worked is named by nothing else.
    select skill_name_given from {{ ref('int_skill_breakdown_days') }}

    where not is_day_mark

),

registry_names as (

    select distinct
        skill_name,
        split_part(skill_name, '/', -1) as bare_name

    from {{ ref('stg_registry__skills') }}

    where skill_name like '%/%'

),

unambiguous_names as (

    select
        bare_name,
        min(skill_name) as skill_name

    from registry_names

    group by bare_name

    having count(*) = 1

)

select
    given_names.skill_name_given,
    coalesce(unambiguous_names.skill_name, given_names.skill_name_given) as skill_name,
    given_names.skill_name_given like '%/%' or unambiguous_names.skill_name is not null as is_resolved

from given_names

left join unambiguous_names
    on
        given_names.skill_name_given = unambiguous_names.bare_name
        and given_names.skill_name_given not like '%/%'
