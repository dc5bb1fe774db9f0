"""A Spark cluster of these tests' own, with our package on its executors: `pytest -p spark_here` gives `cluster` and `spark`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import spark_cluster

import datasus

#: What all of it may hold.
MOST_MEMORY = 6 << 30


@pytest.fixture(scope="session")
def cluster() -> Iterator[spark_cluster.Cluster]:
    if spark_cluster.home() is None:
        pytest.skip("no Spark here: run setup/spark.sh, or set DATASUS_SPARK")
    pushed = "spark.sql.python.filterPushdown.enabled=true"
    # A worker that was killed may have run a task more than once.
    with spark_cluster.Cluster("--python", sys.executable, "--conf", pushed, workers=2) as cluster:
        yield cluster
        assert cluster.order("memory")["memory"] < MOST_MEMORY


@pytest.fixture(scope="session")
def spark(cluster: spark_cluster.Cluster) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    import datasus.spark

    session = SparkSession.builder.remote(cluster.connect).create()
    session.dataSource.register(datasus.spark.DatasusDataSource)
    yield session
    session.stop()


def read(spark: Any, source: object, dataset: str = "SIH-RD", **options: object) -> Any:
    reader = spark.read.format("datasus").option("dataset", dataset)
    for name, value in options.items():
        reader = reader.option(name, str(value))
    return reader.load(str(source))


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def ours(client: datasus.Client, dataset: str = "SIH-RD", **query: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in client.query(dataset, **query).to_arrow().to_pylist()), key=repr)
