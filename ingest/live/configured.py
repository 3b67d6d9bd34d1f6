"""Which live sources this installation has: those whose setting is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingest.live.window import LiveSource
from warehouse.errors import UsageError
from warehouse.settings import Settings


@dataclass(frozen=True, slots=True)
class Configured:
    """A live source that can be opened: the contracts it delivers, and how often it is to be read (cron, UTC)."""

    entities: tuple[str, ...]
    cron: str
    open: Callable[[], LiveSource]


def configured(settings: Settings) -> Mapping[str, Configured]:
    """The configured sources by name. Nothing is connected until one is opened."""
    found: dict[str, Configured] = {}
    if settings.registry_url is not None:
        from ingest.live.registry import RegistrySource, entities_of

        found["registry"] = Configured(entities_of(settings), settings.registry_cron, lambda: RegistrySource(settings))
    if settings.stripe_api_key is not None:
        from ingest.live.stripe import StripeSource

        found["billing"] = Configured(StripeSource.entities, settings.stripe_cron, lambda: StripeSource(settings))
    if settings.status_url is not None:
        from ingest.live.status_page import StatusPageSource

        found["status"] = Configured(
            StatusPageSource.entities, settings.status_cron, lambda: StatusPageSource(settings)
        )
    return found


def configured_source(settings: Settings, name: str) -> Configured:
    """One of them; raises UsageError where it is none, saying which setting makes it one."""
    found = configured(settings)
    if name not in found:
        needed = {
            "registry": "SKILLSMITH_REGISTRY_URL",
            "billing": "STRIPE_API_KEY",
            "status": "SKILLSMITH_STATUS_URL",
        }
        if name in needed:
            raise UsageError(f"{name} is not configured; set {needed[name]}")
        raise UsageError(f"{name} is no live source; known are {', '.join(needed)}")
    return found[name]
