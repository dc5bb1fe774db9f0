"""Words for codes and derived columns, which ours has as its own peer: the same words in plain columns, and groups by code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .. import check
from ..bench import BIN, ROOT, Bench
from ..process import Run
from ..server import Server

TABLE = "bench.words"
STREAM, LOAD, GROUP = "Labels: Arrow stream", "Labels: Parquet -> PostgreSQL, 2 connections", "Labels: group_by"
LIBRARY = "Labels: the library"
PLAIN = "ours, eight plain columns of the same types, texts as long"
CODES = "ours, the eight columns of codes"


def measure(bench: Bench) -> None:
    known = check.expected(bench.all, "all")
    wanted = {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}}

    def streamed(query: str, data: Path = bench.all) -> Run:
        done = bench.ours("labels-stream", data=data, query=query)
        # How many groups there are is the list's to say.
        known_rows = done.answer["rows"] if query.startswith("group") else wanted["rows"]
        check.stream(f"ours, {query}", done.answer, {**wanted, "rows": known_rows})
        return done

    if bench.wanted(f"{STREAM} {PLAIN}"):
        plain = in_plain_columns(bench)
        bench.against(STREAM, lambda: streamed("words"), PLAIN, lambda: streamed("plain", plain), ">= 0.87", 0.87)
    bench.against(STREAM, lambda: streamed("words"), CODES, lambda: streamed("plain"))
    bench.against(
        GROUP, lambda: streamed("group-label"), "ours, by the code", lambda: streamed("group-code"), ">= 0.95", 0.95
    )
    if bench.wanted(f"{LOAD} {PLAIN}") or bench.wanted(f"{LOAD} {CODES}"):
        loads(bench, known)
    if bench.wanted(LIBRARY):
        bench.bound(LIBRARY, "MB of lists and code", 2, megabytes)


def in_plain_columns(bench: Bench) -> Path:
    """The rows with their words in the columns of the codes."""
    folder = bench.all.with_name(f"{bench.all.name}-words")
    if not (folder / "expected.json").exists():
        subprocess.run([BIN, "generate-words", f"data={bench.all}", f"out={folder}"], check=True)
    return folder


def loads(bench: Bench, known: dict) -> None:
    try:
        with Server() as bench.server:
            bench.server.start()
            server = bench.server

            def loaded(query: str, data: Path = bench.all) -> Run:
                server.query(f"DROP TABLE IF EXISTS {TABLE}", "CHECKPOINT")
                done = bench.ours("labels-postgres", data=data, url=server.url, table=TABLE, query=query)
                check.compare("ours", server.query(f"SELECT {check.FIGURES} FROM {TABLE}"), known)
                return done

            loaded("plain")
            if bench.wanted(f"{LOAD} {PLAIN}"):
                plain = in_plain_columns(bench)
                bench.against(LOAD, lambda: loaded("words"), PLAIN, lambda: loaded("plain", plain), ">= 0.87", 0.87)
            bench.against(LOAD, lambda: loaded("words"), CODES, lambda: loaded("plain"))
    finally:
        bench.server = None


def megabytes() -> float:
    """The compiled lists, their rules, and the machine code of the room that reads them."""
    held = ROOT / "core" / "labels"
    lists = sum(file.stat().st_size for file in held.iterdir())
    symbols = subprocess.run(["nm", "--size-sort", "-S", BIN], check=True, capture_output=True, text=True).stdout
    # `datasus::labels`, as the compiler writes it: each name behind its length.
    code = sum(int(line.split()[1], 16) for line in symbols.splitlines() if "7datasus6labels" in line)
    return (lists + code) / 1e6
