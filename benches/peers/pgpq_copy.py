"""DuckDB's Arrow stream, encoded by pgpq, copied by psycopg 3. pgpq has no numeric: the money is float8."""

import time

import duckdb
import pgpq
import psycopg
from job import MONEY, answer, arguments, query, table

given = arguments()
began = time.perf_counter()
replaced = ", ".join(f"CAST({column} AS DOUBLE) AS {column}" for column in MONEY)
stream = duckdb.connect().sql(f"SELECT * REPLACE ({replaced}) FROM ({query(given['data'])})").to_arrow_reader(65536)
encoder = pgpq.ArrowToPostgresBinaryEncoder(stream.schema)
rows = 0
with psycopg.connect(given["url"]) as connection, connection.cursor() as cursor:
    for statement in table(given["table"], money="float8").split("; "):
        cursor.execute(statement)
    with cursor.copy(f"COPY {given['table']} FROM STDIN (FORMAT binary)") as copy:
        copy.write(encoder.write_header())
        for batch in stream:
            copy.write(encoder.write_batch(batch))
            rows += batch.num_rows
        copy.write(encoder.finish())
    connection.commit()
answer(time.perf_counter() - began, rows)
