-- What a team could try next, best first, with the reason and how good such suggestions proved.
-- tables: metrics.skill_suggestions
select *
from metrics.skill_suggestions
where team_id = $team_id
order by
    rank,
    skill_name
