"""From keyword arguments to the contract's JSON; the core checks it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ._filters import Filter
from ._values import condition_value, in_json, is_many, many, names, scalar, shown

#: ``"2024-01"``, ``"01/2024"``, ``202401``, a year, a day of the month, a ``pandas.Period``, a list of them, or a pair.
Competencia = str | int | datetime.date | tuple[Any, Any] | list[Any]
#: A filter, a dictionary of column and value(s), a condition of the contract, or several of these.
Where = Filter | Mapping[str, Any] | Sequence[Filter | Mapping[str, Any]]


def _month(value: Any) -> Any:
    if isinstance(value, datetime.date):
        return f"{value:%Y%m}"
    # A pandas.Period writes itself as `2024-01`, or `2024`; the core refuses one of weeks or quarters.
    return str(value) if hasattr(value, "freqstr") and hasattr(value, "ordinal") else scalar(value, "competencia")


def _competencia(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {end: _month(one) for end, one in value.items()}
    if isinstance(value, tuple) and len(value) == 2:
        return {"from": _month(value[0]), "to": _month(value[1])}
    if isinstance(value, (list, tuple, range)):
        return [_month(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_month(one) for one in value), key=str)
    # What pandas ranges over.
    if type(value).__name__ in ("PeriodIndex", "DatetimeIndex"):
        return [_month(one) for one in value]
    return _month(value)


def _condition(form: Mapping[str, Any]) -> list[Any]:
    """``{"SEXO": "3", "UF_ZI": ["120000", "140000"]}`` in short, or a condition of the contract as it is."""
    if "op" in form or set(form) & {"any", "all", "not"}:
        return [_of_contract(form)]
    conditions: list[Any] = []
    for column, value in form.items():
        if not isinstance(column, str):
            raise TypeError(f"where: expected the name of a column; received {shown(column)}")
        what = f"where: {column}"
        if value is None:
            conditions.append({"column": column, "op": "is_null"})
        elif isinstance(value, tuple):
            conditions.append({"column": column, "op": "between", "value": many(value, what)})
        elif is_many(value):
            conditions.append({"column": column, "op": "in", "value": many(value, what)})
        else:
            conditions.append({"column": column, "op": "eq", "value": scalar(value, what)})
    return conditions


def _of_contract(form: Mapping[str, Any]) -> dict[str, Any]:
    """As it is; only its values are Python's."""
    condition = dict(form)
    for word in ("any", "all"):
        if isinstance(form.get(word), (list, tuple)):
            condition[word] = [_of_contract(one) if isinstance(one, Mapping) else one for one in form[word]]
    if isinstance(form.get("not"), Mapping):
        condition["not"] = _of_contract(form["not"])
    if form.get("value") is not None:
        condition["value"] = condition_value(form["value"], f"where: {form.get('column')}")
    return condition


def _where(where: Any) -> list[Any]:
    if isinstance(where, Filter):
        form = where.to_dict()
        return form["all"] if set(form) == {"all"} else [form]
    if isinstance(where, Mapping):
        return _condition(where)
    if isinstance(where, (list, tuple)):
        return [condition for one in where for condition in _where(one)]
    if isinstance(where, str):
        raise TypeError(
            f"where: conditions are no text; expected col('VAL_TOT') > 1000 or {{'SEXO': '3'}}; received {shown(where)}"
        )
    raise TypeError(
        f"where: expected col('VAL_TOT') > 1000, {{'SEXO': '3'}}, or a list of these, received {shown(where)}"
    )


def _aggregates(aggregates: Any) -> list[Any]:
    """``{"valor": ("sum", "VAL_TOT"), "n": "count"}``, or the contract's list as it is."""
    if not isinstance(aggregates, Mapping):
        if not isinstance(aggregates, (list, tuple)):
            raise TypeError(f"aggregates: expected {{'valor': ('sum', 'VAL_TOT')}}; received {shown(aggregates)}")
        return list(aggregates)
    figures = []
    for alias, of in aggregates.items():
        if isinstance(of, str):
            function, column = of, None
        elif isinstance(of, (tuple, list)) and len(of) == 2:
            function, column = of
        else:
            raise TypeError(f"aggregates[{alias!r}]: expected 'count' or ('sum', 'VAL_TOT'), received {shown(of)}")
        figures.append(
            {"fn": function, "as": alias} if column is None else {"fn": function, "column": column, "as": alias}
        )
    return figures


def _order(order_by: Any) -> list[Any]:
    """``"-valor"`` sorts downwards; dictionaries are the contract's own."""
    listed = [order_by] if isinstance(order_by, (str, Mapping)) else order_by
    if not isinstance(listed, (list, tuple)) or not all(isinstance(one, (str, Mapping)) for one in listed):
        raise TypeError(f"order_by: expected 'valor', '-valor' or a list of these; received {shown(order_by)}")
    sorts: list[Any] = []
    for one in listed:
        if isinstance(one, str):
            sorts.append({"column": one[1:], "desc": True} if one.startswith("-") else {"column": one})
        else:
            sorts.append(one)
    return sorts


def _ufs(uf: Any) -> Any:
    if isinstance(uf, str) or not is_many(uf):
        return scalar(uf, "uf")
    return many(uf, "uf")


def _binds(bind: Any) -> dict[str, Any]:
    if not isinstance(bind, Mapping):
        raise TypeError(f"bind: expected {{'sexo': '3'}}; received {shown(bind)}")
    return {name: None if value is None else scalar(value, f"bind: {name}") for name, value in bind.items()}


def params_json(
    dataset: Any,
    *,
    uf: Any = None,
    competencia: Any = None,
    columns: Any = None,
    labels: Any = None,
    labels_only: bool | None = None,
    where: Any = None,
    group_by: Any = None,
    aggregates: Any = None,
    order_by: Any = None,
    limit: int | None = None,
    sql: str | None = None,
    bind: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """The contract's text of a query. ``dataset`` may also be a whole query: a dictionary, JSON text, or a model."""
    params: dict[str, Any] = {}
    given = {name: value for name, value in (options or {}).items() if value is not None}
    if isinstance(dataset, str) and dataset.lstrip().startswith("{"):
        rest = (uf, competencia, columns, labels, labels_only, where, group_by, aggregates, order_by, limit, sql, bind, given or None)
        if any(one is not None for one in rest):
            raise TypeError("a query as JSON text takes no further arguments; give it as a dictionary to add to it")
        return dataset
    if hasattr(dataset, "model_dump"):
        params = dataset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    elif isinstance(dataset, Mapping):
        params = dict(dataset)
    elif dataset is not None:
        params["dataset"] = dataset
    if uf is not None:
        params["uf"] = _ufs(uf)
    if competencia is not None:
        params["competencia"] = _competencia(competencia)
    if columns is not None:
        params["columns"] = names(columns, "columns")
    if labels is not None:
        params["labels"] = labels if isinstance(labels, bool) else names(labels, "labels")
    if labels_only is not None:
        params["labels_only"] = labels_only
    if where is not None:
        params["where"] = _where(where)
    if group_by is not None:
        params["group_by"] = names(group_by, "group_by")
    if aggregates is not None:
        params["aggregates"] = _aggregates(aggregates)
    if order_by is not None:
        params["order_by"] = _order(order_by)
    if limit is not None:
        params["limit"] = limit
    if sql is not None:
        params["sql"] = sql
    if bind is not None:
        params["bind"] = _binds(bind)
    if given:
        params["options"] = {**params.get("options", {}), **given}
    # Text that is no Unicode, and numbers that are none, are errors here and not in the core's JSON.
    return json.dumps(params, default=in_json, ensure_ascii=False, allow_nan=False)
