"""The format ``datasus`` of Spark."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._optional import require

require("pyspark.sql.datasource", "spark")

from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition  # noqa: E402

from ._asked import Asked, asked  # noqa: E402
from ._columns import Column, columns_of, spark_schema  # noqa: E402
from ._convert import converted, told_schema  # noqa: E402
from ._plan import Unit, here, opened, units  # noqa: E402
from ._read import batches  # noqa: E402
from ._write import LayoutWriter  # noqa: E402

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql.datasource import DataSourceWriter
    from pyspark.sql.types import StructType


class DatasusDataSource(DataSource):  # type: ignore[misc]
    """Reads a source of ours, and writes in the lake's layout: ``spark.dataSource.register(DatasusDataSource)``.

    Options of a read: ``dataset``, ``uf`` (``SP,RJ``), ``competencia`` (``2024``, ``202401,202402``, ``2023-01..2023-12``),
    ``columns``, ``labels`` (``true`` or columns), ``labels_only``, ``where`` (the contract's conditions, as JSON), ``missing``,
    ``versions``, ``on_bad_value``, and of :func:`datasus.open` those that say where things are: ``lake``, ``home``,
    ``s3_endpoint``, ... Errors have our codes.
    """

    @classmethod
    def name(cls) -> str:
        """``spark.read.format("datasus")``."""
        return "datasus"

    def schema(self) -> StructType:
        """The catalogue's columns, or those that are asked for."""
        wanted = asked(self.options)
        return told_schema() if wanted.convert else spark_schema(_columns(wanted))

    def reader(self, schema: StructType) -> DataSourceReader:
        """One partition a file."""
        wanted = asked(self.options)
        # A schema that the user gives chooses columns.
        if not wanted.convert and [field.name for field in schema.fields] != [one.name for one in _columns(wanted)]:
            names = tuple(field.name for field in schema.fields)
            wanted = dataclasses.replace(wanted, columns=names, labels=False)
        return Reader(wanted, schema)

    def writer(self, schema: StructType, overwrite: bool) -> DataSourceWriter:
        """Rows with ``datasus_uf`` and ``datasus_competencia`` into folders of these."""
        return LayoutWriter(asked(self.options), schema, overwrite)


def _columns(wanted: Asked) -> list[Column]:
    with opened(wanted) as client:
        return columns_of(client.schema(wanted.dataset), wanted)


@dataclasses.dataclass
class UnitPartition(InputPartition):  # type: ignore[misc]
    """What one task reads."""

    unit: Unit


class Reader(DataSourceReader):  # type: ignore[misc]
    """Plans on the driver, and reads on executors, where it comes as it was pickled.

    It takes no filters of Spark's (`pushFilters`): Spark 4.3 keeps the reader of the last filter with the data frame, and reads
    what it left for other queries of the same frame, and for both sides of a union, so that rows would be missing in silence.
    Conditions go by the option ``where``, which is the reader's own.
    """

    def __init__(self, wanted: Asked, schema: StructType) -> None:
        self.wanted = wanted
        self.columns: list[Column] = []
        if wanted.convert:
            return
        self.columns = _columns(wanted)
        ours = spark_schema(self.columns)
        wrong = [
            f"{field.name} {field.dataType.simpleString()} ({own.dataType.simpleString()})"
            for field, own in zip(schema.fields, ours.fields, strict=True)
            if field.dataType != own.dataType
        ]
        if wrong:
            listed = ", ".join(wrong)
            raise wanted.refused(
                "DS-422",
                f"o esquema dado tem outros tipos que o catálogo (entre parênteses): {listed}",
                f"the schema has other types than the catalogue (in brackets): {listed}",
                received=wrong,
            )

    def partitions(self) -> list[InputPartition]:
        """One for each file; a server's are fetched here."""
        self.wanted = here(self.wanted)
        names = None if self.wanted.convert else [one.name for one in self.columns]
        return [UnitPartition(unit) for unit in units(self.wanted, names)]

    def read(self, partition: InputPartition) -> Iterator[pyarrow.RecordBatch]:
        """The rows of one file, in Arrow."""
        if not isinstance(partition, UnitPartition):
            # Spark's own, where there is nothing to read.
            return iter(())
        unit = partition.unit
        if self.wanted.convert:
            return converted(unit, self.wanted)
        return batches(unit, self.wanted, self.columns)
