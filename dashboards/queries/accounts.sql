-- The accounts that the viewer may see, by name.
-- tables: metrics.accounts
select *
from metrics.accounts
order by
    account_name,
    account_id
