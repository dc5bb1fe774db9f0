"""What is in the columns."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import contract
from ._html import number, table
from ._result import Batch
from ._text import table as text_table

if TYPE_CHECKING:
    import pandas
    import pyarrow

_HEAD = ("coluna", "tipo", "NULL", "distintos", "de", "até", "mais frequentes", "sem rótulo", "não lidos", "mudanças")
#: Frequent values that a table shows.
_SHOWN = 4


class Profile(contract.Profile):
    """What is in the columns, as :meth:`Client.profile` counts it: typed attributes, a dictionary, JSON, and rows.

    Examples
    --------
    >>> profile = client.profile("SIH-RD", columns=["SEXO", "VAL_TOT"])
    >>> profile["SEXO"].distinct, profile["SEXO"].frequent[0].label
    (2, 'Masculino')
    >>> profile.to_pandas()[["column", "nulls", "distinct"]].shape
    (2, 3)
    """

    def __init__(self, form: Any, rows: Any = None) -> None:
        super().__init__(form)
        object.__setattr__(self, "_rows", rows)

    def __getitem__(self, key: str) -> Any:
        if key in self:
            return super().__getitem__(key)
        for column in super().__getitem__("columns"):
            if column["name"].upper() == key.upper():
                return column
        raise KeyError(key)

    def __arrow_c_schema__(self) -> object:
        return self._batch().__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return self._batch().__arrow_c_array__(requested_schema)

    def _batch(self) -> Batch:
        rows = self.__dict__.get("_rows")
        if rows is None:
            raise RuntimeError(
                "this profile was made in another process, and its rows stayed there; its columns are here"
            )
        return Batch(rows)

    def to_arrow(self) -> pyarrow.RecordBatch:
        """One row a column.

        Examples
        --------
        >>> client.profile("SIH-RD", columns=["SEXO"]).to_arrow().num_rows
        1
        """
        return self._batch().to_arrow()

    def to_pandas(self) -> pandas.DataFrame:
        """One row a column.

        Examples
        --------
        >>> client.profile("SIH-RD", columns=["SEXO"]).to_pandas()["nulls"].tolist()
        [0]
        """
        return self.to_arrow().to_pandas()

    def _cells(self) -> list[tuple[str, ...]]:
        return [_row(column, self.rows) for column in self.columns]

    def _caption(self) -> str:
        size = f"{self.dataset}: {number(self.rows)} linhas, {len(self.columns)} colunas"
        if self.competencias:
            size += f", {self.competencias[0].competencia} a {self.competencias[-1].competencia}"
        return size if self.exact else f"{size} (AMOSTRA)"

    def __str__(self) -> str:
        said = "".join(f"\n- {warning}" for warning in self.warnings)
        return f"{self._caption()}\n{text_table(_HEAD, self._cells(), _HEAD.index('mais frequentes'))}{said}"

    def __repr__(self) -> str:
        return f"Profile({self._caption()})"

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(warning)}</li>" for warning in self.warnings)
        list_ = f"<ul style='margin:0 0 1em 0'>{said}</ul>" if said else ""
        return list_ + table(_HEAD, self._cells(), self._caption(), whole=("tipo", "NULL"))


def _row(column: Any, rows: int) -> tuple[str, ...]:
    share = column.nulls / rows if rows else 0.0
    frequent = (
        [f"{_named(one, column.frequent)} {_percent(one.rows / rows)}" for one in column.frequent[:_SHOWN]]
        if rows
        else []
    )
    return (
        column.name,
        column.kind,
        _percent(share) if column.nulls else "",
        ("" if column.distinct_exact else "≈ ") + number(column.distinct),
        column.min or "",
        column.max or "",
        "; ".join(frequent),
        number(column.unlabelled) if column.unlabelled else "",
        number(column.bad_values) if column.bad_values else "",
        str(len(column.changes)) if column.changes else "",
    )


def _named(one: Any, among: Sequence[Any]) -> str:
    """The label; with the code where another one has the same."""
    if not one.label:
        return str(one.value)
    alone = sum(other.label == one.label for other in among) == 1
    return str(one.label) if alone else f"{one.value} {one.label}"


def _percent(share: float) -> str:
    """``12,5 %``; what is not nothing is never 0 %, nor what is not all 100 %."""
    if 0 < share < 0.001:
        return "< 0,1 %"
    if 0.999 < share < 1:
        return "> 99,9 %"
    return f"{share * 100:.1f}".removesuffix(".0").replace(".", ",") + " %"
