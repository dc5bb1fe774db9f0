"""DuckDB's Arrow stream into ADBC's ingest."""

import time

import adbc_driver_postgresql.dbapi
import duckdb
from job import answer, arguments, query, table

given = arguments()
schema, name = given["table"].split(".")
began = time.perf_counter()
with adbc_driver_postgresql.dbapi.connect(given["url"]) as connection, connection.cursor() as cursor:
    for statement in table(given["table"]).split("; "):
        cursor.execute(statement)
    stream = duckdb.connect().sql(query(given["data"])).to_arrow_reader(65536)
    # Its columns are matched by name, as they are written.
    stream = stream.from_batches(
        stream.schema.empty_table().rename_columns([c.lower() for c in stream.schema.names]).schema,
        (batch.rename_columns([c.lower() for c in batch.schema.names]) for batch in stream),
    )
    rows = cursor.adbc_ingest(name, stream, mode="append", db_schema_name=schema)
    connection.commit()
answer(time.perf_counter() - began, rows)
