"""One progress bar per job, in terminal and notebook; drawn by the thread that waits."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

from ._html import number

#: Seconds that a job may take before its bar appears.
PATIENCE = 0.5


def _wanted(progress: bool | None) -> bool:
    if progress is not None:
        return progress
    if "ipykernel" in sys.modules:
        return True
    return bool(getattr(sys.stderr, "isatty", lambda: False)())


class Bar:
    """Follows a job by `tqdm.auto`; does nothing where that is not installed, or nobody watches."""

    def __init__(self, job: Any, progress: bool | None, what: str) -> None:
        self._job = job
        self._what = what
        self._began = time.monotonic()
        self._bar: Any = None
        self._off = not _wanted(progress)

    def __call__(self) -> None:
        """Draws the state of now; the core calls it ten times a second while somebody waits."""
        if self._off or time.monotonic() - self._began < PATIENCE:
            return
        rows, _, files_done, files_total, fraction = self._job.progress()
        if self._bar is None:
            try:
                with warnings.catch_warnings():
                    # Without ipywidgets it warns, and draws in text.
                    warnings.simplefilter("ignore")
                    from tqdm.auto import tqdm
            except ImportError:
                self._off = True
                return
            self._bar = tqdm(total=1000, desc=self._what, bar_format="{desc}: {percentage:3.0f}%|{bar}| {postfix}")
        done = fraction if fraction is not None else (files_done / files_total if files_total and not rows else 0.0)
        self._bar.n = int(1000 * done)
        files = f", {files_done}/{files_total} arquivos" if files_total else ""
        self._bar.set_postfix_str(f"{number(rows)} linhas{files}", refresh=True)

    def close(self, complete: bool = False) -> None:
        """Takes leave; full where the job has completed."""
        if self._bar is not None:
            if complete:
                self._bar.n = 1000
                self._bar.refresh()
            self._bar.close()
            self._bar = None
        self._off = True
