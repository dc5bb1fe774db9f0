"""The README's first example, in a Python that has nothing but the wheel."""

import csv
import pathlib
import sys
import tempfile

import datasus

for library in ("pyarrow", "pandas", "polars", "duckdb", "tqdm"):
    assert library not in sys.modules
folder = datasus.example_data(pathlib.Path(tempfile.mkdtemp()))
client = datasus.open(folder, output=folder)
rows = client.query("SIH-RD", uf="AC", competencia="202401", columns=["CNES", "VAL_TOT"])
assert sum(len(batch) for batch in rows) == 100
report = client.export("SIH-RD", uf="AC", columns=["CNES", "VAL_TOT"], to=datasus.Csv("internacoes.csv"))
with pathlib.Path(folder / "internacoes.csv").open(newline="") as file:
    assert len(list(csv.reader(file))) == 1 + report.records_processed == 301
print("in an empty venv:", report.storage, report.performance)
