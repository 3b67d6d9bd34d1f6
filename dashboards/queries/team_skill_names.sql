-- The skills that a team has used as far as is published, those with most people of late first; then those that it only
-- tried to install.
-- tables: metrics.team_skill_usage, metrics.team_skill_breakdown
select
    named.skill_name,
    min(ranked.usage_rank) as usage_rank
from (
    select usage.skill_name
    from metrics.team_skill_usage as usage
    where
        usage.team_id = $team_id
        and usage.period_days = 90

    union

    select installs.skill_name
    from metrics.team_skill_breakdown as installs
    where
        installs.team_id = $team_id
        and installs.period_days = 90
) as named
-- Of the newest period alone: whether a rank is hidden is worked out row by row.
left join (
    select
        latest.skill_name,
        latest.usage_rank
    from metrics.team_skill_usage as latest
    where
        latest.team_id = $team_id
        and latest.period_days = 90
        and latest.period_end = (
            select max(ends.period_end)
            from metrics.team_skill_usage as ends
            where ends.team_id = $team_id
        )
) as ranked on named.skill_name = ranked.skill_name
group by named.skill_name
order by
    usage_rank nulls last,
    named.skill_name
