"""The list of settings that a person reads."""

import re
from pathlib import Path

from warehouse.settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_the_example_lists_every_setting_and_no_other():
    listed = re.findall(r"^SKILLSMITH_(\w+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)
