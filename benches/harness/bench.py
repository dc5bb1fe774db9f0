"""Where things are, and how ours and a peer are run in turn."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .process import Run, run
from .server import Server
from .table import Bound, Row, first_line

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "benches" / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BIN = os.environ.get("DATASUS_BENCH_BIN", str(TARGET / "release" / "datasus-bench"))
# Pairs that are run again because others were at work.
MORE = 4
Case = Callable[[], Run]


class Bench:
    def __init__(self, options: argparse.Namespace, out: Path) -> None:
        self.options, self.out = options, out
        self.rows: list[Row] = []
        self.bounds: list[Bound] = []
        self.pairs = options.pairs or (2 if options.quick else 5)
        self.data = Path(os.environ.get("DATASUS_BENCH_DATA", TARGET / "bench-data"))
        self.job, self.all = (
            self.data / name for name in (("quick15", "quick10") if options.quick else ("m15", "m10"))
        )
        for folder in (self.job, self.all):
            if not (folder / "expected.json").exists():
                subprocess.run([BIN, "generate", f"out={folder}", f"set={folder.name}"], check=True)
        venv = TARGET / "bench-venv"
        subprocess.run([str(PEERS / "setup.sh"), str(venv)], check=True)
        self.python, self.blast = str(venv / "bin" / "python"), str(venv / "blast")
        self.server: Server | None = None

    @cache  # noqa: B019 (one of these lives, to the end)
    def apart(self, peer: str, name: str) -> tuple[str, str] | None:
        """The Python of a venv that a peer has to itself, by `setup_<name>.sh`, and its version, where it can be had."""
        venv = TARGET / f"bench-venv-{name}"
        done = subprocess.run(
            [str(PEERS / f"setup_{name}.sh"), str(venv)], check=False, stdout=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            print(f"{peer} cannot be had: its rows are left out", flush=True)
            return None
        return str(venv / "bin" / "python"), done.stdout.strip()

    def duckdb2(self) -> tuple[str, str] | None:
        """The newest DuckDB 2."""
        return self.apart("DuckDB 2", "duckdb2")

    def ours(self, case: str, **given: object) -> Run:
        return run([BIN, case, *words(given)], self.server.pid if self.server else None)

    def peer(self, script: str, python: str | None = None, **given: object) -> Run:
        argv = [python or self.python, str(PEERS / script), *words(given)]
        return run(argv, self.server.pid if self.server else None)

    def wanted(self, path: str) -> bool:
        return re.search(self.options.only or "", path) is not None

    def against(
        self,
        path: str,
        ours: Case,
        peer: str,
        case: Case,
        goal: str = "",
        least: float | None = None,
        slow: bool = False,
    ) -> None:
        """Ours and a peer in turn; pairs with others at work do not count, and some more are run in their place."""
        if not self.wanted(f"{path} {peer}"):
            return
        row = Row(path, peer, goal, least, note="one pair" if slow else "")
        pairs, most = (1, 1) if slow and not self.options.pairs else (self.pairs, self.pairs + MORE)
        try:
            while len(row.quiet()) < pairs and len(row.pairs()) < most:
                row.ours.append(ours())
                row.peers.append(case())
        except Exception as error:  # One row is lost, not the benchmark.
            row.failed = first_line(error)
        self.rows.append(row)
        print(row.markdown(), flush=True)

    def bound(self, path: str, figure: str, most: float, measure: Callable[[], float]) -> None:
        bound = Bound(path, figure, most)
        try:
            bound.value = measure()
        except Exception as error:  # As above.
            bound.failed = first_line(error)
        self.bounds.append(bound)
        print(bound.markdown(), flush=True)

    def path(self, measure: Callable[[Bench], None]) -> None:
        """What fails outside of a row becomes one."""
        try:
            measure(self)
        except Exception as error:
            self.rows.append(Row(measure.__module__.rsplit(".", 1)[-1], "-", failed=first_line(error)))
            print(self.rows[-1].markdown(), flush=True)

    def runs_of_ours(self, path: str) -> list[Run]:
        return [run for row in self.rows if row.path.startswith(path) for run in row.ours]

    def failed(self) -> int:
        return sum(bool(one.failed) for one in (*self.rows, *self.bounds))


def words(given: dict[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in given.items()]
