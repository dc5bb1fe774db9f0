"""The C interface over the Rust one: the same stream through either, in turn, in one process."""

from __future__ import annotations

from functools import cache
from statistics import median

from .. import check
from ..bench import Bench


def measure(bench: Bench) -> None:
    known = check.expected(bench.all, "all")

    @cache
    def answer() -> dict:
        found = bench.ours("c-overhead", data=bench.all, pairs=5 if bench.options.quick else 51).answer
        check.stream("C", found, {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}})
        return found

    def above() -> float:
        pairs = zip(answer()["c_seconds"], answer()["rust_seconds"], strict=True)
        return 100 * (median(c / rust for c, rust in pairs) - 1)

    def reading() -> float:
        one = answer()
        return 100 * (median(one["c_reading"]) - median(one["rust_reading"])) / median(one["rust_seconds"])

    def call() -> float:
        return 1e9 / answer()["status_calls_per_second"]

    if bench.wanted("C stream"):
        bench.bound("C stream", "% above the Rust stream, median of pairs", 1, above)
        bench.bound("C stream", "% of the Rust stream's time that its reader works more (CPU)", 1, reading)
        bench.bound("C job status", "ns a call", 1000, call)
