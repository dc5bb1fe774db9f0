"""No result counts before it has been looked at: the rows and sums of the destination, after the clock."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

FIGURES = "count(*), sum(VAL_TOT), sum(VAL_SH), min(N_AIH), max(N_AIH)"
READ = """
import sys, duckdb
figures, relation = sys.argv[1:]
row = duckdb.connect().execute(f"SELECT {figures} FROM {relation}").fetchone()
print("|".join(str(value) for value in row))
"""


def expected(data: Path, part: str) -> dict:
    return json.loads((data / "expected.json").read_text())[part]


def compare(who: str, found: str, wanted: dict) -> None:
    """`found` as psql shows the figures."""
    keys = ("rows", "sum_val_tot", "sum_val_sh", "min_n_aih", "max_n_aih")
    if found.split("|") != [str(wanted[key]) for key in keys]:
        raise SystemExit(f"{who}: a wrong result: received {found}, expected {wanted}")


def equal(who: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SystemExit(f"{who}: a wrong result: received {str(found)[:80]}, expected {str(wanted)[:80]}")


def file(who: str, python: str, path: Path, wanted: dict) -> None:
    if path.suffix == ".parquet":
        figures, relation = FIGURES, f"read_parquet('{path}')"
    else:
        money = FIGURES.replace("VAL_TOT", "CAST(VAL_TOT AS DECIMAL(18,2))")
        figures = money.replace("VAL_SH", "CAST(VAL_SH AS DECIMAL(18,2))")
        compression = ", compression = 'zstd'" if path.suffix == ".zst" else ""
        relation = f"read_csv('{path}', all_varchar = true, header = true{compression})"
    done = subprocess.run([python, "-c", READ, figures, relation], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{who}: {path} cannot be read: {done.stderr[-500:]}")
    compare(who, done.stdout.strip(), wanted)


def stream(who: str, answer: dict, wanted: dict) -> None:
    found = (answer["rows"], answer["sums"]["VAL_TOT"])
    if found != (wanted["rows"], wanted["sum_val_tot"]):
        raise SystemExit(f"{who}: a wrong result: received {found}, expected {wanted}")
