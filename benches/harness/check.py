"""No result counts before it has been looked at: the rows and sums of the destination, after the clock."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .process import Failed

FIGURES = "count(*), sum(VAL_TOT), sum(VAL_SH), min(N_AIH), max(N_AIH)"
# Of what keeps its money as text, or as float8.
CAST = FIGURES
for money in ("VAL_TOT", "VAL_SH"):
    CAST = CAST.replace(f"({money})", f"(CAST({money} AS DECIMAL(18,2)))")
KEYS = ("rows", "sum_val_tot", "sum_val_sh", "min_n_aih", "max_n_aih")
READ = """
import sys, duckdb
figures, relation = sys.argv[1:]
row = duckdb.connect().execute(f"SELECT {figures} FROM {relation}").fetchone()
print("|".join(str(value) for value in row))
"""


def expected(data: Path, part: str) -> dict:
    return json.loads((data / "expected.json").read_text())[part]


def equal(who: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Failed(f"{who}: a wrong result: received {str(found)[:120]}, expected {str(wanted)[:120]}")


def compare(who: str, found: str, wanted: dict) -> None:
    """`found` as psql shows the figures."""
    equal(who, found, "|".join(str(wanted[key]) for key in KEYS))


def file(who: str, python: str, path: Path, wanted: dict) -> None:
    if path.suffix == ".parquet":
        figures, relation = FIGURES, f"read_parquet('{path}')"
    else:
        compression = ", compression = 'zstd'" if path.suffix == ".zst" else ""
        figures, relation = CAST, f"read_csv('{path}', all_varchar = true, header = true{compression})"
    compare(who, read(who, python, figures, relation), wanted)


def parquet_of_dbc(who: str, python: str, path: str, wanted: dict) -> None:
    """`wanted` out of pyreaddbc's DBF; the peers keep the money as text."""
    found = read(who, python, "count(*), sum(CAST(VAL_TOT AS DECIMAL(18,2)))", f"read_parquet('{path}')")
    equal(who, found, f"{wanted['rows']}|{wanted['sums']['VAL_TOT']}")


def read(who: str, python: str, figures: str, relation: str) -> str:
    done = subprocess.run([python, "-c", READ, figures, relation], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{who}: cannot be read: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


def stream(who: str, answer: dict, wanted: dict) -> list[str]:
    """Rows, and the sums that the answer has; the names of those that it lacks come back."""
    sums = {name: value for name, value in wanted["sums"].items() if name in answer["sums"]}
    found = {name: answer["sums"][name] for name in sums}
    equal(who, (answer["rows"], found), (wanted["rows"], sums))
    return [name for name in wanted["sums"] if name not in sums]
