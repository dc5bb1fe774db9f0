"""Runs ours against what users would pick instead: `make bench`, `make bench-quick`; see benches/README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from harness import check
from harness.process import Run, run
from harness.server import Server
from harness.table import BOUNDS_HEAD, HEAD, Bound, Row

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benches" / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BIN = os.environ.get("DATASUS_BENCH_BIN", str(TARGET / "debug" / "datasus-bench"))
TABLE = "bench.rd"
# Pairs that are run again because others were at work.
MORE = 4
Case = Callable[[], Run]


class Bench:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.rows, self.bounds = options, [], []
        self.pairs = options.pairs or (2 if options.quick else 5)
        data = Path(os.environ.get("DATASUS_BENCH_DATA", TARGET / "bench-data"))
        self.job, self.all = (data / name for name in (("quick15", "quick10") if options.quick else ("m15", "m10")))
        for folder in (self.job, self.all):
            if not (folder / "expected.json").exists():
                subprocess.run([BIN, "generate", f"out={folder}", f"set={folder.name}"], check=True)
        venv = TARGET / "bench-venv"
        subprocess.run([str(PEERS / "setup.sh"), str(venv)], check=True)
        self.python, self.blast = str(venv / "bin" / "python"), str(venv / "blast")
        self.out = Path(tempfile.mkdtemp(prefix="datasus-bench-out-", dir=TARGET))
        self.dbc = self.genuine() or [self.made_dbc(data)]
        self.server: Server | None = None

    def genuine(self) -> list[Path]:
        folder = Path(os.environ.get("DATASUS_REAL_DATA", ROOT.parent / "shared" / "data" / "real"))
        names = ["RDRJ1602", "PAAC2401", "DOINF21", "SPRR1604"]
        found = {path.stem.upper(): path for path in folder.rglob("*.dbc")} if folder.is_dir() else {}
        return [found[name] for name in names if name in found]

    def made_dbc(self, data: Path) -> Path:
        path = data / "dbc" / "RDRJ2301.dbc"
        if not path.exists():
            subprocess.run([BIN, "generate-dbc", f"out={path.parent}"], check=True)
        return path

    def ours(self, case: str, **given: object) -> Run:
        words = [f"{key}={value}" for key, value in given.items()]
        return run([BIN, case, *words], self.server.pid if self.server else None)

    def peer(self, script: str, **given: object) -> Run:
        words = [f"{key}={value}" for key, value in given.items()]
        argv = [self.python, str(PEERS / script), *words]
        return run(argv, self.server.pid if self.server else None)

    def wanted(self, path: str) -> bool:
        return re.search(self.options.only or "", path) is not None

    def against(
        self, path: str, ours: Case, peer: str, case: Case, goal: str, least: float | None, slow: bool = False
    ) -> None:
        """Ours and a peer in turn; pairs with others at work do not count, and some more are run in their place."""
        if not self.wanted(f"{path} {peer}"):
            return
        row = Row(path, peer, goal, least)
        pairs = min(self.pairs, 1 if slow or self.options.quick else self.pairs) if slow else self.pairs
        row.note = "one pair" if slow else ""
        while len(row.quiet()) < pairs and len(row.pairs()) < pairs + (0 if slow else MORE):
            row.ours.append(ours())
            row.peers.append(case())
        self.rows.append(row)
        print(row.markdown(), flush=True)

    def bound(self, path: str, figure: str, value: float, most: float) -> None:
        self.bounds.append(Bound(path, figure, value, most))
        print(self.bounds[-1].markdown(), flush=True)

    # One method a path.

    def postgres(self) -> None:
        path = "Parquet -> PostgreSQL"
        peers = ("raw COPY file by psql, 1 connection", "raw COPY files by psql, 2 connections", "DuckDB + ADBC ingest")
        peers += ("DuckDB's postgres extension", "polars + ADBC", "original: pandas + psycopg, text, binary, csv")
        if not any(self.wanted(f"{path}, {n} {peer}") for n in ("1 connection", "2 connections") for peer in peers):
            return
        self.server = server = Server()
        wanted = check.expected(self.job, "job")

        def fresh() -> None:
            server.query(f"DROP TABLE IF EXISTS {TABLE}", "CHECKPOINT")

        def checked(who: str, case: Case) -> Run:
            fresh()
            done = case()
            check.compare(who, server.query(f"SELECT {check.FIGURES} FROM {TABLE}"), wanted)
            return done

        def ours(connections: int) -> Case:
            return lambda: checked(
                "ours",
                lambda: self.ours("postgres", url=server.url, data=self.job, table=TABLE, connections=connections),
            )

        def peer(script: str, **given: object) -> Case:
            return lambda: checked(
                script, lambda: self.peer(script, url=server.url, data=self.job, table=TABLE, **given)
            )

        ours(1)()
        ready = [self.out / name for name in ("all.bin", "first.bin", "second.bin")]
        half = wanted["rows"] // 2
        for file, part in zip(ready, ("", f" LIMIT {half}", f" OFFSET {half}"), strict=True):
            server.query(f"\\copy (SELECT * FROM {TABLE}{part}) TO '{file}' WITH (FORMAT binary)")
        psql, rows = str(server.bin / "psql"), wanted["rows"]
        raw_one = peer("raw_copy.py", psql=psql, files=ready[0], rows=rows)
        raw_two = peer("raw_copy.py", psql=psql, files=f"{ready[1]},{ready[2]}", rows=rows)
        self.against(f"{path}, 1 connection", ours(1), "raw COPY file by psql, 1 connection", raw_one, ">= 0.95", 0.95)
        self.against(f"{path}, 1 connection", ours(1), "DuckDB + ADBC ingest", peer("adbc.py"), ">= 1.35", 1.35)
        self.against(
            f"{path}, 2 connections", ours(2), "raw COPY files by psql, 2 connections", raw_two, ">= 0.85", 0.85
        )
        self.against(
            f"{path}, 2 connections", ours(2), "DuckDB's postgres extension", peer("duckdb_postgres.py"), ">= 1.2", 1.2
        )
        self.against(f"{path}, 2 connections", ours(2), "DuckDB + ADBC ingest", peer("adbc.py"), ">= 1.7", 1.7)
        self.against(f"{path}, 2 connections", ours(2), "polars + ADBC", peer("polars_adbc.py"), "", None, slow=True)
        for way, least in (("text", 13.0), ("binary", 13.0), ("csv", None)):
            self.against(f"{path}, 2 connections", ours(2), f"original: pandas + psycopg, {way}", peer("psycopg_frame.py", way=way),
                         ">= 13" if least else "", least, slow=True)  # fmt: skip
        of_ours = [run.rss_mb for row in self.rows for run in row.ours if row.path.startswith(path)]
        if of_ours:
            fresh()
            ten = self.ours("postgres", url=server.url, data=self.all, table=TABLE, connections=2, all=1)
            check.compare("ours", server.query(f"SELECT {check.FIGURES} FROM {TABLE}"), check.expected(self.all, "all"))
            self.bound(path, "RSS, MB", max(of_ours), 200)
            self.bound(f"{path}, {self.all.name}", "RSS, MB", ten.rss_mb, round(max(of_ours) * 1.15, 1))
        server.stop()
        self.server = None

    def files(self) -> None:
        wanted = check.expected(self.job, "job")
        for form, name, suffix, goals in (
            ("csv", "CSV", "csv", {"DuckDB COPY": 1.5, "polars sink": 1.05, "pyarrow": None}),
            ("csv-zstd", "CSV zstd", "csv.zst", {"DuckDB COPY": 1.3, "polars sink": None}),
            ("parquet", "Parquet zstd", "parquet", {"DuckDB COPY": 1.0, "polars sink": 0.9, "pyarrow": None}),
        ):
            path = f"Parquet -> {name}"

            def checked(who: str, case: Callable[[Path], Run], suffix: str = suffix) -> Case:
                def done() -> Run:
                    out = self.out / f"out.{suffix}"
                    out.unlink(missing_ok=True)
                    answered = case(out)
                    check.file(who, self.python, out, wanted)
                    return answered

                return done

            ours = checked("ours", lambda out, form=form: self.ours(form, data=self.job, out=out))
            for peer, least in goals.items():
                script = {
                    "DuckDB COPY": "duckdb_file.py",
                    "polars sink": "polars_file.py",
                    "pyarrow": "pyarrow_file.py",
                }[peer]
                case = checked(
                    script,
                    lambda out, script=script, form=form: self.peer(
                        script, data=self.job, out=out, form=form, rows=wanted["rows"]
                    ),
                )
                self.against(path, ours, peer, case, f">= {least}" if least else "", least)
            if form == "csv":
                case = checked("pandas_csv.py", lambda out: self.peer("pandas_csv.py", data=self.job, out=out))
                self.against(path, ours, "pandas to_csv", case, "", None, slow=True)
            of_ours = [run.rss_mb for row in self.rows for run in row.ours if row.path == path]
            if of_ours and form != "parquet":
                self.bound(path, "RSS, MB", max(of_ours), 150)

    def stream(self) -> None:
        path, wanted = "Arrow stream", check.expected(self.all, "all")

        def checked(who: str, case: Case) -> Case:
            def done() -> Run:
                answered = case()
                check.stream(who, answered.answer, wanted)
                return answered

            return done

        ours = checked("ours", lambda: self.ours("stream", data=self.all))
        duck = checked("duckdb_stream.py", lambda: self.peer("duckdb_stream.py", data=self.all))
        self.against(path, ours, "DuckDB to_arrow_reader", duck, ">= 0.95", 0.95)
        polars = checked("polars_collect.py", lambda: self.peer("polars_collect.py", data=self.all))
        self.against(path, ours, "polars collect", polars, "", None)
        of_ours = [run for row in self.rows for run in row.ours if row.path == path]
        if of_ours:
            self.bound(path, "first batch, s", median(run.answer["first_batch"] for run in of_ours), 0.1)
            self.bound(path, "RSS, MB", max(run.rss_mb for run in of_ours), 300)
        if self.wanted("under a budget"):
            for budget in (256,) if self.options.quick else (256, 512, 1024):
                for query in ("stream", "sort", "distinct", "group"):
                    done = self.ours("stream-budget", data=self.all, query=query, budget=budget)
                    self.bound(f"under a budget of {budget} MB: {query}", "RSS, MB", done.rss_mb, budget + 100)

    def dbc_files(self) -> None:
        for file in self.dbc:
            known = self.ours("dbc-explode", file=file).answer
            ours_dbf, peer_dbf = self.out / "ours.dbf", self.out / "peer.dbf"

            def explode(file: Path = file) -> Run:
                return self.ours("dbc-explode", file=file)

            def blast(file: Path = file, known: dict = known) -> Run:
                done = run([self.blast, str(file), "15"])
                check.equal("blast", (done.answer["rows"], done.answer["bytes"]), (known["rows"], known["bytes"]))
                return done

            def to_file(file: Path = file, to: Path = ours_dbf) -> Run:
                return self.ours("dbc-file", file=file, out=to)

            def pyreaddbc(file: Path = file, known: dict = known, ours: Path = ours_dbf, to: Path = peer_dbf) -> Run:
                done = self.peer("pyreaddbc_file.py", file=file, out=to, rows=known["rows"])
                # It writes a header of its own; the records must be the same.
                with ours.open("rb") as dbf:
                    start = int.from_bytes(dbf.read(10)[8:], "little")
                subprocess.run(["cmp", f"--ignore-initial={start}", str(to), str(ours)], check=True)
                return done

            path = f"DBC -> DBF bytes, {file.stem}"
            self.against(path, explode, "C blast -O3 -march=native, no CRC", blast, ">= 1.5, stretch 2", 1.5)
            self.against(f"DBC file -> DBF file, {file.stem}", to_file, "pyreaddbc", pyreaddbc, ">= 2.3", 2.3)
        file, number = self.dbc[0], iter(range(1_000_000))
        known = self.ours("dbc-explode", file=file).answer

        def ours() -> Run:
            return self.ours("dbc-parquet", file=file, out=self.out / f"lake{next(number)}")

        for way, name, least in (
            ("pandas", "pyreaddbc + dbfread + pandas", 25.0),
            ("numpy", "datasus-dbc + numpy + pyarrow, all text", 2.0),
        ):

            def case(way: str = way) -> Run:
                done = self.peer("dbc_parquet.py", file=file, out=self.out / "peer.parquet", way=way)
                check.equal(way, done.answer["rows"], known["rows"])
                return done

            self.against(
                f"DBC -> typed Parquet, {file.stem}", ours, name, case, f">= {least:g}", least, slow=way == "pandas"
            )
        if self.wanted("two files on two cores") and file.stem.upper().startswith("RD"):
            twin = self.out / f"RDSP{file.stem[-4:]}.dbc"
            twin.write_bytes(file.read_bytes())
            done = self.ours("dbc-two", files=f"{file},{twin}").answer
            self.bound(
                "two files on two cores", "1.9 x (two cores / one)", 1.9 * done["seconds"] / done["one_seconds"], 1.0
            )
            done = self.ours("dbc-columns", file=file).answer
            self.bound(
                "8 of 113 columns to Arrow", "of the bare explode", done["seconds"] / done["explode_seconds"], 1.15
            )

    def small(self) -> None:
        if self.wanted("small query"):
            done = self.ours("small-query", data=self.job).answer
            self.bound("small query", "ms above DuckDB alone", 1000 * (done["seconds"] - done["engine_seconds"]), 5)

    def write(self, began: float) -> None:
        cpu = next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            "?",
        )
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        machine = f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"
        pins = [line for line in (PEERS / "requirements.txt").read_text().splitlines() if "==" in line]
        date = time.strftime("%Y-%m-%d")
        head = f"Measured on {date}: {machine}. Peers: {', '.join(pins)}.\n"
        text = "\n".join(
            [
                head,
                HEAD,
                *(row.markdown() for row in self.rows),
                "",
                BOUNDS_HEAD,
                *(bound.markdown() for bound in self.bounds),
                "",
            ]
        )
        folder = TARGET / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "latest.md").write_text(text)
        full = {
            "date": date,
            "machine": machine,
            "peers": pins,
            "seconds": time.monotonic() - began,
            "quick": self.options.quick,
        }
        full |= {"rows": [row.json() for row in self.rows], "bounds": [bound.json() for bound in self.bounds]}
        (folder / f"{time.strftime('%Y%m%d-%H%M%S')}.json").write_text(json.dumps(full, indent=1, default=str))
        print(f"\n{folder / 'latest.md'}; {full['seconds']:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, two pairs")
    parser.add_argument("--only", help="a pattern of paths and peers")
    parser.add_argument("--pairs", type=int, help="quiet pairs wanted of each; 5, or 2 with --quick")
    bench, began = Bench(parser.parse_args()), time.monotonic()
    print(HEAD, flush=True)
    try:
        for path in (bench.dbc_files, bench.small, bench.stream, bench.files, bench.postgres):
            path()
    finally:
        if bench.server:
            bench.server.stop()
        subprocess.run(["rm", "-rf", str(bench.out)], check=True)
    bench.write(began)


if __name__ == "__main__":
    main()
