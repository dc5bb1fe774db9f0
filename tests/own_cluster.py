"""A Spark cluster of the tests' own, for those in Python: `pytest -p own_cluster` gives the fixture `cluster`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import spark_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[spark_cluster.Cluster]:
    """One worker: enough for what a face hands on."""
    if spark_cluster.home() is None:
        pytest.skip("no Spark here: run setup/spark.sh, or set DATASUS_SPARK")
    with spark_cluster.Cluster("--executor-memory", "512m", "--driver-memory", "768m") as cluster:
        yield cluster
