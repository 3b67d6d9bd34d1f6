"""The registry's own entities: usage events, accounts, teams, skills, subscriptions, requests.

Column names are the registry's. `actor` never lands: it becomes `actor_key` at the door.
"""

from ingest.contracts.contract import Column, Contract
from warehouse.tables import Timeline

EVENT_TYPES: tuple[str, ...] = (
    "search:metrics",
    *(
        f"telemetry:{event}"
        for event in (
            "skill_view",
            "skill_install",
            "skill_uninstall",
            "skill_invoke",
            "skill_context_load",
            "skill_rate",
            "search",
            "recommend",
            "compare",
            "validate",
            "recommendation_shown",
            "recommendation_clicked",
            "recommendation_dismissed",
        )
    ),
)

ACTOR = Column("actor_key", "text", "Pseudonym of the person (HMAC-SHA256).", keys=("actor",), is_person=True)
CREATED = Column("created_at", "timestamp", "When the row was made at its source.", is_past=True)
UPDATED = Column("updated_at", "timestamp", "When the row last changed at its source.", is_past=True)

EVENTS = Contract(
    source="registry",
    entity="events",
    description="One row per usage event: searches, views, installs, invocations, recommendations.",
    key=("event_id",),
    day_column="created_at",
    timeline=Timeline("created_at", segment_by=("event_type",), order_by=("created_at",)),
    placed_by="actor_key",
    columns=(
        Column("event_id", "text", "UUID of the event."),
        Column("created_at", "timestamp", "When it happened.", is_required=True, is_past=True),
        Column(
            "event_type",
            "text",
            "`search:metrics`, or `telemetry:` and what happened.",
            is_required=True,
            allowed=EVENT_TYPES,
        ),
        ACTOR,
        Column("auth_tier", "text", "Tier the caller was authenticated at; NULL where unknown.", is_repeated=True),
        Column("auth_method", "text", "api_key, jwt, anon_key or none.", is_repeated=True),
        Column("user_agent", "text", "What the client called itself.", is_free_text=True, is_repeated=True),
        Column(
            "ip_prefix",
            "text",
            "The /24 of the caller, or `anonymous:` and a hash; never a full address.",
            is_repeated=True,
        ),
        Column("metadata", "json", "What the event says about itself, less what privacy removes."),
    ),
)

ACCOUNTS = Contract(
    source="registry",
    entity="accounts",
    description="One row per customer account.",
    key=("account_id",),
    columns=(
        Column("account_id", "text", "Id of the account."),
        Column(
            "name",
            "text",
            "Name of the organisation; NULL for individuals, whose own name it would be.",
            is_free_text=True,
            dropped_where=("kind", "individual"),
        ),
        Column("kind", "text", "What kind of customer.", allowed=("individual", "team", "organization", "oem")),
        Column("timezone", "text", "IANA name of the contract's time zone."),
        Column("country", "text", "ISO code of the country."),
        Column(
            "sla_tier",
            "text",
            "Service level bought; NULL is none.",
            allowed=("standard", "professional", "premium", "mission_critical"),
        ),
        Column("is_internal", "boolean", "Our own account: never counted as revenue."),
        CREATED,
        UPDATED,
    ),
)

TEAMS = Contract(
    source="registry",
    entity="teams",
    description="One row per team of an account.",
    key=("team_id",),
    columns=(
        Column("team_id", "text", "Id of the team."),
        Column("account_id", "text", "The account it belongs to."),
        Column("name", "text", "Name of the team.", is_free_text=True),
        Column("slug", "text", "Name of the team in addresses.", is_free_text=True),
        CREATED,
        UPDATED,
    ),
)

TEAM_MEMBERS = Contract(
    source="registry",
    entity="team_members",
    description="One row per membership: a person's stay in a team.",
    key=("team_id", "actor_key", "joined_at"),
    columns=(
        Column("team_id", "text", "The team."),
        ACTOR,
        Column("role", "text", "What the member may do.", allowed=("owner", "admin", "member", "viewer")),
        Column("is_bot", "boolean", "A machine's account: never a seat.", is_required=True),
        Column("joined_at", "timestamp", "Start of the stay.", is_required=True, is_past=True),
        Column("left_at", "timestamp", "End of the stay; NULL while it lasts."),
        UPDATED,
    ),
)

SKILLS = Contract(
    source="registry",
    entity="skills",
    description="One row per skill of the registry.",
    key=("skill_id",),
    columns=(
        Column("skill_id", "text", "UUID of the skill."),
        Column("skill_name", "text", "`author/name`.", is_required=True),
        Column("author", "text", "Who publishes it: the first half of its public name."),
        Column("repo_url", "text", "Public address of its repository."),
        Column("categories", "json", "Array of categories."),
        Column("tags", "json", "Array of tags."),
        Column(
            "trust_tier",
            "text",
            "How far it has been checked.",
            allowed=("official", "verified", "curated", "community", "experimental", "unknown"),
        ),
        Column("quality_score", "double", "0 to 1, higher is better.", minimum=0, maximum=1),
        Column("security_score", "double", "0 to 100, higher is riskier.", minimum=0, maximum=100),
        Column("has_critical_advisory", "boolean", "An open critical advisory exists."),
        Column("documentation_score", "double", "0 to 100.", minimum=0, maximum=100),
        Column("performance_score", "double", "0 to 100.", minimum=0, maximum=100),
        Column("compatibility", "json", "Array of the agents it works with."),
        Column("stars", "bigint", "Stars of its repository.", minimum=0),
        Column("license", "text", "SPDX name of the licence."),
        Column("quarantined", "boolean", "The registry holds it back."),
        Column("visibility", "text", "Who can see it.", allowed=("public", "private")),
        Column("team_id", "text", "The team a private skill belongs to."),
        Column("price_cents", "bigint", "Price in US cents.", minimum=0),
        CREATED,
        UPDATED,
        Column("repo_updated_at", "timestamp", "When its repository last changed.", is_past=True),
    ),
)

SUBSCRIPTIONS = Contract(
    source="registry",
    entity="subscriptions",
    description="One row per subscription as the registry knows it; money comes from Stripe.",
    key=("id",),
    columns=(
        Column("id", "text", "Id of the subscription in the registry."),
        Column("account_id", "text", "The account that subscribes."),
        Column(
            "tier",
            "text",
            "What is subscribed to.",
            is_required=True,
            allowed=("community", "individual", "team", "enterprise", "oem"),
        ),
        Column(
            "status",
            "text",
            "State of the subscription.",
            is_required=True,
            allowed=(
                "active",
                "past_due",
                "canceled",
                "trialing",
                "paused",
                "incomplete",
                "incomplete_expired",
                "unpaid",
            ),
        ),
        Column("billing_period", "text", "How often it bills.", allowed=("monthly", "annual")),
        Column("seat_count", "bigint", "Seats subscribed to.", minimum=0),
        Column("stripe_customer_id", "text", "Stripe's id of the customer."),
        Column("stripe_subscription_id", "text", "Stripe's id; NULL is complimentary."),
        Column("current_period_start", "timestamp", "Start of the paid period."),
        Column("current_period_end", "timestamp", "End of the paid period."),
        Column("cancel_at_period_end", "boolean", "Ends with the paid period."),
        Column("canceled_at", "timestamp", "When it was cancelled."),
        UPDATED,
    ),
)

API_REQUESTS = Contract(
    source="registry",
    entity="api_requests",
    description="One row per request the registry's API answered, or failed to.",
    key=("request_id",),
    day_column="started_at",
    timeline=Timeline("started_at", segment_by=(), order_by=("started_at",)),
    placed_by="request_id",
    columns=(
        Column("request_id", "text", "Id of the request."),
        Column("started_at", "timestamp", "When it arrived.", is_required=True, is_past=True),
        Column("account_id", "text", "Whose it was; NULL is anonymous."),
        Column(
            "route",
            "text",
            "What it asked for.",
            allowed=("search", "get", "recommend", "install", "events", "stats", "other"),
        ),
        Column("method", "text", "HTTP method.", is_repeated=True),
        Column("status_code", "bigint", "HTTP status; 0 is a timeout.", minimum=0, maximum=599),
        Column("duration_ms", "double", "How long the answer took.", minimum=0),
        Column("region", "text", "Where it was answered.", is_repeated=True),
    ),
)

SKILL_RATINGS = Contract(
    source="registry",
    entity="skill_ratings",
    description="One row per rating that a person gave a skill.",
    key=("rating_id",),
    day_column="created_at",
    columns=(
        Column("rating_id", "text", "Id of the rating."),
        Column("skill_id", "text", "The skill."),
        ACTOR,
        Column("stars", "bigint", "1 to 5, higher is better.", minimum=1, maximum=5),
        CREATED,
    ),
)

SKILL_APPROVALS = Contract(
    source="registry",
    entity="skill_approvals",
    description="One row per request of a team to use a skill.",
    key=("request_id",),
    day_column="requested_at",
    columns=(
        Column("request_id", "text", "Id of the request."),
        Column("team_id", "text", "The team that asks."),
        Column("skill_id", "text", "The skill."),
        Column("requested_at", "timestamp", "When it was asked.", is_past=True),
        Column("decision", "text", "How it was decided.", allowed=("pending", "approved", "rejected")),
        Column("decided_at", "timestamp", "When it was decided; NULL while it is not.", is_past=True),
    ),
)

COLLECTIONS = Contract(
    source="registry",
    entity="collections",
    description="One row per skill in a collection of a team.",
    key=("collection_id", "skill_id"),
    columns=(
        Column("collection_id", "text", "Id of the collection."),
        Column("team_id", "text", "The team whose it is."),
        Column("name", "text", "Name of the collection.", is_free_text=True),
        Column("skill_id", "text", "The skill."),
        Column("added_at", "timestamp", "When it was added.", is_past=True),
        Column("removed_at", "timestamp", "When it was taken out; NULL while it is in.", is_past=True),
    ),
)

AUDIT_LOGS = Contract(
    source="registry",
    entity="audit_logs",
    description="One row per action that the registry notes; installs were noted here before they became events.",
    key=("id",),
    day_column="timestamp",
    columns=(
        Column("id", "text", "Id of the entry."),
        Column("timestamp", "timestamp", "When the action happened.", is_past=True),
        Column("event_type", "text", "What kind of action."),
        ACTOR,
        Column("resource", "text", "What it was done to.", is_free_text=True),
        Column("action", "text", "What was done.", is_repeated=True),
        Column("result", "text", "How it ended.", is_repeated=True),
        Column("metadata", "json", "What the entry says about itself, less what privacy removes."),
        CREATED,
    ),
)

CONTRACTS: tuple[Contract, ...] = (
    EVENTS,
    ACCOUNTS,
    TEAMS,
    TEAM_MEMBERS,
    SKILLS,
    SKILL_RATINGS,
    SKILL_APPROVALS,
    COLLECTIONS,
    SUBSCRIPTIONS,
    AUDIT_LOGS,
    API_REQUESTS,
)
