"""One unit on an executor: our client's answer for it, as batches of the schema that Spark was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._client import Client
from .._optional import require
from ._asked import Asked
from ._columns import Column, arrow_schema
from ._plan import Unit, opened

if TYPE_CHECKING:
    import pyarrow


def client_of(unit: Unit, asked: Asked) -> Client:
    """A client for one task: of one thread, since Spark gives a task one core."""
    return opened(asked, unit.source, threads=asked.settings.get("threads", 1))


def selection_of(unit: Unit, asked: Asked) -> dict[str, Any]:
    """What is asked of it. The driver knows that nothing is missing; what it asked for of other units is not here."""
    return {
        "uf": asked.uf if unit.uf is None else unit.uf,
        "competencia": asked.competencia if unit.competencia is None else unit.competencia,
        **asked.query,
        "missing": "warn",
    }


def check(client: Client, unit: Unit, asked: Asked) -> None:
    """The unit has the very files that the driver planned, or the read fails: no row may be lost because a file went."""
    found = client.explain(asked.dataset, **selection_of(unit, asked)).sources
    if list(found) != list(unit.files):
        planned, now = ", ".join(unit.files), ", ".join(found) or "-"
        raise asked.refused(
            "DS-502",
            f"a fonte mudou desde que a leitura foi planejada: {planned} agora é {now}; repita",
            f"the source has changed since the read was planned: {planned} is now {now}; try again",
        )


def batches(unit: Unit, asked: Asked, columns: list[Column]) -> Iterator[pyarrow.RecordBatch]:
    """The rows; a damaged file is the core's error, which names it."""
    pa = require("pyarrow", "spark")
    schema = arrow_schema(columns)
    client = client_of(unit, asked)
    check(client, unit, asked)
    names = [one.name for one in columns]
    with client.query(asked.dataset, columns=names, where=asked.where, **selection_of(unit, asked)) as rows:
        for batch in rows:
            yield _conformed(pa.record_batch(batch), schema, unit, asked)
    if asked.columns is None:
        _nothing_left_out(client, unit, asked, columns)


def _nothing_left_out(client: Client, unit: Unit, asked: Asked, columns: list[Column]) -> None:
    """Without `columns` all of a file is asked for: one that the catalogue does not know is not dropped in silence."""
    known = {one.name.upper() for one in columns}
    has = client.explain(asked.dataset, **selection_of(unit, asked)).columns
    unknown = [name for name in has if name.upper() not in known and f"{name.upper()}_ROTULO" not in known]
    if unknown:
        listed, where = ", ".join(unknown), ", ".join(unit.files)
        raise asked.refused(
            "DS-422",
            f"{where} tem colunas que o catálogo não conhece: {listed}. Diga as que quer na opção columns",
            f"{where} has columns that the catalogue does not know: {listed}. Name those you want in columns",
            received=unknown,
        )


def _conformed(batch: pyarrow.RecordBatch, schema: pyarrow.Schema, unit: Unit, asked: Asked) -> pyarrow.RecordBatch:
    """Labels, which are categories with us, become text; whatever else differs is an error."""
    pa = require("pyarrow", "spark")
    columns = []
    for field, given in zip(schema, batch.columns, strict=True):
        column = given.dictionary_decode() if pa.types.is_dictionary(given.type) else given
        if column.type != field.type and not (_is_text(column.type) and pa.types.is_string(field.type)):
            what = f"{', '.join(unit.files)}: {field.name}"
            raise asked.refused(
                "DS-422",
                f"{what} é {column.type}, e o catálogo diz {field.type}; escolha outras colunas em columns",
                f"{what} is {column.type}, and the catalogue says {field.type}; choose other columns in columns",
                received=str(column.type),
                expected_format=str(field.type),
            )
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _is_text(kind: Any) -> bool:
    pa = require("pyarrow", "spark")
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
