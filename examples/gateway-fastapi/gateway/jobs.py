"""The jobs of this worker: begun, followed, taken over from workers that died, and left in good order."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import logging
import pathlib
import secrets
import threading
import time
from typing import IO, Any

import datasus

from .errors import Refusal, form
from .records import OVER, Record, Records
from .settings import Settings

logger = logging.getLogger("gateway")

#: Between two looks at the running jobs, and between two notes of a job's progress.
_LOOK, _NOTE = 0.1, 0.5
#: Between two looks at jobs whose worker has died, and between two attempts at one that could not go on for a passing reason.
_ORPHANS, _AGAIN = 2.0, 30.0
#: Seconds that running jobs, together, have to stop in good order.
_PATIENCE = 10.0


@dataclasses.dataclass
class _Running:
    job: Any
    record: Record
    claim: IO[str]
    noted: float = 0.0
    cancelled: bool = False


class Jobs:
    """Those of one worker, and the records of all."""

    def __init__(self, client: datasus.Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self.files = settings.home / "files"
        self.records = Records(settings.home / "records")
        self._running: dict[str, _Running] = {}
        #: When those are tried again that could not go on.
        self._later: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        #: Told to stop: nothing more is taken over.
        self.closing = False
        # To go on with a job takes as long as its source does to answer: those that run are watched meanwhile.
        self._threads = [
            threading.Thread(target=work, name=f"gateway-{name}", daemon=True)
            for name, work in (("jobs", self._watch), ("orphans", self._take))
        ]

    @property
    def running(self) -> int:
        """How many this worker runs."""
        return len(self._running)

    def start(self) -> None:
        """Goes on with what dead workers left, and watches."""
        for thread in self._threads:
            thread.start()

    def submit(self, params: dict[str, Any], owner: str) -> Record:
        """A job into a CSV. What is returned is on the disk."""
        file = f"{secrets.token_hex(16)}.csv"
        job = self._client.submit(params, to=datasus.Csv(file))
        record: Record = {
            "job_id": job.id,
            "core_id": job.id,
            "trace_id": job.trace_id,
            "priority": owner,
            "status": job.status,
            "created_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "params": without_key(params),
            "files": [file],
            "runs": 1,
        }
        claim = None
        try:
            claim = self.records.claim(job.id)
            if claim is None:
                raise RuntimeError("somebody runs a job that is new")
            self._note(record, job)
        except BaseException:
            # Nobody is told of it, and so it has no business here.
            job.cancel()
            if claim is not None:
                claim.close()
                self.records.forget(job.id)
            raise
        self._follow(job, record, claim)
        logger.info("accepted", extra={"job_id": job.id, "trace_id": job.trace_id})
        return record

    def get(self, job: str) -> Record:
        """As it is now; Refusal where there is none."""
        running = self._running.get(job)
        record = running.record if running else self._read(job)
        return {**record, **_state(running.job)} if running and not running.job.done else record

    def _read(self, job: str) -> Record:
        try:
            return self.records.read(job)
        except KeyError:
            raise Refusal(404, "DS-404", "no_job", received=job[:80]) from None

    def cancel(self, job: str) -> Record:
        """Asks whichever worker runs it."""
        record = self.get(job)
        if record["status"] in OVER:
            raise Refusal(409, "DS-409", "over", received=record["status"])
        self.records.ask_cancel(job)
        return record

    def resume(self, job: str, asker: str) -> Record:
        """Goes on with a job that failed, here; where it must begin anew, it counts as its asker's."""
        self.get(job)
        claim = self.records.claim(job)
        if claim is None:
            raise Refusal(409, "DS-409", "runs", received="running")
        try:
            # As it is now that nobody else goes on with it: another worker may have brought it to its end meanwhile.
            record = self._read(job)
            if record["status"] != "failed":
                raise Refusal(409, "DS-409", "over" if record["status"] in OVER else "runs", received=record["status"])
            # A cancel that came too late was of the run before.
            self.records.settle(job)
            resumed = self._begun_again(record, asker)
        except BaseException:
            claim.close()
            raise
        self._go_on(resumed, record, claim)
        return record

    def dead_letters(self, record: Record) -> list[Any]:
        """Of the job's last run; none where it left none."""
        try:
            return [dict(letter) for letter in self._client.dead_letters(record["core_id"])]
        except datasus.NotFound:
            return []

    def stop(self) -> None:
        """Leaves the running jobs so that whoever comes next goes on with them."""
        self.closing = True
        self._stop.set()
        until = time.monotonic() + _PATIENCE
        watcher = self._threads[0]
        if watcher.ident is not None:
            watcher.join(_PATIENCE)
        # Whoever goes on with another's job just now may wait for a source: what it has then is interrupted by `_follow`.
        with self._lock:
            left = list(self._running.values())
        for running in left:
            running.job.interrupt()
        for running in left:
            with contextlib.suppress(datasus.Error, TimeoutError):
                running.job.wait(timeout=max(0.0, until - time.monotonic()), progress=False)
            if running.job.status == "completed":
                self._over(running)
                continue
            logger.info("left", extra={"job_id": running.record["job_id"], "trace_id": running.record["trace_id"]})
            self.records.write({**running.record, "status": "queued"})
            # One that is still at work is ours until the process ends: another worker could not go on with it.
            if running.job.done:
                running.claim.close()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK):
            with self._lock:
                running = list(self._running.values())
            for one in running:
                try:
                    self._look(one)
                except Exception:
                    # A full disk, say. The jobs themselves go on; the next look may be luckier.
                    logger.exception("failed", extra={"stage": "jobs", "job_id": one.record["job_id"]})

    def _take(self) -> None:
        swept = 0.0
        while not self._stop.wait(_ORPHANS):
            try:
                self._take_over()
                if time.monotonic() - swept > 3_600:
                    swept = time.monotonic()
                    self.records.sweep(self.files, self._settings.keep)
            except Exception:
                logger.exception("failed", extra={"stage": "orphans"})

    def _look(self, running: _Running) -> None:
        record, job = running.record, running.job
        if not running.cancelled and self.records.cancel_asked(record["job_id"]):
            running.cancelled = True
            job.cancel()
        if job.done:
            self._over(running)
        elif time.monotonic() - running.noted > _NOTE:
            running.noted = time.monotonic()
            self._note(record, job)

    def _over(self, running: _Running) -> None:
        record, job = running.record, running.job
        try:
            report = job.wait(timeout=10, progress=False)
            ended: dict[str, Any] = {"report": dict(report), "error": None}
        except datasus.Error as error:
            ended = {"report": None, "error": error.to_dict()}
        record |= {**_state(job), **ended, "ended": time.time()}
        self.records.write(record)
        self.records.settle(record["job_id"])
        with self._lock:
            self._running.pop(record["job_id"], None)
        running.claim.close()

    def _take_over(self) -> None:
        for record in self.records.every():
            job = record["job_id"]
            if self.closing:
                return
            if record["status"] in OVER or job in self._running:
                continue
            asked = self.records.cancel_asked(job)
            if not asked and self._later.get(job, 0.0) > time.monotonic():
                continue
            claim = self.records.claim(job)
            if claim is None:
                continue
            try:
                # Another worker may have brought it to its end meanwhile.
                now = self.records.read(job)
            except KeyError:
                now = {"status": OVER[0]}
            if now["status"] in OVER:
                claim.close()
            elif asked:
                with claim:
                    self._given_up(now)
            else:
                self._again(now, claim)

    def _given_up(self, record: Record) -> None:
        """Cancelled while nobody ran it."""
        with contextlib.suppress(datasus.Error):
            self._client.discard(record["core_id"])
        error = form("DS-499", "cancelled", self._settings.language)
        self.records.write({**record, "status": "cancelled", "error": error, "ended": time.time()})
        self.records.settle(record["job_id"])
        self._later.pop(record["job_id"], None)

    def _begun_again(self, record: Record, asker: str | None = None) -> Any:
        try:
            return self._client.resume(record["core_id"])
        except datasus.NotFound:
            # It had not begun, or had ended and nobody was told: the same rows once more.
            params = record["params"]
            if asker is not None:
                params = {**params, "options": {**(params.get("options") or {}), "rate_key": asker}}
            return self._client.submit(params, to=datasus.Csv(record["files"][0], overwrite=True))

    def _again(self, record: Record, claim: IO[str]) -> None:
        try:
            job = self._begun_again(record)
        except datasus.QueueFull:
            claim.close()
        except datasus.Error as error:
            told = {"status": "failed", "error": error.to_dict(), "ended": time.time()}
            if error.retryable:
                # A source that does not answer just now, a full disk: it waits, and says what for.
                self._later[record["job_id"]] = time.monotonic() + _AGAIN
                told = {"status": "queued", "error": error.to_dict()}
            with claim:
                self.records.write({**record, **told})
        except BaseException:
            claim.close()
            raise
        else:
            self._later.pop(record["job_id"], None)
            logger.info("resumed", extra={"job_id": record["job_id"], "trace_id": job.trace_id})
            self._go_on(job, record, claim)

    def _go_on(self, job: Any, record: Record, claim: IO[str]) -> None:
        anew = job.id != record["core_id"]
        record |= {
            "core_id": job.id,
            "trace_id": job.trace_id,
            "runs": record["runs"] + 1,
            "error": None,
            "ended": None,
        }
        try:
            self._note(record, job)
        except BaseException:
            # By its record it has not gone on. What it had written before stays, for the next time.
            (job.cancel if anew else job.interrupt)()
            with contextlib.suppress(datasus.Error, TimeoutError):
                job.wait(timeout=10, progress=False)
            claim.close()
            raise
        self._follow(job, record, claim)

    def _note(self, record: Record, job: Any) -> None:
        record |= _state(job)
        self.records.write(record)

    def _follow(self, job: Any, record: Record, claim: IO[str]) -> None:
        with self._lock:
            self._running[record["job_id"]] = _Running(job, record, claim)
            late = self._stop.is_set()
        if late:
            # `stop` may have passed by: it is left as it is, and ours until the process ends.
            job.interrupt()


def _state(job: Any) -> dict[str, Any]:
    return {"status": job.status, "progress": job.progress._asdict()}


def without_key(params: dict[str, Any]) -> dict[str, Any]:
    """Without who asked: a job that goes on is not counted again, and an address is nobody's business later."""
    options = {name: value for name, value in (params.get("options") or {}).items() if name != "rate_key"}
    return {**params, "options": options}


def public(record: Record) -> dict[str, Any]:
    """What whoever asks may see of a record."""
    kept = ("job_id", "trace_id", "priority", "status", "created_at", "params", "progress", "report", "error", "runs")
    job = record["job_id"]
    links = {"self": f"/jobs/{job}", "events": f"/jobs/{job}/events", "cancel": f"/jobs/{job}/cancel"}
    links |= {
        "resume": f"/jobs/{job}/resume",
        "dead_letters": f"/jobs/{job}/dead-letters",
        "result": f"/jobs/{job}/result",
    }
    return {**{name: record.get(name) for name in kept}, "links": links}


def folder(path: pathlib.Path) -> pathlib.Path:
    """Made, for this user alone."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
