"""Words for codes and derived columns, which ours has as its own peer: plain columns of the same types, and groups by code."""

from __future__ import annotations

from .. import check
from ..bench import Bench
from ..process import Run
from ..server import Server

TABLE = "bench.words"
STREAM, LOAD, GROUP = "Labels: Arrow stream", "Labels: Parquet -> PostgreSQL, 2 connections", "Labels: group_by"
PLAIN = "ours, eight plain columns of the same types"


def measure(bench: Bench) -> None:
    known = check.expected(bench.all, "all")
    wanted = {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}}

    def streamed(query: str) -> Run:
        done = bench.ours("labels-stream", data=bench.all, query=query)
        # How many groups there are is the list's to say.
        known_rows = done.answer["rows"] if query.startswith("group") else wanted["rows"]
        check.stream(f"ours, {query}", done.answer, {**wanted, "rows": known_rows})
        return done

    bench.against(STREAM, lambda: streamed("words"), PLAIN, lambda: streamed("plain"), ">= 0.87", 0.87)
    bench.against(
        GROUP, lambda: streamed("group-label"), "ours, by the code", lambda: streamed("group-code"), ">= 0.95", 0.95
    )
    if bench.wanted(f"{LOAD} {PLAIN}"):
        loads(bench, known)


def loads(bench: Bench, known: dict) -> None:
    try:
        with Server() as bench.server:
            bench.server.start()
            server = bench.server

            def loaded(query: str) -> Run:
                server.query(f"DROP TABLE IF EXISTS {TABLE}", "CHECKPOINT")
                done = bench.ours("labels-postgres", data=bench.all, url=server.url, table=TABLE, query=query)
                check.compare("ours", server.query(f"SELECT {check.FIGURES} FROM {TABLE}"), known)
                return done

            loaded("plain")
            bench.against(LOAD, lambda: loaded("words"), PLAIN, lambda: loaded("plain"), ">= 0.87", 0.87)
    finally:
        bench.server = None
