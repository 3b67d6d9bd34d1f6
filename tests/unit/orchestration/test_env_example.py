import shlex

from warehouse.settings import PROJECT_ROOT, Settings


def test_the_example_lists_every_setting_with_its_reason_and_default() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text().splitlines()
    # As a shell that reads the file has it: a star that is not quoted would become the names of files.
    listed = dict(shlex.split(line)[0].split("=", 1) for line in lines if line.startswith("SKILLSMITH_"))
    expected = {}
    for name, field in Settings.model_fields.items():
        # What is worked out of the machine has no default to write down.
        default = None if field.default_factory else field.default
        text = str(default).lower() if isinstance(default, bool) else str(default)
        expected[f"SKILLSMITH_{name.upper()}"] = "" if default is None else text
        assert f"# {field.description}" in lines
    assert listed == expected
