"""One warehouse, one key: pseudonyms under two keys would count everybody twice, and an erasure would find nobody."""

import hmac

from warehouse import Writer
from warehouse.errors import UsageError

_MARKED = b"skillsmith: the key of this warehouse's pseudonyms"


def require_same_key(writer: Writer, key: bytes) -> bool:
    """Whether the warehouse knows its key; raises UsageError where it is another one than this."""
    known = {row["key_mark"] for row in writer.fetch("select key_mark from ops.pseudonym_key")}
    if known and key_mark(key) not in known:
        raise UsageError(
            "the people of this warehouse are pseudonyms under another key: give the one that it was filled with "
            "(SKILLSMITH_SECRET, SKILLSMITH_SECRET_FILE, or the demo's <home>/secret); for a new one see "
            "'Changing the key' in docs/operations.md"
        )
    return bool(known)


def key_mark(key: bytes) -> str:
    """What is kept of a key to know it again: the first half of its HMAC-SHA256 of a fixed text, in hexadecimal."""
    return hmac.digest(key, _MARKED, "sha256").hex()[:32]
