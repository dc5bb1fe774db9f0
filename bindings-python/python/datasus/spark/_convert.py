"""The whole archive into a lake by a Spark job: each task converts a file, and the core's records make it count once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._optional import require
from ._asked import Asked
from ._plan import Unit
from ._read import check, client_of, selection_of

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def convert(
    spark: SparkSession,
    dataset: str,
    source: str,
    *,
    lake: str,
    uf: str | None = None,
    competencia: str | None = None,
    **options: Any,
) -> DataFrame:
    """Converts a dataset's files into a lake, each on whichever executor takes it; one row a file tells what was made.

    Nothing runs before the rows are asked for (``.collect()``). What the lake has already stays; a task that Spark runs twice,
    or a worker that is killed, leaves no object twice and none in part. The lake is a folder that all executors see, or
    ``s3://bucket/lake``.

    Parameters
    ----------
    spark : SparkSession
        With the format ``datasus`` registered.
    dataset, source, uf, competencia
        As the options of a read.
    lake : str
        Where the Parquet goes.
    **options
        Further options of a read: ``s3_endpoint``, ``home``, ...

    Returns
    -------
    DataFrame
        ``file``, ``rows``, ``bytes`` (of the Parquet), ``sha256`` (of the source), ``crc`` and ``warnings``.
    """
    reader = spark.read.format("datasus").option("dataset", dataset).option("convert", "true").option("lake", lake)
    chosen = {"uf": uf, "competencia": competencia, **options}
    for name, value in chosen.items():
        if value is not None:
            reader = reader.option(name, str(value).lower() if isinstance(value, bool) else str(value))
    return reader.load(source)


def _schema() -> pyarrow.Schema:
    pa = require("pyarrow", "spark")
    return pa.schema(
        {
            "file": pa.string(),
            "rows": pa.int64(),
            "bytes": pa.int64(),
            "sha256": pa.string(),
            "crc": pa.string(),
            "warnings": pa.string(),
        }
    )


def told_schema() -> StructType:
    """Of :func:`convert`'s rows."""
    from pyspark.sql import types

    text, number = types.StringType(), types.LongType()
    kinds = {"file": text, "rows": number, "bytes": number, "sha256": text, "crc": text, "warnings": text}
    return types.StructType([types.StructField(name, kind, True) for name, kind in kinds.items()])


def converted(unit: Unit, asked: Asked) -> Iterator[pyarrow.RecordBatch]:
    """Converts the files of a unit, if the lake does not have them."""
    pa = require("pyarrow", "spark")
    client = client_of(unit, asked)
    check(client, unit, asked)
    report = client.sync(asked.dataset, **selection_of(unit, asked))
    warnings = "\n".join(report.warnings) or None
    rows = [
        {
            "file": one.file,
            "rows": one.rows,
            # Of all files of a unit together, which are one but for folders of Parquet.
            "bytes": report.bytes if number == 0 else 0,
            "sha256": one.sha256,
            "crc": one.crc,
            "warnings": warnings if number == 0 else None,
        }
        for number, one in enumerate(report.sources)
    ]
    yield pa.RecordBatch.from_pylist(rows, schema=_schema())
