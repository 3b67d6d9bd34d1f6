"""Of dbt's events only those that someone may read are put together: its debugging is a tenth of its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def events_of_note() -> Iterator[None]:
    """Around a run of dbt: what it says for debugging is not sent, and not made into a message unless it is read.

    The same goes for the line that says that a node begins: the one that says how it ended names it too.
    """
    from dbt.events.types import LogStartLine
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager
    from dbt_common.events.event_manager_client import ctx_set_event_manager, get_event_manager

    class EventsOfNote(EventManager):
        def fire_event(
            self,
            e: BaseEvent,
            level: EventLevel | None = None,
            node: Any = None,
            force_warn_or_error_handling: bool = False,
        ) -> None:
            if (level or e.level_tag()) is not EventLevel.DEBUG and not isinstance(e, LogStartLine):
                super().fire_event(e, level, node, force_warn_or_error_handling)

    make_message, find = BaseEvent.__init__, BaseEvent.__getattr__

    def note(event: Any, *args: Any, **kwargs: Any) -> None:
        if type(event).level_tag is DebugLevel.level_tag or isinstance(event, LogStartLine):
            event.__dict__["_noted"] = args, kwargs
        else:
            make_message(event, *args, **kwargs)

    def find_in_message(event: Any, key: str) -> Any:
        noted = event.__dict__.pop("_noted", None)
        if noted is not None:
            make_message(event, *noted[0], **noted[1])
        return event.pb_msg if key == "pb_msg" else find(event, key)

    manager = get_event_manager()
    # dbt declares the manager's options more narrowly than it implements them.
    ctx_set_event_manager(EventsOfNote())  # pyright: ignore[reportArgumentType]
    BaseEvent.__init__, BaseEvent.__getattr__ = note, find_in_message  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        BaseEvent.__init__, BaseEvent.__getattr__ = make_message, find
        ctx_set_event_manager(manager)
