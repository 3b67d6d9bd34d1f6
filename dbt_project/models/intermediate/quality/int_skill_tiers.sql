{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ forget_tiers() }}",
    indexes=found_by(['skill_name', 'day'])
) }}

{#- How far past an edge a score has to be before the tier follows it. -#}
{%- set margin = 2 -%}
with

scores as (

    select * from {{ ref('int_skill_scores') }}

),

{% if is_incremental() -%}
previous as (

    select
        skill_name,
        tier

    from (
        select
            skill_name,
            tier,
            row_number() over (partition by skill_name order by day desc) as age

        from {{ this }}

        -- A rerun, also one that looks back, finds what the first run found.
        where kind = 'change' and day < {{ last_complete_day() }}
    ) as days

    where age = 1

),

clock as (

    select exists (select 1 from {{ this }} where day > {{ last_complete_day() }}) as is_look_back

),
{%- else -%}
previous as (

    select
        cast(null as text) as skill_name,
        cast(null as text) as tier

    where 1 = 0

),

clock as (

    select false as is_look_back

),
{%- endif %}

edges as (

    select
        scores.skill_name,
        previous.tier as previous_tier,
        max(case when bands.from_score <= scores.score then bands.from_score end) as its_edge,
        max(case when bands.from_score <= scores.score - {{ margin }} then bands.from_score end) as at_least,
        max(case when bands.from_score < scores.score + {{ margin }} then bands.from_score end) as at_most,
        max(case when bands.tier = previous.tier then bands.from_score end) as previous_edge

    from scores

    cross join {{ reference('quality_bands') }} as bands

    left join previous
        on scores.skill_name = previous.skill_name

    where scores.is_evident

    group by scores.skill_name, previous.tier

),

judged as (

    select
        edges.skill_name,
        bands.tier

    from edges

    inner join {{ reference('quality_bands') }} as bands
        on
            bands.from_score = case
                -- Who had no tier yesterday gets that of the score.
                when edges.previous_edge is null then edges.its_edge
                else greatest(coalesce(edges.at_least, 0), least(edges.at_most, edges.previous_edge))
            end

),

changes as (

    select
        scores.skill_name,
        judged.tier,
        previous.tier as previous_tier

    from scores

    left join judged
        on scores.skill_name = judged.skill_name

    left join previous
        on scores.skill_name = previous.skill_name

)

select
    changes.skill_name,
    {{ last_complete_day() }} as day,
    changes.tier,
    case when clock.is_look_back then 'look back' else 'change' end as kind

from changes

cross join clock

-- Nobody remembers a look back, so all of it is there to be read.
where clock.is_look_back or changes.tier is distinct from changes.previous_tier

union all

-- Of no skill: so that a day without a change is known to have been.
select
    '' as skill_name,
    {{ last_complete_day() }} as day,
    cast(null as text) as tier,
    'day' as kind

from clock

where not is_look_back
