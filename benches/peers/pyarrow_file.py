"""DuckDB's Arrow stream into pyarrow's writers; form=csv, csv-zstd or parquet."""

import time

import duckdb
import pyarrow
import pyarrow.csv
import pyarrow.parquet
from job import answer, arguments, query

given = arguments()
began = time.perf_counter()
stream = duckdb.connect().sql(query(given["data"])).to_arrow_reader(65536)
rows = 0
if given["form"] == "parquet":
    writer = pyarrow.parquet.ParquetWriter(given["out"], stream.schema, compression="zstd")
else:
    out = pyarrow.output_stream(given["out"], compression="zstd" if given["form"] == "csv-zstd" else None)
    writer = pyarrow.csv.CSVWriter(out, stream.schema)
with writer:
    for batch in stream:
        writer.write_batch(batch)
        rows += batch.num_rows
if given["form"] != "parquet":
    out.close()
answer(time.perf_counter() - began, rows)
