"""How pages tell a row of recommendations: its surface and model, its acceptance, whether a count of it is hidden."""

from dashboards import data
from dashboards.components import formats

TABLE = "team_recommendations"
ALL = "*"
_NAMES = {"cli": "CLI", "mcp": "MCP", "ide": "IDE", "web": "Web", "unknown": "Not said"}


def called(value: str) -> str:
    """What a page calls a surface or a model."""
    return "All" if value == ALL else _NAMES.get(value, value.capitalize())


def is_hidden(row: data.Row, *counts: str) -> bool:
    """Whether one of the counts would point at one person."""
    return any(formats.is_missing(row[count]) for count in counts)


def of_shown(row: data.Row) -> str:
    """Its acceptance, with what it is of."""
    return formats.share_of(row["acceptance_rate"], row["installed"], row["shown"], 1)
