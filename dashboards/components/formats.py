"""How numbers and times look on a page. Display only: nothing here defines a metric.

None and NaN mean "not measured" and read `No data`; a measured zero reads 0. Halves go away from zero, as they do for
whoever rounds the number of a file.
"""

import math
import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

NO_DATA = "No data"
HIDDEN = "Hidden"
"""What reads so would point at one person."""
MINUS = "\u2212"
THIN = "\u202f"


def is_missing(value: Any) -> bool:
    """Whether the value is not measured: None, NaN or NaT."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    # NaT is the only time that is not equal to itself.
    return isinstance(value, date) and value != value


def count(value: Any) -> str:
    """A whole number with separators: 12,345."""
    return NO_DATA if is_missing(value) else _signed(f"{int(value):,}")


def count_or_hidden(value: Any) -> str:
    """A number of people's doing; `Hidden` where the rules of small groups took it."""
    return HIDDEN if is_missing(value) else count(value)


def counted(number: Any, one: str, many: str = "") -> str:
    """A whole number of something: 1 check, 2 checks. many: what several are, where that is not `one` with an s."""
    return f"{count(number)} {one if number == 1 else many or f'{one}s'}"


def dollars(cents: Any) -> str:
    """Integer cents as whole dollars, halves away from zero: $12,345."""
    if is_missing(cents):
        return NO_DATA
    whole = (abs(int(cents)) + 50) // 100
    return f"{MINUS if int(cents) < 0 and whole else ''}${whole:,}"


def exact_dollars(cents: Any) -> str:
    """Integer cents to the cent: $60.00."""
    if is_missing(cents):
        return NO_DATA
    return f"{MINUS if int(cents) < 0 else ''}${abs(int(cents)) // 100:,}.{abs(int(cents)) % 100:02}"


def signed_dollars(cents: Any) -> str:
    """Integer cents as whole dollars with their sign: +$1,725; zero has none."""
    text = dollars(cents)
    return text if text.startswith((MINUS, NO_DATA)) or text == "$0" else f"+{text}"


def share(value: Any, digits: int = 0) -> str:
    """A share in 0..1 as per cent: 78 %. A share that is not whole never rounds to 0 % or 100 %."""
    if is_missing(value):
        return NO_DATA
    while digits < 6 and _rounds_to_an_end(float(value), digits):
        digits += 1
    return f"{_fixed(_per_cent(value), digits)}{THIN}%"


def exact_share(value: Any) -> str:
    """A share that somebody set, with all its digits: 99.95 %, 50 %."""
    return NO_DATA if is_missing(value) else f"{_exact(_per_cent(value))}{THIN}%"


def exact(value: Any) -> str:
    """A number that somebody set, with all its digits: 2.5, 10."""
    return NO_DATA if is_missing(value) else _exact(_decimal(value))


def share_beside(value: Any, limit: Any, digits: int = 0) -> str:
    """A share that stands beside its limit: with as many digits as tell the two apart, if they are not equal."""
    text = share(value, digits)
    if is_missing(value) or is_missing(limit) or float(value) == float(limit):
        return text
    while digits < 6 and text == share(limit, digits):
        digits += 1
        text = share(value, digits)
    return text


def share_of(rate: Any, part: Any, whole: Any, digits: int = 0) -> str:
    """A share and the counts that it is of: 78 % (14/18)."""
    return f"{share(rate, digits)} ({count(part)}/{count(whole)})"


def interval(low: Any, high: Any) -> str:
    """Two shares as an interval: 67 to 97 %."""
    if is_missing(low) or is_missing(high):
        return NO_DATA
    return f"{_fixed(_per_cent(low), 0)} to {_fixed(_per_cent(high), 0)}{THIN}%"


def points(difference: Any, digits: int = 1) -> str:
    """A difference of two shares in percentage points with its sign: +3.2 pp."""
    return NO_DATA if is_missing(difference) else f"{_with_sign(_per_cent(difference), digits)}{THIN}pp"


def points_interval(low: Any, high: Any) -> str:
    """Two differences of shares as an interval: -1.2 to +3.2 pp."""
    if is_missing(low) or is_missing(high):
        return NO_DATA
    return f"{_with_sign(_per_cent(low), 1)} to {points(high)}"


def hours(value: Any) -> str:
    """Hours with one decimal: 44.9 h; from 1,000 on without."""
    if is_missing(value):
        return NO_DATA
    digits = 0 if abs(float(value)) >= 1000 else 1
    return f"{_fixed(_decimal(value), digits)}{THIN}h"


def signed(value: Any, digits: int = 0) -> str:
    """A number with its sign: +3."""
    return NO_DATA if is_missing(value) else _with_sign(_decimal(value), digits)


def decimal(value: Any, digits: int = 2) -> str:
    """A number with fixed decimals: 1.25."""
    return NO_DATA if is_missing(value) else _fixed(_decimal(value), digits)


def distance(value: Any, other: Any, digits: int = 1) -> str:
    """How far two numbers are apart: 2.5; with as many digits as it takes not to read as nothing."""
    apart = abs(_decimal(value) - _decimal(other))
    while digits < 6 and apart and not float(decimal(apart, digits)):
        digits += 1
    return decimal(apart, digits)


def minutes(value: Any) -> str:
    """A duration in minutes, readable: 45 min, 6.5 h, 3.1 days."""
    if is_missing(value):
        return NO_DATA
    amount = _decimal(value)
    if amount < 120:
        return f"{_fixed(amount, 0)}{THIN}min"
    if amount < 48 * 60:
        return f"{_fixed(amount / 60, 1)}{THIN}h"
    return f"{_fixed(amount / 1440, 1)}{THIN}days"


def day(value: Any) -> str:
    """A date: 22 Nov 2026."""
    return NO_DATA if is_missing(value) else f"{value.day} {value:%b %Y}"


def month(value: Any) -> str:
    """A month by its first day: Nov 2026."""
    return NO_DATA if is_missing(value) else f"{value:%b %Y}"


def quarter(value: Any) -> str:
    """A quarter by its first day: Q1 2026."""
    return NO_DATA if is_missing(value) else f"Q{(value.month - 1) // 3 + 1} {value.year}"


def moment(value: Any) -> str:
    """A UTC time to the minute: 22 Nov 2026 06:00 UTC; a bare date stays one."""
    if is_missing(value):
        return NO_DATA
    return f"{value.day} {value:%b %Y %H:%M} UTC" if isinstance(value, datetime) else day(value)


def plain(text: Any) -> str:
    """Text from outside, safe inside Markdown: every sign that could become a link, an image or HTML is escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:])", r"\\\1", "" if is_missing(text) else str(text))


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _decimal(value: Any) -> Decimal:
    """The number as it is written, which is what a file and its reader have."""
    return Decimal(repr(float(value)))


def _per_cent(share: Any) -> Decimal:
    return _decimal(share) * 100


def _exact(value: Decimal) -> str:
    return _signed(f"{value.normalize():f}")


def _rounded(value: Decimal, digits: int) -> Decimal:
    rounded = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    # Less than half a unit lost is not minus zero.
    return rounded if rounded else abs(rounded)


def _fixed(value: Decimal, digits: int) -> str:
    return _signed(f"{_rounded(value, digits):,f}")


def _with_sign(value: Decimal, digits: int) -> str:
    rounded = _rounded(value, digits)
    return _signed(f"{rounded:+,f}") if rounded else f"{rounded:f}"


def _rounds_to_an_end(value: float, digits: int) -> bool:
    return _rounded(_per_cent(value), digits) in (0, 100) and value not in (0.0, 1.0)
