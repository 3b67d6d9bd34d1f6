-- A person's own uses by day and skill; somebody in two teams has each once.
-- tables: marts.fct_skill_days
select distinct
    day,
    skill_name,
    uses,
    successes,
    failures,
    unknown
from marts.fct_skill_days
order by
    day,
    skill_name
