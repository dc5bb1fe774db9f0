"""From Arrow to a pandas data frame that pandas users can use at once."""

from __future__ import annotations

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
    text = _text(pd)
    plain = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
    }
    plain |= {pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype()}
    plain |= {pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): text, pa.large_string(): text}

    if decimals == "float":
        for place, field in enumerate(arrow.schema):
            if pa.types.is_decimal128(field.type):
                floats = _floats(pa, arrow.column(place))
                if floats is None:
                    warn(
                        f"{field.name}: há valores com mais de {_DIGITS} algarismos, que um float64 não guarda; a coluna fica "
                        f"exata, em Decimal / values of more than {_DIGITS} digits: the column stays exact, as Decimal"
                    )
                else:
                    arrow = arrow.set_column(place, field.name, floats)
    return arrow.to_pandas(types_mapper=plain.get, split_blocks=True, self_destruct=True, date_as_object=False)


def _text(pd: Any) -> Any:
    """Pandas' own text over Arrow's memory: ``str`` since pandas 3, before it ``string``."""
    if int(pd.__version__.split(".")[0]) >= 3:
        return pd.StringDtype("pyarrow", na_value=float("nan"))
    return pd.StringDtype("pyarrow")


def _floats(pa: Any, column: Any) -> Any:
    """The nearest float of each decimal; None where a value has more digits than a float holds.

    A whole number below 10^15 and a power of ten below 10^23 are floats exactly, so that their quotient is the nearest one.
    """
    numpy = require("numpy", "pandas")
    scale, largest = column.type.scale, 10**_DIGITS
    if scale > 22:
        return None
    chunks = []
    for chunk in column.chunks:
        words = numpy.frombuffer(chunk.buffers()[1], dtype=numpy.int64)[2 * chunk.offset :][: 2 * len(chunk)]
        low, high = words[0::2], words[1::2]
        valid = None
        if chunk.null_count:
            valid = chunk.is_valid()
            # What stands below a NULL is no value.
            mask = valid.to_numpy(zero_copy_only=False)
            low, high = numpy.where(mask, low, 0), numpy.where(mask, high, 0)
        if len(low) and (low.min() <= -largest or low.max() >= largest or not ((low >> 63) == high).all()):
            return None
        quotient = low / float(10**scale)
        buffers = [valid.buffers()[1] if valid is not None else None, pa.py_buffer(quotient)]
        if valid is not None and valid.offset:
            chunks.append(pa.array(quotient, mask=~mask))
            continue
        chunks.append(pa.Array.from_buffers(pa.float64(), len(chunk), buffers, chunk.null_count))
    return pa.chunked_array(chunks, pa.float64())
