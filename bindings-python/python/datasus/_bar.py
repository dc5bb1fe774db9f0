"""One progress bar per job, in terminal and notebook; drawn by the thread that waits."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

from ._html import number

#: Seconds that a job may take before its bar appears.
PATIENCE = 0.5

_WORDS = {
    False: {
        "waiting": "na fila",
        "downloading": "baixando",
        "converting": "convertendo",
        "running": "consultando",
        "loading": "gravando",
        "rows": "linhas",
        "files": "arquivos",
        "elapsed": "decorrido",
        "remaining": "faltam",
        "status": "situação",
        "done": "feito",
        "job": "trabalho",
    },
    True: {
        "waiting": "waiting",
        "downloading": "downloading",
        "converting": "converting",
        "running": "running",
        "loading": "loading",
        "rows": "rows",
        "files": "files",
        "elapsed": "elapsed",
        "remaining": "remaining",
        "status": "status",
        "done": "done",
        "job": "job",
    },
}
#: With a known share a bar, and without one none: it would say what nobody knows.
_SHARE = "{desc}: {percentage:3.0f}%|{bar}| {postfix}"
_NO_SHARE = "{desc}: {postfix}"


def words_of(job: Any) -> dict[str, str]:
    """The words of the job's language."""
    return _WORDS[bool(job.is_english)]


def clock(seconds: float) -> str:
    """``1:05``, ``1:00:05``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
        counts = self._job.progress()
        rows, came, files_done, files_total, fraction, phase, rows_total, elapsed, remaining, _, pace = counts
        if self._bar is None:
            try:
                with warnings.catch_warnings():
                    # Without ipywidgets it warns, and draws in text.
                    warnings.simplefilter("ignore")
                    from tqdm.auto import tqdm
            except ImportError:
                self._off = True
                return
            self._bar = tqdm(total=1000, desc=self._what, bar_format=_NO_SHARE)
        words = words_of(self._job)
        said = [words[phase]]
        if phase in ("converting", "downloading"):
            said.append(f"{files_done}/{files_total} {words['files']}")
        if phase == "downloading":
            said.append(f"{came / 1e6:.1f} MB" if pace is None else f"{came / 1e6:.1f} MB, {pace / 1e6:.1f} MB/s")
        if rows:
            said.append(f"{number(rows)}{'' if rows_total is None else f'/{number(rows_total)}'} {words['rows']}")
        said.append(clock(elapsed))
        if remaining is not None:
            said.append(f"{words['remaining']} {clock(remaining)}")
        self._bar.bar_format = _NO_SHARE if fraction is None else _SHARE
        self._bar.n = int(1000 * (fraction or 0.0))
        self._bar.set_postfix_str(", ".join(said), refresh=True)

    def close(self, complete: bool = False) -> None:
        """Takes leave; full where the job has completed."""
        if self._bar is not None:
            if complete:
                self._bar.bar_format = _SHARE
                self._bar.n = 1000
                self._bar.refresh()
            self._bar.close()
            self._bar = None
        self._off = True
