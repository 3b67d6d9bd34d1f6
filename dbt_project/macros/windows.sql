{#-
Sliding windows as linear work. Somebody present on day d is counted by every window of N days that ends on d to
d + N - 1: one step up at d, one step down after the last of them, and a running sum over the steps, read only at the
days on which a window ends (`int_sampling_points`), counts everybody. A join of windows and events does the same
work once per window instead.
-#}

{#- Table expression of the given lookbacks, column `lookback_days`. -#}
{% macro lookbacks(days) -%}
    (values {% for day in days %}({{ day }}){{ ', ' if not loop.last }}{% endfor %}) as lookbacks (lookback_days)
{%- endmacro %}

{#- The lengths of the usage windows, and twice them: a window together with the one before it. -#}
{% macro window_lengths() -%}
    {{ return([7, 28, 30, 90]) }}
{%- endmacro %}

{% macro double_window_lengths() -%}
    {{ return([14, 56, 60, 180]) }}
{%- endmacro %}

{#-
Steps that count distinct `counted` per `by` in windows of each lookback. `relation` has first_day and last_day of
presence; the spans of one counted value must not overlap. Columns: by, lookback_days, step_day, step.
-#}
{% macro presence_steps(relation, by, counted, lookback_days) -%}
    select
        {{ by | join(', ') }},
        lookback_days,
        first_day as step_day,
        1 as step

    from (
        select
            {{ by | join(', ') }},
            first_day,
            lag(last_day) over (partition by {{ (by + counted) | join(', ') }} order by first_day) as previous_last_day

        from {{ relation }}
    ) as starts

    cross join {{ lookbacks(lookback_days) }}

    where previous_last_day is null or first_day - previous_last_day >= lookback_days

    union all

    select
        {{ by | join(', ') }},
        lookback_days,
        last_day + lookback_days as step_day,
        -1 as step

    from (
        select
            {{ by | join(', ') }},
            last_day,
            lead(first_day) over (partition by {{ (by + counted) | join(', ') }} order by first_day) as next_first_day

        from {{ relation }}
    ) as ends

    cross join {{ lookbacks(lookback_days) }}

    where next_first_day is null or next_first_day - last_day >= lookback_days
{%- endmacro %}

{#-
Steps that sum `measures` of a relation with a column `day`, in windows of each lookback.
Columns: by, lookback_days, step_day, measures.
-#}
{% macro additive_steps(relation, by, measures, lookback_days) -%}
    {% for sign in ['', '-'] %}
    select
        {{ by | join(', ') }},
        lookback_days,
        {{ 'day' if sign == '' else 'day + lookback_days' }} as step_day{% for measure in measures %},
        {{ sign }}{{ measure }} as {{ measure }}{% endfor %}

    from {{ relation }}

    cross join {{ lookbacks(lookback_days) }}
    {% if sign == '' %}
    union all
    {% endif %}
    {% endfor %}
{%- endmacro %}

{#-
The running sums of steps, read at every sampling point: columns by, lookback_days, sampled_day, measures.
Points at which every measure is 0 have no row.
-#}
{% macro sampled_windows(steps, by, measures) -%}
    select
        {% for column in by %}expanded.{{ column }}, {% endfor %}
        expanded.lookback_days,
        points.sampled_day{% for measure in measures %},
        expanded.{{ measure }}{% endfor %}

    from (
        select
            {{ by | join(', ') }},
            lookback_days,
            {{ integer_series('position', 'next_position - 1') }} as position{% for measure in measures %},
            {{ measure }}{% endfor %}

        from (
            select
                {% for column in by %}positioned.{{ column }}, {% endfor %}
                positioned.lookback_days,
                positioned.position,
                coalesce(
                    lead(positioned.position) over so_far, positioned.last_position + 1
                ) as next_position{% for measure in measures %},
                cast(sum(positioned.{{ measure }}) over so_far as bigint) as {{ measure }}{% endfor %}

            from (
                select
                    {% for column in by %}steps.{{ column }}, {% endfor %}
                    steps.lookback_days,
                    days.position,
                    days.last_position{% for measure in measures %},
                    sum(steps.{{ measure }}) as {{ measure }}{% endfor %}

                from {{ steps }} as steps

                -- A step after the last sampling point has no position, and is read by nobody.
                inner join {{ ref('int_sampling_days') }} as days
                    on steps.lookback_days = days.lookback_days and steps.step_day = days.day

                group by
                    {% for column in by %}steps.{{ column }}, {% endfor %}steps.lookback_days,
                    days.position,
                    days.last_position
            ) as positioned

            window so_far as (
                partition by {% for column in by %}positioned.{{ column }}, {% endfor %}positioned.lookback_days
                order by positioned.position
            )
        ) as running

        where {% for measure in measures %}{{ measure }} <> 0{{ ' or ' if not loop.last }}{% endfor %}
    ) as expanded

    inner join {{ ref('int_sampling_points') }} as points
        on expanded.lookback_days = points.lookback_days and expanded.position = points.position
{%- endmacro %}

{#-
Overlapping or touching spans of days of one key, made one. `relation` has the key columns, first_day, last_day.
-#}
{% macro merged_spans(relation, key) -%}
    select
        {{ key | join(', ') }},
        min(first_day) as first_day,
        max(last_day) as last_day

    from (
        select
            {{ key | join(', ') }},
            first_day,
            last_day,
            sum(case when covered_until >= first_day - 1 then 0 else 1 end) over (
                partition by {{ key | join(', ') }}
                order by first_day, last_day
                rows between unbounded preceding and current row
            ) as island

        from (
            select
                {{ key | join(', ') }},
                first_day,
                last_day,
                max(last_day) over (
                    partition by {{ key | join(', ') }}
                    order by first_day, last_day
                    rows between unbounded preceding and 1 preceding
                ) as covered_until

            from {{ relation }}
        ) as ordered
    ) as islands

    group by {{ key | join(', ') }}, island
{%- endmacro %}
