-- What the usage figures of one period leave out: of a team (its bots), and of all teams together (`*`).
-- tables: metrics.excluded_events
select *
from metrics.excluded_events
where
    team_id in ($team_id, '*')
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
order by
    team_id desc,
    rule
