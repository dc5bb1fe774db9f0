"""Spark reads what our client reads: a real cluster of two workers, whose executors run our decoder."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import threading
import time
from typing import Any

import pytest
from ftp_server import Server
from spark_here import ours, read, rows

import datasus

REAL = pathlib.Path(
    os.environ.get("DATASUS_REAL_DATA", pathlib.Path(__file__).resolve().parents[3] / "shared/data/real")
)
COLUMNS = ["N_AIH", "CNES", "SEXO", "DT_INTER", "IDADE", "VAL_TOT", "datasus_arquivo"]


@pytest.fixture
def source(folder: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """Made-up files, with a lake of their own."""
    place = tmp_path / "fonte"
    place.mkdir()
    for file in folder.glob("*.dbc"):
        shutil.copy2(file, place / file.name)
    return place


def test_every_row_is_that_of_our_own_client(spark: Any, source: pathlib.Path) -> None:
    """One partition a file, with the catalogue's types; UF, months, columns and labels choose as they do with us."""
    from pyspark.sql import functions

    frame = read(spark, source, columns=",".join(COLUMNS), labels="SEXO")
    # Two clients of their own lakes: neither reads what the other has converted.
    with datasus.open(source, lake=source.parent / "lake") as client:
        assert rows(frame) == ours(client, columns=COLUMNS, labels=["SEXO"])
        assert [field.simpleString() for field in frame.schema.fields][3:8] == [
            "SEXO_rotulo:string",
            "DT_INTER:date",
            "IDADE:int",
            "VAL_TOT:decimal(14,2)",
            "datasus_arquivo:string",
        ]
        tasks = frame.select("datasus_arquivo", functions.spark_partition_id()).distinct().collect()
        assert sorted(file for file, _ in tasks) == [f"RD{uf}240{m}.dbc" for uf in ("AC", "RR") for m in "123"]
        assert {task for _, task in tasks} == set(range(6))
        chosen = read(spark, source, uf="AC", competencia="2024-01..2024-02", columns="CNES,VAL_TOT")
        assert rows(chosen) == ours(client, uf="AC", competencia=("2024-01", "2024-02"), columns=["CNES", "VAL_TOT"])
        # All of the catalogue's columns; of those that no file has, NULL.
        whole = read(spark, source, uf="RR", competencia="202403")
        names = [column.name for column in client.schema("SIH-RD").columns]
        assert whole.columns == names
        assert rows(whole) == ours(client, uf="RR", competencia="202403", columns=names)
        # A schema of the user's chooses columns as well.
        given = spark.read.format("datasus").schema("VAL_TOT decimal(14,2), SEXO string").option("dataset", "SIH-RD")
        assert rows(given.load(str(source))) == ours(client, columns=["VAL_TOT", "SEXO"])


def test_conditions_leave_rows_out_before_they_come(cluster: Any, spark: Any, source: pathlib.Path) -> None:
    """The rows of our own client, and no others cross. Spark's own filters are Spark's, whatever a frame was asked before."""
    executions = "sql?details=true&planDescription=false&length=10000"

    def came(frame: Any) -> tuple[list[tuple[Any, ...]], int]:
        before = max((one["id"] for one in cluster.asked(executions)), default=-1)
        answer = rows(frame)
        until = time.monotonic() + 300
        while True:
            # Its figures arrive a moment after its rows.
            ended = [one for one in cluster.asked(executions) if one["id"] > before and one["status"] == "COMPLETED"]
            counts = [
                int(metric["value"].replace(",", ""))
                for one in ended
                for node in one["nodes"]
                if "BatchScan" in node["nodeName"]
                for metric in node["metrics"]
                if metric["name"] == "number of output rows"
            ]
            if counts:
                return answer, counts[0]
            assert time.monotonic() < until, cluster.asked(executions)[-1:]
            time.sleep(0.1)

    columns = ["CNES", "SEXO", "VAL_TOT"]
    with datasus.open(source, lake=source.parent / "lake") as client:
        for where in (
            datasus.col("SEXO") == "3",
            datasus.col("VAL_TOT").between(500, 900) & (datasus.col("datasus_uf") == "AC"),
        ):
            told = json.dumps(where.to_dict())
            answer, crossed = came(read(spark, source, columns=",".join(columns), where=told))
            assert answer == ours(client, columns=columns, where=where)
            assert 0 < crossed == len(answer) < 600
    # With `spark.sql.python.filterPushdown.enabled`, and a frame whose plan is kept: what one query filters, no other lacks.
    frame = read(spark, source, columns=",".join(columns))
    assert len(frame.schema) == 3
    men, women = frame.where("SEXO = '1'"), frame.where("SEXO = '3'")
    assert (men.count(), women.count(), frame.count()) == (300, 300, 600)
    assert (men.union(women).count(), frame.union(men).count()) == (600, 900)


def test_what_is_wrong_is_told_with_our_codes(spark: Any, source: pathlib.Path) -> None:
    from pyspark.errors import PySparkException

    def told(**options: object) -> str:
        with pytest.raises(PySparkException) as refused:
            read(spark, source, language="en", **options).count()
        return str(refused.value)

    problems = told(colums="CNES", labels_only="maybe", where="SEXO = 3")
    assert "DS-422" in problems and "did you mean 'columns'?" in problems and "option labels_only" in problems
    assert "option where" in problems
    assert "DS-404" in told(dataset="SIH-RX")
    assert "DS-422" in told(competencia="2024-M1")
    assert "DS-404" in (absent := told(uf="SP", competencia="202401")) and "SP 202401" in absent
    (source / "RDAC2402.dbc").write_bytes((source / "RDAC2402.dbc").read_bytes()[:-300])
    damaged = told(columns="CNES")
    assert "DS-460" in damaged and "RDAC2402.dbc" in damaged
    # The others are whole, and a month that was never published has no rows.
    assert read(spark, source, columns="CNES", competencia="202401").count() == 200


def test_a_worker_that_is_killed_in_the_middle_changes_no_answer(
    cluster: Any, spark: Any, source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Tasks of both workers wait in the middle of their files; one worker goes; all rows come once."""
    gate = tmp_path / "gate"
    place = str(gate)

    def held(batches: Any) -> Any:
        import os
        import time

        for batch in batches:
            until = time.monotonic() + 300
            while not os.path.exists(place):
                assert time.monotonic() < until
                time.sleep(0.05)
            yield batch

    frame = read(spark, source, columns="N_AIH,VAL_TOT")
    slow = frame.mapInArrow(held, frame.schema)
    answer: list[Any] = []
    asks = threading.Thread(target=lambda: answer.append(rows(slow)))
    asks.start()
    until = time.monotonic() + 300
    while sum(one["activeTasks"] for one in cluster.asked("executors") if one["id"] != "driver") < 2:
        assert time.monotonic() < until and asks.is_alive()
        time.sleep(0.1)
    cluster.order("kill worker 0")
    gate.touch()
    asks.join(timeout=300)
    cluster.order("start worker 0")
    with datasus.open(source, lake=tmp_path / "lake") as client:
        assert answer == [ours(client, columns=["N_AIH", "VAL_TOT"])]


def test_a_lake_is_filled_by_the_cluster(spark: Any, source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Each file once, with what the core has to say of it; the lake is the one that our client reads then."""
    lake = tmp_path / "lake"
    for _ in range(2):
        made = datasus.spark.convert(spark, "SIH-RD", str(source), lake=str(lake), uf="AC").collect()
        assert sorted((one.file, one.rows, one.crc) for one in made) == [(f"RDAC240{m}.dbc", 100, "ok") for m in "123"]
    assert len(list(lake.rglob("*.parquet"))) == 3
    with datasus.open(source, lake=lake) as client:
        assert not client.explain("SIH-RD", uf="AC").to_convert


def test_a_server_sees_the_driver_alone(spark: Any, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """What it has is fetched once, and the executors read the files that came."""
    server = Server(str(folder))
    home = tmp_path / "home"
    try:
        frame = read(spark, server.address, home=home, uf="AC", columns="N_AIH,VAL_TOT")
        fetched = rows(frame)
    finally:
        server.shutdown()
        server.server_close()
    with datasus.open(folder, lake=tmp_path / "lake") as client:
        assert fetched == ours(client, uf="AC", columns=["N_AIH", "VAL_TOT"])
    assert len(list((home / "files").rglob("*.dbc"))) == 3


def test_genuine_files_are_read_as_we_read_them(spark: Any, tmp_path: pathlib.Path) -> None:
    from pyspark.sql import functions

    if not (REAL / "sih").is_dir():
        pytest.skip("no genuine files here")
    with datasus.open(REAL, lake=tmp_path / "lake") as client:
        for dataset, value in (("SIH-RD", "VAL_TOT"), ("SIA-PA", "PA_VALAPR")):
            frame = read(spark, REAL, dataset, lake=tmp_path / "outro", columns=f"{value},datasus_arquivo")
            counted = frame.groupBy("datasus_arquivo").agg(functions.count("*"), functions.sum(value))
            figures = {"n": "count(*)", "valor": ("sum", value)}
            expected = client.query(dataset, group_by="datasus_arquivo", aggregates=figures).to_arrow().to_pylist()
            assert rows(counted) == sorted((tuple(row.values()) for row in expected), key=repr)


def test_a_query_of_a_client_runs_on_the_cluster(cluster: Any, source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Only the address is new: names, types, rows and their order are those of this process."""
    question: dict[str, Any] = {
        "group_by": ["datasus_uf", "SEXO_rotulo", "faixa_etaria"],
        "where": datasus.col("VAL_TOT") > 100,
        "aggregates": {"n": "count", "valor": ("sum", "VAL_TOT"), "primeira": ("min", "DT_INTER")},
        "order_by": ["-valor", "datasus_uf", "SEXO_rotulo", "faixa_etaria"],
    }
    address = {"engine": cluster.connect, "engine_folder": tmp_path / "made"}
    (tmp_path / "made").mkdir()
    place: dict[str, Any] = {"lake": tmp_path / "lake", "output": tmp_path, "cache_entry_limit": 0}
    with datasus.open(source, **place) as here, datasus.open(source, **place, **address) as there:
        expected = here.query("SIH-RD", **question)
        answer = there.query("SIH-RD", **question)
        assert answer.to_arrow() == expected.to_arrow()
        cluster_use = answer.report.cluster
        assert cluster_use is not None
        assert cluster_use.engine.startswith("spark 4.")
        assert answer.report.records_processed > 10
        assert expected.report.cluster is None
        # What goes to a file the cluster writes itself.
        columns = ["N_AIH", "SEXO_rotulo", "VAL_TOT"]
        for client, name in ((here, "aqui.csv"), (there, "ali.csv")):
            client.export("SIH-RD", columns=columns, to=datasus.Csv(name), progress=False)
        assert (tmp_path / "ali.csv").read_bytes() == (tmp_path / "aqui.csv").read_bytes()
        assert not list((tmp_path / "made").iterdir())


def test_source_and_lake_in_s3(spark: Any, source: pathlib.Path, s3: dict[str, str], tmp_path: pathlib.Path) -> None:
    """Executors ask the bucket themselves; the lake that they fill there is anybody's."""
    from pyarrow import fs

    scheme, _, server = s3["s3_endpoint"].partition("://")
    keys = {"access_key": s3["s3_key"], "secret_key": s3["s3_secret"]}
    bucket = fs.S3FileSystem(endpoint_override=server, scheme=scheme, region="us-east-1", **keys)
    until = time.monotonic() + 300
    while True:
        try:
            fs.copy_files(str(source), "datasus/spark/fonte", fs.LocalFileSystem(), bucket)
            break
        except OSError:
            # The server listens before its bucket is there.
            assert time.monotonic() < until
            time.sleep(0.1)
    place = {"lake": "s3://datasus/spark/lake", "remote_cache": tmp_path / "copies", **s3}
    frame = read(spark, "s3a://datasus/spark/fonte", uf="AC", columns="N_AIH,VAL_TOT", **place)
    with datasus.open(source, lake=tmp_path / "lake") as client:
        assert rows(frame) == ours(client, uf="AC", columns=["N_AIH", "VAL_TOT"])
    with datasus.open("s3://datasus/spark/fonte", state=tmp_path / "jobs", **place) as client:
        assert not client.explain("SIH-RD", uf="AC").to_convert
