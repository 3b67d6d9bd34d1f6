{#-
The days that an incremental model of events must make again: days of which it holds another number of events, or an
older load, than the warehouse does, and days that are gone. Every such model keeps one mark per day (`is_day_mark`)
with what it saw; the mark also makes delete+insert clear a day that has no rows left. A day whose rows retention took
stays as it is, whatever comes later. `since`, `until`: the only days that the model keeps, where it does not keep them
all. `and_audited`: the audit log is read with the events.
-#}
{% macro touched_days(since=none, until=none, and_audited=false) -%}
    {%- if execute and is_incremental() and target.type == 'duckdb' -%}
        {#- For `is_of_day`: the outer days as text, asked before the model runs. -#}
        {%- set question -%}
            select
                cast(min(day) as text) as first_day,
                cast(max(day) as text) as last_day
            from ({{ _touched_days(since, until, and_audited) }}) as touched
        {%- endset -%}
        {%- do model.update({'touched': run_query(question).rows[0]}) -%}
    {%- endif -%}
    {{ return(_touched_days(since, until, and_audited)) }}
{%- endmacro %}

{% macro _touched_days(since, until, and_audited) -%}
    {%- set source_days = ref('int_install_source_days') if and_audited else ref('int_event_days') -%}
    {%- set raw_tables = "'registry_events', 'registry_audit_logs'" if and_audited else "'registry_events'" -%}
    {%- if since is not none -%}
    select * from (
    {%- endif %}
    select
        days.day,
        days.events,
        days.last_loaded_at

    from {{ source_days }} as days
    {% if is_incremental() %}
    left join {{ this }} as marks
        on days.day = marks.day and marks.is_day_mark

    where
        (
            marks.day is null
            or marks.day_events <> days.events
            or marks.day_loaded_at <> days.last_loaded_at
        )
        and not exists (
            select 1 from {{ source('operations', 'retention_runs') }} as closed

            where closed.table_name in ({{ raw_tables }}) and days.day < closed.kept_from
        )

    union all

    select
        marks.day,
        0 as events,
        marks.day_loaded_at as last_loaded_at

    from {{ this }} as marks

    left join {{ source_days }} as days
        on marks.day = days.day

    where marks.is_day_mark and marks.day_events > 0 and days.day is null
    {% endif %}
    {%- if since is not none %}
    ) as days

    where day between {{ since }} and {{ until }}
    {%- endif %}
{%- endmacro %}

{#-
Of the days of the CTE `touched` the events in which a person did something with a skill. What a scraper did or sent on
a day is nobody's, all of it. `and_audited`: with the installs that the audit log alone has. They were noted there before
they were events, for a while in both, under one id and at most a day apart: then the event is what counts.
-#}
{% macro touched_skill_events(and_audited=false) -%}
    {%- set columns = [
        'day', 'created_at', 'event_type', 'actor_key', 'ip_prefix', 'skill_name_given', 'success', 'is_user_initiated',
        'source', 'surface', 'model', 'session_id', 'error_code', 'sdk_version'
    ] -%}
    {%- set audited = ['day', 'created_at', 'event_type', 'actor_key', 'skill_name_given', 'success', 'source', 'error_code'] -%}
    select events.*

    from (
        select
            {%- for column in columns %}
            events.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}

        from {{ ref('stg_registry__events') }} as events
        {%- if and_audited %}

        -- On each side: Citus collects both from the workers before it looks at what is asked of the whole.
        where {{ is_around('events.created_at', 'touched') }}

        union all

        select
            {%- for column in columns %}
            {{ 'entries.' ~ column if column in audited else 'null' }} as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}

        from {{ ref('stg_registry__audit_logs') }} as entries

        left join (
            select distinct event_id

            from {{ ref('stg_registry__events') }}

            where
                event_type in ('telemetry:skill_install', 'telemetry:skill_uninstall')
                and {{ is_around('created_at', 'touched') }}
        ) as known
            on entries.event_id = known.event_id

        where
            entries.event_type in ('telemetry:skill_install', 'telemetry:skill_uninstall')
            and {{ is_around('entries.created_at', 'touched') }}
            and known.event_id is null
        {%- endif %}
    ) as events

    left join {{ ref('int_scraper_days') }} as scraping_actors
        on
            events.day = scraping_actors.day
            and scraping_actors.kind = 'actor'
            and events.actor_key = scraping_actors.scraper
            and not scraping_actors.is_day_mark

    left join {{ ref('int_scraper_days') }} as scraping_prefixes
        on
            events.day = scraping_prefixes.day
            and scraping_prefixes.kind = 'ip_prefix'
            and events.ip_prefix = scraping_prefixes.scraper
            and not scraping_prefixes.is_day_mark

    -- Joined last: DuckDB takes this join for one with hardly a row. Behind it, it would hold all events in memory to
    -- look up the few scrapers among them.
    inner join touched
        on {{ is_of_day('events.created_at', 'events.day', 'touched') }}

    where
        {{ is_person('events.actor_key') }}
        and events.skill_name_given is not null
        and scraping_actors.day is null
        and scraping_prefixes.day is null
{%- endmacro %}
