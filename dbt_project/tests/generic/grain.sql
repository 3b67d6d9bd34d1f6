{#- The grain of a table: its key is never NULL and stands once; the columns that every row must have (`required`) are
    there; a column has only the `values` that pages and metrics know; the row of `parents` that a column names is there.
    One statement a table, because each test costs a refresh some fifty milliseconds whatever it asks. A failing row
    says what is broken and how often. Of a table that is made day by day, its day in the key, only the rows that this build
    made are asked: the others were, when they were made. -#}
{% test grain(model, key=[], required=[], values={}, parents={}, is_made_by_day=false) %}

    {% set rows -%}
        {{ model }}
        {%- if is_made_by_day %} where computed_at = {{ run_started_at_utc() }} {%- endif %}
    {%- endset %}

    with

    counted as (

        select
            {% for column in key + required -%}
                count(*) - count({{ adapter.quote(column) }}) as missing_{{ loop.index }},
            {% endfor -%}
            {% for column, known in values.items() -%}
                count(*) filter (where {{ adapter.quote(column) }} not in ({{ known | map('tojson') | map('replace', '"', "'") | join(', ') }}))
                    as unknown_{{ loop.index }},
            {% endfor -%}
            count(*) as all_rows

        from {{ rows }}

    ),

    broken as (

        {% for column in key + required -%}
            select
                '{{ column }} is NULL' as what_is_broken,
                missing_{{ loop.index }} as how_often

            from counted

            {{ 'union all' if not loop.last or values or parents or key }}

        {% endfor -%}
        {% for column, known in values.items() -%}
            select
                '{{ column }} is none of {{ known | join(", ") }}' as what_is_broken,
                unknown_{{ loop.index }} as how_often

            from counted

            {{ 'union all' if not loop.last or parents or key }}

        {% endfor -%}
        {% for column, parent in parents.items() -%}
            select
                '{{ column }} is not in {{ parent.identifier }}' as what_is_broken,
                count(*) as how_often

            from (select {{ adapter.quote(column) }} as child from {{ model }}) as children

            where
                child is not null
                and child not in (select {{ adapter.quote(column) }} from {{ parent }})

            {{ 'union all' if not loop.last or key }}

        {% endfor -%}
        {%- if key %}
            select
                '{{ key | join(", ") }} stands more than once' as what_is_broken,
                count(*) as how_often

            from (
                select 1 as repeated_key

                from {{ rows }}

                group by {% for column in key %}{{ adapter.quote(column) }}{{ ', ' if not loop.last }}{% endfor %}

                having count(*) > 1
            ) as repeated_keys
        {%- endif %}

    )

    select * from broken

    where how_often > 0

{% endtest %}
