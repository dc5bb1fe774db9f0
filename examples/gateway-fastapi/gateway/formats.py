"""Rows as JSON, CSV and Arrow, and which of them a request wants."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from typing import Any

import pyarrow

from .errors import Refusal

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
MEDIA_TYPES = (JSON, CSV, ARROW)
#: The largest whole number that every smaller one can be told from in a double.
_EXACT = (1 << 53) - 1


def wanted(accept: str | None) -> str:
    """By the header ``Accept``; JSON where it says nothing."""
    ranges = []
    for place, one in enumerate((accept or "*/*").split(",")):
        kind, *parameters = [part.strip().lower() for part in one.split(";")]
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            ranges.append((-float(weight), place, kind))
        except ValueError:
            continue
    for weight, _, kind in sorted(ranges):
        for media in MEDIA_TYPES:
            if weight < 0 and kind in (media, f"{media.split('/')[0]}/*", "*/*"):
                return media
    raise Refusal(406, "DS-400", "accept", received=accept, valid_examples=list(MEDIA_TYPES))


def columns_of(table: pyarrow.Table) -> list[dict[str, str]]:
    """Names and Arrow types."""
    return [{"name": field.name, "type": str(field.type)} for field in table.schema]


def rows_of(table: pyarrow.Table) -> list[dict[str, Any]]:
    """Objects; numbers that a double does not hold exactly are texts, days are ``YYYY-MM-DD``."""
    names = table.schema.names
    columns = [[_plain(value) for value in _values(column)] for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pyarrow.ChunkedArray) -> Any:
    if pyarrow.types.is_dictionary(column.type):
        column = pyarrow.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], column.type.value_type)
    return column.to_pylist()


def _plain(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case decimal.Decimal():
            # Of 15 digits each number is told from every other in a double.
            return float(value) if len(value.as_tuple().digits) <= 15 else format(value, "f")
        case float():
            return value if value == value and abs(value) != float("inf") else str(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {str(name): _plain(one) for name, one in value.items()}
    return str(value)


def json_bytes(body: dict[str, Any]) -> bytes:
    """As UTF-8."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def arrow_bytes(table: pyarrow.Table) -> bytes:
    """An IPC stream."""
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def csv_bytes(table: pyarrow.Table) -> bytes:
    """As the package's own CSV: RFC 4180, NULL an empty field and an empty text ``""``."""
    # In a table of one column NULL is `""` too: an empty line would be no row to many readers.
    nothing = '""' if table.num_columns == 1 else ""
    lines = [",".join(_quoted(name) for name in table.schema.names)]
    columns = [[nothing if value is None else _cell(value) for value in _values(column)] for column in table.columns]
    lines += [",".join(row) for row in zip(*columns, strict=True)]
    return ("\r\n".join(lines) + "\r\n").encode()


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case decimal.Decimal():
            return format(value, "f")
        case datetime.date():
            return value.isoformat()
    return _quoted(str(value))


def _quoted(text: str) -> str:
    if text == "" or any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
