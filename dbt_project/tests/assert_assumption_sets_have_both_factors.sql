-- Hours are drawn with both shares, kept and incremental: a set of assumptions that lacks one of them has no hours.
{{ config(severity='warn') }}

select
    assumptions.assumption_set,
    count(distinct factors.factor) as factors_known

from {{ ref('int_time_saved_assumptions') }} as assumptions
left join {{ ref('int_time_saved_factors') }} as factors
    on assumptions.assumption_set = factors.assumption_set

group by assumptions.assumption_set

having count(distinct factors.factor) < 2
