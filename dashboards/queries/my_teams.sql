-- A person's own stays in teams, the newest first, with what the teams are called where they still see them.
-- tables: marts.dim_team_members, metrics.teams
select
    stays.team_id,
    stays.joined_at,
    stays.left_at,
    stays.role,
    teams.team_name
from marts.dim_team_members as stays
left join metrics.teams as teams
    on stays.team_id = teams.team_id
order by
    stays.joined_at desc,
    stays.team_id
