{#-
Exact money arithmetic: fractions of a cent are whole numbers of 1/scale, so that a half is a half on both engines.

DuckDB's decimal division gives a double and PostgreSQL's numeric division rounds; neither is exact, whole numbers are.
-#}

{#- A whole-number type of at least 38 digits. -#}
{% macro exact_type() -%}
    {{ 'numeric(76, 0)' if target.type == 'postgres' else 'hugeint' }}
{%- endmacro %}

{% macro exact(expression) -%}
    cast({{ expression }} as {{ exact_type() }})
{%- endmacro %}

{#- Whole quotient of two exact numbers that are not negative. -#}
{% macro integer_divide(dividend, divisor) -%}
    {{ return(adapter.dispatch('integer_divide', 'skillsmith')(dividend, divisor)) }}
{%- endmacro %}

{% macro duckdb__integer_divide(dividend, divisor) -%}
    (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}

{% macro postgres__integer_divide(dividend, divisor) -%}
    div({{ dividend }}, {{ divisor }})
{%- endmacro %}

{#- How many parts a cent has: divisible by 12 months, by interval counts to 24 and 26, 28, 30, 36, 52, 60, 90, 180,
    364 and 365, and by four percentages of whole points (or two with two decimals). -#}
{% macro cent_parts() -%}
    {{ exact("'469030449888000000000'") }}
{%- endmacro %}

{#- `dividend / divisor` (exact, not negative, divisor positive) rounded to a whole number, halves to the even one. -#}
{% macro round_half_even(dividend, divisor) -%}
    {%- set quotient = integer_divide(dividend, divisor) -%}
    {%- set twice_rest = '(2 * ((' ~ dividend ~ ') - ' ~ quotient ~ ' * (' ~ divisor ~ ')))' -%}
    cast({{ quotient }} + case
        when {{ twice_rest }} > ({{ divisor }}) then 1
        when {{ twice_rest }} = ({{ divisor }}) and {{ quotient }} % 2 = 1 then 1
        else 0
    end as bigint)
{%- endmacro %}

{#-
What hours are worth: hours x cents an hour x share, rounded to the cent, halves to the even one; below nothing where the
hours are. NULL where one of them is. analysis.time_saved.value_cents is the same function: both multiply doubles from left
to right.
-#}
{% macro worth_in_cents(hours, rate_cents, share) -%}
    {%- set cents = '(' ~ hours ~ ' * ' ~ rate_cents ~ ' * ' ~ share ~ ')' -%}
    cast(floor({{ cents }}) + case
        when {{ cents }} - floor({{ cents }}) > 0.5 then 1
        when {{ cents }} - floor({{ cents }}) = 0.5 and cast(floor({{ cents }}) as bigint) % 2 <> 0 then 1
        else 0
    end as bigint)
{%- endmacro %}
