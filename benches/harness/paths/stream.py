"""Parquet to an Arrow stream, freely and under a budget of memory."""

from __future__ import annotations

from statistics import median

from .. import check
from ..bench import Bench, Case
from ..process import Run


def measure(bench: Bench) -> None:
    path, known = "Arrow stream", check.expected(bench.all, "all")
    wanted = {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}}

    def checked(who: str, case: Case) -> Case:
        def done() -> Run:
            answered = case()
            check.stream(who, answered.answer, wanted)
            return answered

        return done

    def peer(script: str, python: str | None = None) -> Case:
        return checked(script, lambda: bench.peer(script, python, data=bench.all))

    ours = checked("ours", lambda: bench.ours("stream", data=bench.all))
    bench.against(path, ours, "DuckDB to_arrow_reader", peer("duckdb_stream.py"), ">= 0.95", 0.95)
    bench.against(path, ours, "polars collect", peer("polars_collect.py"))
    if bench.wanted(f"{path} DuckDB 2") and (newer := bench.duckdb2()):
        name = f"DuckDB {newer[1]} to_arrow_reader, for information"
        bench.against(path, ours, name, peer("duckdb_stream.py", newer[0]))
    if of_ours := bench.runs_of_ours(path):
        bench.bound(path, "first batch, s", 0.1, lambda: median(run.answer["first_batch"] for run in of_ours))
        bench.bound(path, "RSS, MB", 300, lambda: max(run.rss_mb for run in of_ours))
    # Log lines, spans and a scrape a second: what they cost together.
    seen = [
        checked(f"ours, seen by {by}", lambda by=by: bench.ours("seen-stream", data=bench.all, by=by))
        for by in ("all", "nobody")
    ]
    bench.against("Arrow stream, seen", seen[0], "ours, seen by nobody", seen[1], ">= 0.99", 0.99)
    if bench.wanted("under a budget"):
        budgets(bench, wanted)


def budgets(bench: Bench, wanted: dict) -> None:
    answers = {"stream": wanted, "sort": wanted}

    def one(query: str, budget: int) -> float:
        if query not in answers:
            answers[query] = bench.peer("duckdb_answers.py", data=bench.all, query=query).answer
        done = bench.ours("stream-budget", data=bench.all, query=query, budget=budget)
        lacks = check.stream(f"ours, {query}", done.answer, answers[query])
        if lacks:
            print(f"{query}: ours does not answer {', '.join(lacks)}: only its rows are checked", flush=True)
        return done.rss_mb

    for budget in (256,) if bench.options.quick else (256, 512, 1024):
        for query in ("stream", "sort", "distinct", "group"):
            path = f"under a budget of {budget} MB: {query}"
            bench.bound(path, "RSS, MB", budget + 100, lambda query=query, budget=budget: one(query, budget))
