"""What the status page knows: probe checks, incidents, maintenance windows."""

from ingest.contracts.contract import Column, Contract
from warehouse.tables import Timeline

CHECKS = Contract(
    source="status",
    entity="checks",
    description="One row per probe of a component.",
    key=("component", "checked_at", "probe"),
    day_column="checked_at",
    timeline=Timeline("checked_at", chunk_days=28, segment_by=("component",), order_by=("checked_at",)),
    columns=(
        Column("component", "text", "What was probed."),
        Column("checked_at", "timestamp", "When.", is_past=True),
        Column("probe", "text", "From where.", allowed=("internal", "external")),
        Column(
            "status",
            "text",
            "What the probe found; `unknown` covers nothing.",
            is_required=True,
            allowed=("operational", "degraded", "outage", "unknown"),
        ),
        Column("latency_ms", "double", "How long the answer took.", minimum=0),
    ),
)

INCIDENTS = Contract(
    source="status",
    entity="incidents",
    description="One row per incident on the status page.",
    key=("incident_id",),
    day_column="started_at",
    columns=(
        Column("incident_id", "text", "Id of the incident."),
        Column("title", "text", "What the page called it.", is_free_text=True),
        Column("impact", "text", "How bad it was.", allowed=("none", "minor", "major", "critical")),
        Column("status", "text", "Where it stands."),
        Column("components", "json", "Array of the components it touched."),
        Column("started_at", "timestamp", "When it began.", is_past=True),
        Column("resolved_at", "timestamp", "When it ended; NULL while open."),
        Column(
            "updated_at", "timestamp", "When it was last changed; live, when the page last told of it.", is_past=True
        ),
    ),
)

MAINTENANCE = Contract(
    source="status",
    entity="maintenance",
    description="One row per approved maintenance window; it may lie ahead.",
    key=("window_id",),
    day_column="starts_at",
    columns=(
        Column("window_id", "text", "Id of the window."),
        Column("components", "json", "Array of the components it covers."),
        Column("starts_at", "timestamp", "Start."),
        Column("ends_at", "timestamp", "End."),
        Column("reason", "text", "Why.", is_free_text=True),
        Column(
            "approved_by_key",
            "text",
            "Pseudonym of who approved it.",
            keys=("approved_by",),
            is_person=True,
            # A window without an approver is no maintenance, and the outage in it would count.
            on_erasure="set_erased",
        ),
        Column("updated_at", "timestamp", "When it was last changed.", is_past=True),
    ),
)

CONTRACTS: tuple[Contract, ...] = (CHECKS, INCIDENTS, MAINTENANCE)
