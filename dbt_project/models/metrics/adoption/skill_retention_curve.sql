with

pooled as (

    -- Smaller cohorts are left out, as nobody's own week is to be read from two points of a curve.
    select
        skill_name,
        weeks_later,
        count(*) as cohorts,
        sum(users) as users,
        sum(retained_users) as retained_users,
        bool_or(is_provisional) as is_provisional

    from {{ ref('skill_retention') }}

    where users >= 5 and retained_users is not null

    group by skill_name, weeks_later

)

select
    skill_name,
    weeks_later,
    cohorts,
    cast(users as bigint) as users,
    cast(retained_users as bigint) as retained_users,
    {{ ratio('retained_users', 'users') }} as retention_rate,
    {{ wilson_low('retained_users', 'users') }} as retention_low,
    {{ wilson_high('retained_users', 'users') }} as retention_high,
    is_provisional,
    {{ metric_columns() }}

from pooled
