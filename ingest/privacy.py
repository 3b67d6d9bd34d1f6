"""The door: what must never reach a table, and how it is taken out. One place for every source.

Names of keys decide first (`DROPPED`), then the look of values (`PATTERNS`); both hold at any depth, in unknown
keys, in quarantined rows and in error messages. A person's id becomes an HMAC-SHA256 under the installation's
own key. Add what must go here, and nowhere else.

The engine only asks `dirty_sql` which rows may hold something; what is then done to a value is Python's `scrub`. The
question is wider than the answer, never narrower: tests/unit/ingest/test_privacy.py holds the two together.
"""

import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

_DROPPED_WORDS = (
    # What somebody searched for or asked a tool to do.
    *("query", "search query", "search text", "search term", "query text", "q", "prompt", "input text"),
    *("arguments", "args", "argv", "tool arguments", "tool args", "tool input", "tool output", "command line"),
    # Where things lie on somebody's machine.
    *("file path", "file paths", "path", "paths", "file name", "filename", "file", "files", "cwd", "home dir"),
    *("working directory", "work dir", "project path", "project dir", "workspace path", "directory"),
    # Who somebody is.
    *("e mail", "email", "emails", "email address", "mail", "full name", "first name", "last name", "given name"),
    *("family name", "display name", "real name", "user name", "username", "person name", "contact name"),
    *("customer name", "gravatar id", "login name"),
    *("contact", "author name", "committer name", "phone", "phone number", "address", "street", "host name"),
    *("user", "person", "committer", "customer email", "customer phone", "customer address", "avatar url"),
    # Where somebody is on the network.
    *("ip", "ip address", "ipv4", "ipv6", "client ip", "remote addr", "remote address", "remote ip", "x forwarded for"),
    # What opens doors.
    *("api key", "api keys", "api key hash", "key hash", "hashed key", "access key", "secret key", "private key"),
    *("secret", "secrets", "signing secret", "webhook secret", "client secret", "token", "tokens", "access token"),
    *("refresh token", "id token", "auth token", "password", "passwd", "authorization", "cookie", "cookies", "jwt"),
    # Where a program was when it failed.
    *("stack", "stack trace", "stacktrace", "traceback", "backtrace", "error stack", "exception"),
)
DROPPED = f"(?:{'|'.join(sorted({word.replace(' ', '[ _.-]?') for word in _DROPPED_WORDS}, key=len, reverse=True))})"
"""Names of keys whose values are dropped whole: either case, words joined by nothing, `_`, `-`, `.` or a space."""

_DROPPED_IN_JSON = rf'"(?i:{DROPPED})"\s*:'

_STACK = (
    r"Traceback \(most recent call last|"
    r'File \\?"[^"]*", line \d+|'
    r"\bat [\w$.<>\[\] ]+ ?\([^()]*:\d+(?::\d+)?\)|"
    r"(?:\n|\\n)\s+at \S+"
)
_EMAIL = r"[^\s\"'@<>()\[\],;:\\]+@[^\s\"'@<>()\[\],;:\\]+\.[^\s\"'@<>()\[\],;:.\\]{2,}"
_CREDENTIAL = (
    r"\b(?:"
    r"sk[a-z]*_(?:live|test|prod)_\w{6,}|(?:pk|rk)_(?:live|test)_\w{6,}|whsec_\w{6,}|"
    r"sk-[A-Za-z0-9]{20,}|sk-(?:ant|proj)-[\w-]{8,}|"
    r"gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|"
    r"xox[abeoprs]-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|"
    r"eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r")|\b(?:[Bb]earer|BEARER)\s+[\w.~+/=-]{8,}|-----BEGIN [A-Z ]+-----"
)
_PATH_END = r"[^\s\"',;)\]]*"
_PATH = (
    r"(?:^|[\s\"'(=,\[`])(?:"
    r"/(?:home|Users|root|var|tmp|etc|opt|usr|mnt|private|srv|workspaces?|Volumes|Library|data|proc)/" + _PATH_END + "|"
    r"/(?:[\w.@+-]+/)+[\w.@+-]+\.[A-Za-z]\w{0,5}\b|"
    r"~[\w.-]*/" + _PATH_END + "|[A-Za-z]:\\\\" + _PATH_END + r"|\\\\[\w.-]+\\" + _PATH_END + ")"
    r"|\bfile://" + _PATH_END
)
# A version behind a slash (Chrome/120.0.0.0) is no address.
_IPV4 = r"(?:^|//|[^\w./-])(?:\d{1,3}\.){3}\d{1,3}\b"
_IPV6 = r"(?:^|[^\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){5,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:)+(?::[0-9A-Fa-f]{1,4})+)\b"

PATTERNS: tuple[tuple[str, str], ...] = (
    ("stack trace", _STACK),
    ("token", _CREDENTIAL),
    ("email", _EMAIL),
    ("path", _PATH),
    ("ip", f"{_IPV4}|{_IPV6}"),
)
"""What a value must not look like, by what it is called when it is taken out. Valid in RE2 and in Python alike."""

# One of these stands in every text its pattern matches. Looking for them first is a fifth of the pattern's work.
_MARKS: dict[str, tuple[str, ...]] = {
    "stack trace": ("Traceback (", ", line ", "at "),
    "token": (
        *("_live_", "_test_", "_prod_", "whsec_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        *("glpat-", "npm_", "pypi-", "xox", "AKIA", "ASIA", "AIza", "eyJ", "earer", "EARER", "-----BEGIN "),
    ),
    "email": ("@",),
    "path": ('"/', " /", "'/", "(/", "=/", ",/", "[/", "`/", "\n/", "\t/", "~", ":\\", "\\\\", "file://", "\\n/"),
}


def dirty_sql(text: str) -> str:
    """DuckDB's question whether a text or JSON may hold something that has to go; `text` starts with a newline."""
    asked = [f"regexp_matches({text}, {_literal(_DROPPED_IN_JSON)})"]
    for name, pattern in PATTERNS:
        if name == "ip":
            asked.append(f"regexp_matches({text}, {_literal(_IPV4)})")
            groups = f"contains({text}, '::') or regexp_matches({text}, ':[0-9A-Fa-f]{{1,4}}:')"
            asked.append(f"case when {groups} then regexp_matches({text}, {_literal(_IPV6)}) else false end")
            continue
        marks = " or ".join(f"contains({text}, {_literal(mark)})" for mark in _MARKS[name])
        asked.append(f"case when {marks} then regexp_matches({text}, {_literal(pattern)}) else false end")
    return "(" + " or ".join(asked) + ")"


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_dropped_key = re.compile(DROPPED, re.IGNORECASE)
_patterns = tuple((name, re.compile(pattern)) for name, pattern in PATTERNS)
_masked_prefix = re.compile(r"((?:\d{1,3}\.){3})0/24")

_STRIPE_WORDS = (
    "id object created livemode status currency customer subscription items data price plan product recurring "
    "interval interval_count usage_type unit_amount unit_amount_decimal amount quantity type active "
    "billing_scheme lookup_key discounts discount coupon source duration duration_in_months percent_off "
    "amount_off valid start end redeem_by promotion_code metadata current_period_start current_period_end "
    "period_start period_end period start_date ended_at canceled_at cancel_at cancel_at_period_end "
    "cancellation_details reason feedback trial_start trial_end pause_collection behavior resumes_at "
    "collection_method billing_cycle_anchor days_until_due billing_reason amount_due amount_paid amount_remaining "
    "amount_overpaid amount_discount amount_tax amount_total amount_subtotal amount_excluding_tax subtotal "
    "subtotal_excluding_tax total total_excluding_tax tax tax_amounts total_taxes total_tax_amounts "
    "total_discount_amounts discount_amounts total_details lines parent subscription_details "
    "subscription_item_details invoice_item_details subscription_item invoice_item invoice latest_invoice "
    "proration proration_details credited_items pricing price_details starting_balance ending_balance attempted "
    "attempt_count paid status_transitions finalized_at marked_uncollectible_at paid_at voided_at due_date "
    "effective_at next_payment_attempt number mode payment_status client_reference_id expires_at has_more "
    "total_count previous_attributes schedule pre_payment_credit_notes_amount post_payment_credit_notes_amount "
    "inclusive deleted interval_usage tiers up_to flat_amount tiers_mode transform_quantity divide_by round"
)
STRIPE_KEYS = frozenset(_STRIPE_WORDS.split())
"""The keys of Stripe's objects that revenue needs; everything else Stripe says about a customer stays outside."""

_STRIPE_METADATA_WORDS = (
    "account_id team_id tier app kind sla_tier billing_period seat_count seats plan subscription_id"
)
STRIPE_METADATA_KEYS = frozenset(_STRIPE_METADATA_WORDS.split())
"""The keys of a `metadata` object in Stripe that are ours."""


def pseudonym(key: bytes, person: str) -> str:
    """A person's id as the warehouse knows it: HMAC-SHA256 under the installation's key, in hex."""
    return hmac.new(key, person.encode(), hashlib.sha256).hexdigest()


def pseudonym_pads(key: bytes) -> tuple[bytes, bytes]:
    """HMAC's inner and outer block for `key`, so that an engine with SHA-256 can do the rest itself."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def pseudonym_sql(value: str, inner: str = "$inner", outer: str = "$outer") -> str:
    """DuckDB's expression of `pseudonym` over a text expression; the pads are bound blobs."""
    return f"sha256({outer}::blob || unhex(sha256({inner}::blob || encode({value}))))"


def scrub(value: Any, removed: Counter[str], hide: Callable[[str], str] | None = None) -> Any:
    """A JSON value without what must not be stored; `removed` counts what went, by key or by kind.

    `hide` replaces the values of persons' keys (`actor`, `author`) where they stand in a row as delivered; without
    it those values are scrubbed like any other.
    """
    if isinstance(value, str):
        return scrub_text(value, removed)
    if isinstance(value, list):
        return [scrub(item, removed, hide) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if _dropped_key.fullmatch(key):
            removed[key.lower()] += 1
        elif hide is not None and key in PERSON_KEYS:
            kept[key] = hide(item) if isinstance(item, str) else None
        else:
            kept[scrub_text(key, removed)] = scrub(item, removed, hide)
    return kept


PERSON_KEYS = frozenset({"actor", "author", "approved_by", "committer", "login"})


def scrub_text(text: str, removed: Counter[str]) -> str:
    """Free text with e-mails, tokens, paths, full addresses and stack traces replaced by what they were."""
    for name, pattern in _patterns:
        if name == "stack trace":
            # Frames name files, hosts and people in ways no pattern catches: the whole text goes.
            if pattern.search(text):
                removed[name] += 1
                return "[stack trace]"
        elif pattern.search(text):
            text = pattern.sub(_mark(name, removed), text)
    return text


def _mark(name: str, removed: Counter[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        found = match.group(0)
        if name == "ip" and _masked_prefix.fullmatch(match.string[match.start() : match.end() + 3].lstrip(" \"'(=,[:")):
            return found
        removed[name] += 1
        # The character in front of a path or an address belongs to the text.
        lead = found[0] if name in ("path", "ip") and not (found[0].isalnum() or found[0] in "/~\\") else ""
        return f"{lead}[{name}]"

    return replace


def scrub_json(text: str, removed: Counter[str]) -> str | None:
    """JSON text scrubbed; None where it cannot be read, for then nothing can be promised of it."""
    try:
        return _compact(scrub(json.loads(text), removed))
    except (ValueError, RecursionError):
        removed["unreadable"] += 1
        return None


def scrub_stripe(text: str, removed: Counter[str]) -> str | None:
    """The `data` of a Stripe event, only the keys that are known to be needed."""
    try:
        return _compact(scrub(_known_stripe(json.loads(text), STRIPE_KEYS, removed), removed))
    except (ValueError, RecursionError):
        removed["unreadable"] += 1
        return None


def _known_stripe(value: Any, known: frozenset[str], removed: Counter[str]) -> Any:
    if isinstance(value, list):
        return [_known_stripe(item, known, removed) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        if key in known:
            kept[key] = _known_stripe(item, STRIPE_METADATA_KEYS if key == "metadata" else STRIPE_KEYS, removed)
        elif item not in (None, "", [], {}):
            removed[key] += 1
    return kept


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def quarantine_text(line: str, key: bytes, removed: Counter[str], *, longest: int = 4000) -> str:
    """A delivered row that could not be taken, fit to be kept: persons as pseudonyms, the rest scrubbed.

    A row that is not even JSON has no keys to go by, so quoted values behind keys that are dropped, that are
    persons or that are names are cut by their look, and the rest is scrubbed as text.
    """
    line = line.replace("\0", "")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return scrub_text(_unquoted.sub(r'"\1": "[removed]"', line), removed)[:longest]
    if isinstance(row, dict):
        row.pop("name", None)
    return _compact(scrub(row, removed, hide=lambda person: pseudonym(key, person)))[:longest]


_unquoted = re.compile(
    rf'"({DROPPED}|{"|".join(sorted(PERSON_KEYS))}|name)"\s*:\s*'
    r'(?:"(?:[^"\\]|\\.)*"?|\{.*|\[.*|[^,}\s]+)',
    re.IGNORECASE | re.DOTALL,
)


def safe_message(text: str) -> str:
    """An error's text, one line, without what a file may have put into it."""
    return scrub_text(" ".join(text.split()), Counter())[:500]
