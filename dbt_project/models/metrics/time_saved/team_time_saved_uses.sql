{{ config(materialized='view') }}

with

uses as (

    select * from {{ ref('int_time_saved_uses') }}

)

select
    account_id,
    team_id,
    period_end,
    cast(period_days as integer) as period_days,
    assumption_set,
    assumption_name,
    cast(low as double precision) as low,
    cast(mode as double precision) as mode,
    cast(high as double precision) as high,
    grade,
    successes,
    failures,
    min(most_users) over (partition by team_id, period_end, period_days, assumption_set) as fewest_users,
    cast('{{ model.config.get("meta", {}).get("metric", {}).get("version", 1) }}' as text) as definition_version,
    computed_at

from uses
