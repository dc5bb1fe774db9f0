"""What the aggregates under a budget must answer, by DuckDB itself; query=distinct or group, as ours has them."""

import time

import duckdb
from job import answer, arguments

given = arguments()
data = f"read_parquet('{given['data']}/*.parquet')"
began = time.perf_counter()
connection = duckdb.connect()
if given["query"] == "distinct":
    distinct = connection.execute(f"SELECT count(DISTINCT N_AIH) FROM {data}").fetchone()[0]
    rows, sums = 1, {"n": str(distinct)}
else:
    keys = "UF_ZI, substr(DIAG_PRINC, 1, 3) AS cid, ANO_CMPT"
    groups = f"SELECT {keys}, count(*) AS n, sum(VAL_TOT) AS total FROM {data} GROUP BY ALL"
    rows, total = connection.execute(f"SELECT count(*), sum(total) FROM ({groups})").fetchone()
    sums = {"VAL_TOT": str(total)}
answer(time.perf_counter() - began, rows, sums=sums)
