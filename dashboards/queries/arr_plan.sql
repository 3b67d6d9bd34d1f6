-- The plan's annual recurring revenue and seats by quarter, beside what they are.
-- tables: metrics.arr_plan
select *
from metrics.arr_plan
order by quarter
