"""Where rows go: files and tables."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Literal

from ._datasus import masked


def _shown(sink: Any) -> str:
    """Without the password of an address, whatever field it was given for."""
    fields = ", ".join(f"{one.name}={getattr(sink, one.name)!r}" for one in dataclasses.fields(sink) if one.repr)
    return masked(f"{type(sink).__qualname__}({fields})")


def _given(sink: Any, name: str) -> dict[str, Any]:
    fields = {field.name: getattr(sink, field.name) for field in dataclasses.fields(sink)}
    plain = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in fields.items()}
    return {name: {key: value for key, value in plain.items() if value is not None}}


@dataclasses.dataclass(frozen=True)
class Csv:
    """A CSV file, of 10 million rows at most.

    For Brazilian spreadsheets: ``Csv("a.csv", delimiter=";", decimal_comma=True, bom=True)``.

    Parameters
    ----------
    path : str or path, optional
        The file, below the client's output folder; without it, a name made from the job's hash.
    overwrite : bool
        Replaces an existing file in one act; when false, an existing file is DS-409.
    zstd : int, optional
        Compresses with zstd at this level, from 1 to 22.
    delimiter : {",", ";", "\\t", "|"}
        What stands between two fields.
    decimal_comma : bool
        Writes ``1234,56``; not together with the delimiter ``,``.
    header : bool
        Begins with the column names.
    bom : bool
        Begins with a byte order mark, by which Excel knows UTF-8.
    line_ending : {"crlf", "lf"}
        What ends a row.

    Examples
    --------
    >>> import datasus
    >>> report = client.export("SIH-RD", columns=["CNES", "VAL_TOT"], to=datasus.Csv("a.csv", delimiter=";"))
    >>> report.storage
    {'csv': 'a.csv'}
    """

    path: str | os.PathLike[str] | None = None
    overwrite: bool = False
    zstd: int | None = None
    delimiter: Literal[",", ";", "\t", "|"] = ","
    decimal_comma: bool = False
    header: bool = True
    bom: bool = False
    line_ending: Literal["crlf", "lf"] = "crlf"

    def __repr__(self) -> str:
        return _shown(self)

    def to_dict(self) -> dict[str, Any]:
        """The destination as the contract's JSON has it.

        Examples
        --------
        >>> datasus.Csv("a.csv", zstd=3).to_dict()["csv"]["zstd"]
        3
        """
        return _given(self, "csv")


@dataclasses.dataclass(frozen=True)
class Parquet:
    """A Parquet file: zstd, bounded row groups, statistics.

    Parameters
    ----------
    path : str or path, optional
        The file, below the client's output folder; without it, a name made from the job's hash.
    overwrite : bool
        Replaces an existing file in one act; when false, an existing file is DS-409.
    zstd : int
        zstd level, from 1 (fast) to 22 (small).
    row_group_rows : int
        Most rows of a row group; a group also ends at 64 MiB.

    Examples
    --------
    >>> import datasus
    >>> client.export("SIH-RD", columns=["CNES", "VAL_TOT"], to=datasus.Parquet("a.parquet")).storage
    {'parquet': 'a.parquet'}
    """

    path: str | os.PathLike[str] | None = None
    overwrite: bool = False
    zstd: int = 3
    row_group_rows: int = 1 << 19

    def __repr__(self) -> str:
        return _shown(self)

    def to_dict(self) -> dict[str, Any]:
        """The destination as the contract's JSON has it.

        Examples
        --------
        >>> datasus.Parquet("a.parquet").to_dict()["parquet"]["row_group_rows"]
        524288
        """
        return _given(self, "parquet")


@dataclasses.dataclass(frozen=True)
class Postgres:
    """A table in PostgreSQL, loaded by binary COPY.

    Parameters
    ----------
    table : str, optional
        ``"schema.table"``; without it, named after dataset and competência, as ``sih_data.rd_202401``. Aggregates and SQL
        must have one.
    url : str, optional
        ``postgres://user:password@host:port/database``; without it, the client's ``postgres`` or ``DATASUS_POSTGRES``.
    mode : {"create", "append", "replace", "replace_by", "upsert"}
        ``create``: DS-409 where the table exists. ``append``: adds, and refuses a source that the table has already.
        ``replace``: the whole table, in one act. ``replace_by``: what the load brings alone. ``upsert``: by ``key``.
    key : list of str, optional
        With ``upsert``: the columns that identify a row.
    connections : int, optional
        Connections to load with, from 1 to 16; 2 where it is left out.
    indexes : "auto", "none" or list of str, optional
        Columns to index after the load, while the table is read. ``"auto"``, or without it: of a table that datasus
        made, those that this query and this client's others put conditions on, join and order by; ``"none"``: no
        index.
    partition_by : {"competencia"}, optional
        A new table has a partition for each competência.
    replace_by : {"source_file", "competencia"}
        With ``mode="replace_by"``: what makes rows of the table and of the result the same load;
        UF and competência where it is left out.
    allow_reload : bool
        With ``append``: takes a source that the table already holds.
    analyze : bool
        ``ANALYZE`` follows the load.

    Examples
    --------
    >>> import datasus
    >>> datasus.Postgres("sih_data.rd", mode="replace").to_dict()
    {'postgres': {'table': 'sih_data.rd', 'mode': 'replace'}}
    """

    table: str | None = None
    url: str | None = dataclasses.field(default=None, repr=False)
    mode: Literal["create", "append", "replace", "replace_by", "upsert"] = "create"
    key: list[str] | None = None
    connections: int | None = None
    indexes: str | list[str] | None = None
    partition_by: Literal["competencia"] | None = None
    replace_by: Literal["source_file", "competencia"] | None = None
    allow_reload: bool | None = None
    analyze: bool | None = None

    def __repr__(self) -> str:
        return _shown(self)

    def to_dict(self) -> dict[str, Any]:
        """The destination as the contract's JSON has it, with the password in ``url``.

        Examples
        --------
        >>> datasus.Postgres("sih_data.rd", mode="upsert", key=["N_AIH"]).to_dict()["postgres"]["key"]
        ['N_AIH']
        """
        return _given(self, "postgres")


#: A file to write, or a table to load.
Destination = Csv | Parquet | Postgres


def destination_form(to: Any) -> Any:
    """The contract's form of a destination; a path is told by its ending."""
    if hasattr(to, "to_dict"):
        return to.to_dict()
    return os.fspath(to) if isinstance(to, os.PathLike) else to
