"""Columns of a data frame that grow batch by batch. What is first touched costs most, so nothing is kept twice."""

from __future__ import annotations

import mmap
from typing import Any, Protocol

from ._optional import require

#: A float holds every number of so many digits exactly.
_DIGITS = 15
_LARGEST = 10**_DIGITS
#: The last power of ten that is a float exactly.
_MAX_SCALE = 22
#: Bytes of a column before it grows.
_FIRST = 65_536
_DAY_SECONDS = 86_400
#: NumPy's NaT.
_NO_DAY = -(2**63)


class Column(Protocol):
    """A column that grows; what to tell about it once it is finished."""

    warning: str | None

    def append(self, array: Any) -> None: ...

    def finish(self) -> Any: ...


def column_of(field: Any, decimals: str) -> Column:
    """The form that pandas' users expect of a field's type."""
    pa, kind = require("pyarrow", "pandas"), field.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _Text()
    if pa.types.is_integer(kind):
        return _Whole(kind.to_pandas_dtype())
    if pa.types.is_date32(kind):
        return _Days()
    if decimals == "float" and pa.types.is_decimal128(kind) and 0 <= kind.scale <= _MAX_SCALE:
        return _Money(kind)
    return _Other(kind, exact=decimals == "float" and pa.types.is_decimal(kind))


class _Memory:
    """Bytes that grow in a mapping of their own, without a copy where the system can; pandas may write to them."""

    def __init__(self) -> None:
        self.size, self._map = 0, _mapping(_FIRST)

    def append(self, data: Any) -> None:
        end = self.size + len(data)
        if end > len(self._map):
            self._grow(max(end, 2 * len(self._map)))
        self._map[self.size : end] = data
        self.size = end

    def _grow(self, size: int) -> None:
        try:
            self._map.resize(size)
        except SystemError:
            # Not every system moves mappings.
            larger = _mapping(size)
            larger[: self.size] = memoryview(self._map)[: self.size]
            self._map = larger

    def all(self, kind: Any) -> Any:
        numpy = require("numpy", "pandas")
        return numpy.frombuffer(self._map, kind, self.size // numpy.dtype(kind).itemsize)


def _mapping(size: int) -> mmap.mmap:
    if hasattr(mmap, "MAP_ANONYMOUS"):
        # Private: a forked child's writes are its own.
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)


class _Values:
    """Numbers in a row."""

    def __init__(self, kind: Any) -> None:
        self.kind, self._memory = require("numpy", "pandas").dtype(kind), _Memory()

    def append(self, values: Any) -> None:
        self._memory.append(memoryview(values).cast("B"))

    def all(self) -> Any:
        return self._memory.all(self.kind)


class _Text:
    """Pandas' own text over Arrow's memory: ``str`` since pandas 3, before it ``string``."""

    warning: str | None = None

    def __init__(self) -> None:
        self._arrays: list[Any] = []

    def append(self, array: Any) -> None:
        self._arrays.append(array)

    def finish(self) -> Any:
        pd, pa = require("pandas", "pandas"), require("pyarrow", "pandas")
        of_nan = int(pd.__version__.split(".")[0]) >= 3
        kind = pd.StringDtype("pyarrow", na_value=float("nan")) if of_nan else pd.StringDtype("pyarrow")
        return kind.__from_arrow__(pa.chunked_array(self._arrays, pa.large_string()))


class _Whole:
    """Whole numbers with ``<NA>``."""

    warning: str | None = None

    def __init__(self, kind: Any) -> None:
        self._values, self._nulls = _Values(kind), _Nulls()

    def append(self, array: Any) -> None:
        values, null = _numbers(array, self._values.kind), _null(array)
        if null is not None:
            # What stands below a NULL is no value.
            values = require("numpy", "pandas").where(null, self._values.kind.type(1), values)
        self._values.append(values)
        self._nulls.append(null, len(array))

    def finish(self) -> Any:
        return require("pandas", "pandas").arrays.IntegerArray(self._values.all(), self._nulls.all())


class _Nulls:
    """Which values are NULL; no memory is touched before the first that is."""

    def __init__(self) -> None:
        self._length = 0
        self._memory: _Memory | None = None

    def append(self, null: Any, length: int) -> None:
        numpy = require("numpy", "pandas")
        if null is not None and self._memory is None:
            self._memory = _Memory()
            self._memory.append(bytes(self._length))
        if self._memory is not None:
            self._memory.append(memoryview(numpy.zeros(length, bool) if null is None else null).cast("B"))
        self._length += length

    def all(self) -> Any:
        return require("numpy", "pandas").zeros(self._length, bool) if self._memory is None else self._memory.all(bool)


class _Days:
    """Days as pandas' timestamps, in the unit that it gives them itself."""

    warning: str | None = None

    def __init__(self) -> None:
        pa = require("pyarrow", "pandas")
        self._dtype = pa.array([], pa.date32()).to_pandas(date_as_object=False).dtype
        per_second = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}
        self._day = _DAY_SECONDS * per_second[require("numpy", "pandas").datetime_data(self._dtype)[0]]
        self._values = _Values("int64")

    def append(self, array: Any) -> None:
        numpy = require("numpy", "pandas")
        days, null = numpy.multiply(_numbers(array, "int32"), self._day, dtype="int64"), _null(array)
        if null is not None:
            days[null] = _NO_DAY
        self._values.append(days)

    def finish(self) -> Any:
        return self._values.all().view(self._dtype)


class _Money:
    """The nearest float of each decimal, until a value comes that has more digits than a float holds.

    A whole number below 10^15 and a power of ten up to 10^22 are floats exactly, so that their quotient is the nearest one, and
    the product with that power gives back the number.
    """

    def __init__(self, kind: Any) -> None:
        self.warning: str | None = None
        self._kind, self._power, self._floats = kind, float(10**kind.scale), _Values("float64")
        self._exact: _Other | None = None

    def append(self, array: Any) -> None:
        if self._exact is None:
            floats = self._of(array)
            if floats is not None:
                self._floats.append(floats)
                return
            self._exact = _Other(self._kind, exact=True)
            floats = self._floats.all()
            if len(floats):
                self._exact.append(self._decimals(floats))
        self._exact.append(array)

    def finish(self) -> Any:
        if self._exact is None:
            return self._floats.all()
        column = self._exact.finish()
        self.warning = self._exact.warning
        return column

    def _of(self, array: Any) -> Any:
        numpy = require("numpy", "pandas")
        words = numpy.frombuffer(array.buffers()[1], dtype="int64")[2 * array.offset :][: 2 * len(array)]
        low, high, null = words[0::2], words[1::2], _null(array)
        if null is not None:
            # What stands below a NULL is no value.
            low, high = numpy.where(null, 0, low), numpy.where(null, 0, high)
        if len(low) and (low.min() <= -_LARGEST or low.max() >= _LARGEST or not ((low >> 63) == high).all()):
            return None
        floats = numpy.divide(low, self._power)
        if null is not None:
            floats[null] = numpy.nan
        return floats

    def _decimals(self, floats: Any) -> Any:
        """The decimals that these floats were made of."""
        numpy, pa = require("numpy", "pandas"), require("pyarrow", "pandas")
        null = numpy.isnan(floats)
        low = numpy.rint(numpy.where(null, 0, floats) * self._power).astype("int64")
        words = numpy.column_stack([low, low >> 63])
        valid = pa.array(~null).buffers()[1]
        return pa.Array.from_buffers(self._kind, len(floats), [valid, pa.py_buffer(words)])


class _Other:
    """As pyarrow makes them."""

    def __init__(self, kind: Any, *, exact: bool) -> None:
        """``exact``: floats were wanted, and Decimals come instead."""
        self.warning: str | None = None
        self._kind, self._exact, self._arrays = kind, exact, list[Any]()

    def append(self, array: Any) -> None:
        self._arrays.append(array)

    def finish(self) -> Any:
        pa, pd = require("pyarrow", "pandas"), require("pandas", "pandas")
        arrays = pa.chunked_array(self._arrays, self._kind)
        self._arrays.clear()
        if pa.types.is_boolean(self._kind):
            return pd.BooleanDtype().__from_arrow__(arrays)
        if self._exact:
            self.warning = (
                f"há valores com mais de {_DIGITS} algarismos, que um float64 não guarda; a coluna fica exata, em Decimal / "
                f"values of more than {_DIGITS} digits: the column stays exact, as Decimal"
            )
        if pa.types.is_dictionary(self._kind):
            # Long lists come with those of their words that a batch uses.
            arrays = arrays.unify_dictionaries()
        return arrays.to_pandas(date_as_object=False)


def _numbers(array: Any, kind: Any) -> Any:
    numpy = require("numpy", "pandas")
    return numpy.frombuffer(array.buffers()[1], dtype=kind)[array.offset :][: len(array)]


def _null(array: Any) -> Any:
    """Where it is NULL; None where it never is."""
    return array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
