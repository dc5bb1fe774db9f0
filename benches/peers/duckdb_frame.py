"""DuckDB's own data frames."""

import time

import duckdb
import numpy
import pandas
import polars
import pyarrow
from job import answer, arguments, query

given = arguments()
_ = (numpy.__version__, pandas.__version__, polars.__version__, pyarrow.__version__)
began = time.perf_counter()
relation = duckdb.connect().sql(query(given["data"], where=False))
frame = relation.pl() if given["way"] == "polars" else relation.df()
seconds = time.perf_counter() - began
# `.df()` makes floats of decimals: the sum is near, not exact.
answer(seconds, len(frame), sums={"VAL_TOT": f"{frame['VAL_TOT'].sum():.2f}"})
