-- The teams that the viewer may see, by account and name.
-- tables: metrics.teams
select *
from metrics.teams
order by
    account_id,
    team_id
