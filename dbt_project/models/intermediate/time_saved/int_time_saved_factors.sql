with

factors as (

    select * from {{ reference('time_saved_factors') }} as factors

)

select
    assumption_set,
    factor,
    low,
    mode,
    high

from factors
