"""DuckDB's COPY to a file; form=csv, csv-zstd or parquet."""

import time

import duckdb
from job import answer, arguments, query

given = arguments()
form = {
    "csv": "(FORMAT csv, HEADER)",
    "csv-zstd": "(FORMAT csv, HEADER, COMPRESSION zstd)",
    "parquet": "(FORMAT parquet, COMPRESSION zstd)",
}[given["form"]]
began = time.perf_counter()
rows = duckdb.connect().execute(f"COPY ({query(given['data'])}) TO '{given['out']}' {form}").fetchone()[0]
answer(time.perf_counter() - began, rows)
