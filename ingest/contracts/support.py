"""What the support desk knows: tickets and how fast they were answered, not what they say."""

from ingest.contracts.contract import Column, Contract

TICKETS = Contract(
    source="support",
    entity="tickets",
    description="One row per support ticket.",
    key=("ticket_id",),
    day_column="opened_at",
    columns=(
        Column("ticket_id", "text", "Id of the ticket."),
        Column("account_id", "text", "The account that asked."),
        Column("priority", "text", "How urgent; p1 is the most.", allowed=("p1", "p2", "p3", "p4")),
        Column("channel", "text", "How it came.", allowed=("email", "chat", "phone", "slack")),
        Column("opened_at", "timestamp", "When it was opened.", is_past=True),
        Column("first_response_at", "timestamp", "When somebody first answered; NULL before.", is_past=True),
        Column("resolved_at", "timestamp", "When it was resolved; NULL before.", is_past=True),
        Column("updated_at", "timestamp", "When it last changed.", is_past=True),
    ),
)

CONTRACTS: tuple[Contract, ...] = (TICKETS,)
