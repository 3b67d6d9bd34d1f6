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
# Whatever stands before: a github_token opens a door as any token does.
_DROPPED_ENDS = (
    *("token", "secret", "password", "passwd", "passphrase", "api key", "private key", "signing key", "access key"),
    *("email", "e mail", "prompt", "file path", "shell command", "stack frame", "stack frames", "user query"),
    *("raw query", "sql query", "search string"),
)
_PERSON_WORDS = (
    *("actor", "author", "committer", "login", "assignee", "reviewer", "author login", "actor id", "user id"),
    *("author id", "member id", "person id", "owner id", "approved by", "created by", "updated by", "requested by"),
    *("invited by", "reviewed by", "assigned to", "deleted by", "added by", "removed by"),
)


def _spelled(words: tuple[str, ...]) -> str:
    """A pattern of these words in any spelling: joined by nothing, `_`, `-`, `.` or a space."""
    return "|".join(sorted({word.replace(" ", "[ _.-]?") for word in words}, key=len, reverse=True))


# It begins with a letter: spaces that both it and what stands before it may take would be shared out in every way.
DROPPED = rf"(?:(?:\w[\w .-]*)?(?:{_spelled(_DROPPED_ENDS)})|{_spelled(_DROPPED_WORDS)})"
"""Names of keys whose values are dropped whole: either case, words joined by nothing, `_`, `-`, `.` or a space."""

PERSON = f"(?:{_spelled(_PERSON_WORDS)})"
"""Names of keys that name a person by an id: what stands there becomes a pseudonym. Spelled in any way, too."""

# A key in a JSON text that itself lies in a JSON text has a backslash before its quote.
_WATCHED_IN_JSON = rf'(?i:"\s*(?:{DROPPED}|{PERSON})\s*\\*"\s*:)'

# Bounded, or one long run of letters would keep Python's matcher busy for hours; see `_unbounded`.
_STACK = (
    r"Traceback \(most recent call last|"
    r'File \\?"[^"]{0,500}", line \d+|'
    r"\bat [\w$.<>\[\]/ ]{1,300} ?\([^()]{0,300}:\d+(?::\d+)?\)|"
    r"\bat [\w$.<>/]{1,300}\((?:Native Method|Unknown Source)\)|"
    r"(?:\n|\\n)[\s\v]{1,40}at \S|"
    r"@(?:https?|file|webpack|app)://[^\s\"']{1,300}:\d+:\d+|"
    r"goroutine \d+ \["
)
_EMAIL_PART = r"[^\s\v\"'@<>()\[\],;:\\]"
_EMAIL = rf"{_EMAIL_PART}{{1,64}}(?:@|%40){_EMAIL_PART}{{1,255}}\.[^\s\v\"'@<>()\[\],;:.\\]{{2,63}}"
_CREDENTIAL = (
    r"\b(?:"
    r"sk[a-z]{0,8}_(?:live|test|prod)_\w{6,}|(?:pk|rk)_(?:live|test)_\w{6,}|whsec_\w{6,}|"
    r"sk-[A-Za-z0-9]{20,}|sk-(?:ant|proj|or|svcacct|admin)-[\w-]{8,}|"
    r"gh[pousr]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,}|"
    r"hf_[A-Za-z0-9]{20,}|SG\.[\w-]{16,}|ya29\.[\w-]{16,}|"
    r"dckr_pat_[\w-]{8,}|shp(?:at|ca|pa|ss)_\w{8,}|hooks\.slack\.com/services/[\w/-]{8,}|xapp-[\w-]{8,}|"
    r"xox[abeoprs]-[\w-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|"
    r"eyJ[\w-]{8,800}\.[\w-]{4,}(?:\.[\w-]*)?"
    r")|\b(?i:bearer|basic)\s{1,8}[\w.~+/=-]{8,}|://[^\s\v/:@\"']{0,64}:[^\s\v/@\"']{1,128}@"
    # What follows is the key itself.
    r"|-----BEGIN [A-Z ]{1,40}-----[\s\S]*"
)
_PATH_LEAD = r"(?:^|[^\w/.~@%+-])"
_PATH_END = r"[^\s\v\"',;)\]]*"
_PATH_PART = r"[^\s\v/\\\"'<>(),;:=\[\]{}|`]"
_PATH = (
    rf"{_PATH_LEAD}(?:"
    # Names of people have spaces, and so have their folders.
    rf"/(?:home|Users)/(?:[^/\n\"':;,<>|()]{{1,64}}/)*{_PATH_END}|"
    rf"/(?:root|var|tmp|etc|opt|usr|mnt|private|srv|workspaces?|Volumes|Library|data|proc)/{_PATH_END}|"
    rf"~[\w.-]{{0,64}}/{_PATH_END}|\$\{{?HOME\}}?/{_PATH_END}|"
    # In JSON that stands in a text each backslash is two, in JSON of JSON four.
    rf"[A-Za-z]:[\\/]{{1,8}}(?:[^\\/:*?\"<>|\n]{{1,64}}[\\/]{{1,8}})*{_PATH_END}|\\\\[\w.-]{{1,64}}\\{_PATH_END})"
    rf"|(?:^|[\s\v\"'(=,\[`:<>|;{{}}])/(?:{_PATH_PART}{{1,255}}/)+{_PATH_PART}{{0,255}}\.[A-Za-z]\w{{0,5}}\b"
    rf"|\bfile://{_PATH_END}"
)
# A version behind a slash (Chrome/120.0.0.0) is no address.
_IPV4 = r"(?:^|[^\w./-]|\d-)/{0,2}(?:\d{1,3}\.){3}\d{1,3}\b"
_IPV6 = r"(?:^|[^\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){5,7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:)+(?::[0-9A-Fa-f]{1,4})+)\b"

PATTERNS: tuple[tuple[str, str], ...] = (
    ("stack trace", _STACK),
    ("token", _CREDENTIAL),
    ("email", _EMAIL),
    ("path", _PATH),
    ("ip", f"{_IPV4}|{_IPV6}"),
)
"""What a value must not look like, by what it is called when it is taken out. Valid in RE2 and in Python alike."""

# One of these stands in every text that its pattern matches.
_MARKS: dict[str, tuple[str, ...]] = {
    "stack trace": ("Traceback (", ", line ", "at ", "@http", "@file", "@webpack", "@app", "goroutine "),
    "token": (
        *("_live_", "_test_", "_prod_", "whsec_", "sk-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        *("glpat-", "npm_", "pypi-", "hf_", "SG.", "ya29.", "xox", "AKIA", "ASIA", "AIza", "eyJ", "-----BEGIN "),
        *("dckr_pat_", "shpat_", "shpca_", "shppa_", "shpss_", "hooks.slack.com", "xapp-"),
        "://",
    ),
    "email": ("@", "%40"),
    "path": ("~", ":/", "file://", "HOME"),
    "ip": ("::",),
    # A backslash may hide any of them (JSON has @ also as \u0040), and Windows has it in paths.
    "escape": ("\\",),
}
_MAY = (r"[^\w/.~@%+-]/[^/]", r"(?i:bearer|basic)\s", r":[0-9A-Fa-f]{1,4}:", _IPV4)

LONGEST_TEXT = 100_000
"""Characters; a longer text is no value of ours, and goes."""
DEEPEST = 100
"""Levels of a JSON value; what nests deeper is no value of ours, and is refused."""
# What nests deeper than that has this many objects and arrays, and few rows have.
_NESTED = r"(?:[\[{][^\[{]*){12}"
# Of one piece of a pattern, in the engine.
_MOST_REPEATS = 1000


def may_be_dirty_sql(text: str, *others: str) -> str:
    """DuckDB's first question: whether a text may be `dirty_sql`, or matches one of the other patterns.

    One pass for all of them is a quarter of the work of looking for each; few rows are asked more.
    """
    marks = [re.escape(mark) for marks in _MARKS.values() for mark in marks]
    may = "|".join([_WATCHED_IN_JSON, *_MAY, *marks, _NESTED, *others])
    return f"(strlen({text}) > {LONGEST_TEXT} or regexp_matches({text}, {_literal(may)}))"


def dirty_sql(text: str, may: str = "") -> str:
    """DuckDB's question whether a text or JSON may hold something that has to go; `text` starts with a newline.

    `may` names what `may_be_dirty_sql` said of it, where that has been asked.
    """
    patterns = (_WATCHED_IN_JSON, r"\\", *(_unbounded(pattern) for _, pattern in PATTERNS))
    matches = [f"regexp_matches({text}, {_literal(pattern)})" for pattern in patterns]
    is_dirty = " or ".join([f"strlen({text}) > {LONGEST_TEXT}", is_crowded_sql(text, DEEPEST), *matches])
    return f"case when {may or may_be_dirty_sql(text)} then {is_dirty} else false end"


def is_crowded_sql(text: str, most: int) -> str:
    """DuckDB's question whether a JSON text opens more than `most` objects and arrays: without that none is so deep."""
    if most < _MOST_REPEATS:
        # Half the work of counting.
        asked = f"regexp_matches({text}, " + r"'(?:[^\[{]*[\[{]){" + f"{most + 1}}}')"
    else:
        asked = f"length({text}) - length(replace(replace({text}, '[', ''), '{{', '')) > {most}"
    # Bytes and not characters, which would have to be counted; what is deep has as many of both.
    return f"case when strlen({text}) > {2 * most} then {asked} else false end"


def _unbounded(pattern: str) -> str:
    """The pattern for the engine, whose time grows with the text alone, but also with the bounds of a repetition."""
    return re.sub(r"\{(\d+),\d{2,}\}", r"{\1,}", pattern)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


_dropped_key = re.compile(DROPPED, re.IGNORECASE | re.ASCII)
_person_key = re.compile(PERSON, re.IGNORECASE | re.ASCII)
# As the engine has it, a letter or a digit is one of ASCII's.
_patterns = tuple((name, re.compile(pattern, re.ASCII)) for name, pattern in PATTERNS)
_masked_prefix = re.compile(r"((?:\d{1,3}\.){3})0/24", re.ASCII)
_lead = re.compile(r"[^\w~\\$]*", re.ASCII)
_line_end = re.compile(r"\\[nrtbf]")
# Two backslashes, but for those that a server's name begins with.
_nested = re.compile(r"(?<=[\w:.)/])\\\\|\\\\[nrtbfu\"]")
_runs = re.compile(r"\\+")
_backslashes = re.compile(r"\\(?=\")")
# Not halves of a character, which are none alone.
_escaped = re.compile(r"\\u(?![Dd][89A-Fa-f])([0-9A-Fa-f]{4})")

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


def is_pseudonym(person: str) -> bool:
    """Whether a person's id looks like what `pseudonym` makes."""
    return _pseudonym.fullmatch(person) is not None


def pseudonym_pads(key: bytes) -> tuple[bytes, bytes]:
    """HMAC's inner and outer block for `key`, so that an engine with SHA-256 can do the rest itself."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def pseudonym_sql(value: str, inner: str = "$inner", outer: str = "$outer") -> str:
    """DuckDB's expression of `pseudonym` over a text expression; the pads are bound blobs."""
    return f"sha256({outer}::blob || unhex(sha256({inner}::blob || encode({value}))))"


def is_dropped(key: str) -> bool:
    """Whether nothing that stands under a key, or in a column of that name, is stored."""
    return _dropped_key.fullmatch(key.strip()) is not None


def scrub(value: Any, removed: Counter[str], hide: Callable[[str], str] | None = None, *, level: int = 0) -> Any:
    """A JSON value without what must not be stored; `removed` counts what went, by key or by kind.

    `hide` replaces the values of persons' keys (`actor`, `login`); without it those values are scrubbed like any
    other. Raises ValueError where the value nests deeper than DEEPEST.
    """
    if isinstance(value, str):
        return scrub_string(value, removed, hide, level=level)
    if not isinstance(value, list | dict):
        return value
    if level >= DEEPEST:
        raise ValueError(f"nests deeper than {DEEPEST} levels")
    if isinstance(value, list):
        return [scrub(item, removed, hide, level=level + 1) for item in value]
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = key.strip()
        if is_dropped(name):
            removed[name.lower()] += 1
        elif hide is not None and _person_key.fullmatch(name) and not isinstance(item, list | dict):
            kept[key] = hide(item) if isinstance(item, str) else None
        else:
            kept[scrub_text(key, removed)] = scrub(item, removed, hide, level=level + 1)
    return kept


def scrub_string(text: str, removed: Counter[str], hide: Callable[[str], str] | None = None, *, level: int = 0) -> str:
    """A text as `scrub_text` has it; where it is itself JSON, as `scrub` has that, with its ValueError."""
    if text[:1] + text[-1:] in ("{}", "[]", '""') and len(text) > 1:
        try:
            inner = json.loads(text)
        except RecursionError as error:
            raise ValueError(f"nests deeper than {DEEPEST} levels") from error
        except ValueError:
            return scrub_text(_cut_values(text, _watched_or_name), removed)
        clean = scrub(inner, removed, hide, level=level + 1)
        return text if clean == inner else _compact(clean)
    return scrub_text(_cut_values(text, _watched_value) if '"' in text else text, removed)


def scrub_text(text: str, removed: Counter[str]) -> str:
    """Free text with e-mails, tokens, paths, full addresses and stack traces replaced by what they were."""
    if len(text) > LONGEST_TEXT:
        removed["long text"] += 1
        return "[long text]"
    plain = _unescaped(text)
    if _nested.search(plain):
        # JSON of JSON inside of a text: where one thing ends and the next begins is anybody's guess, so all goes.
        flat = _backslashes.sub("", _line_end.sub(" ", _unescaped(_runs.sub(r"\\", plain))))
        for name, pattern in _patterns:
            if pattern.search(plain) or pattern.search(flat):
                removed[name] += 1
                return f"[{name}]"
        return text
    clean = _scrub_plain(plain, removed)
    # What stands behind the two characters of a line end stands at the start of a line.
    spaced = _line_end.sub(" ", clean)
    if spaced != clean:
        cleaner = _scrub_plain(spaced, removed)
        clean = clean if cleaner == spaced else cleaner
    return text if clean == plain else clean


def _scrub_plain(text: str, removed: Counter[str]) -> str:
    for name, pattern in _patterns:
        if name == "stack trace":
            # Frames name files, hosts and people in ways no pattern catches: the whole text goes.
            if pattern.search(text):
                removed[name] += 1
                return "[stack trace]"
        elif pattern.search(text):
            text = pattern.sub(_mark(name, removed), text)
    return text


def _unescaped(text: str) -> str:
    """The text with what JSON writes as escapes (\\u0040) read."""
    return _escaped.sub(lambda code: chr(int(code[1], 16)), text) if "\\u" in text else text


def _mark(name: str, removed: Counter[str]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        found = match.group(0)
        if name == "ip" and _masked_prefix.fullmatch(match.string[match.start() : match.end() + 3].lstrip(" \"'(=,[:")):
            return found
        removed[name] += 1
        if name == "path":
            # The character in front belongs to the text.
            return f"{'' if found[0].isalnum() or found[0] in '/~$' + chr(92) else found[0]}[path]"
        lead = _lead.match(found)
        return f"{lead.group(0) if name == 'ip' and lead else ''}[{name}]"

    return replace


def scrub_json(text: str, removed: Counter[str], hide: Callable[[str], str] | None = None) -> str | None:
    """JSON text scrubbed; None where it cannot be read, for then nothing can be promised of it."""
    try:
        return _compact(scrub(json.loads(text), removed, hide))
    except (ValueError, RecursionError):
        removed["unreadable"] += 1
        return None


def scrub_stripe(text: str, removed: Counter[str], hide: Callable[[str], str] | None = None) -> str | None:
    """The `data` of a Stripe event, only the keys that are known to be needed."""
    try:
        return _compact(scrub(_known_stripe(json.loads(text), STRIPE_KEYS, removed), removed, hide))
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
            removed[safe_key(key)] += 1
    return kept


_pseudonym = re.compile(r"[0-9a-f]{64}")
_plain_name = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def safe_key(key: str) -> str:
    """A key fit to be counted by: itself where it looks like the name of a column, else `other`."""
    return key if _plain_name.fullmatch(key) and scrub_text(key, Counter()) == key else "other"


def quarantine_text(line: str, key: bytes, removed: Counter[str], *, longest: int = 4000) -> str:
    """A delivered row that could not be taken, fit to be kept: persons as pseudonyms, the rest scrubbed.

    A row that is not even JSON may end in the middle of what no pattern knows half of, so only its keys and its
    brackets are kept.
    """
    if len(line) > LONGEST_TEXT:
        return f"[{len(line)} characters not kept]"
    line = line.replace("\0", "")
    try:
        row = json.loads(line)
        if isinstance(row, dict):
            row.pop("name", None)
        text = _compact(scrub(row, removed, hide=lambda person: pseudonym(key, person)))
    except (ValueError, RecursionError):
        text = _skeleton(line)
    # Half a character (a lone surrogate) is no text for any table.
    return text[:longest].encode("utf-8", "replace").decode()


def _skeleton(line: str) -> str:
    """The keys and brackets of a broken JSON line, with `…` for all else."""
    kept = []
    for piece in _skeleton_pieces.finditer(line):
        key, bracket = piece.groups()
        if key is not None and safe_key(key) == key:
            kept.append(f'"{key}":')
        elif bracket:
            kept.append(bracket)
        elif not kept or kept[-1] != "…":
            kept.append("…")
    return "".join(kept)


_skeleton_pieces = re.compile(r'"([^"\\]{1,40})"\s{0,8}:|([{}\[\],])|"(?:[^"\\]|\\.)*"?|[^"{}\[\],]+', re.DOTALL)


def _cut_values(text: str, keys: re.Pattern[str]) -> str:
    """What holds JSON, or should have been some, without the values of the keys."""
    return keys.sub(r'"\1": "[removed]"', plain) if keys.search(plain := _unescaped(text)) else text


def _valued(keys: str) -> re.Pattern[str]:
    """Keys in JSON, whole or cut, each with its value; behind an escaped quote, with all that follows."""
    return re.compile(
        rf'\\*"\s*({keys})\s*\\*"\s*:\s*(?:\\+".*|"(?:[^"\\]|\\.)*"?|\{{.*|\[.*|[^,}}\s]+)',
        re.IGNORECASE | re.DOTALL | re.ASCII,
    )


_watched_value = _valued(rf"{DROPPED}|{PERSON}")
_watched_or_name = _valued(rf"{DROPPED}|{PERSON}|name")


def safe_message(text: str) -> str:
    """An error's text, one line, without what a file may have put into it."""
    line = _cut_values(" ".join(text.split())[:2000], _watched_value)
    return scrub_text(line, Counter())[:500].encode("utf-8", "replace").decode()
