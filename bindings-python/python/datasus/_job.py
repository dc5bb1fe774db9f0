"""A query at work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, NamedTuple

from ._awaits import ready
from ._bar import Bar, clock, words_of
from ._errors import Error
from ._html import number, table
from ._report import Report
from ._warn import warn_of
from .contract import Status


class Progress(NamedTuple):
    """How far a job has come.

    Examples
    --------
    >>> import datasus
    >>> job = client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv("c.csv"))
    >>> _ = job.wait()
    >>> job.progress.rows
    600
    """

    #: Rows delivered to the sinks.
    rows: int
    #: Bytes of source files read for conversion; while they are downloaded, those that have come.
    bytes: int
    #: Files converted; while they are downloaded, those that have come.
    files_done: int
    files_total: int
    #: Share of the phase's work done, from 0 to 1, and 1 once the job is complete; None while it cannot be told.
    fraction: float | None
    #: ``waiting``, ``downloading``, ``converting``, ``running`` (the engine computes) or ``loading`` (rows go into files and
    #: tables).
    phase: str
    #: Rows that there will be; None where only the end will tell.
    rows_total: int | None
    #: Seconds since the job was submitted, until its end.
    elapsed: float
    #: Seconds that the phase will take at its pace so far; None while that cannot be told.
    remaining: float | None
    #: Bytes that are downloaded or converted in this phase, all in all; None in others.
    bytes_total: int | None
    #: Bytes downloaded a second, on average; None in other phases.
    bytes_per_second: float | None


class Event(NamedTuple):
    """A new status, or progress.

    Examples
    --------
    >>> import datasus
    >>> job = client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv("d.csv"))
    >>> list(job.events())[-1].status
    'completed'
    """

    status: Status
    progress: Progress


class Job:
    """A handle on a job; letting go of it does not stop it.

    ``await job`` and ``job.wait()`` give its :class:`Report`; ``async for event in job`` and ``job.events()`` follow it.

    Examples
    --------
    >>> import datasus
    >>> job = client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv("e.csv"))
    >>> job.wait(timeout=60).records_processed
    600
    >>> job.status
    'completed'
    """

    def __init__(self, job: Any, what: str = "datasus", progress: bool | None = None) -> None:
        self._job = job
        self._what = what
        self._progress = progress
        self._warned = False

    @property
    def id(self) -> str:
        """A ULID: jobs sort by the time of their submission."""
        return str(self._job.id)

    @property
    def trace_id(self) -> str:
        """Ties the job to its log lines, errors and report."""
        return str(self._job.trace_id)

    @property
    def status(self) -> Status:
        """``queued``, ``running``, ``parked``, ``retrying``, ``completed``, ``failed`` or ``cancelled``."""
        status: Status = self._job.status()
        return status

    @property
    def done(self) -> bool:
        """True once it has completed, failed or been cancelled."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(*self._job.progress())

    def cancel(self) -> None:
        """Asks the job to stop; it ends with :class:`Cancelled` within 100 ms.

        Examples
        --------
        >>> job = client.submit("SIH-RD", to=datasus.Csv("h.csv"))
        >>> job.cancel()
        >>> try:
        ...     status = job.wait().status
        ... except datasus.Cancelled as cancelled:
        ...     status = "cancelled"
        >>> status == job.status
        True
        """
        self._job.cancel()

    def interrupt(self) -> None:
        """The same as :meth:`cancel`, but what it has written is kept: ``client.resume`` goes on where it stopped.

        Examples
        --------
        >>> job = client.submit("SIH-RD", to=datasus.Csv("parada.csv"))
        >>> _ = job.wait()
        >>> job.interrupt()  # one that has ended stays as it is
        >>> job.status
        'completed'
        """
        self._job.interrupt()

    def _interrupted(self, stopped: KeyboardInterrupt) -> None:
        """Stops the job so that it can be resumed, and says so in what is raised."""
        self._job.interrupt()
        try:
            self._job.wait(5.0)
        except Error as error:
            if error.diagnostic.get("resumable"):
                stopped.args = (error.detail,)
                stopped.job_id = self.id  # type: ignore[attr-defined]

    def wait(self, timeout: float | None = None, progress: bool | None = None) -> Report:
        """Waits for the end; Ctrl-C ends the wait, not the job.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; after them, ``TimeoutError``.
        progress : bool, optional
            Whether to show a progress bar; without it, as the client says.

        Returns
        -------
        Report
            What it did.

        Examples
        --------
        >>> job = client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv("i.csv"))
        >>> job.wait(timeout=60).storage
        {'csv': 'i.csv'}
        """
        bar = Bar(self._job, self._progress if progress is None else progress, self._what)
        try:
            report = self._job.wait(timeout, bar)
            bar.close(complete=True)
        finally:
            bar.close()
        if report is None:
            raise TimeoutError(f"job {self.id} is still {self.status} after {timeout} s")
        return self._reported(report)

    def _reported(self, text: str) -> Report:
        """The report; what it warns of is warned of once."""
        report = Report(json.loads(text))
        if not self._warned:
            self._warned = True
            warn_of(report.warnings)
        return report

    def events(self) -> Iterator[Event]:
        """Each status in order, and progress ten times a second at most; ends after the final status.

        Examples
        --------
        >>> job = client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv("j.csv"))
        >>> [event.progress.rows for event in job.events() if event.status == "completed"]
        [600]
        """
        events = self._job.events()
        while not events.is_over():
            event = events.next_within(0.1)
            if event is not None:
                yield Event(event[0], Progress(*event[1]))

    def __await__(self) -> Generator[Any, None, Report]:
        return self._awaited().__await__()

    async def _awaited(self) -> Report:
        try:
            report = await ready(self._job.awaited().poll)
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._reported(report)

    async def __aiter__(self) -> AsyncIterator[Event]:
        events = self._job.events()
        while not events.is_over():
            event = await asyncio.to_thread(events.next_within, 0.1)
            if event is not None:
                yield Event(event[0], Progress(*event[1]))

    def __repr__(self) -> str:
        if self.done:
            return f"Job({self.id}, {self.status})"
        progress = self.progress
        share = "" if progress.fraction is None else f" {progress.fraction:.0%}"
        return f"Job({self.id}, {self.status}: {progress.phase}{share}, {clock(progress.elapsed)})"

    def _repr_html_(self) -> str:
        progress, words = self.progress, words_of(self._job)
        status = self.status if self.done else f"{self.status} ({words[progress.phase]})"
        rows = [(words["status"], status), (words["rows"], number(progress.rows))]
        if progress.fraction is not None:
            rows.append((words["done"], f"{progress.fraction:.0%}"))
        rows.append((words["elapsed"], clock(progress.elapsed)))
        if progress.remaining is not None:
            rows.append((words["remaining"], clock(progress.remaining)))
        return table((words["job"], self.id), rows)
