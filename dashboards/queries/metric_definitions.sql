-- The text of every definition, as the model that computes it has it.
-- tables: metrics.metric_definitions
select *
from metrics.metric_definitions
order by
    table_name,
    column_name
