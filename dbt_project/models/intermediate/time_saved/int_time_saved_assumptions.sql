with

assumptions as (

    -- A row without a date has always held.
    select
        assumption_set,
        skill_name,
        low,
        mode,
        high,
        grade,
        source,
        coalesce(valid_from, cast('1970-01-01' as date)) as valid_from

    from {{ reference('time_saved_assumptions') }} as assumptions

)

-- A row counts for the period ends from its own valid_from to the day before the next row of the same skill.
select
    assumption_set,
    skill_name,
    low,
    mode,
    high,
    grade,
    source,
    valid_from,
    lead(valid_from) over (partition by assumption_set, skill_name order by valid_from) as valid_to

from assumptions

where valid_from <= {{ last_complete_day() }}
