-- Installs, failed installs by code, uninstalls and uses by SDK version of one skill in a team, in one of the newest periods.
-- tables: metrics.team_skill_breakdown
select *
from metrics.team_skill_breakdown
where
    team_id = $team_id
    and skill_name = $skill_name
    and period_end = cast($period_end as date)
    and period_days = cast($period_days as integer)
order by
    breakdown,
    events desc nulls last,
    value
