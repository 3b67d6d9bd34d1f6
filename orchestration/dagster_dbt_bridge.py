"""dbt's models, seeds and tests as Dagster sees them, and dbt's events as Dagster's.

The names follow the warehouse: an asset's key is its schema and table. The events are converted by dagster-dbt's own
converter, fed from our warm runner instead of a dbt process of its own (which would cost seconds a step).
"""

import queue
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage


class Translator(DagsterDbtTranslator):
    """Keys, groups and descriptions of dbt nodes; with_checks: dbt's tests are asset checks."""

    def __init__(self, *, with_checks: bool = True) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=with_checks, enable_duplicate_source_asset_keys=True)
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Schema and table, as SQL has them."""
        return dg.AssetKey(table_key(dbt_resource_props))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The topic: the folder below the layer; seeds are one group."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        folders = dbt_resource_props["fqn"][1:-1]
        return folders[-1] if folders else None


def table_key(node: Mapping[str, Any]) -> list[str]:
    """The key of a node: its schema and the table's own name."""
    return [node["schema"], node.get("identifier") or node.get("alias") or node["name"]]


def stream_events(
    work: Callable[[Callable[[dict[str, Any]], None]], Any],
    manifest: Mapping[str, Any],
    context: dg.AssetExecutionContext,
) -> Generator[Any]:
    """Dagster events of `work` while it runs in a thread of its own; what it raises is raised here at its end.

    To be closed by its taker: it then waits for the work, which has the warehouse. work: called with a function to hand
    dbt's structured events to. Yields outputs, check results and observations, and as its last value what `work`
    returned, as a `Finished`.
    """
    events: queue.Queue[dict[str, Any] | None] = queue.Queue()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = work(events.put)
        except BaseException as error:  # noqa: BLE001 - carried to the waiting thread, which raises it
            outcome["error"] = error
        finally:
            events.put(None)

    thread = threading.Thread(target=run, name="dbt")
    thread.start()
    translator = Translator()
    try:
        while (event := events.get()) is not None:
            message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
            yield from message.to_default_asset_events(
                manifest=manifest, dagster_dbt_translator=translator, context=context
            )
    finally:
        thread.join()
    if "error" in outcome:
        raise outcome["error"]
    yield Finished(outcome["value"])


class Finished:
    """The end of `stream_events`, with what the work returned."""

    def __init__(self, value: Any) -> None:
        self.value = value
