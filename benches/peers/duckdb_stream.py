"""DuckDB's own Arrow stream, taken batch by batch."""

import time
from decimal import Decimal

import duckdb
import pyarrow.compute
from job import answer, arguments, query

given = arguments()
began = time.perf_counter()
first, rows, size, total = 0.0, 0, 0, Decimal(0)
for batch in duckdb.connect().sql(query(given["data"], where=False)).to_arrow_reader(65536):
    first = first or time.perf_counter() - began
    rows += batch.num_rows
    size += batch.nbytes
    total += pyarrow.compute.sum(batch["VAL_TOT"]).as_py()
answer(time.perf_counter() - began, rows, bytes=size, first_batch=first, sums={"VAL_TOT": str(total)})
