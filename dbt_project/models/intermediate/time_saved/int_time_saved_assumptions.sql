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
        coalesce(valid_from, cast('1970-01-01' as date)) as valid_from,
        case grade when 'experiment' then 1 when 'diary' then 2 when 'survey' then 3 else 4 end as trust

    from {{ reference('time_saved_assumptions') }} as assumptions

),

ranked as (

    select
        assumptions.*,
        rank() over (partition by assumption_set, skill_name, valid_from order by trust) as place,
        lead(grade) over (partition by assumption_set, skill_name, valid_from order by trust) as next_grade

    from assumptions

),

most_trusted as (

    -- What was measured replaces what was assumed for the same day, and says so; two rows of one grade are a mistake that
    -- the table's test tells.
    select
        ranked.*,
        case when next_grade <> grade then next_grade end as replaced_grade

    from ranked

    where place = 1

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
    replaced_grade,
    valid_from,
    lead(valid_from) over (partition by assumption_set, skill_name order by valid_from) as valid_to

from most_trusted

where valid_from <= {{ last_complete_day() }}
