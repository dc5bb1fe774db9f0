"""With `DATASUS_STRICT=1`, which CI sets, a run fails where it skipped a test for want of what CI has to have.

Genuine files are wanted only where there is the folder that they belong in; what this system does not have (`fork`) is no want.
"""

import os
import pathlib

import pytest

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared"
NOT_WANTED = ("no fork here",)
skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes what was skipped, and why."""
    if report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        for_data = "no genuine files" in why
        if not any(one in why for one in NOT_WANTED) and (SHARED.is_dir() or not for_data):
            skipped.append(f"{report.nodeid}: {why}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run."""
    if skipped and os.environ.get("DATASUS_STRICT", "0") not in ("", "0"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nskipped, and DATASUS_STRICT is set:", *skipped, sep="\n  ")
