{#-
95% Wilson interval of a share, without continuity correction, clamped to [0, 1]; NULL where nothing was counted.
Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
-#}
{% macro _wilson(successes, trials, sign) -%}
    {#-
    As a double from the start, and to twelve digits at the end: the engines differ in the last ones. Rounded as a double
    too: by way of a decimal a server takes six times as long.
    -#}
    {%- set z = 'cast(1.959963984540054 as double precision)' -%}
    {%- set x = 'cast(' ~ successes ~ ' as double precision)' -%}
    {%- set n = 'cast(' ~ trials ~ ' as double precision)' -%}
    case
        when {{ trials }} > 0 and {{ successes }} is not null then
            round(cast(1e12 as double precision) * greatest(cast(0 as double precision), least(cast(1 as double precision), (
                {{ x }} / {{ n }} + {{ z }} * {{ z }} / (2 * {{ n }})
                {{ sign }} {{ z }} * sqrt(
                    ({{ x }} / {{ n }}) * (1 - {{ x }} / {{ n }}) / {{ n }} + {{ z }} * {{ z }} / (4 * {{ n }} * {{ n }})
                )
            ) / (1 + {{ z }} * {{ z }} / {{ n }})))) / cast(1e12 as double precision)
    end
{%- endmacro %}

{% macro wilson_low(successes, trials) -%}
    {{ _wilson(successes, trials, '-') }}
{%- endmacro %}

{% macro wilson_high(successes, trials) -%}
    {{ _wilson(successes, trials, '+') }}
{%- endmacro %}

{#-
95% interval of the difference of two shares of different people: from the Wilson interval of each, NULL where one is
not measured. Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions",
Statistics in Medicine 17 (1998), method 10. Arguments are columns: a share and the ends of its interval, twice.
-#}
{% macro difference_low(share, low, high, other, other_low, other_high) -%}
    {{ _difference(share, low, other, other_high, '-') }}
{%- endmacro %}

{% macro difference_high(share, low, high, other, other_low, other_high) -%}
    {{ _difference(share, high, other, other_low, '+') }}
{%- endmacro %}

{% macro _difference(share, end, other, other_end, sign) -%}
    round(cast(1e12 as double precision) * ({{ share }} - {{ other }} {{ sign }} sqrt(
        ({{ share }} - {{ end }}) * ({{ share }} - {{ end }})
        + ({{ other }} - {{ other_end }}) * ({{ other }} - {{ other_end }})
    ))) / cast(1e12 as double precision)
{%- endmacro %}

{#- Numerator over denominator as a double; NULL where the denominator is 0 or NULL. -#}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as double precision) / nullif(cast({{ denominator }} as double precision), 0))
{%- endmacro %}

{#-
The draw u(name, d) of metrics.md T: the first 8 hex digits of md5(name || ':' || d) over 2^32, in [0, 1).
`name` is a text expression, `draw` an integer expression. analysis.time_saved has the same function in numpy.
-#}
{% macro uniform_draw(name, draw) -%}
    {{ return(adapter.dispatch('uniform_draw', 'skillsmith')(name, draw)) }}
{%- endmacro %}

{% macro duckdb__uniform_draw(name, draw) -%}
    (cast(
        cast('0x' || substr(md5({{ name }} || ':' || cast({{ draw }} as text)), 1, 8) as bigint) as double
    ) / 4294967296.0)
{%- endmacro %}

{% macro postgres__uniform_draw(name, draw) -%}
    (cast(
        cast(cast('x' || lpad(substr(md5({{ name }} || ':' || cast({{ draw }} as text)), 1, 8), 16, '0') as bit(64)) as bigint)
        as double precision
    ) / 4294967296.0)
{%- endmacro %}
