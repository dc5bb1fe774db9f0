"""DuckDB's Arrow stream into pyarrow's writers; form=csv or parquet."""

import time

import duckdb
import pyarrow.csv
import pyarrow.parquet
from job import answer, arguments, query

given = arguments()
began = time.perf_counter()
stream = duckdb.connect().sql(query(given["data"])).to_arrow_reader(65536)
rows = 0
if given["form"] == "csv":
    writer = pyarrow.csv.CSVWriter(given["out"], stream.schema)
else:
    writer = pyarrow.parquet.ParquetWriter(given["out"], stream.schema, compression="zstd")
with writer:
    for batch in stream:
        writer.write_batch(batch)
        rows += batch.num_rows
answer(time.perf_counter() - began, rows)
