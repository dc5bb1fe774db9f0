"""Which columns a read has, and their types: the catalogue's, and those of our own answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._optional import require
from .._schema import Schema
from ._asked import Asked

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql.types import StructType

_ORIGIN = ("datasus_arquivo", "datasus_uf", "datasus_competencia")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: ``text``, ``int32``, ``int64``, ``date`` or a decimal of ``(precision, scale)``."""

    name: str
    kind: str | tuple[int, int]

    @property
    def arrow(self) -> pyarrow.DataType:
        """As our answers have it."""
        pa = require("pyarrow", "spark")
        if isinstance(self.kind, tuple):
            return pa.decimal128(*self.kind)
        return {"text": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "date": pa.date32()}[self.kind]


def _kind(kind: Any) -> str | tuple[int, int]:
    """Of the catalogue's own form."""
    if isinstance(kind, str):
        return kind
    name, of = next(iter(kind.items()))
    if name == "decimal":
        return int(of["precision"]), int(of["scale"])
    if name == "integer":
        return "int32" if of["digits"] <= 9 else "int64"
    return str(name)


def columns_of(schema: Schema, asked: Asked) -> list[Column]:
    """The columns that the options ask for, in the order of the answer."""
    form = schema.to_dict()
    plain = [Column(one["name"], _kind(one["kind"])) for one in form["columns"]]
    derived = {one["name"].upper(): one for one in form.get("derived") or []}
    by_name = {one.name.upper(): one for one in plain}
    by_name.update((name, Column(one["name"], _kind(one["kind"]))) for name, one in derived.items())
    by_name.update((name.upper(), Column(name, "text")) for name in _ORIGIN)
    # A name that the catalogue does not know is for the core to judge: a file may have it, as text.
    named = [by_name.get(name.upper(), Column(name, "text")) for name in asked.columns or ()]
    chosen = plain if asked.columns is None else named
    return _labelled(chosen, asked, derived, by_name)


def _labelled(chosen: list[Column], asked: Asked, derived: dict[str, Any], by_name: dict[str, Column]) -> list[Column]:
    """With the words for codes beside them, or in their place."""
    if asked.labels is False:
        return chosen
    wanted = None if asked.labels is True else {name.upper() for name in asked.labels}
    if wanted is not None:
        without = sorted(name for name in wanted if f"{name}_ROTULO" not in derived)
        absent = sorted(wanted - {one.name.upper() for one in chosen} - set(without))
        for names, pt, en in (
            (without, "não têm rótulos", "have no labels"),
            (absent, "não estão nas colunas pedidas", "are not among the columns asked for"),
        ):
            if names:
                listed = ", ".join(names)
                raise asked.refused("DS-422", f"labels: {listed} {pt}", f"labels: {listed} {en}", received=names)
    answer: list[Column] = []
    for one in chosen:
        label = f"{one.name.upper()}_ROTULO"
        has = label in derived and (wanted is None or one.name.upper() in wanted)
        if not (has and asked.labels_only):
            answer.append(one)
        if has:
            answer.append(by_name[label])
    return answer


def arrow_schema(columns: Iterable[Column]) -> pyarrow.Schema:
    """What the batches have."""
    pa = require("pyarrow", "spark")
    return pa.schema([pa.field(one.name, one.arrow, nullable=True) for one in columns])


def spark_schema(columns: Iterable[Column]) -> StructType:
    """The same, as Spark says it."""
    from pyspark.sql import types

    plain = {
        "text": types.StringType(),
        "int32": types.IntegerType(),
        "int64": types.LongType(),
        "date": types.DateType(),
    }
    fields = [
        types.StructField(
            one.name, types.DecimalType(*one.kind) if isinstance(one.kind, tuple) else plain[one.kind], True
        )
        for one in columns
    ]
    return types.StructType(fields)
