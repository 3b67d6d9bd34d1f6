with

entries as (

    select
        *,
        coalesce("timestamp", created_at) as happened_at

    from {{ source('registry', 'audit_logs') }}

)

select
    id as event_id,
    happened_at as created_at,
    {{ utc_day('happened_at') }} as day,
    event_type,
    actor_key,
    loaded_at,
    nullif(coalesce({{ json_text('metadata', 'skill_id') }}, resource), '') as skill_name_given,
    coalesce(
        {{ json_boolean('metadata', 'success') }},
        case lower(result)
            when 'success' then true
            when 'failure' then false
            when 'error' then false
            when 'blocked' then false
            when 'denied' then false
        end
    ) as success,
    {{ json_text('metadata', 'source') }} as source,
    nullif({{ json_text('metadata', 'error_code') }}, '') as error_code

from entries

where happened_at < {{ as_of() }}
