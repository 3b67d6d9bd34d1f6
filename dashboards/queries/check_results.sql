-- What the checks of the published build found, failures first.
-- tables: ops.check_results
select *
from ops.check_results
where build_id = (select max(newest.build_id) from ops.check_results as newest)
order by
    case status when 'passed' then 1 else 0 end,
    case severity when 'blocking' then 0 else 1 end,
    table_name,
    check_name,
    column_name
