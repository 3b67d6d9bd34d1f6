from pathlib import Path

import jinja2
import pytest
from jinja2.nativetypes import NativeEnvironment

from orchestration.dbt_templates import kept_templates


def _rendered(text: str, environment: jinja2.Environment | None = None, **values: object) -> object:
    return (environment or jinja2.Environment()).from_string(text).render(values)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that Jinja itself compiled."""
    seen: list[str] = []
    compile_template = jinja2.Environment.compile

    def note(environment: jinja2.Environment, source: str, *more: object) -> object:
        seen.append(source)
        return compile_template(environment, source, *more)

    monkeypatch.setattr(jinja2.Environment, "compile", note)
    return seen


def test_a_text_is_compiled_once_and_rendered_with_each_runs_own_values(tmp_path: Path, compiled: list[str]) -> None:
    with kept_templates([tmp_path]):
        assert _rendered("as of {{ day }}", day="Monday") == "as of Monday"
    with kept_templates([tmp_path]):
        assert _rendered("as of {{ day }}", day="Tuesday") == "as of Tuesday"
        assert _rendered("until {{ day }}", day="Tuesday") == "until Tuesday"
    assert compiled == ["as of {{ day }}", "until {{ day }}"]


def test_another_kind_of_environment_compiles_for_itself(tmp_path: Path, compiled: list[str]) -> None:
    with kept_templates([tmp_path]):
        assert _rendered("{{ one }}", one=1) == "1"
        assert _rendered("{{ one }}", NativeEnvironment(), one=1) == 1
    assert compiled == ["{{ one }}", "{{ one }}"]


@pytest.mark.parametrize("left", [b"", b"\x00", b"no marshal", b"i\x01\x00\x00\x00"])
def test_a_file_that_is_not_whole_is_as_good_as_none(tmp_path: Path, compiled: list[str], left: bytes) -> None:
    (tmp_path / "templates.bin").write_bytes(left)
    for _ in range(2):
        with kept_templates([tmp_path]):
            assert _rendered("{{ one }}", one=1) == "1"
    assert compiled == ["{{ one }}"]


def test_what_cannot_be_written_is_kept_in_the_next_place(tmp_path: Path, compiled: list[str]) -> None:
    before = jinja2.Environment.compile
    (tmp_path / "a file").touch()
    places = [tmp_path / "a file" / "kept", tmp_path / "kept"]
    for _ in range(2):
        with kept_templates(places):
            assert _rendered("{{ one }}", one=1) == "1"
    assert compiled == ["{{ one }}"]
    with kept_templates(places[:1]):
        assert _rendered("{{ one }}", one=1) == "1"
    assert jinja2.Environment.compile is before
