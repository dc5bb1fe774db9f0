"""polars' collect: the whole answer in memory."""

import time

import polars
from job import COLUMNS, answer, arguments

given = arguments()
began = time.perf_counter()
frame = polars.scan_parquet(f"{given['data']}/*.parquet").select(COLUMNS).collect()
total = frame["VAL_TOT"].sum()
seconds = time.perf_counter() - began
answer(seconds, frame.height, bytes=frame.estimated_size(), sums={"VAL_TOT": str(total)})
