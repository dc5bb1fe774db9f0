"""How much of its normal throughput a job keeps in each of the governor's modes; every answer is checked all the same."""

from __future__ import annotations

from .. import check
from ..bench import Bench, Case
from ..process import Run

# What the design that datasus starts from gives its modes.
GOALS = {"conservative": 0.6, "emergency": 0.3, "maintenance": 0.15}


def measure(bench: Bench) -> None:
    wanted, out = check.expected(bench.job, "job"), bench.out / "mode.csv"

    def case(mode: str) -> Case:
        def done() -> Run:
            out.unlink(missing_ok=True)
            run = bench.ours("csv", data=bench.job, out=out, mode=mode)
            if run.answer["mode"] != mode:
                raise RuntimeError(f"the job began in {run.answer['mode']}, not in {mode}")
            run.bytes = out.stat().st_size
            check.file(mode, bench.python, out, wanted)
            return run

        return done

    for mode, least in GOALS.items():
        bench.against(f"Parquet -> CSV, mode {mode}", case(mode), "ours, normal", case("normal"), f">= {least}", least)
