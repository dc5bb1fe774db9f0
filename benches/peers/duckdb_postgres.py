"""DuckDB's own postgres extension; way=insert (INTO a table of the server) or create (TABLE AS)."""

import time
from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner
from job import COLUMNS, answer, arguments, query, table

given = arguments()
extension = next(Path(duckdb_extension_postgres_scanner.__file__).parent.rglob("*.duckdb_extension"))
began = time.perf_counter()
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(f"ATTACH '{given['url']}' AS pg (TYPE postgres)")
schema, create = table(given["table"]).split("; ")
connection.execute("CALL postgres_execute('pg', ?)", [schema])
if given["way"] == "insert":
    connection.execute("CALL postgres_execute('pg', ?)", [create])
    into = f"INSERT INTO pg.{given['table']} {query(given['data'])}"
else:
    # It keeps the case of names, which the server would then want in quotes.
    named = ", ".join(f"{column} AS {column.lower()}" for column in COLUMNS)
    into = f"CREATE TABLE pg.{given['table']} AS SELECT {named} FROM ({query(given['data'])})"
connection.execute("CALL pg_clear_cache()")
rows = connection.execute(into).fetchone()[0]
answer(time.perf_counter() - began, rows)
