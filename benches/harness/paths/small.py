"""A query so small that everything but the engine shows."""

from __future__ import annotations

from ..bench import Bench


def measure(bench: Bench) -> None:
    def above() -> float:
        done = bench.ours("small-query", data=bench.job).answer
        return 1000 * (done["seconds"] - done["engine_seconds"])

    if bench.wanted("small query"):
        bench.bound("small query", "ms above DuckDB alone", 5, above)
