{#- What a deployment may decide without touching code: the newest delivered version, else the bundled seed.

    `reference('components')` is a table expression. Its columns and types are the seed's in both cases, so a
    delivered file and the default can never differ in shape. -#}
{% macro reference(name) -%}
    {%- set columns = reference_columns(name) -%}
    (
        select
            {% for column, type in columns %}cast({{ adapter.quote(column) }} as {{ type }}) as {{ adapter.quote(column) }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ source('reference', name) }}
        where version = (select max(version) from {{ source('reference', name) }})

        union all

        select
            {% for column, type in columns %}cast({{ adapter.quote(column) }} as {{ type }}) as {{ adapter.quote(column) }}{{ ',' if not loop.last }}
            {% endfor %}
        from {{ ref(name) }}
        where not exists (select 1 from {{ source('reference', name) }})
    )
{%- endmacro %}


{#- Column names and types of each reference table, in order. -#}
{% macro reference_columns(name) -%}
    {%- set columns = {
        'price_book': [
            ('tier', 'text'),
            ('billing_period', 'text'),
            ('seat_price_cents', 'bigint'),
            ('source', 'text'),
        ],
        'quota_book': [
            ('tier', 'text'),
            ('monthly_calls', 'bigint'),
        ],
        'tier_aliases': [
            ('system', 'text'),
            ('alias', 'text'),
            ('tier', 'text'),
        ],
        'sla_tiers': [
            ('sla_tier', 'text'),
            ('uptime_target', 'double precision'),
            ('response_minutes', 'bigint'),
            ('uplift', 'double precision'),
        ],
        'sla_credit_bands': [
            ('contract_version', 'text'),
            ('from', 'double precision'),
            ('to', 'double precision'),
            ('credit_share', 'double precision'),
            ('cap', 'double precision'),
        ],
        'slo_objectives': [
            ('objective', 'text'),
            ('indicator', 'text'),
            ('threshold_ms', 'bigint'),
            ('target', 'double precision'),
            ('alert_value', 'double precision'),
            ('alert_unit', 'text'),
        ],
        'components': [
            ('component', 'text'),
            ('check_interval_minutes', 'bigint'),
            ('hold_minutes', 'bigint'),
            ('in_sla', 'boolean'),
            ('routes', 'text'),
        ],
        'time_saved_assumptions': [
            ('assumption_set', 'text'),
            ('skill_name', 'text'),
            ('low', 'double precision'),
            ('mode', 'double precision'),
            ('high', 'double precision'),
            ('grade', 'text'),
            ('source', 'text'),
            ('valid_from', 'date'),
        ],
        'time_saved_factors': [
            ('assumption_set', 'text'),
            ('factor', 'text'),
            ('low', 'double precision'),
            ('mode', 'double precision'),
            ('high', 'double precision'),
        ],
        'time_value': [
            ('account_id', 'text'),
            ('valid_from', 'date'),
            ('hourly_rate_cents', 'bigint'),
            ('recapture_share', 'double precision'),
            ('source', 'text'),
        ],
        'revenue_policy': [
            ('policy', 'text'),
            ('reactivation_gap_days', 'bigint'),
            ('churn_at', 'text'),
            ('blips_counted', 'boolean'),
        ],
        'plan_revenue': [
            ('quarter', 'date'),
            ('free_users', 'bigint'),
            ('team_seats', 'bigint'),
            ('enterprise_seats', 'bigint'),
            ('arr_cents', 'bigint'),
        ],
        'plan_targets': [
            ('metric', 'text'),
            ('family', 'text'),
            ('quarter', 'date'),
            ('target', 'double precision'),
            ('unit', 'text'),
            ('direction', 'text'),
            ('printed', 'text'),
        ],
        'plan_costs': [
            ('quarter', 'date'),
            ('category', 'text'),
            ('amount_cents', 'bigint'),
        ],
        'break_even_cases': [
            ('scenario', 'text'),
            ('alternative', 'bigint'),
            ('team_seats', 'bigint'),
            ('enterprise_seats', 'bigint'),
            ('monthly_burn_cents', 'bigint'),
            ('break_even_quarter', 'date'),
        ],
        'quality_weights': [
            ('signal', 'text'),
            ('weight', 'double precision'),
        ],
        'quality_bands': [
            ('tier', 'text'),
            ('from_score', 'double precision'),
            ('to_score', 'double precision'),
            ('rank', 'bigint'),
        ],
        'partner_tiers': [
            ('partner_tier', 'text'),
            ('minimum_skills', 'bigint'),
            ('requires_training', 'boolean'),
            ('minimum_revenue_cents', 'bigint'),
            ('requires_integration', 'boolean'),
            ('share_rate', 'double precision'),
        ],
        'tracked_repositories': [
            ('repository', 'text'),
            ('reason', 'text'),
        ],
        'annotations': [
            ('day', 'date'),
            ('scope', 'text'),
            ('text', 'text'),
        ],
        'holidays': [
            ('day', 'date'),
            ('name', 'text'),
        ],
        'scraper_rules': [
            ('more_than_searches', 'bigint'),
            ('more_than_percent', 'bigint'),
            ('page_sizes', 'text'),
            ('valid_from', 'date'),
        ],
    } -%}
    {%- if name not in columns -%}
        {{ exceptions.raise_compiler_error("reference('" ~ name ~ "'): there is no such reference table") }}
    {%- endif -%}
    {{ return(columns[name]) }}
{%- endmacro %}
