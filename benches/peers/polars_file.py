"""polars' streaming sinks; form=csv, csv-zstd or parquet."""

import time

import polars
from job import COLUMNS, UFS, answer, arguments

given = arguments()
began = time.perf_counter()
frame = polars.scan_parquet(f"{given['data']}/*.parquet")
frame = frame.filter(polars.col("ANO_CMPT").is_between(polars.lit("2023"), polars.lit("2024")))
frame = frame.filter(polars.col("UF_ZI").is_in(UFS)).select(COLUMNS)
match given["form"]:
    case "csv":
        frame.sink_csv(given["out"])
    case "csv-zstd":
        frame.sink_csv(given["out"], compression="zstd")
    case _:
        frame.sink_parquet(given["out"], compression="zstd")
answer(time.perf_counter() - began, int(given["rows"]))
