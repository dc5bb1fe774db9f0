"""What a DBC of SIH-RD holds, for the check: rows and the sum of VAL_TOT in pyreaddbc's DBF, byte by byte."""

import time
from decimal import Decimal
from pathlib import Path

import pyreaddbc
from job import answer, arguments

given = arguments()
began = time.perf_counter()
pyreaddbc.dbc2dbf(given["file"], given["out"])
dbf = Path(given["out"]).read_bytes()
rows, header, length = (int.from_bytes(dbf[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
at = 1
for start in range(32, header - 1, 32):
    width = dbf[start + 16]
    if dbf[start : start + 11].split(b"\0")[0] == b"VAL_TOT":
        break
    at += width
else:
    raise SystemExit(f"{given['file']}: no VAL_TOT")
starts = range(header + at, header + at + rows * length, length)
total = sum((Decimal(dbf[start : start + width].decode().strip() or "0") for start in starts), Decimal(0))
answer(time.perf_counter() - began, rows, sums={"VAL_TOT": str(total)})
