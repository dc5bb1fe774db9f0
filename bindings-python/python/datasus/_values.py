"""Values of a query, from whatever Python holds them in: taken exactly, or refused by name."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterator, KeysView, Mapping, ValuesView
from typing import Any

from ._datasus import masked

_EXPECTED = "expected text, a number, a Decimal or a day"


def shown(value: Any) -> str:
    """A value as an error shows it: short, and without the password of an address in it."""
    text = masked(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse(what: str, expected: str, received: Any) -> TypeError:
    return TypeError(
        f"{what}: {expected}; received {shown(received)} ({type(received).__module__}.{type(received).__qualname__})"
    )


def scalar(value: Any, what: str) -> str | int | float:
    """One value as the contract has it: days as ISO text, exact decimals as text. ``what`` names it in the error."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        # A scalar of numpy. Nanoseconds would become a bare number.
        days = getattr(value, "dtype", None)
        value = (value.astype("datetime64[us]") if getattr(days, "kind", "") == "M" else value).item()
    if (
        type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
        or value is None
    ):
        raise _refuse(what, f"{_EXPECTED} (rows without a value: is_null())", value)
    if isinstance(value, datetime.datetime):
        if value.time() != datetime.time():
            raise ValueError(
                f"{what}: expected a day; received {value}, with a time of day, which the records do not have"
            )
        value = value.date()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise _refuse(what, _EXPECTED, value)


def is_many(value: Any) -> bool:
    """Whether it holds several values: lists, sets, ranges, generators, arrays and series; no text, bytes or dictionary."""
    if isinstance(value, (str, bytes, bytearray, memoryview, Mapping)):
        return False
    if hasattr(value, "ndim") or hasattr(value, "to_pylist"):
        return getattr(value, "ndim", 1) == 1
    return isinstance(value, (list, tuple, set, frozenset, range, Iterator, KeysView, ValuesView)) or hasattr(
        value, "to_list"
    )


def many(values: Any, what: str) -> list[str | int | float]:
    """Several values; a text is one value, and not its letters."""
    if not is_many(values):
        raise _refuse(what, "expected a list of values", values)
    for take in ("to_pylist", "tolist", "to_list"):
        if hasattr(values, take):
            values = getattr(values, take)()
            break
    return [scalar(one, what) for one in values]


def names(value: Any, what: str) -> list[str]:
    """One name, or several."""
    if isinstance(value, str):
        return [value]
    listed = many(value, what)
    for one in listed:
        if not isinstance(one, str):
            raise _refuse(what, "expected names", one)
    return [str(one) for one in listed]


def condition_value(value: Any, what: str) -> Any:
    """What stands in a condition of the contract: one value, or a list of them."""
    return many(value, what) if is_many(value) else scalar(value, what)


def in_json(value: Any) -> Any:
    """For ``json.dumps``: what JSON does not have by itself."""
    return many(value, "query") if is_many(value) else scalar(value, "query")
