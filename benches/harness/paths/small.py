"""Queries so small that everything but the engine shows."""

from __future__ import annotations

from ..bench import Bench
from ..process import Run

FILES = 6_000


def measure(bench: Bench) -> None:
    def above() -> float:
        done = bench.ours("small-query", data=bench.job).answer
        return 1000 * (done["seconds"] - done["engine_seconds"])

    if bench.wanted("small query"):
        bench.bound("small query", "ms above DuckDB alone", 5, above)

    def isolated(query: str) -> dict[str, float]:
        return bench.ours("isolation", data=bench.all, query=query).answer

    if bench.wanted("isolation"):
        path = "isolation, SQL in a process of its own"

        def later() -> float:
            done = isolated("small")
            return 1000 * (done["isolated_seconds"] - done["seconds"])

        def times() -> float:
            done = isolated("rows")
            return done["isolated_seconds"] / done["seconds"]

        bench.bound(path, "ms later, a small answer", 10, later)
        bench.bound(path, "times, all rows", 1.1, times)

    # Both figures of one run, whichever is asked first.
    runs: list[Run] = []

    def planned() -> dict[str, float]:
        if not runs:
            runs.append(bench.ours("planning", files=FILES))
        return runs[0].answer

    if bench.wanted("planning"):
        path = f"planning, {FILES} files, one wanted, warm"
        bench.bound(path, "ms", 30, lambda: 1000 * planned()["seconds"])
        bench.bound(path, "times readdir and stat", 1, lambda: planned()["seconds"] / planned()["listing_seconds"])
