"""The Python face, from its wheel: streams and data frames of ten million rows, and one DBC as a data frame."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from .. import check
from ..bench import ROOT, TARGET, Bench, Case
from ..process import Run
from .dbc import genuine, made

GOALS = {
    "to_pandas": ("pandas", "DuckDB .df()", "pandas", 6.0),
    "to_pandas, Arrow types": ("pyarrow", "DuckDB .df()", "pandas", 6.0),
    "to_pandas, numpy": ("numpy", "DuckDB .df()", "pandas", 1.0),
    "to_polars": ("polars", "DuckDB .pl()", "polars", 1.0),
}


def measure(bench: Bench) -> None:
    if not bench.wanted("Python: stream Python: to_pandas Python: to_polars Python: DBC -> pandas omnisus-dbf"):
        return
    installed(bench)
    frames(bench)
    files(bench)


@cache
def installed(bench: Bench) -> None:
    """The wheel, beside the peers."""
    wheels = TARGET / "wheels"
    subprocess.run(
        [str(ROOT / "bindings-python" / "wheel.sh"), str(wheels)],
        check=True,
        env=os.environ | {"CARGO_TARGET_DIR": str(TARGET)},
    )
    wheel = next(wheels.glob("datasus-*.whl"))
    subprocess.run(
        [bench.python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", str(wheel)], check=True
    )


def frames(bench: Bench) -> None:
    known = check.expected(bench.all, "all")
    wanted = {"rows": known["rows"], "sums": {"VAL_TOT": known["sum_val_tot"]}}

    def checked(who: str, case: Case, exact: bool = True) -> Case:
        def done() -> Run:
            answered = case()
            if exact:
                check.stream(who, answered.answer, wanted)
            else:
                check.equal(who, answered.answer["rows"], wanted["rows"])
            return answered

        return done

    def ours(way: str) -> Case:
        return checked(f"ours, {way}", lambda: bench.peer("datasus_frame.py", data=bench.all, way=way))

    path = "Python: stream"
    bench.against(
        path,
        ours("stream"),
        "DuckDB to_arrow_reader",
        checked("DuckDB", lambda: bench.peer("duckdb_stream.py", data=bench.all)),
        ">= 0.95",
        0.95,
    )
    bench.against(
        path,
        ours("stream"),
        "ours in Rust",
        checked("Rust", lambda: bench.ours("stream", data=bench.all)),
        ">= 0.98",
        0.98,
    )
    if of_ours := bench.runs_of_ours(path):
        bench.bound(path, "RSS, MB", 400, lambda: max(run.rss_mb for run in of_ours))
    for name, (way, peer, theirs, least) in GOALS.items():
        case = checked(
            peer, lambda theirs=theirs: bench.peer("duckdb_frame.py", data=bench.all, way=theirs), exact=False
        )
        bench.against(f"Python: {name}", ours(way), peer, case, f">= {least:g}", least, slow=not bench.options.quick)


def files(bench: Bench) -> None:
    # It tells numbers from text, so ours gives its types as well.
    omnisus = (
        bench.apart("omnisus-dbf", "omnisus") if bench.wanted("Python: DBC -> pandas, typed omnisus-dbf") else None
    )

    def case(way: str, file: Path, wanted: list[int], python: str | None = None, **more: object) -> Case:
        def done() -> Run:
            run = bench.peer("dbc_frame.py", python=python, file=file, way=way, **more)
            wanted.append(run.answer["rows"])
            check.equal(way, run.answer["rows"], wanted[0])
            return run

        return done

    for file in genuine() or [made(bench)]:
        wanted: list[int] = []
        for peer, least in (("pyreaddbc", 10.0), ("datasus-dbc", 1.0)):
            ours = case("ours", file, wanted)
            bench.against(
                f"Python: DBC -> pandas, {file.stem}",
                ours,
                f"{peer} + dbfread",
                case(peer, file, wanted),
                f">= {least:g}",
                least,
            )
        if omnisus:
            python, version = omnisus
            bench.against(
                f"Python: DBC -> pandas, typed, {file.stem}",
                case("ours", file, wanted, typed=1),
                f"omnisus-dbf {version}",
                case("omnisus-dbf", file, wanted, python),
                ">= 1",
                1.0,
            )
