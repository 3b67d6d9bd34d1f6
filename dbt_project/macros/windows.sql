{#-
Sliding windows as linear work. Somebody present on day d is counted by every window of N days that ends on d to
d + N - 1: one step up at d, one step down after the last of them, and a running sum over the steps, read only at the
days on which a window ends (`int_sampling_points`), counts everybody. A join of windows and events does the same
work once per window instead. Where earlier windows stand, the sum goes on from the last of them
(macros/remaking.sql).
-#}

{#- Table expression of the given lookbacks, column `lookback_days`. -#}
{% macro lookbacks(days) -%}
    (values {% for day in days %}({{ day }}){{ ', ' if not loop.last }}{% endfor %}) as lookbacks (lookback_days)
{%- endmacro %}

{#- The lengths of the usage windows, and twice them: a window together with the one before it. -#}
{% macro window_lengths() -%}
    {{ return([7, 28, 30, 90]) }}
{%- endmacro %}

{#-
The periods that are kept in parts (installs by error code, uses by version), by their last day: the newest, and the last
that ended with a week.
-#}
{% macro parted_ends() -%}
    (
        select {{ last_complete_day() }} as period_end

        union

        select {{ last_complete_day() }} - cast(extract(isodow from {{ last_complete_day() }}) as integer) % 7 as period_end
    )
{%- endmacro %}

{#- The days up to now that they need: a week may have ended six days before the newest. -#}
{% macro parted_days() -%}
    {{ return((window_lengths() | max) + 6) }}
{%- endmacro %}

{% macro double_window_lengths() -%}
    {{ return([14, 56, 60, 180]) }}
{%- endmacro %}

{#-
Of each lookback the last sampling point that is kept (NULL where all are made) and the last one there is: only steps
in between are taken. What they add to is the kept row itself (`kept_windows`).
-#}
{% macro kept_points(lookback_days) -%}
    (
        select
            lookback_days,
            max(case when sampled_day < {{ remade_from() }} then sampled_day end) as kept_day,
            max(sampled_day) as last_day

        from {{ ref('int_sampling_points') }}

        where lookback_days in ({{ lookback_days | join(', ') }})

        group by lookback_days
    )
{%- endmacro %}

{%- macro _is_taken(step_day) -%}
    (kept_points.kept_day is null or {{ step_day }} > kept_points.kept_day)
        and {{ step_day }} <= kept_points.last_day
{%- endmacro %}

{#- The first day whose rows can tell in any window that is made whether somebody was present: points lie at most a
    month apart. -#}
{% macro seen_from(longest) -%}
    {{ remade_from() }} - {{ longest + 31 }}
{%- endmacro %}

{#-
Steps that count distinct `counted` per `by` in windows of each lookback. `relation` has first_day and last_day of
presence; the spans of one counted value must not overlap. Columns: by, lookback_days, step_day, step.
-#}
{% macro presence_steps(relation, by, counted, lookback_days) -%}
    {%- set spans -%}
        select
            {{ by | join(', ') }},
            first_day,
            last_day,
            lag(last_day) over in_order as previous_last_day,
            lead(first_day) over in_order as next_first_day

        from {{ relation }}

        window in_order as (partition by {{ (by + counted) | join(', ') }} order by first_day)
    {%- endset -%}
    {{ _span_steps(spans, by, lookback_days) }}
{%- endmacro %}

{#-
The same of a relation of single days that knows of each day the one before (`day`, `previous_day`): only days that can
make a step are read, and the day after is whoever names this one as the one before.
-#}
{% macro day_steps(relation, by, counted, lookback_days) -%}
    {%- set spans -%}
        select
            {% for column in by %}present.{{ column }}, {% endfor %}
            present.day as first_day,
            present.day as last_day,
            present.previous_day as previous_last_day,
            following.day as next_first_day

        from (
            select * from {{ relation }}

            where day in (select with_steps.day from {{ days_with_steps(lookback_days) }} as with_steps)
        ) as present

        left join (
            select * from {{ relation }}

            where previous_day in (select with_steps.day from {{ days_with_steps(lookback_days) }} as with_steps)
        ) as following
            on
                {% for column in by + counted %}present.{{ column }} = following.{{ column }}
                and {% endfor %}present.day = following.previous_day
    {%- endset -%}
    {{ _span_steps(spans, by, lookback_days) }}
{%- endmacro %}

{% macro _span_steps(spans, by, lookback_days) -%}
    select
        {% for column in by %}spans.{{ column }}, {% endfor %}
        kept_points.lookback_days,
        case when signs.sign > 0 then spans.first_day else spans.last_day + kept_points.lookback_days end as step_day,
        signs.sign as step

    from ({{ spans }}) as spans

    cross join {{ _signs() }}

    inner join {{ kept_points(lookback_days) }} as kept_points
        on
            case
                when signs.sign > 0
                    then
                        {{ _is_taken('spans.first_day') }}
                        and (
                            spans.previous_last_day is null
                            or spans.first_day - spans.previous_last_day >= kept_points.lookback_days
                        )
                else
                    {{ _is_taken('spans.last_day + kept_points.lookback_days') }}
                    and (
                        spans.next_first_day is null
                        or spans.next_first_day - spans.last_day >= kept_points.lookback_days
                    )
            end
{%- endmacro %}

{#- Up and down in one pass: what is read twice would be collected in one place first, on Citus the coordinator. -#}
{% macro _signs() -%}
    (values (1), (-1)) as signs (sign)
{%- endmacro %}

{#-
Steps that sum `measures` of a relation with a column `day`, in windows of each lookback.
Columns: by, lookback_days, step_day, measures.
-#}
{% macro additive_steps(relation, by, measures, lookback_days) -%}
    select
        {% for column in by %}added.{{ column }}, {% endfor %}
        kept_points.lookback_days,
        case when signs.sign > 0 then added.day else added.day + kept_points.lookback_days end as step_day{% for measure in measures %},
        signs.sign * added.{{ measure }} as {{ measure }}{% endfor %}

    from {{ relation }} as added

    cross join {{ _signs() }}

    inner join {{ kept_points(lookback_days) }} as kept_points
        on
            case
                when signs.sign > 0 then {{ _is_taken('added.day') }}
                else {{ _is_taken('added.day + kept_points.lookback_days') }}
            end
{%- endmacro %}

{#- Table expression with the days, column `day`, of which a row can make an additive step. -#}
{% macro days_with_steps(lookback_days) -%}
    (
        select all_days.day - ends.is_end * kept_points.lookback_days as day

        from {{ ref('int_sampling_days') }} as all_days

        inner join {{ kept_points(lookback_days) }} as kept_points
            on all_days.lookback_days = kept_points.lookback_days and {{ _is_taken('all_days.day') }}

        cross join (values (0), (1)) as ends (is_end)

        group by all_days.day - ends.is_end * kept_points.lookback_days
    )
{%- endmacro %}

{#- The rows of this model that stand, each as the step that the windows made after it begin with. -#}
{% macro kept_windows(by, measures, lookback_days) -%}
    {% if is_incremental() %}
    union all

    select
        {% for column in by %}made.{{ column }}, {% endfor %}
        made.lookback_days,
        made.sampled_day + 1 as step_day{% for measure in measures %},
        made.{{ measure }}{% endfor %}

    from {{ this }} as made

    inner join {{ kept_points(lookback_days) }} as kept_points
        on made.lookback_days = kept_points.lookback_days and made.sampled_day = kept_points.kept_day
    {% endif %}
{%- endmacro %}

{#-
The running sums of steps, read at every sampling point that is made: columns by, lookback_days, sampled_day, measures,
computed_at.
Points at which every measure is 0 have no row.
-#}
{% macro sampled_windows(steps, by, measures) -%}
    select
        {% for column in by %}expanded.{{ column }}, {% endfor %}
        expanded.lookback_days,
        points.sampled_day{% for measure in measures %},
        expanded.{{ measure }}{% endfor %},
        {{ made_at() }}

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
