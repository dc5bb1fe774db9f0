"""Spark reads the ministry's files by our decoder, one file a partition, and writes them in the lake's layout.

Em português: ``docs/pt/spark.md``. Needs ``pip install 'datasus[spark]'`` where the driver and the executors run.

A Python Data Source of Spark 4.1 and newer, over Spark Connect as well::

    spark.dataSource.register(datasus.spark.DatasusDataSource)
    spark.read.format("datasus").option("dataset", "SIH-RD").option("uf", "SP").load("/dados").count()
"""

from ._convert import convert
from ._source import DatasusDataSource

__all__ = ["DatasusDataSource", "convert"]
