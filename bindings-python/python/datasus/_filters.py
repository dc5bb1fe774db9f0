"""Conditions on rows: ``col("VAL_TOT").between(0, 100) & (col("SEXO") == "3")``."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ._datasus import masked
from ._values import many, scalar, shown

#: A value of a condition: text for codes, numbers, exact decimals, days.
Value = str | int | float | decimal.Decimal | datetime.date | None


class Filter:
    """A condition; combine with ``&``, ``|`` and ``~``.

    A row for which it is unknown (NULL) does not meet it, as in SQL.

    Examples
    --------
    >>> from datasus import col
    >>> (col("VAL_TOT") >= 60) & ~(col("SEXO") == "3")
    Filter({'all': [{'column': 'VAL_TOT', 'op': 'ge', 'value': 60}, {'not': {'column': 'SEXO', 'op': 'eq', 'value': '3'}}]})
    """

    __slots__ = ("_form",)

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._form = dict(form)

    def to_dict(self) -> dict[str, Any]:
        """The condition as the contract's JSON has it.

        Examples
        --------
        >>> from datasus import col
        >>> col("UTI_MES_TO").gt(0).to_dict()
        {'column': 'UTI_MES_TO', 'op': 'gt', 'value': 0}
        """
        return self._form

    def _joined(self, word: str, other: Filter) -> Filter:
        if not isinstance(other, Filter):
            return NotImplemented
        first = self._form[word] if set(self._form) == {word} else [self._form]
        return Filter({word: [*first, other._form]})

    def __and__(self, other: Filter) -> Filter:
        return self._joined("all", other)

    def __or__(self, other: Filter) -> Filter:
        return self._joined("any", other)

    def __invert__(self) -> Filter:
        return Filter({"not": self._form})

    def __bool__(self) -> bool:
        raise TypeError("a filter is neither true nor false: combine filters with &, | and ~, each in parentheses")

    def __repr__(self) -> str:
        return masked(f"Filter({self._form!r})")


class Column:
    """A column that waits for its condition; made by :func:`col`.

    Examples
    --------
    >>> from datasus import col
    >>> col("DIAG_PRINC").starts_with("J18")
    Filter({'column': 'DIAG_PRINC', 'op': 'starts_with', 'value': 'J18'})
    """

    __slots__ = ("_name",)
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"col: expected the name of a column; received {shown(name)}")
        self._name = name

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is neither true nor false: compare it, as in col('SEXO') == '3'")

    def __iter__(self) -> Any:
        raise TypeError(f"{self!r} is no list; is_in() looks a value up in one")

    def _compare(self, op: str, value: Any = None) -> Filter:
        form = {"column": self._name, "op": op}
        if op in ("is_null", "not_null"):
            return Filter(form)
        what = f"col({self._name!r}).{op}"
        if op in ("in", "not_in"):
            value = many(value, what.replace(".in", ".is_in"))
        elif op == "between":
            value = [scalar(one, what) for one in value]
        else:
            value = scalar(value, what)
        return Filter({**form, "value": value})

    def eq(self, value: Value) -> Filter:
        """Equal; the same as ``==``.

        Examples
        --------
        >>> datasus.col("SEXO").eq("3").to_dict()
        {'column': 'SEXO', 'op': 'eq', 'value': '3'}
        """
        return self._compare("eq", value)

    def ne(self, value: Value) -> Filter:
        """Not equal; the same as ``!=``.

        Examples
        --------
        >>> datasus.col("SEXO").ne("3").to_dict()
        {'column': 'SEXO', 'op': 'ne', 'value': '3'}
        """
        return self._compare("ne", value)

    def lt(self, value: Value) -> Filter:
        """Less; the same as ``<``.

        Examples
        --------
        >>> datasus.col("VAL_TOT").lt(18).to_dict()
        {'column': 'VAL_TOT', 'op': 'lt', 'value': 18}
        """
        return self._compare("lt", value)

    def le(self, value: Value) -> Filter:
        """Less or equal; the same as ``<=``.

        Examples
        --------
        >>> datasus.col("VAL_TOT").le(17).to_dict()
        {'column': 'VAL_TOT', 'op': 'le', 'value': 17}
        """
        return self._compare("le", value)

    def gt(self, value: Value) -> Filter:
        """Greater; the same as ``>``.

        Examples
        --------
        >>> import decimal
        >>> datasus.col("VAL_TOT").gt(decimal.Decimal("1000.00")).to_dict()
        {'column': 'VAL_TOT', 'op': 'gt', 'value': '1000.00'}
        """
        return self._compare("gt", value)

    def ge(self, value: Value) -> Filter:
        """Greater or equal; the same as ``>=``.

        Examples
        --------
        >>> datasus.col("VAL_TOT").ge(60).to_dict()
        {'column': 'VAL_TOT', 'op': 'ge', 'value': 60}
        """
        return self._compare("ge", value)

    def __eq__(self, value: Value) -> Filter:  # type: ignore[override]
        return self.eq(value)

    def __ne__(self, value: Value) -> Filter:  # type: ignore[override]
        return self.ne(value)

    def __lt__(self, value: Value) -> Filter:
        return self.lt(value)

    def __le__(self, value: Value) -> Filter:
        return self.le(value)

    def __gt__(self, value: Value) -> Filter:
        return self.gt(value)

    def __ge__(self, value: Value) -> Filter:
        return self.ge(value)

    def between(self, low: Value, high: Value) -> Filter:
        """From ``low`` to ``high``, both included.

        Examples
        --------
        >>> import datetime
        >>> datasus.col("DT_INTER").between(datetime.date(2024, 1, 1), datetime.date(2024, 1, 31)).to_dict()
        {'column': 'DT_INTER', 'op': 'between', 'value': ['2024-01-01', '2024-01-31']}
        """
        return self._compare("between", [low, high])

    def is_in(self, values: Iterable[Value]) -> Filter:
        """One of ``values``.

        Examples
        --------
        >>> datasus.col("UF_ZI").is_in(["120000", "140000"]).to_dict()
        {'column': 'UF_ZI', 'op': 'in', 'value': ['120000', '140000']}
        """
        return self._compare("in", values)

    def not_in(self, values: Iterable[Value]) -> Filter:
        """None of ``values``.

        Examples
        --------
        >>> datasus.col("ESPEC").not_in(["03", "07"]).to_dict()
        {'column': 'ESPEC', 'op': 'not_in', 'value': ['03', '07']}
        """
        return self._compare("not_in", values)

    def starts_with(self, prefix: str) -> Filter:
        """Text that begins with ``prefix``: ``J18`` finds ``J180`` and ``J189``.

        Examples
        --------
        >>> datasus.col("DIAG_PRINC").starts_with("J18").to_dict()
        {'column': 'DIAG_PRINC', 'op': 'starts_with', 'value': 'J18'}
        """
        return self._compare("starts_with", prefix)

    def is_null(self) -> Filter:
        """Without a value.

        Examples
        --------
        >>> datasus.col("DT_SAIDA").is_null().to_dict()
        {'column': 'DT_SAIDA', 'op': 'is_null'}
        """
        return self._compare("is_null")

    def not_null(self) -> Filter:
        """With a value.

        Examples
        --------
        >>> datasus.col("DT_SAIDA").not_null().to_dict()
        {'column': 'DT_SAIDA', 'op': 'not_null'}
        """
        return self._compare("not_null")

    def __repr__(self) -> str:
        return masked(f"col({self._name!r})")


def col(name: str) -> Column:
    """Starts a condition on a column.

    Em português: ``datasus.ajuda("col")``.

    Parameters
    ----------
    name : str
        A column of the dataset, in any case.

    Returns
    -------
    Column
        Compare it with ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, or by its methods.

    Examples
    --------
    >>> from datasus import col
    >>> col("VAL_TOT").between(0, 100) & (col("SEXO") == "3")
    Filter({'all': [{'column': 'VAL_TOT', 'op': 'between', 'value': [0, 100]}, {'column': 'SEXO', 'op': 'eq', 'value': '3'}]})
    """
    return Column(name)
