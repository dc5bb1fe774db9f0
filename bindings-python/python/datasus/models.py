"""The query contract as Pydantic models (``pip install 'datasus[models]'``): for services that take queries as JSON.

Generated from the core's JSON Schema (``make contract``): change the core instead. The core checks a query once more, with the
catalogue at hand.

Examples
--------
>>> from datasus.models import QueryParams
>>> params = QueryParams(dataset="SIH-RD", uf="AC", competencia={"from": "202401", "to": "202403"}, columns=["CNES"])
>>> client.query(params).to_arrow().num_rows
300
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

try:
    from pydantic import BaseModel, ConfigDict, Field, model_validator
except ImportError as _missing:
    raise ImportError("pydantic is needed here and not installed: pip install 'datasus[models]'") from _missing

__all__ = [
    "Aggregate",
    "All",
    "Any_",
    "Compare",
    "Not",
    "Options",
    "OrderBy",
    "QueryParams",
    "Range",
]


class _Model(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", populate_by_name=True)


class Range(_Model):
    """Competências from one to another, both included."""

    from_: str | int = Field(alias="from")
    to: str | int


class Compare(_Model):
    """A condition on one column."""

    column: str
    op: Literal[
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "between",
        "in",
        "not_in",
        "starts_with",
        "is_null",
        "not_null",
        "=",
        "==",
        "!=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
    ]
    value: Any = None


class Any_(_Model):  # noqa: N801 - `Any` is typing's
    """At least one of these."""

    any: list[Filter]


class All(_Model):
    """Every one of these."""

    all: list[Filter]


class Not(_Model):
    """Rows that do not meet it, and for which it is not unknown."""

    not_: Filter = Field(alias="not")


Filter = Compare | Any_ | All | Not


class Aggregate(_Model):
    """A figure over a group."""

    fn: Literal["count", "count_distinct", "sum", "avg", "min", "max", "count(*)"]
    column: str | None = None
    as_: str | None = Field(default=None, alias="as")


class OrderBy(_Model):
    """One key of the order."""

    column: str
    desc: bool = False


class Options(_Model):
    """Options of one query. Each is capped by the client's configuration."""

    deadline: float | None = Field(default=None, ge=0)
    missing: Literal["error", "warn"] = "error"
    versions: Literal["refuse", "newest"] = "refuse"
    partial: bool = False
    priority: Literal["health", "admin", "user"] = "user"
    on_emergency: Literal["sample", "spill", "wait", "fail"] | None = None
    cache: Literal["use", "refresh", "off"] = "use"
    rate_key: str | None = None
    on_bad_value: Literal["null", "dead_letter", "fail"] = "null"
    checkpoint_rows: int | None = Field(default=None, ge=1, le=10000000)
    dead_letter_limit: float | None = Field(default=None, ge=0, le=1)


class QueryParams(_Model):
    """One query: over one dataset, or one SELECT over several; :meth:`datasus.Client.query` takes it as it is."""

    contract: int | None = Field(default=None, ge=0)
    dataset: str | None = None
    sql: str | None = None
    bind: dict[str, Any] = Field(default_factory=dict)
    uf: str | int | list[str | int] | None = None
    competencia: str | int | list[str | int] | Range | None = None
    columns: list[str] | None = None
    labels: bool | list[str] | None = None
    labels_only: bool = None
    where: list[Filter] = Field(default_factory=list)
    group_by: list[str] = Field(default_factory=list)
    aggregates: list[Aggregate] = Field(default_factory=list)
    order_by: list[OrderBy] = Field(default_factory=list)
    limit: int | None = Field(default=None, ge=0, le=9223372036854775807)
    options: Options = Field(default_factory=Options)

    @model_validator(mode="after")
    def _one_of(self) -> QueryParams:
        if (self.dataset is None) == (self.sql is None):
            raise ValueError("expected `dataset` or `sql`, and not both")
        return self


for _model in (Any_, All, Not, QueryParams):
    _model.model_rebuild()
