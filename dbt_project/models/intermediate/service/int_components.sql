with

components as (

    select * from {{ reference('components') }} as components

)

select
    component,
    coalesce(check_interval_minutes, 5) as check_interval_minutes,
    coalesce(hold_minutes, 10) as hold_minutes,
    coalesce(in_sla, false) as in_sla,
    routes

from components
