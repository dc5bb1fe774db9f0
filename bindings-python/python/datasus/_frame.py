"""From Arrow to a pandas data frame that pandas users can use at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._frame_columns import Column, column_of
from ._optional import require
from ._values import shown
from ._warn import warn

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas


def checked(dtype_backend: str | None, decimals: str) -> Any:
    """What is wrong is told before any row is taken; gives pyarrow."""
    if dtype_backend not in (None, "pyarrow", "numpy"):
        raise ValueError(f"dtype_backend: expected 'pyarrow', 'numpy' or None; received {shown(dtype_backend)}")
    if decimals not in ("float", "exact"):
        raise ValueError(f"decimals: expected 'float' or 'exact'; received {shown(decimals)}")
    require("pandas", "pandas")
    return require("pyarrow", "pandas")


def of_table(arrow: Any, dtype_backend: str) -> pandas.DataFrame:
    """A data frame of an Arrow table, which is used up."""
    if dtype_backend == "pyarrow":
        return arrow.to_pandas(types_mapper=require("pandas", "pandas").ArrowDtype)
    # Column by column, and each Arrow column goes when its copy is there.
    return arrow.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)


def of_batches(schema: Any, batches: Iterable[Any], decimals: str) -> pandas.DataFrame:
    """A data frame of compiled batches, made while they arrive: each column of a batch goes when its values are taken."""
    pa, pd = require("pyarrow", "pandas"), require("pandas", "pandas")
    columns: list[Column] = [column_of(field, decimals) for field in schema]
    for batch in batches:
        if batch.num_rows == 0:
            continue
        capsules = batch.columns_capsules()
        del batch
        for column in columns:
            column.append(pa.array(_Array(capsules.pop(0))))
    series = {}
    for field, column in zip(schema, columns, strict=True):
        series[field.name] = column.finish()
        if column.warning is not None:
            warn(f"{field.name}: {column.warning}")
    return pd.DataFrame(series, copy=False)


class _Array:
    """One column of a batch, which goes over once."""

    def __init__(self, capsules: tuple[object, object]) -> None:
        self._capsules = capsules

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return self._capsules
