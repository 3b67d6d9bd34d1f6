{%- set signals = ['usage', 'rating', 'maintenance', 'security', 'documentation', 'compatibility', 'performance'] -%}
with

bands as (

    select
        tier,
        from_score,
        lead(from_score) over (order by from_score) as next_score

    from {{ reference('quality_bands') }} as quality_bands

),

tiers as (

    select
        skill_name,
        tier

    from (
        select
            skill_name,
            tier,
            -- Where the clock looks back, later days are known too.
            row_number() over (
                partition by skill_name order by case when kind = 'look back' then 0 else 1 end, day desc
            ) as age

        from {{ ref('int_skill_tiers') }}

        where kind <> 'day'
    ) as days

    where age = 1

),

banded as (

    select
        scores.*,
        tiers.tier as earned_tier,
        max(case when bands.tier = tiers.tier then bands.from_score end) as earned_score,
        max(case when bands.tier = tiers.tier then bands.next_score end) as next_score,
        max(case when bands.tier = 'bronze' then bands.from_score end) as cap_score,
        max(case when bands.from_score <= scores.score then bands.from_score end) as band_score,
        max(case when bands.from_score <= scores.score_low then bands.from_score end) as low_band_score,
        max(case when bands.from_score <= scores.score_high then bands.from_score end) as high_band_score

    from {{ ref('int_skill_scores') }} as scores

    cross join bands

    left join tiers
        on scores.skill_name = tiers.skill_name

    group by
        scores.skill_name,
        scores.coverage,
        scores.score,
        scores.score_low,
        scores.score_high,
        scores.is_evident,
        tiers.tier

),

judged as (

    select
        *,
        case
            when not is_evident then 'insufficient evidence'
            when has_critical_advisory and earned_score > cap_score then 'capped'
            when earned_score <> band_score then 'held'
            else 'rated'
        end as tier_state

    from (
        select
            signals.category,
            signals.has_critical_advisory,
            signals.days_since_update,
            signals.issues,
            signals.issues_answered,
            signals.ratings,
            signals.stars,
            signals.compatible_with,
            {%- for signal in signals %}
            signals.{{ signal }}_score,
            {%- endfor %}
            banded.*

        from banded

        inner join {{ ref('int_skill_signals') }} as signals
            on banded.skill_name = signals.skill_name
    ) as known

)

select
    judged.skill_name,
    {{ last_complete_day() }} as as_of,
    judged.category,
    {%- for signal in signals %}
    judged.{{ signal }}_score,
    {%- endfor %}
    judged.coverage,
    judged.score,
    judged.score_low,
    judged.score_high,
    case
        when judged.tier_state = 'insufficient evidence' then null
        when judged.tier_state = 'capped' then 'bronze'
        else judged.earned_tier
    end as tier,
    judged.tier_state,
    low_band.tier as tier_low,
    high_band.tier as tier_high,
    case when judged.tier_state <> 'insufficient evidence' then judged.earned_tier end as earned_tier,
    case when judged.tier_state <> 'insufficient evidence' then judged.next_score + 2 end as rises_at,
    case
        when judged.tier_state <> 'insufficient evidence' and judged.earned_score > 0 then judged.earned_score - 2
    end as falls_at,
    judged.has_critical_advisory,
    judged.days_since_update,
    judged.issues,
    judged.issues_answered,
    judged.ratings,
    judged.stars,
    judged.compatible_with,
    {{ metric_columns() }}

from judged

left join bands as low_band
    on judged.low_band_score = low_band.from_score

left join bands as high_band
    on judged.high_band_score = high_band.from_score
