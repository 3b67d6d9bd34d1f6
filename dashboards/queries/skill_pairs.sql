-- The skills that are used in the sessions of one skill more often than chance would, seen from it, by lift.
-- tables: metrics.skill_pairs
select
    case when skill_name = $skill_name then paired_skill_name else skill_name end as related_skill_name,
    case when skill_name = $skill_name then confidence else paired_confidence end as share_of_sessions,
    case when skill_name = $skill_name then sessions_of_skill else sessions_of_paired end as sessions_of_this,
    sessions_together,
    people,
    support,
    lift,
    lift_low,
    lift_high,
    sessions,
    sessions_left_out,
    period_end,
    period_days
from metrics.skill_pairs
where
    (skill_name = $skill_name or paired_skill_name = $skill_name)
    -- The interval too: what may be chance is no pair.
    and lift_low > 1
order by
    lift desc,
    related_skill_name asc
