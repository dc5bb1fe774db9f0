"""Rows into a source in the lake's layout, ``sistema=SIH/grupo=RD/uf=AC/ano=2024/mes=01/*.parquet``, in one act.

Tasks write below a hidden folder, which no reader enters; the driver keeps the files of those attempts that Spark counts, and
moves the dataset's folder to its place by one rename. What fails before leaves everything as it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._optional import require

require("pyspark.sql.datasource", "spark")

from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage  # noqa: E402

from ._asked import Asked  # noqa: E402
from ._columns import columns_of, spark_schema  # noqa: E402
from ._exchange import exchanged, synced  # noqa: E402
from ._plan import opened  # noqa: E402

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql.types import StructType

_UF, _COMPETENCIA = "datasus_uf", "datasus_competencia"
#: Files that a task has open at once; beyond that the longest open one is closed, and its partition gets another file.
_OPEN = 64


@dataclasses.dataclass
class Written(WriterCommitMessage):  # type: ignore[misc]
    """The files of one attempt, below the folder in the making."""

    files: tuple[str, ...]


class LayoutWriter(DataSourceArrowWriter):  # type: ignore[misc]
    """Made on the driver, copied to every task, and back on the driver for the commit."""

    def __init__(self, asked: Asked, schema: StructType, overwrite: bool) -> None:
        self.asked = asked
        self.overwrite = overwrite
        if "://" in asked.source:
            raise asked.refused(
                "DS-422",
                f"o formato datasus grava em pastas, e {asked.source} não é uma; um lake no S3 é de datasus.spark.convert",
                f"the format datasus writes folders, and {asked.source} is none; a lake in S3 is datasus.spark.convert's",
                received=asked.source,
            )
        target = os.path.abspath(asked.source)
        with opened(asked, os.path.dirname(target)) as client:
            known = client.schema(asked.dataset)
            self.dataset = known.dataset
            _check(asked, schema, {field.name: field.dataType for field in spark_schema(columns_of(known, asked))})
        sistema, _, grupo = self.dataset.partition("-")
        self.period = known.to_dict()["period"]
        self.folder = os.path.join(target, f"sistema={sistema}", f"grupo={grupo}")
        self.making = os.path.join(target, f".datasus-{uuid.uuid4().hex}")

    def write(self, iterator: Iterator[pyarrow.RecordBatch]) -> Written:
        """On an executor: the rows of one task."""
        files = _Files(self.asked, self.making, self.period)
        try:
            for batch in iterator:
                files.add(batch)
            return Written(files.done())
        except BaseException:
            files.drop()
            raise

    def commit(self, messages: list[Any]) -> None:
        """On the driver, once every task has succeeded."""
        try:
            self._publish({file for one in messages if one is not None for file in one.files})
        finally:
            shutil.rmtree(self.making, ignore_errors=True)

    def abort(self, messages: list[Any]) -> None:
        """On the driver, where one has not."""
        shutil.rmtree(self.making, ignore_errors=True)

    def _publish(self, files: set[str]) -> None:
        if not files and not self.overwrite:
            return
        made = os.path.join(self.making, "rows")
        os.makedirs(made, exist_ok=True)
        counted = {os.path.join(made, file) for file in files}
        # Attempts that were repeated, or came second, have left theirs.
        for folder, _, names in os.walk(made):
            for name in names:
                if os.path.join(folder, name) not in counted:
                    os.remove(os.path.join(folder, name))
        gone = [file for file in files if not os.path.exists(os.path.join(made, file))]
        if gone:
            raise self.asked.refused(
                "DS-502",
                f"não está no driver o que um executor gravou ({gone[0]}): a pasta tem de ser a mesma em todas as máquinas",
                f"what an executor wrote ({gone[0]}) is not there on the driver: the folder must be the same on all machines",
                file=gone[0],
            )
        if not self.overwrite and os.path.isdir(self.folder):
            self._append(made)
        synced(made)
        exchanged(made, self.folder)

    def _append(self, made: str) -> None:
        """What is there already stands beside what came, as links to the same files, so that one rename shows both."""
        for folder, _, names in os.walk(self.folder):
            inside = os.path.join(made, os.path.relpath(folder, self.folder))
            if names and os.path.isdir(inside):
                partition = os.path.relpath(folder, self.folder)
                raise self.asked.refused(
                    "DS-409",
                    f"{self.folder} já tem {partition}; nada mudou. Grave só o que falta, ou tudo com mode('overwrite')",
                    f"{self.folder} has {partition} already; nothing changed. Write what lacks, or all by mode('overwrite')",
                    received=partition,
                )
            os.makedirs(inside, exist_ok=True)
            for name in names:
                os.link(os.path.join(folder, name), os.path.join(inside, name))


class _Files:
    """The files of one attempt, one or more for each UF and competência."""

    def __init__(self, asked: Asked, making: str, period: str) -> None:
        self.asked = asked
        self.period = period
        self.root = os.path.join(making, "rows")
        self.open: dict[str, Any] = {}
        self.written: list[str] = []

    def add(self, batch: pyarrow.RecordBatch) -> None:
        pa, compute = require("pyarrow", "spark"), require("pyarrow.compute", "spark")
        table = pa.Table.from_batches([batch])
        keys = table.select([_UF, _COMPETENCIA]).group_by([_UF, _COMPETENCIA], use_threads=False).aggregate([])
        for key in keys.to_pylist():
            uf, competencia = key[_UF], key[_COMPETENCIA]
            place = _partition(self.asked, self.period, uf, competencia)
            of_key = compute.and_(compute.equal(table[_UF], uf), compute.equal(table[_COMPETENCIA], competencia))
            rows = table.filter(of_key).drop_columns([_UF, _COMPETENCIA])
            self._writer(place, rows.schema).write_table(rows)

    def _writer(self, place: str, schema: pyarrow.Schema) -> Any:
        if place not in self.open:
            if len(self.open) >= _OPEN:
                self._close(next(iter(self.open)))
            parquet = require("pyarrow.parquet", "spark")
            file = os.path.join(place, f"{uuid.uuid4().hex}.parquet")
            os.makedirs(os.path.join(self.root, place), exist_ok=True)
            self.written.append(file)
            self.open[place] = parquet.ParquetWriter(
                os.path.join(self.root, file), schema, compression="zstd", write_page_checksum=True
            )
        return self.open[place]

    def _close(self, place: str) -> None:
        self.open.pop(place).close()

    def done(self) -> tuple[str, ...]:
        for place in list(self.open):
            self._close(place)
        for file in self.written:
            with open(os.path.join(self.root, file), "rb") as whole:
                os.fsync(whole.fileno())
        return tuple(self.written)

    def drop(self) -> None:
        """An attempt that failed leaves nothing; what it cannot remove, the commit or the abort does."""
        for writer in self.open.values():
            with contextlib.suppress(Exception):
                writer.close()
        for file in self.written:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self.root, file))


def _partition(asked: Asked, period: str, uf: str | None, competencia: str | None) -> str:
    monthly = period == "month"
    received, form = (
        f"{_UF} {uf!r}, {_COMPETENCIA} {competencia!r}",
        ("AAAAMM", "YYYYMM") if monthly else ("AAAA", "YYYY"),
    )
    month = re.fullmatch(r"(\d{4})(0[1-9]|1[0-2])" if monthly else r"(\d{4})", competencia or "")
    if not re.fullmatch(r"[A-Z]{2}", uf or "") or month is None:
        raise asked.refused(
            "DS-422",
            f"uma linha tem {received}; esperava-se uma sigla e {form[0]}",
            f"a row has {received}; expected a sigla and {form[1]}",
            received=f"{uf} {competencia}",
            expected_format=form[1],
        )
    keys = [f"uf={uf}", f"ano={month[1]}", *([f"mes={month[2]}"] if monthly else [])]
    return os.path.join(*keys)


def _check(asked: Asked, schema: StructType, known: dict[str, Any]) -> None:
    """The rows say where they belong, and the catalogue's columns have its types."""
    has = {field.name: field.dataType for field in schema.fields}
    absent = [name for name in (_UF, _COMPETENCIA) if name not in has]
    if absent:
        raise asked.refused(
            "DS-422",
            f"faltam as colunas {', '.join(absent)}, que dizem de que UF e competência é cada linha",
            f"the columns {', '.join(absent)} are missing, which say of which UF and competência a row is",
            received=sorted(has),
            expected_format=f"{_UF}, {_COMPETENCIA}",
        )
    wrong = [
        f"{name} {kind.simpleString()} ({known[name].simpleString()})"
        for name, kind in has.items()
        if name in known and kind != known[name]
    ]
    if wrong:
        listed = ", ".join(wrong)
        raise asked.refused(
            "DS-422",
            f"colunas com outros tipos que o catálogo (entre parênteses): {listed}",
            f"columns of other types than the catalogue (in brackets): {listed}",
            received=wrong,
        )
