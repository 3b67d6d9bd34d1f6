{{ config(materialized='incremental', incremental_strategy='append') }}

with

spans as (

    -- Days before the first rule have none.
    select
        {{ all_days() }} as first_day,
        '' as rule

    union all

    select
        valid_from as first_day,
        concat(more_than_searches, ' ', more_than_percent, ' ', page_sizes) as rule

    from {{ reference('scraper_rules') }} as rules

),

given as (

    select
        first_day,
        lead(first_day) over (order by first_day) as day_after,
        rule

    from spans

)

{% if is_incremental() -%}
,

known as (

    select * from {{ this }}

    where version = (select max(version) from {{ this }})

)
{%- endif %}

select
    {% if is_incremental() -%} (select max(version) + 1 from known) {%- else -%} 1 {%- endif %} as version,
    given.first_day,
    given.day_after,
    given.rule

from given
{% if is_incremental() %}
where exists (
    select 1

    from given as now

    full outer join known
        on now.first_day = known.first_day and now.rule = known.rule

    where now.rule is null or known.rule is null
)
{% endif %}
