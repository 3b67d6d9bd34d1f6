with

memberships as (

    select * from {{ source('registry', 'team_members') }}

),

days as (

    select
        team_id,
        actor_key,
        role,
        is_bot,
        joined_at,
        left_at,
        {{ utc_day('joined_at') }} as first_day,
        -- Leaving at midnight does not count that day, leaving a moment later does.
        case
            when left_at is null then {{ last_complete_day() }} + 1
            when left_at = {{ day_start(utc_day('left_at')) }} then {{ utc_day('left_at') }} - 1
            else {{ utc_day('left_at') }}
        end as last_day,
        updated_at

    from memberships

    where joined_at < {{ as_of() }} and (left_at is null or left_at > joined_at)

)

select * from days
