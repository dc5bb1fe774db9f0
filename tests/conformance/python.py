"""Runs every case of `tests/conformance/cases` against the Python face.

The folder `made` comes from `cargo run --example made_files <folder>`; its place is `DATASUS_MADE_FILES`.
"""

from __future__ import annotations

import json
import operator
import os
import pathlib
import shutil
from typing import Any

import pyarrow as pa
import pytest
from agreement import agree, answers, at, refused
from ftp_server import Server

import datasus

HERE = pathlib.Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.json"))
REAL = pathlib.Path(os.environ.get("DATASUS_REAL_DATA", HERE / "../../../shared/data/real"))
MADE = pathlib.Path(os.environ["DATASUS_MADE_FILES"])


def text(value: object) -> str | None:
    """A value as the cases write it."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def rows(table: pa.Table) -> list[list[str | None]]:
    columns = [[text(value) for value in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)] if columns else []


def settings(case: dict, source: pathlib.Path) -> dict[str, Any]:
    """What the case declares, of the files in the source folder, and its settings."""
    declared = {
        key: {name: str(source / file) for name, file in case[key].items()}
        for key in ("declared", "tables")
        if key in case
    }
    return declared | {key: case[key] for key in ("csv", "engine") if key in case}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_case_answers_as_it_says(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    case = json.loads(path.read_text())
    source = tmp_path / "source"
    if case["source"] == "real":
        if not REAL.is_dir():
            pytest.skip("no genuine files here")
        source.mkdir()
        for file in case["files"]:
            shutil.copy(REAL / file, source)
    else:
        shutil.copytree(MADE, source)
    for name, text in case.get("written", {}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    served = Server(str(source)) if case.get("server") == "ftp" else None
    home = {"home": tmp_path / "home"} if served else {}
    place = served.address if served else source
    try:
        client = datasus.open(place, output=tmp_path, language="pt", **settings(case, source), **home)
    except datasus.Error as error:
        refused(error.to_dict(), case["expect"].get("error"))
        return
    for asked in case.get("asks", []):
        try:
            answer = ask(client, source, asked["call"], asked.get("given", {}))
        except datasus.Error as error:
            refused(error.to_dict(), asked.get("error"))
        else:
            assert "error" not in asked, asked
            answers(asked, answer)
    if "params" not in case and "params_text" not in case:
        return
    expect = case["expect"]
    params = case["params_text"] if "params_text" in case else json.dumps(case["params"])
    try:
        # The contract's text as it is, malformed or not.
        result = datasus.Result(*_query(client, params))
        table = result.to_arrow()
        report = result.report
        estimate = json.loads(client._client.estimate(params)) if "estimate" in expect else {}
    except datasus.Error as error:
        refused(error.to_dict(), expect.get("error"))
        return
    assert "error" not in expect
    answered = rows(table)
    assert expect.get("rows", len(answered)) == table.num_rows
    assert expect.get("columns", table.schema.names) == table.schema.names
    for wanted, found in zip(expect.get("first", []), answered, strict=False):
        assert agree(wanted, found), (wanted, found)
    for wanted in expect.get("contains", []):
        assert any(agree(wanted, found) for found in answered), wanted
    for pointer, wanted in expect.get("report", {}).items():
        assert agree(wanted, at(report, pointer)), pointer
    for pointer, wanted in expect.get("estimate", {}).items():
        assert agree(wanted, at(estimate, pointer)), pointer
    if "profile" in expect:
        profile = json.loads(client._client.profile(params)[0])
        for pointer, wanted in expect["profile"].items():
            assert agree(wanted, at(profile, pointer)), pointer


def ask(client: datasus.Client, source: pathlib.Path, call: str, given: dict) -> object:
    """The answer of a call, in the contract's form."""
    if call == "search":
        return [dict(found) for found in client.search(**given)]
    if call == "schema":
        return client.schema(**given).to_dict()
    if call == "dictionaries":
        return [dict(entry) for entry in client.dictionaries()]
    if call == "sync_dictionaries":
        return client.sync_dictionaries(source / given["source"] if "source" in given else None)
    if call == "profile":
        return client.profile(given)
    if call == "rates":
        of = {key: value for key, value in given.items() if key != "events"}
        return client.rates(given["events"], **of)
    assert call == "read_dbc", call
    of = {key: value for key, value in given.items() if key != "file"}
    records = datasus.read_dbc(source / given["file"], **of)
    table = records.to_arrow()
    return {"columns": table.schema.names, "rows": rows(table), "summary": records.summary}


def _query(client: datasus.Client, params: str) -> tuple[object, datasus.Job, None]:
    pending = client._client.begin_query(params)
    return pending.wait(), datasus.Job(pending.job), None


def test_every_public_name_is_there() -> None:
    names = json.loads((HERE / "names.json").read_text())
    for what, of in names.items():
        if what != "about":
            assert operator.attrgetter(of["python"])(datasus), what


def test_metrics_have_the_families_of_every_language(tmp_path: pathlib.Path) -> None:
    source = datasus.example_data(tmp_path / "source", 1)
    families = set(json.loads((HERE / "metrics.json").read_text())["families"])
    with datasus.open(source, output=tmp_path) as client:
        client.export("SIH-RD", to=datasus.Csv("metrics.csv"), progress=False)
        plain, opened = (
            {line.removeprefix("# TYPE ") for line in text.splitlines() if line.startswith("# TYPE ")}
            for text in (client.metrics(), client.open_metrics())
        )
    assert families <= plain, families - plain
    assert {one.replace("_total counter", " counter") for one in plain} == opened
