"""GitHub's entities as files, and GH Archive's events.

People are pseudonyms here too, and nothing they wrote (titles, messages, bodies) lands.
"""

from ingest.contracts.contract import Column, Contract
from warehouse.tables import Timeline

REPOSITORY_ID = Column("repository_id", "text", "GitHub's id, or `owner/name` where that is unknown.")
AUTHOR = Column("author_key", "text", "Pseudonym of the author.", keys=("author",), is_person=True)
IS_BOT = Column("is_bot", "boolean", "Written by a machine.")

REPOSITORIES = Contract(
    source="github",
    entity="repositories",
    description="One row per repository and day: what its page said then.",
    key=("repository_id", "snapshot_day"),
    day_column="snapshot_day",
    timeline=Timeline("snapshot_day", chunk_days=28, segment_by=("repository_id",), order_by=("snapshot_day",)),
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
        Column("actor_key", "text", "Pseudonym of who did it.", is_person=True),
        IS_BOT,
        Column("repository_id", "text", "GitHub's id of the repository."),
        Column("repository_name", "text", "`owner/name`."),
        Column("payload", "json", "Facts of the event: action, ref, number, counts; nothing anybody wrote."),
    ),
)

CONTRACTS: tuple[Contract, ...] = (REPOSITORIES, COMMITS, PULL_REQUESTS, RELEASES, STARGAZERS, ARCHIVE_EVENTS)
