with

skills as (

    select
        *,
        {{ repository_of('repo_url') }} as repository

    from {{ ref('stg_registry__skills') }}

    where skill_name is not null

),

-- Registry skills that share a name are counted together; of what is said of security the worst is believed.
named as (

    select
        skill_name,
        min({{ json_first_text('categories') }}) as category,
        max(case when repo_updated_at < {{ as_of() }} then {{ utc_day('repo_updated_at') }} end) as repo_updated_on,
        max(security_score) as security_risk,
        bool_or(coalesce(has_critical_advisory, false)) as has_critical_advisory,
        avg(documentation_score) as documentation_score,
        avg(performance_score) as performance_score,
        max({{ json_length('compatibility') }}) as compatible_with

    from skills

    group by skill_name

),

data_begins as (

    -- An aggregate always has a row: before any event arrived, data begins nowhere.
    select min(day) as day from {{ ref('int_event_days') }}

),

successes as (

    -- Somebody in two teams did it once.
    select
        actor_key,
        skill_name,
        day,
        min(account_id) as account_id,
        max(successes) as successes

    from {{ ref('int_team_skill_days') }}

    where successes > 0 and day > {{ last_complete_day() }} - 28

    group by actor_key, skill_name, day

),

account_successes as (

    select
        skill_name,
        account_id,
        cast(sum(successes) as double precision) as successes,
        cast(sum(sum(successes)) over (partition by skill_name) as double precision) as all_successes

    from successes

    group by skill_name, account_id

),

counted_successes as (

    -- No account counts for more than a quarter of a skill's use.
    select
        skill_name,
        sum(least(successes, 0.25 * all_successes)) as successes

    from account_successes

    group by skill_name

),

ranked as (

    select
        named.skill_name,
        count(*) over category as skills_in_category,
        -- The rank of the logarithm is the rank of what it is taken of.
        percent_rank() over (
            partition by named.category order by coalesce(counted_successes.successes, 0)
        ) as usage_rank

    from named

    left join counted_successes
        on named.skill_name = counted_successes.skill_name

    window category as (partition by named.category)

),

uncounted_raters as (

    select distinct members.actor_key

    from {{ ref('stg_registry__team_members') }} as members

    left join {{ ref('stg_registry__teams') }} as teams
        on members.team_id = teams.team_id

    left join {{ ref('stg_registry__accounts') }} as accounts
        on teams.account_id = accounts.account_id

    where members.is_bot or coalesce(accounts.is_internal, false)

),

ratings as (

    select
        skills.skill_name,
        count(*) as ratings,
        sum(ratings.stars) as stars

    from {{ ref('stg_registry__skill_ratings') }} as ratings

    inner join skills
        on ratings.skill_id = skills.skill_id

    left join uncounted_raters
        on ratings.actor_key = uncounted_raters.actor_key

    where ratings.day <= {{ last_complete_day() }} and uncounted_raters.actor_key is null

    group by skills.skill_name

),

registry_mean as (

    select {{ ratio('sum(stars)', 'sum(ratings)') }} as stars from ratings

),

rated as (

    select
        ratings.skill_name,
        ratings.ratings,
        -- As if 20 more people had given it the registry's mean.
        (20 * registry_mean.stars + ratings.stars) / (20 + ratings.ratings) as stars

    from ratings

    cross join registry_mean

),

names_of_repositories as (

    -- A name that was given away belongs to who bore it last.
    select
        repository,
        repository_id

    from (
        select
            repository,
            repository_id,
            row_number() over (partition by repository order by max(named_on) desc, repository_id) as age

        from {{ ref('int_repository_names') }}

        group by repository, repository_id
    ) as bearers

    where age = 1

),

delivered_issues as (

    -- Where no snapshot knows the id the name stands for it.
    select
        coalesce(
            names_of_repositories.repository_id,
            case when issues.repository_id like '%/%' then lower(issues.repository_id) else issues.repository_id end
        ) as repository_id,
        issues.number,
        issues.created_at,
        issues.author_key,
        issues.is_bot,
        issues.updated_at

    from {{ ref('stg_github__issues') }} as issues

    left join names_of_repositories
        on lower(issues.repository_id) = names_of_repositories.repository

    -- Of the last 90 days, and old enough to have been answered in time.
    where
        issues.day > {{ last_complete_day() }} - 90
        and issues.created_at + interval '7 day' < {{ day_start(last_complete_day() ~ ' + 1') }}

),

issues as (

    select
        repository_id,
        number,
        author_key,
        created_at + interval '7 day' as answered_until

    from (
        select
            *,
            -- By id and by name it is one issue, of which the later version counts.
            row_number() over (
                partition by repository_id, number order by updated_at desc nulls last, created_at desc, author_key, is_bot
            ) as age

        from delivered_issues
    ) as versions

    where age = 1 and not is_bot

),

comments as (

    select
        coalesce(
            names_of_repositories.repository_id,
            case when comments.repository_id like '%/%' then lower(comments.repository_id) else comments.repository_id end
        ) as repository_id,
        comments.number,
        comments.author_key,
        comments.created_at

    from {{ ref('stg_github__issue_comments') }} as comments

    left join names_of_repositories
        on lower(comments.repository_id) = names_of_repositories.repository

    where not comments.is_bot and comments.created_at >= {{ day_start(last_complete_day() ~ ' - 89') }}

),

answers as (

    select distinct
        issues.repository_id,
        issues.number

    from issues

    inner join comments
        on issues.repository_id = comments.repository_id and issues.number = comments.number

    where
        comments.author_key is distinct from issues.author_key
        and comments.created_at <= issues.answered_until

),

repository_answers as (

    select
        issues.repository_id,
        count(*) as issues,
        count(answers.number) as answered

    from issues

    left join answers
        on issues.repository_id = answers.repository_id and issues.number = answers.number

    group by issues.repository_id

),

skill_repositories as (

    -- Registry skills of one name may say the old and the new name of one repository.
    select distinct
        skills.skill_name,
        coalesce(names_of_repositories.repository_id, skills.repository) as repository_id

    from skills

    left join names_of_repositories
        on skills.repository = names_of_repositories.repository

),

answered as (

    select
        skill_repositories.skill_name,
        cast(sum(repository_answers.issues) as bigint) as issues,
        cast(sum(repository_answers.answered) as bigint) as issues_answered

    from skill_repositories

    inner join repository_answers
        on skill_repositories.repository_id = repository_answers.repository_id

    group by skill_repositories.skill_name

),

facts as (

    select
        named.skill_name,
        named.category,
        named.has_critical_advisory,
        named.security_risk,
        named.documentation_score,
        named.performance_score,
        named.compatible_with,
        -- Where one of two is NULL, greatest() and least() give the other: what is unknown has to stay so.
        case
            when named.repo_updated_on is not null
                then greatest({{ days_between(last_complete_day(), 'named.repo_updated_on') }}, 0)
        end as days_since_update,
        coalesce(answered.issues, 0) as issues,
        coalesce(answered.issues_answered, 0) as issues_answered,
        coalesce(rated.ratings, 0) as ratings,
        rated.stars,
        case
            when
                data_begins.day <= {{ last_complete_day() }}
                -- Skills without a category are none of a kind.
                and named.category is not null
                and ranked.skills_in_category > 1
                then ranked.usage_rank
        end as usage_rank

    from named

    cross join data_begins

    inner join ranked
        on named.skill_name = ranked.skill_name

    left join rated
        on named.skill_name = rated.skill_name

    left join answered
        on named.skill_name = answered.skill_name

),

maintained as (

    select
        *,
        case
            when days_since_update is not null
                then 100 * greatest(0, 1 - days_since_update / cast(365 as double precision))
        end as freshness,
        100 * {{ ratio('issues_answered', 'issues') }} as answering

    from facts

)

select
    skill_name,
    category,
    has_critical_advisory,
    cast(days_since_update as integer) as days_since_update,
    cast(issues as bigint) as issues,
    cast(issues_answered as bigint) as issues_answered,
    cast(ratings as bigint) as ratings,
    {{ score_digits('stars') }} as stars,
    cast(compatible_with as integer) as compatible_with,
    {{ score_digits('100 * usage_rank') }} as usage_score,
    {{ score_digits('(stars - 1) / 4 * 100') }} as rating_score,
    -- The mean of what is known of the two.
    {{ score_digits('coalesce((freshness + answering) / 2, freshness, answering)') }} as maintenance_score,
    {{ score_digits('100 - security_risk') }} as security_score,
    {{ score_digits('documentation_score') }} as documentation_score,
    case
        when compatible_with is not null
            then {{ score_digits('100 * least(1, compatible_with / cast(4 as double precision))') }}
    end as compatibility_score,
    {{ score_digits('performance_score') }} as performance_score

from maintained
