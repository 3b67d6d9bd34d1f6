"""GitHub's entities as files, and GH Archive's events.

People are pseudonyms here too, and nothing they wrote (titles, messages, bodies) lands.
"""

from ingest.contracts.contract import Column, Contract
from warehouse.tables import Timeline

REPOSITORY_ID = Column("repository_id", "text", "GitHub's id, or `owner/name` where that is unknown.")
AUTHOR = Column(
    "author_key", "text", "Pseudonym of the author.", keys=("author",), is_person=True, on_erasure="set_null"
)
IS_BOT = Column("is_bot", "boolean", "Written by a machine.")

REPOSITORIES = Contract(
    source="github",
    entity="repositories",
    description="One row per repository and day: what its page said then.",
    key=("repository_id", "snapshot_day"),
    day_column="snapshot_day",
    timeline=Timeline("snapshot_day", chunk_days=28, order_by=("repository_id", "snapshot_day")),
    columns=(
        REPOSITORY_ID,
        Column("full_name", "text", "`owner/name`."),
        Column("snapshot_day", "date", "The day of the snapshot.", is_past=True),
        Column("stars", "bigint", "Stars.", minimum=0),
        Column("forks", "bigint", "Forks.", minimum=0),
        Column("watchers", "bigint", "Watchers.", minimum=0),
        Column("open_issues", "bigint", "Open issues.", minimum=0),
        Column("topics", "json", "Array of topics."),
        Column("license", "text", "SPDX name of the licence."),
        Column("is_archived", "boolean", "Archived: no longer maintained.", keys=("is_archived", "archived")),
        Column("pushed_at", "timestamp", "Last push.", is_past=True),
        Column("default_branch", "text", "Name of the default branch."),
    ),
)

COMMITS = Contract(
    source="github",
    entity="commits",
    description="One row per commit of a repository's default branch.",
    key=("repository_id", "sha"),
    day_column="committed_at",
    columns=(
        REPOSITORY_ID,
        Column("sha", "text", "Hash of the commit."),
        Column("authored_at", "timestamp", "When it was written."),
        Column("committed_at", "timestamp", "When it was committed.", is_past=True),
        AUTHOR,
        IS_BOT,
    ),
)

PULL_REQUESTS = Contract(
    source="github",
    entity="pull_requests",
    description="One row per pull request.",
    key=("repository_id", "number"),
    day_column="created_at",
    columns=(
        REPOSITORY_ID,
        Column("number", "bigint", "Its number in the repository.", minimum=1),
        Column("created_at", "timestamp", "When it was opened.", is_past=True),
        Column("merged_at", "timestamp", "When it was merged.", is_past=True),
        Column("closed_at", "timestamp", "When it was closed.", is_past=True),
        Column("state", "text", "Where it stands.", allowed=("open", "closed", "merged")),
        AUTHOR,
        IS_BOT,
        Column("updated_at", "timestamp", "When it last changed.", is_past=True),
    ),
)

ISSUES = Contract(
    source="github",
    entity="issues",
    description="One row per issue.",
    key=("repository_id", "number"),
    day_column="created_at",
    columns=(
        REPOSITORY_ID,
        Column("number", "bigint", "Its number in the repository.", minimum=1),
        Column("created_at", "timestamp", "When it was opened.", is_past=True),
        Column("closed_at", "timestamp", "When it was closed.", is_past=True),
        Column("state", "text", "Where it stands.", allowed=("open", "closed")),
        Column("state_reason", "text", "Why it was closed, in GitHub's words."),
        Column("comments", "bigint", "Comments.", minimum=0),
        AUTHOR,
        IS_BOT,
        Column("updated_at", "timestamp", "When it last changed.", is_past=True),
    ),
)

ISSUE_COMMENTS = Contract(
    source="github",
    entity="issue_comments",
    description="One row per comment on an issue or pull request: who answered when, not what.",
    key=("repository_id", "comment_id"),
    day_column="created_at",
    columns=(
        REPOSITORY_ID,
        Column("comment_id", "text", "GitHub's id of the comment.", keys=("comment_id", "id")),
        Column("number", "bigint", "The issue that it is on.", keys=("number", "issue_number"), minimum=1),
        Column("created_at", "timestamp", "When it was written.", is_past=True),
        AUTHOR,
        IS_BOT,
        Column("updated_at", "timestamp", "When it last changed.", is_past=True),
    ),
)

CONTRIBUTORS = Contract(
    source="github",
    entity="contributors",
    description="One row per repository and person who has contributed to it.",
    key=("repository_id", "actor_key"),
    columns=(
        REPOSITORY_ID,
        Column("actor_key", "text", "Pseudonym of the contributor.", keys=("actor", "login"), is_person=True),
        Column("contributions", "bigint", "Commits to the default branch.", minimum=0),
        IS_BOT,
        Column("updated_at", "timestamp", "When this was counted.", is_past=True),
    ),
)


def _traffic(entity: str, what: str) -> Contract:
    return Contract(
        source="github",
        entity=entity,
        description=f"One row per repository and day: its {what}. GitHub itself keeps 14 days.",
        key=("repository_id", "day"),
        day_column="day",
        columns=(
            REPOSITORY_ID,
            Column("day", "date", "The day (UTC).", keys=("day", "timestamp"), is_past=True),
            Column("count", "bigint", f"All {what} of the day.", minimum=0),
            Column("uniques", "bigint", "From how many sources.", minimum=0),
            Column("updated_at", "timestamp", "When this was read; the day itself still grows.", is_past=True),
        ),
    )


TRAFFIC_VIEWS = _traffic("traffic_views", "views")
TRAFFIC_CLONES = _traffic("traffic_clones", "clones")

WORKFLOW_RUNS = Contract(
    source="github",
    entity="workflow_runs",
    description="One row per run of a workflow.",
    key=("repository_id", "run_id"),
    day_column="created_at",
    columns=(
        REPOSITORY_ID,
        Column("run_id", "text", "GitHub's id of the run.", keys=("run_id", "id")),
        Column("workflow_name", "text", "Name of the workflow.", is_free_text=True),
        Column("event", "text", "What started it."),
        Column("head_branch", "text", "The branch it ran on.", is_free_text=True),
        Column("head_sha", "text", "The commit it ran on."),
        Column("status", "text", "Where it stands, in GitHub's words."),
        Column("conclusion", "text", "How it ended, in GitHub's words; NULL while it runs."),
        Column("run_attempt", "bigint", "Which try it is.", minimum=1),
        Column("created_at", "timestamp", "When it was made.", is_past=True),
        Column("run_started_at", "timestamp", "When this try began.", is_past=True),
        Column("updated_at", "timestamp", "When it last changed.", is_past=True),
    ),
)

RELEASES = Contract(
    source="github",
    entity="releases",
    description="One row per release, or tag where a repository has no releases.",
    key=("repository_id", "tag"),
    day_column="created_at",
    columns=(
        REPOSITORY_ID,
        Column("tag", "text", "The tag.", keys=("tag", "tag_name")),
        Column("created_at", "timestamp", "When it was made.", is_past=True),
        Column("published_at", "timestamp", "When it was published.", is_past=True),
        Column("is_draft", "boolean", "Not published yet.", keys=("is_draft", "draft")),
        Column("is_prerelease", "boolean", "Marked as not final.", keys=("is_prerelease", "prerelease")),
        AUTHOR,
    ),
)

STARGAZERS = Contract(
    source="github",
    entity="stargazers",
    description="One row per star.",
    key=("repository_id", "actor_key", "starred_at"),
    day_column="starred_at",
    columns=(
        REPOSITORY_ID,
        Column("actor_key", "text", "Pseudonym of who starred.", keys=("actor",), is_person=True),
        Column("starred_at", "timestamp", "When.", is_past=True),
    ),
)

ARCHIVE_EVENTS = Contract(
    source="github",
    entity="archive_events",
    description="One row per GH Archive event, of either shape, reduced to what happened.",
    key=("id",),
    day_column="created_at",
    shape="archive",
    columns=(
        Column("id", "text", "GitHub's id; before 2015 the md5 of the event's canonical JSON."),
        Column("type", "text", "What happened, in GitHub's words.", is_required=True),
        Column("created_at", "timestamp", "When.", is_required=True, is_past=True),
        Column("actor_key", "text", "Pseudonym of who did it.", is_person=True, on_erasure="set_null"),
        IS_BOT,
        Column("repository_id", "text", "GitHub's id of the repository."),
        Column("repository_name", "text", "`owner/name`."),
        Column("payload", "json", "Facts of the event: action, ref, number, counts; nothing anybody wrote."),
    ),
)

CONTRACTS: tuple[Contract, ...] = (
    REPOSITORIES,
    COMMITS,
    PULL_REQUESTS,
    ISSUES,
    ISSUE_COMMENTS,
    RELEASES,
    CONTRIBUTORS,
    STARGAZERS,
    TRAFFIC_VIEWS,
    TRAFFIC_CLONES,
    WORKFLOW_RUNS,
    ARCHIVE_EVENTS,
)
