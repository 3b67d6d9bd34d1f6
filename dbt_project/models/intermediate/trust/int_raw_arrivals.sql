{%- set entities = [
    ('registry', 'events', 'created_at'),
    ('registry', 'api_requests', 'started_at'),
    ('status', 'checks', 'checked_at'),
    ('registry', 'accounts', 'updated_at'),
    ('registry', 'teams', 'updated_at'),
] -%}
with

limits as (

    select * from {{ ref('freshness_limits') }}

),

newest as (

    select
        'raw.billing_stripe_events' as raw_table,
        max({{ to_timestamp_utc('created') }}) as data_until

    from {{ source('billing', 'stripe_events') }}

    where {{ to_timestamp_utc('created') }} < {{ as_of() }}
    {%- for source_name, entity, time in entities %}

    union all

    select
        'raw.{{ source_name }}_{{ entity }}' as raw_table,
        max({{ time }}) as data_until

    from {{ source(source_name, entity) }}

    where {{ time }} < {{ as_of() }}
    {%- endfor %}

)

select
    limits.raw_table,
    limits.limit_minutes,
    limits.is_master,
    newest.data_until is not null as has_arrived,
    newest.data_until,
    cast(
        floor(extract(epoch from ({{ as_of() }} - newest.data_until)) / 60) as bigint
    ) as freshness_minutes

from limits
left join newest on limits.raw_table = newest.raw_table
