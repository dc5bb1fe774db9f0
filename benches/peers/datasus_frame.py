"""Ours, from Python: the stream batch by batch, or all rows as a data frame."""

import time
from decimal import Decimal

import numpy
import pandas
import polars
import pyarrow
import pyarrow.compute
from job import COLUMNS, answer, arguments

import datasus

given = arguments()
way, money = given["way"], "VAL_TOT"
_ = (numpy.__version__, pandas.__version__, polars.__version__)
began = time.perf_counter()
result = datasus.open(given["data"], progress=False).query("SIH-RD", columns=COLUMNS)
if way == "stream":
    first, rows, size, total = 0.0, 0, 0, Decimal(0)
    for batch in pyarrow.RecordBatchReader.from_stream(result):
        first = first or time.perf_counter() - began
        rows += batch.num_rows
        size += batch.nbytes
        total += pyarrow.compute.sum(batch[money]).as_py()
    answer(time.perf_counter() - began, rows, bytes=size, first_batch=first, sums={money: str(total)})
else:
    if way == "polars":
        frame = result.to_polars()
        seconds = time.perf_counter() - began
    else:
        frame = result.to_pandas(dtype_backend=None if way == "pandas" else way)
        seconds = time.perf_counter() - began
    # The sum of ten million decimals is not what is measured.
    total = frame[money].sum()
    answer(seconds, len(frame), sums={money: f"{total:.2f}" if isinstance(total, float) else str(total)})
