"""From Arrow to a pandas data frame that pandas users can use at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ._optional import require
from ._warn import warn

if TYPE_CHECKING:
    import pandas

#: A float holds every number of so many digits exactly.
_DIGITS = 15


def checked(dtype_backend: str | None, decimals: str) -> Any:
    """What is wrong is told before any row is taken; gives pyarrow."""
    if dtype_backend not in (None, "pyarrow", "numpy"):
        raise ValueError(f"dtype_backend: expected 'pyarrow', 'numpy' or None; received {dtype_backend!r}")
    if decimals not in ("float", "exact"):
        raise ValueError(f"decimals: expected 'float' or 'exact'; received {decimals!r}")
    require("pandas", "pandas")
    return require("pyarrow", "pandas")


def to_pandas(arrow: Any, dtype_backend: str | None, decimals: str) -> pandas.DataFrame:
    """A data frame of an Arrow table, which is used up."""
    pd, pa = require("pandas", "pandas"), require("pyarrow", "pandas")
    if dtype_backend == "pyarrow":
        return arrow.to_pandas(types_mapper=pd.ArrowDtype)
    if dtype_backend == "numpy":
        # Column by column, and each Arrow column goes when its copy is there.
        return arrow.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    names = arrow.schema.names
    # Each column by itself, on every core: what converts them lets go of the interpreter's lock.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        columns = list(pool.map(lambda column: _column(pd, pa, column, decimals), arrow.columns))
    for name, field, column in zip(names, arrow.schema, columns, strict=True):
        if decimals == "float" and pa.types.is_decimal(field.type) and column.dtype == object:
            warn(
                f"{name}: há valores com mais de {_DIGITS} algarismos, que um float64 não guarda; a coluna fica "
                f"exata, em Decimal / values of more than {_DIGITS} digits: the column stays exact, as Decimal"
            )
    return pd.DataFrame(dict(zip(names, columns, strict=True)), copy=False)


def _column(pd: Any, pa: Any, column: Any, decimals: str) -> Any:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text(pd).__from_arrow__(column)
    if pa.types.is_boolean(kind):
        return pd.BooleanDtype().__from_arrow__(column)
    if pa.types.is_integer(kind):
        return _integers(pd, kind.to_pandas_dtype(), column)
    if decimals == "float" and pa.types.is_decimal128(kind):
        floats = _floats(column)
        if floats is not None:
            return floats
    return column.to_pandas(date_as_object=False)


def _integers(pd: Any, kind: Any, column: Any) -> Any:
    numpy = require("numpy", "pandas")
    values, mask, at = numpy.empty(len(column), kind), numpy.zeros(len(column), bool), 0
    for chunk in column.chunks:
        end = at + len(chunk)
        if end == at:
            continue
        values[at:end] = numpy.frombuffer(chunk.buffers()[1], dtype=kind)[chunk.offset :][: len(chunk)]
        if chunk.null_count:
            mask[at:end] = chunk.is_null().to_numpy(zero_copy_only=False)
            # What stands below a NULL is no value.
            values[at:end][mask[at:end]] = 1
        at = end
    return pd.arrays.IntegerArray(values, mask)


def _text(pd: Any) -> Any:
    """Pandas' own text over Arrow's memory: ``str`` since pandas 3, before it ``string``."""
    if int(pd.__version__.split(".")[0]) >= 3:
        return pd.StringDtype("pyarrow", na_value=float("nan"))
    return pd.StringDtype("pyarrow")


def _floats(column: Any) -> Any:
    """The nearest float of each decimal; None where a value has more digits than a float holds.

    A whole number below 10^15 and a power of ten below 10^23 are floats exactly, so that their quotient is the nearest one.
    """
    numpy = require("numpy", "pandas")
    scale, largest = column.type.scale, 10**_DIGITS
    if scale > 22:
        return None
    floats, at = numpy.empty(len(column), numpy.float64), 0
    for chunk in column.chunks:
        end = at + len(chunk)
        if end == at:
            continue
        words = numpy.frombuffer(chunk.buffers()[1], dtype=numpy.int64)[2 * chunk.offset :][: 2 * len(chunk)]
        low, high = words[0::2], words[1::2]
        null = chunk.is_null().to_numpy(zero_copy_only=False) if chunk.null_count else None
        if null is not None:
            # What stands below a NULL is no value.
            low, high = numpy.where(null, 0, low), numpy.where(null, 0, high)
        if low.min() <= -largest or low.max() >= largest or not ((low >> 63) == high).all():
            return None
        numpy.divide(low, float(10**scale), out=floats[at:end])
        if null is not None:
            floats[at:end][null] = numpy.nan
        at = end
    return floats
