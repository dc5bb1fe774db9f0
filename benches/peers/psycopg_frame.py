"""The original design's ways: DuckDB to a pandas frame, then psycopg 3; way=text, binary or csv."""

import io
import time
from decimal import Decimal

import duckdb
import pandas
import psycopg
from job import DATES, MONEY, NUMBERS, TEXTS, answer, arguments, query, table

given = arguments()
began = time.perf_counter()
frame = duckdb.connect().execute(query(given["data"])).df()
with psycopg.connect(given["url"]) as connection, connection.cursor() as cursor:
    for statement in table(given["table"]).split("; "):
        cursor.execute(statement)
    if given["way"] == "csv":
        buffer = io.StringIO()
        frame.to_csv(buffer, index=False, header=False)
        with cursor.copy(f"COPY {given['table']} FROM STDIN (FORMAT csv)") as copy:
            copy.write(buffer.getvalue())
    else:
        for column in DATES:
            frame[column] = frame[column].dt.date
        form = "(FORMAT binary)" if given["way"] == "binary" else ""
        with cursor.copy(f"COPY {given['table']} FROM STDIN {form}") as copy:
            if given["way"] == "binary":
                types = ["text"] * len(TEXTS) + ["int4"] * len(NUMBERS) + ["date"] * len(DATES)
                copy.set_types(types + ["numeric"] * len(MONEY))
                for column in MONEY:
                    frame[column] = frame[column].map(
                        lambda value: None if pandas.isna(value) else Decimal(f"{value:.2f}")
                    )
            for row in frame.itertuples(index=False, name=None):
                copy.write_row(row)
    connection.commit()
answer(time.perf_counter() - began, len(frame))
