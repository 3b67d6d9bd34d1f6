"""Under CI=true a skipped test is a failed one: a part that was not run has not been shown to work.

pyproject.toml loads this with `-p tests.ci_plugin`. A skip that is right on CI too begins its reason with ALLOWED.
"""

import os

import pytest

ALLOWED = "not on this platform:"


def _is_allowed(report: pytest.TestReport | pytest.CollectReport) -> bool:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ").startswith(ALLOWED)


def _fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if (
        os.environ.get("CI") == "true"
        and report.skipped
        and not hasattr(report, "wasxfail")
        and not _is_allowed(report)
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not accept: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a test's skip into a failure."""
    report = yield
    _fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Turn a whole module's skip into a failure."""
    report = yield
    _fail_a_skip(report)
    return report
