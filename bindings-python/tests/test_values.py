"""Odd values at every parameter: taken rightly or refused by name; never fewer conditions than were written."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import types
import uuid
from collections.abc import Callable
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest

import datasus
from datasus import col

REFUSED = object()


class Sex(str, enum.Enum):
    FEMALE = "3"


class Plain(enum.Enum):
    FEMALE = "3"


class Text(str):
    pass


@dataclasses.dataclass
class Record:
    SEXO: str = "3"


def generated() -> Any:
    yield "3"


async def awaited() -> str:
    return "3"


#: What is written, and the plain text or list of texts that it means.
ODD: dict[str, tuple[Any, Any]] = {
    "text": ("3", "3"),
    "a text of a class of one's own": (Text("3"), "3"),
    "an enum that is text": (Sex.FEMALE, "3"),
    "numpy text": (numpy.str_("3"), "3"),
    "an array of no dimension": (numpy.array("3"), "3"),
    "a list": (["3"], ["3"]),
    "a set": ({"3"}, ["3"]),
    "a frozenset": (frozenset({"3"}), ["3"]),
    "an array": (numpy.array(["3"]), ["3"]),
    "a series": (pandas.Series(["3", "1"]), ["3", "1"]),
    "an index": (pandas.Index(["3"]), ["3"]),
    "a categorical": (pandas.Categorical(["3"]), ["3"]),
    "a pandas array": (pandas.array(["3"], dtype="string"), ["3"]),
    "a polars series": (polars.Series(["3"]), ["3"]),
    "an Arrow array": (pyarrow.array(["3"]), ["3"]),
    "a generator": (generated, ["3"]),
    "a map": (lambda: map(str, [3]), ["3"]),
    "a dictionary's keys": ({"3": 1}.keys(), ["3"]),
    "a dictionary's values": ({1: "3"}.values(), ["3"]),
    "an enum that is none": (Plain.FEMALE, REFUSED),
    "bytes": (b"3", REFUSED),
    "a bytearray": (bytearray(b"3"), REFUSED),
    "a memoryview": (memoryview(b"3"), REFUSED),
    "numpy bytes": (numpy.bytes_(b"3"), REFUSED),
    "an array of bytes": (array.array("b", b"3"), REFUSED),
    "a dictionary": ({"3": "3"}, REFUSED),
    "an empty dictionary": ({}, REFUSED),
    "an ordered dictionary": (collections.OrderedDict(a="3"), REFUSED),
    "a mapping proxy": (types.MappingProxyType({"a": "3"}), REFUSED),
    "a list in a list": ([["3"]], REFUSED),
    "a list with None": (["3", None], REFUSED),
    "a list with NaN": (["3", float("nan")], REFUSED),
    "a list with bytes": ([b"3"], REFUSED),
    "a list with a dictionary": ([{"a": 1}], REFUSED),
    "a matrix": (numpy.array([["3"]]), REFUSED),
    "a frame": (pandas.DataFrame({"SEXO": ["3"]}), REFUSED),
    "a polars frame": (polars.DataFrame({"SEXO": ["3"]}), REFUSED),
    "an Arrow table": (pyarrow.table({"SEXO": ["3"]}), REFUSED),
    "NaN": (float("nan"), REFUSED),
    "infinity": (float("inf"), REFUSED),
    "numpy's NaN": (numpy.float64("nan"), REFUSED),
    "NA": (pandas.NA, REFUSED),
    "NaT": (pandas.NaT, REFUSED),
    "a decimal that is no number": (decimal.Decimal("NaN"), REFUSED),
    "an infinite decimal": (decimal.Decimal("Infinity"), REFUSED),
    "a complex number": (3 + 0j, REFUSED),
    "a fraction": (fractions.Fraction(3), REFUSED),
    "true": (True, REFUSED),
    "an instant": (datetime.datetime(2024, 1, 3, 4, 5), REFUSED),
    "an hour": (datetime.time(3), REFUSED),
    "a span": (datetime.timedelta(3), REFUSED),
    "numpy's span": (numpy.timedelta64(3, "D"), REFUSED),
    "a UUID": (uuid.UUID(int=3), REFUSED),
    "a path": (pathlib.Path("3"), REFUSED),
    "a function": (lambda _: "3", REFUSED),
    "a class": (str, REFUSED),
    "a module": (datetime, REFUSED),
    "an object": (object(), REFUSED),
    "a record": (Record(), REFUSED),
    "a slice": (slice(3), REFUSED),
    "an ellipsis": (..., REFUSED),
    "a coroutine": (awaited, REFUSED),
    "a column": (col("SEXO"), REFUSED),
    "a condition": (col("SEXO") == "3", REFUSED),
    "a client": (datasus.open, REFUSED),
    "half a character": ("\ud800", REFUSED),
}
#: What none of the calls may answer with.
WRONG = (TypeError, ValueError, datasus.Error)


def value(name: str) -> Any:
    given = ODD[name][0]
    made = name in ("a generator", "a map", "a coroutine")
    return given() if made else given


def means(name: str) -> Any:
    return ODD[name][1]


def rows(client: datasus.Client, **query: Any) -> int:
    return int(client.query("SIH-RD", columns=["SEXO"], **query).to_arrow().num_rows)


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_is_what_it_means_or_refused(client: datasus.Client, name: str) -> None:
    ways = {
        "where": lambda: {"where": {"SEXO": value(name)}},
        "list": lambda: {"where": [{"SEXO": value(name)}, col("VAL_TOT") > 0]},
        "contract": lambda: {"where": {"column": "SEXO", "op": "in", "value": value(name)}},
        "eq": lambda: {"where": col("SEXO") == value(name)},
        "ne": lambda: {"where": col("SEXO") != value(name)},
        "is_in": lambda: {"where": col("SEXO").is_in(value(name))},
        "not_in": lambda: {"where": col("SEXO").not_in(value(name))},
        "between": lambda: {"where": col("SEXO").between(value(name), value(name))},
        "starts_with": lambda: {"where": col("SEXO").starts_with(value(name))},
        "bind": lambda: {"sql": "SELECT SEXO FROM sih_rd WHERE SEXO = $sexo", "bind": {"sexo": value(name)}},
    }
    meaning = means(name)
    listed = isinstance(meaning, list)
    females = 600 if listed and "1" in meaning else 300
    for way, query in ways.items():
        takes_lists = way in ("where", "list", "contract", "is_in", "not_in")
        takes_texts = way not in ("is_in", "not_in", "contract")
        taken = meaning is not REFUSED and (takes_lists if listed else takes_texts)
        try:
            asked = query()
            found = client.query(**asked).to_arrow().num_rows if way == "bind" else rows(client, **asked)
        except WRONG:
            assert not taken, f"{name} by {way} is refused"
        else:
            assert taken, f"{name} by {way} gives {found} rows"
            assert found == (600 - females if way in ("ne", "not_in") else females), f"{name} by {way}"


def refused(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except WRONG:
        return
    pytest.fail(f"{what} is taken")


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_anywhere_else_gives_no_other_query(
    client: datasus.Client, tmp_path: pathlib.Path, name: str
) -> None:
    for parameter in (
        "uf",
        "competencia",
        "columns",
        "where",
        "group_by",
        "aggregates",
        "order_by",
        "limit",
        "sql",
        "bind",
    ):
        # A condition is one, an instant has a month, and an empty dictionary has no condition, figure or value.
        if (parameter, name) in (("where", "a condition"), ("competencia", "an instant")):
            continue
        if parameter in ("where", "aggregates") and name == "an empty dictionary":
            continue
        query: dict[str, Any] = {parameter: value(name)}
        if parameter == "bind":
            query["sql"] = "SELECT SEXO FROM sih_rd WHERE SEXO = $sexo"
        dataset = None if parameter in ("sql", "bind") else "SIH-RD"
        refused(
            lambda dataset=dataset, query=query: client.query(dataset, **query).to_arrow(), f"{name} as {parameter}"
        )
    for option in ("deadline", "priority", "missing", "partial", "on_emergency", "versions", "on_bad_value"):
        if (option, name) != ("partial", "true"):
            query = {option: value(name)}
            refused(
                lambda query=query: client.query("SIH-RD", columns=["SEXO"], **query).to_arrow(), f"{name} as {option}"
            )
    for sink in (
        lambda: value(name),
        lambda: [value(name)],
        lambda: datasus.Csv("a.csv", delimiter=value(name)),
        lambda: datasus.Csv("b.csv", zstd=value(name)),
        lambda: datasus.Parquet("a.parquet", row_group_rows=value(name)),
        lambda: datasus.Postgres(mode=value(name)),
    ):
        refused(lambda sink=sink: client.export("SIH-RD", columns=["SEXO"], to=sink()), f"{name} as a destination")
    # A text may be a folder's name.
    if not isinstance(value(name), (str, pathlib.Path)) and name != "an array of no dimension":
        refused(lambda: datasus.open(value(name)), f"{name} as a source")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".csv", ".parquet")] == []


def test_what_is_refused_is_named() -> None:
    for wrong, said in (
        (lambda: datasus._params.params_json("SIH-RD", where={"SEXO": b"3"}), r"where.*SEXO.*bytes"),
        (lambda: col("CNES").is_in("2000121"), r"col\('CNES'\)\.is_in.*'2000121'"),
        (lambda: col("IDADE").eq(float("nan")), r"col\('IDADE'\)\.eq.*is_null"),
        (lambda: not col("SEXO"), "neither true nor false"),
        (lambda: datasus._params.params_json("SIH-RD", uf={"AC": 1}), "uf"),
    ):
        with pytest.raises(TypeError, match=said):
            wrong()
