"""What CI makes of a skipped test."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def _outcome(folder: Path, body: str, **environment: str) -> str:
    (folder / "test_it.py").write_text(body)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.ci_plugin", "-p", "no:cacheprovider", str(folder)],
        env={"PYTHONPATH": str(PROJECT), "PATH": "", **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.splitlines()[-1]


MISSING_TOOL = "import pytest\ndef test_it():\n    pytest.skip('no such tool')\n"
MISSING_MODULE = "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n"
OTHER_PLATFORM = "import pytest\ndef test_it():\n    pytest.skip('not on this platform: no flock')\n"


def test_a_missing_tool_is_a_skip_at_home_and_a_failure_on_ci(tmp_path):
    assert _outcome(tmp_path, MISSING_TOOL).startswith("1 skipped")
    assert _outcome(tmp_path, MISSING_TOOL, CI="true").startswith("1 failed")


def test_a_module_that_cannot_be_imported_fails_ci(tmp_path):
    assert "1 error" in _outcome(tmp_path, MISSING_MODULE, CI="true")


def test_what_another_platform_lacks_may_be_skipped_on_ci(tmp_path):
    assert _outcome(tmp_path, OTHER_PLATFORM, CI="true").startswith("1 skipped")
