"""What people have asked of us about themselves."""

from ingest.contracts.contract import Column, Contract

ERASURES = Contract(
    source="privacy",
    entity="erasures",
    description="One row per request of a person to be erased; the person goes from it once that is done.",
    key=("erasure_id",),
    columns=(
        Column("erasure_id", "text", "Id of the request."),
        Column(
            "actor_key",
            "text",
            "Pseudonym of the person (HMAC-SHA256); NULL once the person is erased.",
            keys=("actor",),
            is_person=True,
            is_required=True,
            on_erasure="set_null",
        ),
        Column("requested_at", "timestamp", "When it was asked for.", is_past=True),
    ),
)

CONTRACTS: tuple[Contract, ...] = (ERASURES,)
