with

events as (

    select * from {{ source('registry', 'events') }}

),

typed as (

    select
        event_id,
        created_at,
        {{ utc_day('created_at') }} as day,
        event_type,
        actor_key,
        ip_prefix,
        auth_tier,
        auth_method,
        loaded_at,
        -- Installs and recommendations name the skill in skill_id; invocations in skill_name, their skill_id may be a
        -- tool's name.
        nullif(
            case
                when
                    event_type in (
                        'telemetry:skill_install',
                        'telemetry:skill_uninstall',
                        'telemetry:recommendation_shown',
                        'telemetry:recommendation_clicked'
                    )
                    then {{ json_text('metadata', 'skill_id') }}
                else {{ json_text('metadata', 'skill_name') }}
            end,
            ''
        ) as skill_name_given,
        {{ json_boolean('metadata', 'success') }} as success,
        -- What an agent started on its own is no use by a person; silence means a person.
        coalesce(
            {{ json_boolean('metadata', 'user_initiated') }},
            not coalesce({{ json_boolean('metadata', 'agent_session') }}, false)
        ) as is_user_initiated,
        {{ json_number('metadata', 'result_count') }} as result_count,
        {{ json_text('metadata', 'source') }} as source,
        {{ json_text('metadata', 'surface') }} as surface,
        {{ json_text('metadata', 'model') }} as model,
        nullif({{ json_text('metadata', 'session_id') }}, '') as session_id,
        nullif({{ json_text('metadata', 'error_code') }}, '') as error_code,
        nullif({{ json_text('metadata', 'sdk_version') }}, '') as sdk_version

    from events

    where created_at < {{ as_of() }}

)

select * from typed
