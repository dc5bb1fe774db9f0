"""DBC files: to DBF bytes, to a DBF file, to typed Parquet, to a few columns."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from itertools import count
from pathlib import Path

from .. import check
from ..bench import BIN, ROOT, Bench
from ..process import Run, run


def measure(bench: Bench) -> None:
    found = genuine() or [made(bench)]
    for file in found:
        to_dbf(bench, file)
    of_rd = next((file for file in found if file.stem.upper().startswith("RD")), None) or made(bench)
    to_parquet(bench, of_rd)
    if bench.wanted("two files on two cores"):
        bench.bound("two files on two cores", "1.9 x (two cores / one)", 1.0, lambda: two(bench, of_rd))
    if bench.wanted("8 of 113 columns to Arrow"):
        bench.bound("8 of 113 columns to Arrow", "of the bare explode", 1.15, lambda: columns(bench, of_rd))


def genuine() -> list[Path]:
    folder = Path(os.environ.get("DATASUS_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))
    names = ["RDRJ1602", "PAAC2401", "DOINF21", "SPRR1604"]
    found = {path.stem.upper(): path for path in folder.rglob("*.dbc")} if folder.is_dir() else {}
    return [found[name] for name in names if name in found]


def made(bench: Bench) -> Path:
    path = bench.data / "dbc" / "RDRJ2301.dbc"
    if not path.exists():
        subprocess.run([BIN, "generate-dbc", f"out={path.parent}"], check=True)
    return path


def to_dbf(bench: Bench, file: Path) -> None:
    ours_dbf, peer_dbf = bench.out / "ours.dbf", bench.out / "peer.dbf"

    @cache
    def known() -> dict:
        return explode().answer

    def explode() -> Run:
        return bench.ours("dbc-explode", file=file)

    def blast() -> Run:
        done = run([bench.blast, str(file), "15"])
        check.equal("blast", (done.answer["rows"], done.answer["bytes"]), (known()["rows"], known()["bytes"]))
        return done

    def to_file() -> Run:
        return bench.ours("dbc-file", file=file, out=ours_dbf)

    def pyreaddbc() -> Run:
        done = bench.peer("pyreaddbc_file.py", file=file, out=peer_dbf, rows=known()["rows"])
        done.bytes = peer_dbf.stat().st_size
        # It writes a header of its own; the records must be the same.
        with ours_dbf.open("rb") as dbf:
            start = int.from_bytes(dbf.read(10)[8:], "little")
        subprocess.run(["cmp", f"--ignore-initial={start}", str(peer_dbf), str(ours_dbf)], check=True)
        return done

    path = f"DBC -> DBF bytes, {file.stem}"
    bench.against(path, explode, "C blast -O3 -march=native, no CRC", blast, ">= 1.5, stretch 2", 1.5)
    bench.against(f"DBC file -> DBF file, {file.stem}", to_file, "pyreaddbc", pyreaddbc, ">= 2.3", 2.3)


def to_parquet(bench: Bench, file: Path) -> None:
    number, peer_file = count(), bench.out / "peer.parquet"

    @cache
    def known() -> dict:
        return bench.peer("dbc_answer.py", file=file, out=bench.out / "known.dbf").answer

    def ours() -> Run:
        lake = bench.out / f"lake{next(number)}"
        done = bench.ours("dbc-parquet", file=file, out=lake)
        check.parquet_of_dbc("ours", bench.python, f"{lake}/lake-2/**/*.parquet", known())
        return done

    def peer(way: str) -> Run:
        done = bench.peer("dbc_parquet.py", file=file, out=peer_file, way=way)
        done.bytes = peer_file.stat().st_size
        check.parquet_of_dbc(way, bench.python, str(peer_file), known())
        return done

    path, fast = f"DBC -> typed Parquet, {file.stem}", "datasus-dbc + numpy + pyarrow, all text"
    bench.against(path, ours, "pyreaddbc + dbfread + pandas", lambda: peer("pandas"), ">= 25", 25.0, slow=True)
    bench.against(path, ours, fast, lambda: peer("numpy"), ">= 2", 2.0)


def two(bench: Bench, file: Path) -> float:
    twin = bench.out / f"RDSP{file.stem[-4:]}.dbc"
    twin.write_bytes(file.read_bytes())
    done = bench.ours("dbc-two", files=f"{file},{twin}").answer
    return 1.9 * done["seconds"] / done["one_seconds"]


def columns(bench: Bench, file: Path) -> float:
    done = bench.ours("dbc-columns", file=file).answer
    return done["seconds"] / done["explode_seconds"]
