"""Every setting of the product, read once, typed, and failing by name.

Values come from `SKILLSMITH_*` environment variables only; `.env.example` lists them. Nothing else in
the product reads the environment. Add a setting here, give it a reason, and add it to `.env.example`.
"""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import StorageError, UsageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT_ROOT / "dbt_project"


def _usual_memory() -> str:
    """With 2.5 GB for the engine a first build of ten million events takes at most 3.6 GB; with 3 GB, up to 4.5."""
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2_000_000
    return f"{min(half, 2500)}MB"


class Settings(BaseSettings):
    """The installation's settings; paths are absolute once read."""

    # An empty variable is one that is not there: the next name of the same setting counts, or its default.
    model_config = SettingsConfigDict(
        env_prefix="SKILLSMITH_",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
        # What is wrong may be a password.
        hide_input_in_errors=True,
    )

    home: Path = Field(default=Path("state"), description="Folder that holds everything the product writes.")
    drop: Path | str | None = Field(
        default=None, description="Where source files arrive, a folder or a URL (s3://...); default <home>/drop."
    )
    warehouse_url: SecretStr | None = Field(
        default=None, description="postgresql://... of the warehouse; empty means the DuckDB file in <home>."
    )
    dagster_url: SecretStr | None = Field(
        default=None, description="postgresql://... of Dagster's own storage; empty means files in <home>/dagster."
    )
    secret: SecretStr | None = Field(default=None, description="Key of the pseudonyms (HMAC-SHA256).")
    secret_file: Path | None = Field(default=None, description="File that holds the key, instead of SKILLSMITH_SECRET.")
    demo: bool = Field(default=False, description="Demo mode: a viewer switcher instead of sign-in, a generated key.")
    port: int = Field(default=8501, ge=1, le=65535, description="Port of the dashboards.")
    memory_limit: str = Field(
        default_factory=_usual_memory,
        pattern=r"^\d+(MB|GB)$",
        description="Memory the engine may use; empty means 2500MB, or half of the machine's where that is less.",
    )
    threads: int = Field(default=2, ge=1, description="Threads the engine may use.")
    retention: str = Field(
        default="",
        pattern=r"^(\s*[a-z]+/[a-z_]+\s*=\s*([1-9]\d{0,4}|forever)\s*(,|$))*$",
        description="Days that raw rows are kept, such as registry/events=730,billing/stripe_events=forever.",
    )
    statement_minutes: int = Field(
        default=120, ge=1, description="Minutes after which PostgreSQL stops a statement of the import or the build."
    )
    wait_seconds: int = Field(
        default=3, ge=0, le=86_400, description="Seconds that a run waits for another one that writes; then it refuses."
    )
    snapshots_kept: int = Field(default=5, ge=1, description="Published snapshots kept beside the current one.")
    registry_url: SecretStr | None = Field(
        default=None, description="postgresql://... of the registry's database, with a user that only reads."
    )
    registry_schema: str = Field(
        default="public", min_length=1, description="Schema of the registry's tables or views."
    )
    registry_entities: str = Field(
        default="",
        pattern=r"^(\s*[a-z_]+\s*(,|$))*$",
        description="Entities that are read of it, such as events,teams,skills; empty means all.",
    )
    registry_overlap_minutes: int = Field(
        default=15, ge=0, description="Minutes before the cursor from which the registry's rows are read again."
    )
    registry_sweep_hours: int = Field(
        default=24,
        ge=0,
        description="Hours after which the registry is asked by transaction for rows with older times; 0 is never.",
    )
    registry_cron: str = Field(
        default="*/30 * * * *", description="When Dagster reads the registry (cron, UTC; off is never)."
    )
    stripe_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("SKILLSMITH_STRIPE_API_KEY", "STRIPE_API_KEY"),
        description="Key that may read Stripe's events, subscriptions, invoices and coupons; or plain STRIPE_API_KEY.",
    )
    stripe_url: str = Field(
        default="https://api.stripe.com", pattern=r"^https?://[^/?#@]+/?$", description="Where Stripe's API is."
    )
    stripe_overlap_minutes: int = Field(
        default=60, ge=1, le=20_160, description="Minutes before the cursor from which Stripe's events are read again."
    )
    status_url: str | None = Field(
        default=None, pattern=r"^https?://[^/?#@]+", description="Address of the status-public JSON document."
    )
    stripe_cron: str = Field(default="10 * * * *", description="When Dagster reads Stripe (cron, UTC; off is never).")
    status_cron: str = Field(
        default="*/5 * * * *", description="When Dagster reads the status document (cron, UTC; off is never)."
    )
    status_stale_minutes: int = Field(
        default=15, ge=1, description="Minutes after which the status document is too old to say anything."
    )

    @field_validator("stripe_api_key", mode="after")
    @classmethod
    def _one_line(cls, value: SecretStr | None) -> SecretStr | None:
        """A file of secrets ends with a newline, which no header may have."""
        key = "" if value is None else value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError("a key has letters, digits and signs of ASCII alone")
        return SecretStr(key) if key else None

    @field_validator("drop", mode="after")
    @classmethod
    def _place(cls, value: Path | str | None) -> Path | str | None:
        try:
            return None if value is None else place_of(value)
        except UsageError as error:
            raise ValueError(str(error)) from error

    @field_validator("home", "secret_file", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator(
        *(
            "warehouse_url",
            "dagster_url",
            "secret",
            "drop",
            "secret_file",
            "registry_url",
            "stripe_api_key",
            "status_url",
        ),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def engine(self) -> Literal["duckdb", "postgres"]:
        """Which engine holds the warehouse."""
        return "duckdb" if self.warehouse_url is None else "postgres"

    @property
    def keep_days(self) -> dict[str, int | None]:
        """Days to keep by entity (`registry/events`), None for ever; others are kept as long as is usual."""
        parts = (part.split("=") for part in self.retention.split(",") if part.strip())
        return {name.strip(): None if days.strip() == "forever" else int(days) for name, days in parts}

    @property
    def drop_folder(self) -> Path | str:
        """Where source files arrive: a folder, or the URL of one in an object store."""
        return self.drop or self.home / "drop"

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file that the writer builds in; no reader ever opens it."""
        return self.home / "warehouse.duckdb"

    @property
    def published_folder(self) -> Path:
        """The folder of immutable snapshots and the pointer to the current one."""
        return self.home / "published"

    @cached_property
    def pseudonym_key(self) -> bytes:
        """Key under which a person's id becomes `actor_key`.

        Raises UsageError where no key is set; the demo makes one and keeps it in <home>/secret (mode 0600).
        """
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        if self.secret_file is not None:
            try:
                return self.secret_file.read_bytes().strip()
            except OSError as error:
                raise UsageError(f"SKILLSMITH_SECRET_FILE {self.secret_file}: {error.strerror}") from error
        if not self.demo:
            raise UsageError("set SKILLSMITH_SECRET (or SKILLSMITH_SECRET_FILE): it is the key of the pseudonyms")
        return _generated_key(self.home / "secret")


STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Schemes of the object stores that files may arrive in."""


def place_of(drop: Path | str) -> Path | str:
    """A drop folder as it was given, as an absolute path, or as a URL where it is in an object store.

    Raises UsageError for any other URL, and for one that may have a password in it: that would be shown and kept.
    """
    text = str(drop)
    if isinstance(drop, Path) or "://" not in text:
        return Path(drop).expanduser().absolute()
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0]
    if scheme.lower() == "file":
        if host not in ("", "localhost"):
            raise UsageError("a drop folder's file URL is file:///path, on this machine")
        return Path(unquote(urlsplit(text).path)).absolute()
    if scheme.lower() not in STORES:
        known = ", ".join(f"{name}://" for name in ("file", *STORES))
        raise UsageError(f"a drop folder is a path or begins with {known}; not with {scheme[:20]}://")
    # A password may itself have a slash in it. Only the name of an access point has colons of its own.
    if ":" in host and not host.startswith("arn:"):
        raise UsageError("a drop folder's URL holds no password; the store's credentials come from the environment")
    if "?" in rest or "::" in rest:
        raise UsageError(f"a drop folder's URL is {scheme.lower()}://bucket/prefix and nothing more")
    if not host:
        raise UsageError(f"a drop folder's URL names its bucket: {scheme.lower()}://bucket/prefix")
    return scheme.lower() + "://" + rest.rstrip("/")


def _generated_key(path: Path) -> bytes:
    """The demo's own key, made at first use; two first uses at once agree on one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb", opener=_private) as file:
            file.write(secrets.token_hex(32).encode())
    except FileExistsError:
        pass
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return path.read_bytes().strip()


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` (command-line options) win over the environment where not None.

    Raises UsageError naming the variable that is wrong.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        name = name if not first["loc"] or name.startswith(("SKILLSMITH_", "STRIPE_")) else f"SKILLSMITH_{name}"
        raise UsageError(f"{name}: {first['msg']}") from None
