"""DuckDB's rows by fetchmany, written one by one by psycopg 3 in binary."""

import time

import duckdb
import psycopg
from job import DATES, MONEY, NUMBERS, TEXTS, answer, arguments, query, table

given = arguments()
began = time.perf_counter()
found, rows = duckdb.connect().execute(query(given["data"])), 0
with psycopg.connect(given["url"]) as connection, connection.cursor() as cursor:
    for statement in table(given["table"]).split("; "):
        cursor.execute(statement)
    with cursor.copy(f"COPY {given['table']} FROM STDIN (FORMAT binary)") as copy:
        types = ["text"] * len(TEXTS) + ["int4"] * len(NUMBERS) + ["date"] * len(DATES) + ["numeric"] * len(MONEY)
        copy.set_types(types)
        while some := found.fetchmany(10_000):
            for row in some:
                copy.write_row(row)
            rows += len(some)
    connection.commit()
answer(time.perf_counter() - began, rows)
