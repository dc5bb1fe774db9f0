"""Parquet to a CSV, a compressed CSV, a Parquet file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .. import check
from ..bench import Bench, Case
from ..process import Run

SCRIPTS = {"DuckDB COPY": "duckdb_file.py", "polars sink": "polars_file.py", "pyarrow": "pyarrow_file.py"}
# Each form's name, its files' suffix, and the goals against the peers.
FORMS = {
    "csv": ("CSV", "csv", {"DuckDB COPY": 1.5, "polars sink": 1.05, "pyarrow": None}),
    "csv-zstd": ("CSV zstd", "csv.zst", {"DuckDB COPY": 1.3, "polars sink": None, "pyarrow": None}),
    "parquet": ("Parquet zstd", "parquet", {"DuckDB COPY": 1.0, "polars sink": 0.9, "pyarrow": None}),
}


def measure(bench: Bench) -> None:
    for form in FORMS:
        one(bench, form)


def one(bench: Bench, form: str) -> None:
    wanted, (name, suffix, goals) = check.expected(bench.job, "job"), FORMS[form]
    path, out = f"Parquet -> {name}", bench.out / f"out.{suffix}"

    def checked(who: str, case: Callable[[Path], Run]) -> Case:
        def done() -> Run:
            out.unlink(missing_ok=True)
            answered = case(out)
            answered.bytes = out.stat().st_size
            check.file(who, bench.python, out, wanted)
            return answered

        return done

    def peer(script: str, python: str | None = None) -> Case:
        given = {"data": bench.job, "form": form, "rows": wanted["rows"]}
        return checked(script, lambda out: bench.peer(script, python, out=out, **given))

    ours = checked("ours", lambda out: bench.ours(form, data=bench.job, out=out))
    for who, least in goals.items():
        bench.against(path, ours, who, peer(SCRIPTS[who]), f">= {least}" if least else "", least)
    if form == "csv":
        bench.against(path, ours, "pandas to_csv", peer("pandas_csv.py"), slow=True)
        if bench.wanted(f"{path} DuckDB 2") and (newer := bench.duckdb2()):
            bench.against(path, ours, f"DuckDB {newer[1]} COPY, for information", peer("duckdb_file.py", newer[0]))
    of_ours = [run.rss_mb for row in bench.rows if row.path == path for run in row.ours]
    if of_ours and form != "parquet":
        bench.bound(path, "RSS, MB", 150, lambda: max(of_ours))
