-- The skills that a team has used as far as is published, those with most people of late first; then those that it only
-- tried to install.
-- tables: metrics.team_skill_usage, metrics.team_skill_breakdown
select
    named.skill_name,
    min(case when named.period_end = newest.period_end then named.usage_rank end) as usage_rank
from (
    select
        usage.skill_name,
        usage.period_end,
        usage.usage_rank
    from metrics.team_skill_usage as usage
    where
        usage.team_id = $team_id
        and usage.period_days = 90

    union all

    select
        installs.skill_name,
        installs.period_end,
        null as usage_rank
    from metrics.team_skill_breakdown as installs
    where
        installs.team_id = $team_id
        and installs.period_days = 90
) as named
cross join (
    select max(ends.period_end) as period_end
    from metrics.team_skill_usage as ends
    where ends.team_id = $team_id
) as newest
group by named.skill_name
order by
    usage_rank nulls last,
    named.skill_name
