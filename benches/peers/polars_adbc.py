"""polars' write_database with ADBC."""

import time

import adbc_driver_postgresql.dbapi
import polars
from job import COLUMNS, UFS, answer, arguments, table

given = arguments()
began = time.perf_counter()
frame = polars.scan_parquet(f"{given['data']}/*.parquet")
frame = frame.filter(polars.col("ANO_CMPT").is_between(polars.lit("2023"), polars.lit("2024")))
frame = frame.filter(polars.col("UF_ZI").is_in(UFS)).select([polars.col(c).alias(c.lower()) for c in COLUMNS]).collect()
with adbc_driver_postgresql.dbapi.connect(given["url"]) as connection:
    with connection.cursor() as cursor:
        for statement in table(given["table"]).split("; "):
            cursor.execute(statement)
    frame.write_database(given["table"], connection, engine="adbc", if_table_exists="append")
    connection.commit()
answer(time.perf_counter() - began, frame.height)
