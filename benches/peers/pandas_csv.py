"""DuckDB to a pandas frame, and to_csv."""

import time

import duckdb
from job import answer, arguments, query

given = arguments()
began = time.perf_counter()
frame = duckdb.connect().execute(query(given["data"])).df()
frame.to_csv(given["out"], index=False)
answer(time.perf_counter() - began, len(frame))
