"""Jobs as every worker sees them: a file for each, beside the core's own job folders.

The worker that runs a job writes its file: status and progress, each time whole. The others read it, and ask for a cancel
by a file
beside it. What is told to a client by 202 is on the disk by then: a worker that dies loses nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import time
from typing import IO, Any

OVER = ("completed", "failed", "cancelled")
Record = dict[str, Any]


class Records:
    """The folder of them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, job: str, ending: str = "json") -> pathlib.Path:
        """Of one job. Whoever asks has no say in where that is."""
        if not (job.isascii() and job.isalnum() and len(job) <= 40):
            raise KeyError(job)
        return self.folder / f"{job}.{ending}"

    def read(self, job: str) -> Record:
        """KeyError where there is none."""
        try:
            record: Record = json.loads(self.path(job).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            raise KeyError(job) from None
        return record

    def write(self, record: Record) -> None:
        """Whole, or not at all, and on the disk."""
        path = self.path(record["job_id"])
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            with open(part, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                json.dump(record, file, ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def forget(self, job: str) -> None:
        """Nothing stays of it."""
        for ending in ("cancel", "json", "lock"):
            self.path(job, ending).unlink(missing_ok=True)

    def every(self) -> list[Record]:
        """The newest first."""
        found = []
        for path in self.folder.glob("*.json"):
            with contextlib.suppress(KeyError):
                found.append(self.read(path.stem))
        return sorted(found, key=lambda record: record["job_id"], reverse=True)

    def ask_cancel(self, job: str) -> None:
        """Of the worker that runs it."""
        self.path(job, "cancel").touch(mode=0o600)

    def cancel_asked(self, job: str) -> bool:
        """By any worker."""
        return self.path(job, "cancel").exists()

    def settle(self, job: str) -> None:
        """Forgets what was asked."""
        self.path(job, "cancel").unlink(missing_ok=True)

    def claim(self, job: str) -> IO[str] | None:
        """One process at a time runs a job, for as long as it keeps this open; none: another one does. It ends with the
        process.
        """
        file = open(self.path(job, "lock"), "a")  # noqa: SIM115 - it stays open on purpose
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return None
        return file

    def sweep(self, files: pathlib.Path, keep: float) -> None:
        """Files and records of jobs that have ended long ago."""

        def old(record: Record) -> bool:
            return record["status"] in OVER and time.time() - float(record.get("ended") or time.time()) > keep

        for found in filter(old, self.every()):
            # Somebody may go on with it just now.
            claim = self.claim(found["job_id"])
            if claim is None:
                continue
            with claim, contextlib.suppress(KeyError):
                record = self.read(found["job_id"])
                if not old(record):
                    continue
                for name in record["files"]:
                    (files / name).unlink(missing_ok=True)
                self.forget(record["job_id"])
