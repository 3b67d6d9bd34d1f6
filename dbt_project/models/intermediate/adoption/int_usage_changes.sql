{{ config(materialized='incremental', incremental_strategy='append') }}

-- depends_on: {{ ref('int_skill_use_days') }}
-- depends_on: {{ ref('int_skill_install_days') }}
-- depends_on: {{ ref('int_recommendation_days') }}

with

inputs as (

    select
        'day' as kind,
        '' as subject,
        '' as actor_key,
        day as since,
        day as until,
        concat(events, ' ', last_loaded_at) as detail

    from {{ ref('int_install_source_days') }}

    union all

    select
        'membership' as kind,
        team_id as subject,
        actor_key,
        first_day as since,
        max(last_day) as until,
        min(account_id) as detail

    from {{ ref('int_memberships') }}

    group by team_id, actor_key, first_day

    union all

    select
        'name' as kind,
        skill_name_given as subject,
        '' as actor_key,
        {{ all_days() }} as since,
        {{ all_days() }} as until,
        concat(is_resolved, ' ', skill_name) as detail

    from {{ ref('int_skill_names') }}

    union all

    select distinct
        'holiday' as kind,
        '' as subject,
        '' as actor_key,
        day as since,
        day as until,
        '' as detail

    from {{ reference('holidays') }} as holidays

    where day is not null

    union all

    select
        'assumption' as kind,
        concat(assumption_set, ' ', skill_name) as subject,
        '' as actor_key,
        valid_from as since,
        valid_from as until,
        concat(low, ' ', mode, ' ', high, ' ', grade, ' ', valid_to) as detail

    from {{ ref('int_time_saved_assumptions') }}

    union all

    -- Hours are made of uses, not by SQL: what moves them has the uses made again.
    select
        'factor' as kind,
        concat(assumption_set, ' ', factor) as subject,
        '' as actor_key,
        {{ all_days() }} as since,
        {{ all_days() }} as until,
        concat(low, ' ', mode, ' ', high) as detail

    from {{ ref('int_time_saved_factors') }}

    union all

    -- Moves no hours, only what they are worth, and with that the days that have to be published again.
    select
        'time_value' as kind,
        account_id as subject,
        '' as actor_key,
        valid_from as since,
        valid_from as until,
        concat(hourly_rate_cents, ' ', recapture_share) as detail

    from {{ ref('int_time_saved_values') }}

    union all

    select
        'clock' as kind,
        '' as subject,
        '' as actor_key,
        {{ all_days() }} as since,
        {{ last_complete_day() }} as until,
        '' as detail

    union all

    -- Days before all others are the ends of windows and of periods that no table has yet.
    select
        'beginning' as kind,
        '' as subject,
        '' as actor_key,
        {{ all_days() }} as since,
        {{ all_days() }} as until,
        coalesce(cast(min(day) as varchar), '') as detail

    from {{ ref('int_event_days') }}

    union all

    select
        'definitions' as kind,
        '' as subject,
        '' as actor_key,
        {{ all_days() }} as since,
        {{ all_days() }} as until,
        '{{ var("definitions", "") }}' as detail

)

{% if is_incremental() %},

known as (

    select
        log.kind,
        log.subject,
        log.actor_key,
        log.since,
        log.until,
        log.detail,
        log.is_gone

    from (
        select
            *,
            row_number() over (partition by kind, subject, actor_key, since order by detected_at desc) as age

        from {{ this }}
    ) as log

    where log.age = 1 and not log.is_gone

),

differing as (

    select
        coalesce(inputs.kind, known.kind) as kind,
        coalesce(inputs.subject, known.subject) as subject,
        coalesce(inputs.actor_key, known.actor_key) as actor_key,
        coalesce(inputs.since, known.since) as since,
        coalesce(inputs.until, known.until) as until,
        coalesce(inputs.detail, known.detail) as detail,
        inputs.kind is null as is_gone,
        known.kind is null as is_new,
        known.until as until_before,
        known.detail as detail_before

    from inputs

    full outer join known
        on
            inputs.kind = known.kind
            and inputs.subject = known.subject
            and inputs.actor_key = known.actor_key
            and inputs.since = known.since

    where
        inputs.kind is null
        or known.kind is null
        or inputs.until <> known.until
        or inputs.detail <> known.detail

),

renamed as (

    -- A name that was not there before is of days that are new themselves.
    select subject as skill_name_given from differing

    where kind = 'name' and not is_new and not is_gone

),

first_mentions as (

    select
        mentions.skill_name_given,
        min(mentions.day) as day

    from (
        select skill_name_given, day from {{ ref('int_skill_use_days') }}

        union all

        select skill_name_given, day from {{ ref('int_skill_install_days') }}

        union all

        select skill_name_given, day from {{ ref('int_recommendation_days') }}
    ) as mentions

    inner join renamed
        on mentions.skill_name_given = renamed.skill_name_given

    group by mentions.skill_name_given

)

select
    differing.kind,
    differing.subject,
    differing.actor_key,
    differing.since,
    differing.until,
    differing.detail,
    differing.is_gone,
    case
        when differing.kind = 'name' then coalesce(first_mentions.day, cast('9999-12-31' as date))
        -- Windows that a later clock no longer needed are missing to an earlier one.
        when differing.kind = 'clock' and differing.until < differing.until_before then differing.since
        when differing.is_new or differing.is_gone or differing.detail <> differing.detail_before then differing.since
        -- The same from its first day on; only how long it lasted is another.
        else least(differing.until, differing.until_before) + 1
    end as changed_from,
    -- After everything that is written down, whatever the wall clock does.
    greatest(
        {{ run_started_at_utc() }}, (select max(detected_at) from {{ this }}) + interval '1 microsecond'
    ) as detected_at

from differing

left join first_mentions
    on differing.kind = 'name' and differing.subject = first_mentions.skill_name_given
{% else %}

select
    kind,
    subject,
    actor_key,
    since,
    until,
    detail,
    false as is_gone,
    since as changed_from,
    {{ run_started_at_utc() }} as detected_at

from inputs
{% endif %}
