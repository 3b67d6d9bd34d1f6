from typing import Any

import pytest
from dbt.adapters.events.types import ConnectionClosed
from dbt.events.types import LogStartLine
from dbt_common.events import base_types
from dbt_common.events.event_manager_client import add_callback_to_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from orchestration.dbt_events import events_of_note


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What events were made into messages of."""
    made: list[Any] = []
    make = base_types.ParseDict

    def note(values: Any, message: Any) -> Any:
        made.append(values)
        return make(values, message)

    monkeypatch.setattr(base_types, "ParseDict", note)
    return made


def test_what_is_said_for_debugging_is_neither_sent_nor_made(messages: list[Any]) -> None:
    heard: list[Any] = []
    with events_of_note():
        add_callback_to_manager(heard.append)
        fire_event(ConnectionClosed(conn_name="for debugging"))
        fire_event(LogStartLine(description="a model", index=1, total=2, node_info={}))
        assert (heard, messages) == ([], [])
        fire_event(ConnectionClosed(conn_name="said all the same"), level=base_types.EventLevel.INFO)
        fire_event(Note(msg="of note"), level=base_types.EventLevel.WARN)
    assert [event.info.msg for event in heard] == ["On said all the same: Close", "of note"]


def test_a_message_that_is_asked_for_is_made_once_and_what_is_missing_is_an_error(messages: list[Any]) -> None:
    with events_of_note():
        event = ConnectionClosed(conn_name="asked for")
        assert (event.conn_name, event.message(), event.pb_msg.conn_name) == (
            "asked for",
            "On asked for: Close",
            "asked for",
        )
        with pytest.raises(AttributeError):
            _ = event.no_such_thing
    assert messages == [{"conn_name": "asked for"}]


def test_afterwards_dbt_speaks_as_before(messages: list[Any]) -> None:
    before = base_types.BaseEvent.__init__, base_types.BaseEvent.__getattr__
    with events_of_note():
        pass
    assert (base_types.BaseEvent.__init__, base_types.BaseEvent.__getattr__) == before
    assert ConnectionClosed(conn_name="for debugging").conn_name == "for debugging"
