"""DBC to Parquet; way=pandas: pyreaddbc, dbfread, pandas (as PySUS does); way=numpy: datasus-dbc, numpy, pyarrow."""

import time

import datasus_dbc
import dbfread
import numpy
import pandas
import pyarrow
import pyarrow.parquet
import pyreaddbc
from job import answer, arguments

given = arguments()
began = time.perf_counter()
if given["way"] == "pandas":
    dbf = given["out"] + ".dbf"
    pyreaddbc.dbc2dbf(given["file"], dbf)
    frame = pandas.DataFrame(iter(dbfread.DBF(dbf, encoding="iso-8859-1", raw=True)))
    frame = frame.map(lambda value: value.decode("iso-8859-1").strip() if isinstance(value, bytes) else value)
    frame.to_parquet(given["out"])
    rows = len(frame)
else:
    with open(given["file"], "rb") as file:
        dbf_bytes = datasus_dbc.decompress_bytes(file.read())
    rows = int.from_bytes(dbf_bytes[4:8], "little")
    header, length = (int.from_bytes(dbf_bytes[at : at + 2], "little") for at in (8, 10))
    records = numpy.frombuffer(dbf_bytes, dtype="S1", offset=header, count=rows * length).reshape(rows, length)
    columns, at = {}, 1
    for start in range(32, header - 1, 32):
        if dbf_bytes[start] in (0, 13):
            break
        name = dbf_bytes[start : start + 11].split(b"\0")[0].decode()
        width = dbf_bytes[start + 16]
        raw = numpy.ascontiguousarray(records[:, at : at + width]).view(f"S{width}").ravel()
        values = pyarrow.array(raw)
        try:
            columns[name] = values.cast(pyarrow.string())
        except pyarrow.ArrowInvalid:  # Not ASCII: only then the slow way.
            columns[name] = pyarrow.array(numpy.char.decode(raw, "iso-8859-1"))
        at += width
    pyarrow.parquet.write_table(pyarrow.table(columns), given["out"], compression="zstd")
answer(time.perf_counter() - began, rows)
