"""What every test run obeys. Imports nothing but pytest: tests/peers runs it in another environment."""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test proves nothing: where CI is set, it fails the run."""
    if os.environ.get("CI") and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if checks := _specification_checks(terminalreporter):
        terminalreporter.write_line(f"{checks} checks against published specifications and recordings")
    if not os.environ.get("CI"):
        return
    for report in _skipped(config):
        reason = report.longreprtext.splitlines()[-1]  # above it, a parallel run names its worker
        terminalreporter.write_line(f"A skip fails CI: {report.nodeid}: {reason}", red=True)


def _specification_checks(reporter: pytest.TerminalReporter) -> int:
    """What the tests against published documents counted, of all workers together."""
    reports = reporter.stats.get("passed", [])
    return sum(n for report in reports for name, n in report.user_properties if name == "specification_checks")


def _skipped(config: pytest.Config) -> list[pytest.TestReport | pytest.CollectReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return reporter.stats.get("skipped", []) if reporter else []
