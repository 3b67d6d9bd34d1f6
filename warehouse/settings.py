"""Every setting of the product, read once, typed, and failing by name.

Values come from `SKILLSMITH_*` environment variables only; `.env.example` lists them. Nothing else in
the product reads the environment. Add a setting here, give it a reason, and add it to `.env.example`.
"""

import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import StorageError, UsageError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = PROJECT_ROOT / "dbt_project"


class Settings(BaseSettings):
    """The installation's settings; paths are absolute once read."""

    model_config = SettingsConfigDict(env_prefix="SKILLSMITH_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("state"), description="Folder that holds everything the product writes.")
    drop: Path | None = Field(default=None, description="Where source files arrive; default <home>/drop.")
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
    memory_limit: str = Field(default="2GB", pattern=r"^\d+(MB|GB)$", description="Memory the engine may use.")
    threads: int = Field(default=2, ge=1, description="Threads the engine may use.")
    retention: str = Field(
        default="",
        pattern=r"^(\s*[a-z]+/[a-z_]+\s*=\s*[1-9]\d*\s*(,|$))*$",
        description="Days that raw rows are kept in TimescaleDB, such as registry/events=730; all else is kept.",
    )
    statement_minutes: int = Field(
        default=120, ge=1, description="Minutes after which PostgreSQL stops a statement of the import or the build."
    )
    snapshots_kept: int = Field(default=5, ge=1, description="Published snapshots kept beside the current one.")

    @field_validator("home", "drop", "secret_file", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("warehouse_url", "dagster_url", "secret", "drop", "secret_file", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def engine(self) -> Literal["duckdb", "postgres"]:
        """Which engine holds the warehouse."""
        return "duckdb" if self.warehouse_url is None else "postgres"

    @property
    def keep_days(self) -> dict[str, int]:
        """Days to keep by raw table (`registry_events`); a table that is not here keeps everything."""
        parts = (part.split("=") for part in self.retention.split(",") if part.strip())
        return {name.strip().replace("/", "_"): int(days) for name, days in parts}

    @property
    def drop_folder(self) -> Path:
        """Where source files arrive."""
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
        name = "SKILLSMITH_" + str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise UsageError(f"{name}: {first['msg']}") from error
