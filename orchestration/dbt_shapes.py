"""What dbt asks of the project's and the profile's shape, once: when it parses the project.

For each run it reads both anew and holds them against JSON schemas, which it makes of its classes first: a second of
every process, to find out about files that are as they were when they were parsed, and a profile that we wrote.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def shapes_known() -> Iterator[None]:
    """Around a run of dbt over a parsed project: what it reads again is taken to have the shape that it had."""
    from dbt_common.dataclass_schema import dbtClassMixin

    def validate(cls: type, data: Any) -> None:
        """As dbt's own where it finds nothing wrong."""

    before = dbtClassMixin.__dict__["validate"]
    dbtClassMixin.validate = classmethod(validate)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        dbtClassMixin.validate = before
