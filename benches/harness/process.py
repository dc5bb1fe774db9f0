"""One case in a process of its own, and what it used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Cores that others may use in a run that counts, and what the clock of CPU time cannot tell from nothing.
QUIET = 0.2
GRAIN = 0.04


class Failed(Exception):
    """A process, or a result, that is not what it should be: it costs its row, not the benchmark."""


@dataclass
class Run:
    """What a process answered, and what it took."""

    answer: dict
    rss_mb: float
    cpu_seconds: float
    server_cpu_seconds: float
    # CPU seconds of others, and the run's own seconds on the wall.
    others: float
    wall: float
    seconds: float = field(init=False)
    # Of the output: a file's, or the Arrow buffers'. A table of PostgreSQL has none.
    bytes: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.seconds = float(self.answer["seconds"])
        self.bytes = self.answer.get("bytes")

    @property
    def krows(self) -> float:
        """Thousands of rows a second."""
        return self.answer["rows"] / self.seconds / 1000

    @property
    def mb(self) -> float | None:
        """Megabytes of output a second."""
        return self.bytes / self.seconds / 1e6 if self.bytes else None

    @property
    def quiet(self) -> bool:
        return self.others <= max(QUIET * self.wall, GRAIN)


def run(argv: list[str], server: int | None = None, limit: float = 600) -> Run:
    """Runs `argv`; its last line is the answer. `server` is the pid of a PostgreSQL whose CPU is counted apart."""
    busy, of_server, began = machine_cpu(), tree_cpu(server), time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        # In a session of its own, so that all below it can be stopped together.
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
        watch = Watch(child.pid)
        killer = threading.Timer(limit, stop, (child, signal.SIGKILL))
        killer.start()
        try:
            assert child.stdout is not None
            said = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            stop(child, signal.SIGKILL)
            raise
        finally:
            killer.cancel()
            peak = watch.stop()
        wall = time.monotonic() - began
        if child.returncode != 0:
            errors.seek(0)
            why = errors.read()
            sys.stderr.write(why)
            last = (why or said).strip().splitlines()[-1:] or ["it said nothing"]
            name = " ".join(Path(word).name for word in argv[:2])
            raise Failed(f"{name}: expected exit code 0, received {child.returncode} after {wall:.0f} s: {last[0]}")
    own = usage.ru_utime + usage.ru_stime
    server_cpu = tree_cpu(server) - of_server
    others = max(0.0, machine_cpu() - busy - own - server_cpu)
    answer = json.loads(said.strip().splitlines()[-1])
    return Run(answer, max(peak, usage.ru_maxrss / 1024), own, server_cpu, others, wall)


def stop(child: subprocess.Popen, how: signal.Signals) -> None:
    """To a child that leads a session, and to all in it."""
    with suppress(ProcessLookupError):
        if child.returncode is None:
            os.killpg(child.pid, how)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A signal must not cut short what cleans up after an error."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class Watch:
    """The peak of the resident memory of a process and its children together, in MB."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self.done = pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self) -> None:
        while not self.done.wait(0.03):
            self.peak = max(self.peak, sum(resident(pid) for pid in tree(self.pid)))

    def stop(self) -> float:
        self.done.set()
        self.thread.join()
        return self.peak


def resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
    except (OSError, IndexError):
        return 0.0  # It has ended.


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # It has ended.
    return found


def tree_cpu(pid: int | None) -> float:
    """CPU seconds of a process, of those below it, and of those that it has seen end."""
    total = 0
    for one in tree(pid) if pid else []:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def machine_cpu() -> float:
    """Busy CPU seconds of all cores since the start, those that other machines took from ours among them."""
    user, nice, system, _, _, irq, softirq, steal = (int(v) for v in Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS
