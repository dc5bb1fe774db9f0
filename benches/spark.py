"""From which size a cluster pays: ours (DuckDB, in this process) and Spark with one and two workers, over the same Parquet.

All in one run: `python3 benches/spark.py --millions 10,30,100`, with a Python that has `datasus`, `duckdb` and what
`setup/spark.sh` installs. Records like those of SIA-PA, eight columns, in the lake's layout; a group-by of two keys, and a join
with a table of 40,000 units. Each answer is compared, to the cent. The engines take turns; the median of three runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

UFS = ["SP", "MG", "RJ", "BA", "PR"]
MONTHS = range(1, 13)
UNITS = 40_000

#: Both engines' own words for the same question; `{pa}` and `{units}` are its tables.
QUESTIONS = {
    "group by": """SELECT PA_CODUNI, PA_SEXO, count(*) AS n, sum(PA_VALAPR) AS valor, sum(PA_QTDAPR) AS quantidade
        FROM {pa} GROUP BY PA_CODUNI, PA_SEXO""",
    "join": """SELECT u.tipo, p.PA_SEXO, count(*) AS n, sum(p.PA_VALAPR) AS valor
        FROM {pa} p JOIN {units} u ON p.PA_CODUNI = u.unidade GROUP BY u.tipo, p.PA_SEXO""",
}


def made(folder: pathlib.Path, millions: float) -> pathlib.Path:
    """The records, the same on every machine: 60 files, of five UFs and twelve months."""
    import duckdb

    place = folder / f"pa{millions:g}"
    if (place / "ready").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    database = duckdb.connect()
    database.execute("SET threads = 2; SET memory_limit = '4GB'; SET preserve_insertion_order = false")
    rows = round(millions * 1_000_000) // (len(UFS) * len(MONTHS))
    for number, uf in enumerate(UFS):
        for month in MONTHS:
            part = place / "fonte" / "sistema=SIA" / "grupo=PA" / f"uf={uf}" / "ano=2023" / f"mes={month:02}"
            part.mkdir(parents=True)
            seed = number * 12 + month
            database.execute(f"""COPY (
                SELECT lpad((hash(i, {seed}) % {UNITS})::VARCHAR, 7, '0') AS PA_CODUNI,
                       lpad((hash(i, {seed}, 1) % 4000)::VARCHAR, 10, '0') AS PA_PROC_ID,
                       ['M', 'F'][1 + (hash(i, 2) % 2)::INTEGER] AS PA_SEXO,
                       lpad((hash(i, 3) % 5000)::VARCHAR, 4, '0') AS PA_CIDPRI,
                       '2023{month:02}' AS PA_CMP,
                       (hash(i, 4) % 110)::BIGINT AS PA_QTDAPR,
                       ((hash(i, 5) % 100000) / 100)::DECIMAL(20, 2) AS PA_VALAPR,
                       ((hash(i, 6) % 100000) / 100)::DECIMAL(20, 2) AS PA_VALPRO
                FROM range({rows}) t(i)) TO '{part}/rows.parquet' (FORMAT parquet, COMPRESSION zstd)""")
    database.execute(f"""COPY (SELECT lpad(i::VARCHAR, 7, '0') AS unidade, lpad((hash(i) % 80)::VARCHAR, 2, '0') AS tipo
        FROM range({UNITS}) t(i)) TO '{place}/unidades.parquet' (FORMAT parquet)""")
    (place / "ready").touch()
    return place


def size_of(place: pathlib.Path) -> int:
    return sum(file.stat().st_size for file in place.rglob("*.parquet"))


def plain(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Comparable, whatever integer or decimal an engine gives."""
    number = lambda value: Decimal(value) if isinstance(value, (int, Decimal)) else value  # noqa: E731
    return sorted(tuple(number(value) for value in row.values()) for row in rows)


def timed(ask: Callable[[], list[dict[str, Any]]]) -> tuple[float, list[tuple[Any, ...]]]:
    began = time.perf_counter()
    rows = ask()
    return time.perf_counter() - began, plain(rows)


def ours(place: pathlib.Path, question: str) -> list[dict[str, Any]]:
    import datasus

    tables = {"unidades": str(place / "unidades.parquet")}
    settings: dict[str, Any] = {"lake": place / "lake", "tables": tables, "cache_memory": 0, "progress": False}
    with datasus.open(place / "fonte", **settings) as client:
        sql = QUESTIONS[question].format(pa="sia_pa", units="unidades")
        return client.query(sql=sql, cache="off").to_arrow().to_pylist()


def by_spark(session: Any, place: pathlib.Path, question: str) -> list[dict[str, Any]]:
    parts = str(place / "fonte" / "sistema=SIA" / "grupo=PA")
    session.read.parquet(parts).createOrReplaceTempView("pa")
    session.read.parquet(str(place / "unidades.parquet")).createOrReplaceTempView("unidades")
    return session.sql(QUESTIONS[question].format(pa="pa", units="unidades")).toArrow().to_pylist()


def measure(place: pathlib.Path, millions: float, workers: list[int], runs: int) -> list[dict[str, Any]]:
    """All engines, in turn; the first run of each warms it and is not counted."""
    import spark_cluster
    from pyspark.sql import SparkSession

    times: dict[tuple[str, str], list[float]] = {}
    answers: dict[str, list[tuple[Any, ...]]] = {}
    starts: dict[int, float] = {}

    def note(engine: str, question: str, ask: Callable[[], list[dict[str, Any]]], counts: bool) -> None:
        seconds, answer = timed(ask)
        if answers.setdefault(question, answer) != answer:
            raise SystemExit(f"{engine}, {question}: another answer than the others")
        if counts:
            times.setdefault((engine, question), []).append(seconds)

    room = ["--full", "--executor-memory", "1536m", "--driver-memory", "1g", "--python", sys.executable]
    for number in workers:
        began = time.perf_counter()
        with spark_cluster.Cluster(*room, workers=number) as cluster:
            session = SparkSession.builder.remote(cluster.connect).create()
            starts[number] = time.perf_counter() - began
            for run in range(runs + 1):
                for question in QUESTIONS:
                    note("ours", question, lambda question=question: ours(place, question), run > 0)
                    ask = lambda question=question, session=session: by_spark(session, place, question)  # noqa: E731
                    note(f"Spark, {number}", question, ask, run > 0)
            session.stop()
    told = []
    for (engine, question), each in times.items():
        told.append(
            {
                "millions": millions,
                "bytes": size_of(place),
                "question": question,
                "engine": engine,
                "seconds": round(statistics.median(each), 3),
                "runs": [round(one, 3) for one in each],
                "groups": len(answers[question]),
                "start": round(starts.get(int(engine[-1]) if engine != "ours" else 0, 0.0), 1),
            }
        )
    return told


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--millions", default="10,30,100", help="0.1 only tries it out")
    asked.add_argument("--workers", default="1,2")
    asked.add_argument("--runs", type=int, default=3)
    asked.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/bench/spark.json"))
    options = asked.parse_args()
    data = pathlib.Path(os.environ.get("DATASUS_BENCH_DATA", "target/bench-data"))
    told: list[dict[str, Any]] = []
    print("| million rows | GB | question | engine | s | load of the machine |\n|---|---|---|---|---|---|", flush=True)
    for millions in (float(one) for one in options.millions.split(",")):
        place = made(data.resolve(), millions)
        rows = measure(place, millions, [int(one) for one in options.workers.split(",")], options.runs)
        load = os.getloadavg()[0]
        for one in rows:
            size, seconds = f"{one['bytes'] / 1e9:.2f}", f"{one['seconds']:.2f}"
            print(
                f"| {millions:g} | {size} | {one['question']} | {one['engine']} | {seconds} | {load:.1f} |", flush=True
            )
        told += [{**one, "load": load} for one in rows]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
