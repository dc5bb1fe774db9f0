"""What was estimated beside what queries then took."""

from __future__ import annotations

from ..bench import Bench
from ..process import Run

QUERIES = 200


def measure(bench: Bench) -> None:
    if not bench.wanted("estimates"):
        return
    # All figures of one run, whichever is asked first.
    runs: list[Run] = []

    def told(figure: str, what: str) -> float:
        if not runs:
            runs.append(bench.ours("calibration", data=bench.job, queries=QUERIES))
        return float(runs[0].answer[figure][what])

    path = f"estimates, {QUERIES} mixed queries, half of them history"
    for figure, most in (("rows", 10), ("memory", 30)):
        bench.bound(path, f"% of {figure}, median error", most, lambda of=figure: 100 * told(of, "median_error"))
        bench.bound(path, f"% of {figure} off 90 within", 5, lambda of=figure: abs(100 * told(of, "within") - 90))
