"""Rows, for whatever data frame you like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Literal

from . import _frame
from ._awaits import ready
from ._html import table
from ._optional import require
from ._warn import warn_of

if TYPE_CHECKING:
    import duckdb
    import pandas
    import polars
    import pyarrow

    from ._job import Job
    from ._report import FileSummary, Report


class Batch:
    """Some rows of a result, in Arrow's memory.

    Everything that speaks Arrow's PyCapsule interface takes it without a copy.

    Examples
    --------
    >>> for batch in client.query("SIH-RD", columns=["CNES", "VAL_TOT"]):
    ...     print(len(batch) > 0, batch.column_names)
    True ['CNES', 'VAL_TOT']
    """

    __slots__ = ("_batch",)

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [name for name, _, _ in self._batch.columns()]

    @property
    def num_rows(self) -> int:
        """How many rows it has."""
        return int(self._batch.num_rows)

    def __len__(self) -> int:
        return self.num_rows

    def __arrow_c_schema__(self) -> object:
        return self._batch.schema_capsule()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        capsules: tuple[object, object] = self._batch.array_capsules()
        return capsules

    def to_arrow(self) -> pyarrow.RecordBatch:
        """A ``pyarrow.RecordBatch`` over the same memory.

        Examples
        --------
        >>> for batch in client.query("SIH-RD", columns=["VAL_TOT"], limit=3):
        ...     batch.to_arrow().num_rows
        3
        """
        return require("pyarrow", "arrow").record_batch(self)

    def to_pandas(
        self,
        dtype_backend: Literal["pyarrow", "numpy"] | None = None,
        *,
        decimals: Literal["float", "exact"] = "float",
    ) -> pandas.DataFrame:
        """A pandas data frame; see :meth:`Result.to_pandas`.

        Examples
        --------
        >>> for batch in client.query("SIH-RD", columns=["VAL_TOT"], limit=3):
        ...     batch.to_pandas().shape
        (3, 1)
        """
        pyarrow = _frame.checked(dtype_backend, decimals)
        if dtype_backend is not None:
            return _frame.of_table(pyarrow.Table.from_batches([self.to_arrow()]), dtype_backend)
        return _frame.of_batches(pyarrow.schema(self), [self._batch], decimals)

    def to_polars(self) -> polars.DataFrame:
        """A polars data frame.

        Examples
        --------
        >>> for batch in client.query("SIH-RD", columns=["VAL_TOT"], limit=3):
        ...     batch.to_polars().shape
        (3, 1)
        """
        polars = require("polars", "polars")
        return polars.DataFrame(self)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise _no_array("a batch")

    def __repr__(self) -> str:
        return f"Batch({self.num_rows} rows: {', '.join(self.column_names)})"


def _no_array(what: str) -> TypeError:
    return TypeError(f"{what} of datasus is no array: take it by to_pandas(), to_polars() or to_arrow()")


class _Rows:
    """What a query's rows and a file's have in common."""

    def __init__(self, rows: Any, bar: Any) -> None:
        self._rows = rows
        self._bar = bar
        self._columns: list[tuple[str, str, bool]] = rows.columns()

    @property
    def columns(self) -> dict[str, str]:
        """Names of the columns, in order, with their Arrow types."""
        return {name: kind for name, kind, _ in self._columns}

    def __arrow_c_schema__(self) -> object:
        return self._rows.schema_capsule()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.stream_capsule()

    def __array__(self, *_: Any, **__: Any) -> Any:
        # pandas.DataFrame(result) would be a table of one batch object.
        raise _no_array("a result")

    def __iter__(self) -> Iterator[Batch]:
        # Now, and not at the first batch: a second loop over the same rows is a mistake, and not an empty answer.
        self._rows.check()
        return self._batches()

    def _batches(self) -> Iterator[Batch]:
        yield from map(Batch, self._taken())

    def _taken(self) -> Iterator[Any]:
        try:
            while True:
                batch = self._rows.next_batch(self._bar)
                if batch is None:
                    break
                yield batch
                # Nothing of it is held while the next one is waited for.
                del batch
            self._done(True)
        finally:
            self._done(False)

    def __aiter__(self) -> AsyncIterator[Batch]:
        self._rows.check()
        return self._awaited()

    async def _awaited(self) -> AsyncIterator[Batch]:
        try:
            while True:
                batch = await self._next()
                if batch is None:
                    break
                yield Batch(batch)
                del batch
            await self._completed()
        except asyncio.CancelledError:
            self.close()
            raise

    async def _next(self) -> Any:
        """The next batch; None after the last."""
        (batch,) = await ready(self._rows.poll_batch)
        return batch

    async def _completed(self) -> None:
        self._done(True)

    def _done(self, complete: bool) -> None:
        if self._bar is not None:
            self._bar.close(complete)
        if complete:
            warn_of(self._warnings())

    def _warnings(self) -> list[str]:
        """What whoever took all rows should know of."""
        return []

    def _collected(self) -> Any:
        try:
            collected = self._rows.collect(self._bar)
            self._done(True)
        finally:
            self._done(False)
        return _Stream(collected)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a ``pyarrow.Table``, without a copy.

        Examples
        --------
        >>> client.query("SIH-RD", columns=["CNES", "VAL_TOT"]).to_arrow().schema.field("VAL_TOT").type
        Decimal128Type(decimal128(14, 2))
        """
        pyarrow = require("pyarrow", "arrow")
        return pyarrow.table(self._collected())

    def to_pandas(
        self,
        dtype_backend: Literal["pyarrow", "numpy"] | None = None,
        *,
        decimals: Literal["float", "exact"] = "float",
    ) -> pandas.DataFrame:
        """All rows as a pandas data frame: days ``datetime64``, money ``float64``, whole numbers ``Int32`` or ``Int64`` with
        ``<NA>``, text pandas' own over Arrow's memory.

        Parameters
        ----------
        dtype_backend : {"pyarrow", "numpy"}, optional
            ``pyarrow``: every column keeps Arrow's type and memory, without a copy. ``numpy``: pandas' older types; decimals
            are Python's ``Decimal``, which is slow, and whole numbers with NULLs become floats.
        decimals : {"float", "exact"}
            ``float``: the nearest ``float64``. A column that holds values of more than 15 digits, which no float holds, stays
            exact, with a warning. ``exact``: all decimals are Python's ``Decimal``; faster with ``dtype_backend="pyarrow"``.

        Examples
        --------
        >>> valores = client.query("SIH-RD", columns=["CNES", "DT_INTER", "VAL_TOT"]).to_pandas()
        >>> valores.dtypes["VAL_TOT"], valores.dtypes["DT_INTER"].kind
        (dtype('float64'), 'M')
        >>> client.query("SIH-RD", columns=["VAL_TOT"], limit=2).to_pandas(decimals="exact").dtypes["VAL_TOT"]
        dtype('O')
        """
        pyarrow = _frame.checked(dtype_backend, decimals)
        if dtype_backend is not None:
            return _frame.of_table(pyarrow.table(self._collected()), dtype_backend)
        self._rows.check()
        return _frame.of_batches(pyarrow.schema(self), self._taken(), decimals)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a polars data frame.

        Examples
        --------
        >>> client.query("SIH-RD", columns=["CNES", "VAL_TOT"], limit=2).to_polars().shape
        (2, 2)
        """
        polars = require("polars", "polars")
        return polars.DataFrame(self._collected())

    def to_duckdb(self, connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
        """All rows as a relation of the ``duckdb`` package.

        Parameters
        ----------
        connection : duckdb.DuckDBPyConnection, optional
            Where the relation lives; without it, DuckDB's default connection.

        Examples
        --------
        >>> client.query("SIH-RD", columns=["CNES"]).to_duckdb().aggregate("count(*)").fetchall()
        [(600,)]
        """
        duckdb = require("duckdb", "duckdb")
        return (connection or duckdb.default_connection()).from_arrow(self.to_arrow())

    def close(self) -> None:
        """Lets go of the rows that were not taken; the query is cancelled.

        Examples
        --------
        >>> result = client.query("SIH-RD")
        >>> result.close()
        """
        self._rows.close()
        self._done(False)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stream:
    """Batches in memory, as an Arrow stream."""

    def __init__(self, collected: Any) -> None:
        self._collected = collected

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._collected.stream_capsule()


class Result(_Rows):
    """The rows of a query: read once, as they come.

    Iterate over it for batches, or take all rows by ``to_arrow()``, ``to_pandas()``, ``to_polars()`` or ``to_duckdb()``.
    Everything that speaks Arrow's PyCapsule interface takes it as it is, without a copy. A damaged file or a cancelled job
    is an error, never a short answer.
    Threads that iterate over it at once share its rows; once they are taken, another loop is a ``RuntimeError``.
    In a coroutine ``async for batch in result`` gives them without holding up the loop.

    Examples
    --------
    >>> result = client.query("SIH-RD", columns=["CNES", "VAL_TOT"])
    >>> result.columns
    {'CNES': 'Utf8', 'VAL_TOT': 'Decimal128(14, 2)'}
    >>> result.to_arrow().num_rows
    600
    >>> result.report.records_processed
    600
    """

    def __init__(self, rows: Any, job: Job, bar: Any) -> None:
        super().__init__(rows, bar)
        self._job = job

    @property
    def job(self) -> Job:
        """The job that makes the rows."""
        return self._job

    @property
    def report(self) -> Report:
        """The report of the job, once its rows are taken; waits for its end.

        Examples
        --------
        >>> result = client.query("SIH-RD", columns=["CNES"])
        >>> sum(len(batch) for batch in result) == result.report.records_processed
        True
        """
        if self._rows.is_waiting():
            # The job waits for a reader, and we would wait for the job.
            raise RuntimeError("the report comes after the rows: take them first, or close() the result")
        return self._job.wait()

    async def _completed(self) -> None:
        # Its report warns.
        await self._job

    def _warnings(self) -> list[str]:
        # The last row is there: the job is over, or about to be. Its report warns.
        self._job.wait(progress=False)
        return []

    def __repr__(self) -> str:
        return f"Result({', '.join(f'{name}: {kind}' for name, kind in self.columns.items())})"

    def _repr_html_(self) -> str:
        caption = f"resultado de {self._job.id}: to_pandas(), to_polars(), to_arrow() ou for batch in ..."
        return table(("coluna", "tipo"), self.columns.items(), caption)


class FileRecords(_Rows):
    """The records of one file: read once, as they come; made by :func:`read_dbc`.

    Examples
    --------
    >>> import datasus
    >>> datasus.read_dbc(folder / "RDAC2401.dbc", columns=["CNES", "MORTE"]).columns
    {'CNES': 'Utf8', 'MORTE': 'Int32'}
    """

    def __init__(self, rows: Any, summary: Any, path: str) -> None:
        super().__init__(rows, None)
        self._summary = summary
        self._path = path

    @property
    def summary(self) -> FileSummary | None:
        """What was noticed: deleted and unreadable records, values that did not parse; None before the last row."""
        from ._report import FileSummary

        form = json.loads(self._summary.json())
        return None if form is None else FileSummary(form)

    async def _next(self) -> Any:
        # A file is decoded by whoever asks: not by the loop.
        return await asyncio.to_thread(self._rows.next_batch)

    def _warnings(self) -> list[str]:
        summary = self.summary
        return [] if summary is None else list(summary.get("warnings", []))

    def __repr__(self) -> str:
        return f"FileRecords({self._path}: {len(self._columns)} columns)"

    def _repr_html_(self) -> str:
        return table(("coluna", "tipo"), self.columns.items(), self._path)
