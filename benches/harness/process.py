"""One case in a process of its own, and what it used."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Cores that others may use in a run that counts, and what the clock of CPU time cannot tell from nothing.
QUIET = 0.2
GRAIN = 0.04


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

    def __post_init__(self) -> None:
        self.seconds = float(self.answer["seconds"])

    @property
    def quiet(self) -> bool:
        return self.others <= max(QUIET * self.wall, GRAIN)


def run(argv: list[str], server: int | None = None, limit: float = 600) -> Run:
    """Runs `argv`; its last line is the answer. `server` is the pid of a PostgreSQL whose CPU is counted apart."""
    busy, of_server, began = machine_cpu(), tree_cpu(server), time.monotonic()
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    watch = Watch(child.pid)
    killer = threading.Timer(limit, child.kill)
    killer.start()
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    killer.cancel()
    peak = watch.stop()
    wall = time.monotonic() - began
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: expected exit code 0, received {child.returncode}; it said: {said[-500:]}")
    own = usage.ru_utime + usage.ru_stime
    server_cpu = tree_cpu(server) - of_server
    others = max(0.0, machine_cpu() - busy - own - server_cpu)
    answer = json.loads(said.strip().splitlines()[-1])
    return Run(answer, max(peak, usage.ru_maxrss / 1024), own, server_cpu, others, wall)


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
