"""DuckDB's own postgres extension: INSERT INTO a table of the server."""

import time
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner
from job import answer, arguments, query, table

given = arguments()
extension = next(Path(duckdb_extension_postgres_scanner.__file__).parent.rglob("*.duckdb_extension"))
began = time.perf_counter()
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH '{given['url']}' AS pg (TYPE postgres)")
for statement in table(given["table"]).split("; "):
    connection.execute("CALL postgres_execute('pg', ?)", [statement])
connection.execute("CALL pg_clear_cache()")
rows = connection.execute(f"INSERT INTO pg.{given['table']} {query(given['data'])}").fetchone()[0]
answer(time.perf_counter() - began, rows)
