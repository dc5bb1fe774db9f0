"""One DBC file as a pandas data frame: ours, and the ways that people take."""

import tempfile
import time
from pathlib import Path

import pandas
import pyarrow
from job import answer, arguments

given = arguments()
way, file = given["way"], given["file"]
_ = pyarrow.__version__
if way == "ours":
    import datasus

    began = time.perf_counter()
    frame = datasus.read_dbc(file, typed=given.get("typed", "0") == "1").to_pandas()
elif way == "pyreaddbc":
    # What PySUS does: DBC to DBF on disk, then record by record.
    import pyreaddbc
    from dbfread import DBF

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        dbf = str(Path(folder) / "file.dbf")
        pyreaddbc.dbc2dbf(file, dbf)
        frame = pandas.DataFrame(list(DBF(dbf, encoding="iso-8859-1", raw=True)))
elif way == "datasus-dbc":
    import datasus_dbc
    from dbfread import DBF

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        dbf = Path(folder) / "file.dbf"
        dbf.write_bytes(datasus_dbc.decompress_bytes(Path(file).read_bytes()))
        frame = pandas.DataFrame(list(DBF(str(dbf), encoding="iso-8859-1", raw=True)))
elif way == "omnisus-dbf":
    import omnisus_dbf

    began = time.perf_counter()
    dbf_bytes = omnisus_dbf.decompress_dbc(Path(file).read_bytes())
    batches = omnisus_dbf.open_reader(dbf_bytes, encoding="latin-1", batch_rows=100_000)
    # Whether a number is whole, or there at all, is found batch by batch.
    tables = [pyarrow.Table.from_batches([batch]) for batch in batches]
    frame = pyarrow.concat_tables(tables, promote_options="permissive").to_pandas(types_mapper=pandas.ArrowDtype)
else:
    raise SystemExit(f"no way {way}")
answer(time.perf_counter() - began, len(frame), columns=len(frame.columns))
