-- A person's own uses by skill in the window that ends on the last complete day; `*` is all skills together.
-- tables: marts.fct_person_windows
select *
from marts.fct_person_windows
where period_days = cast($period_days as integer)
order by
    successes desc,
    uses desc,
    skill_name
