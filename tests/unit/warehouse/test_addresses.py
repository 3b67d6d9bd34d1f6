"""Addresses with a password in them: what is wrong is said, and no part of the address, not even in a trace."""

import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from warehouse.errors import SkillsmithError, UsageError
from warehouse.postgres import open_connection
from warehouse.settings import load_settings


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgres//builder:sesame@127.0.0.1/db", "SKILLSMITH_WAREHOUSE_URL is not a postgresql:// address"),
        (
            "postgresql://builder:open@sesame@127.0.0.1/db",
            "SKILLSMITH_WAREHOUSE_URL: write an @ in the password as %40",
        ),
    ],
)
def test_a_wrong_address_is_said_without_it(tmp_path: Path, address: str, says: str) -> None:
    settings = load_settings(home=tmp_path).model_copy(update={"warehouse_url": SecretStr(address)})
    with pytest.raises(UsageError, match=says) as failed:
        open_connection(settings)
    assert "sesame" not in "".join(traceback.format_exception(failed.value))


def test_a_setting_that_is_refused_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_sesame_\N{SNOWMAN}")
    with pytest.raises(SkillsmithError, match="ASCII") as failed:
        load_settings()
    assert "sesame" not in "".join(traceback.format_exception(failed.value))


def test_a_key_from_a_file_with_a_newline_is_taken_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_1\n")
    key = load_settings().stripe_api_key
    assert key is not None
    assert key.get_secret_value() == "rk_live_1"
