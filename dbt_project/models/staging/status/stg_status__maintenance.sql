with

windows as (

    select * from {{ source('status', 'maintenance') }}

    where starts_at < {{ as_of() }}

)

select
    windows.window_id,
    -- A JSON text's own quotes are not part of the name.
    {{ json_element_text('component.value') }} as component,
    windows.starts_at,
    windows.ends_at,
    windows.reason,
    windows.approved_by_key is not null as is_approved,
    windows.loaded_at

from windows
cross join {{ json_elements('windows.components', 'component') }}
