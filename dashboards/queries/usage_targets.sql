-- What the plan wants of a published figure in the quarter in which a period ends.
-- tables: metrics.usage_targets
select *
from metrics.usage_targets
where
    table_name = $table_name
    and column_name = $column_name
    and quarter = cast(date_trunc('quarter', cast($period_end as date)) as date)
