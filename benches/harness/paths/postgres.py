"""Parquet to a table of PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

from .. import check
from ..bench import Bench, Case
from ..process import Run
from ..server import Server

TABLE = "bench.rd"
PATH = "Parquet -> PostgreSQL"


@dataclass
class Peer:
    connections: int
    name: str
    script: str
    least: float | None = None
    way: str = ""
    slow: bool = False
    # Some write float8, of which the figures are cast.
    figures: str = check.FIGURES

    @property
    def path(self) -> str:
        return f"{PATH}, {self.connections} connection{'s' if self.connections > 1 else ''}"


RAW = "raw_copy.py"
# Ours as its own peer: everything that a connection loads is one transaction.
WHOLE = "ours, one transaction a connection"
PEERS = [
    Peer(1, "raw COPY file by psql, 1 connection", RAW, 0.95, way="one"),
    Peer(1, "DuckDB + ADBC ingest", "adbc.py", 1.35),
    Peer(1, "DuckDB + pgpq + psycopg, money as float8 (it has no numeric)", "pgpq_copy.py", figures=check.CAST),
    Peer(2, "raw COPY files by psql, 2 connections", RAW, 0.85, way="two"),
    Peer(2, "DuckDB's postgres extension", "duckdb_postgres.py", 1.2, way="insert"),
    Peer(2, "DuckDB's postgres extension, CREATE TABLE AS", "duckdb_postgres.py", way="create"),
    Peer(2, "DuckDB + ADBC ingest", "adbc.py", 1.7),
    Peer(2, "polars + ADBC", "polars_adbc.py", slow=True),
    Peer(2, "original: pandas + psycopg, text", "psycopg_frame.py", 13.0, way="text", slow=True),
    Peer(2, "original: pandas + psycopg, binary", "psycopg_frame.py", 13.0, way="binary", slow=True),
    Peer(2, "original: pandas + psycopg, csv", "psycopg_frame.py", way="csv", slow=True),
    Peer(1, WHOLE, "", 0.92),
    Peer(2, WHOLE, "", 0.92),
    Peer(2, "DuckDB fetchmany + psycopg write_row, binary", "psycopg_rows.py", slow=True),
]


def measure(bench: Bench) -> None:
    peers = [peer for peer in PEERS if bench.wanted(f"{peer.path} {peer.name}")]
    if not peers:
        return
    try:
        with Server() as bench.server:
            bench.server.start()
            against(bench, bench.server, peers)
    finally:
        bench.server = None


def against(bench: Bench, server: Server, peers: list[Peer]) -> None:
    wanted = check.expected(bench.job, "job")

    def checked(who: str, case: Case, figures: str = check.FIGURES, wanted: dict = wanted) -> Run:
        server.query(f"DROP TABLE IF EXISTS {TABLE}", "CHECKPOINT")
        done = case()
        check.compare(who, server.query(f"SELECT {figures} FROM {TABLE}"), wanted)
        return done

    def ours(connections: int, **given: object) -> Run:
        given = {"data": bench.job, **given}
        return bench.ours("postgres", url=server.url, table=TABLE, connections=connections, **given)

    def theirs(peer: Peer) -> Run:
        if peer.name == WHOLE:
            return ours(peer.connections, checkpoint=10_000_000)
        given = {"url": server.url, "table": TABLE, "data": bench.job, "way": peer.way}
        if peer.script == RAW:
            given |= {"psql": server.bin / "psql", "files": files[peer.way], "rows": wanted["rows"]}
        return bench.peer(peer.script, **given)

    # Warms the files up, and makes the table of which the raw peers' files are.
    checked("ours", lambda: ours(1))
    files = ready(bench, server, wanted["rows"]) if any(peer.script == RAW for peer in peers) else {}
    for peer in peers:
        bench.against(
            peer.path,
            lambda peer=peer: checked("ours", lambda: ours(peer.connections)),
            peer.name,
            lambda peer=peer: checked(peer.script, lambda: theirs(peer), peer.figures),
            f">= {peer.least:g}" if peer.least else "",
            peer.least,
            slow=peer.slow,
        )
    of_ours = [run.rss_mb for run in bench.runs_of_ours(PATH)]
    if of_ours:
        bench.bound(PATH, "RSS, MB", 200, lambda: max(of_ours))
        every = check.expected(bench.all, "all")
        most = round(max(of_ours) * 1.15, 1)
        ten = lambda: checked("ours", lambda: ours(2, data=bench.all, all=1), wanted=every).rss_mb  # noqa: E731
        bench.bound(f"{PATH}, {bench.all.name}", "RSS, MB", most, ten)


def ready(bench: Bench, server: Server, rows: int) -> dict[str, str]:
    """Binary COPY files of the table: all of it, and its halves."""
    parts = {"all": "", "first": f" LIMIT {rows // 2}", "second": f" OFFSET {rows // 2}"}
    files = {name: bench.out / f"{name}.bin" for name in parts}
    for name, part in parts.items():
        server.query(f"\\copy (SELECT * FROM {TABLE}{part}) TO '{files[name]}' WITH (FORMAT binary)")
    return {"one": str(files["all"]), "two": f"{files['first']},{files['second']}"}
