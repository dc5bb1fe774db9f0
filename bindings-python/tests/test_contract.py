"""What is told is typed, part by part, and options are what the contract has."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import datasus
from datasus import contract


def test_every_part_of_a_report_has_typed_attributes_and_is_a_dictionary_still(client: datasus.Client) -> None:
    report = client.export("SIH-RD", uf="AC", columns=["CNES"], to=datasus.Csv("parts.csv"))
    assert isinstance(report.performance, contract.Performance)
    assert isinstance(report.sources[0], contract.SourceFile)
    assert report.performance.duration_sec == report["performance"]["duration_sec"] > 0
    assert (report.status, report.mode in typing.get_args(contract.Mode), report.cache) == ("completed", True, "off")
    assert report.sources[0].crc == "ok"
    # What may be left out is empty, and no error.
    assert "missing" not in report
    assert (report.missing, report.bad_values, report.sampling) == ([], [], None)
    with pytest.raises(AttributeError, match="has no field 'duracao'"):
        _ = report.performance.duracao
    for same in (
        copy.deepcopy(report),
        pickle.loads(pickle.dumps(report)),
        datasus.Report(json.loads(report.to_json())),
    ):
        assert (same, type(same), type(same.performance)) == (report, datasus.Report, contract.Performance)


def test_what_else_is_told_is_typed_too(client: datasus.Client) -> None:
    assert client.explain("SIH-RD", uf="AC").files.read == 3
    assert client.sync("SIH-RD", uf="AC").sources[0].rows == 100
    expected = client.estimate("SIH-RD", uf="AC", columns=["CNES"])
    assert (expected.rows.low, expected.rows.likely, expected.rows.high) == (300, 300, 300)
    assert (expected.engine, expected.bytes_to_convert.likely, type(expected)) == ("scan", 0, datasus.Estimate)
    held = next(held for held in client.datasets() if held.dataset == "SIH-RD")
    assert (held.first, held.last, held["first"]) == ("202401", "202403", "202401")
    known = next(known for known in client.catalog() if known.dataset == "SIM-DO")
    assert (known.period, known.table) == ("year", "sim_do")
    with pytest.raises(datasus.InvalidParams) as wrong:
        client.query("SIH-RD", uf="XX", columns=["NADA"])
    assert [problem.error_code for problem in wrong.value.problems] == ["DS-422", "DS-422"]


def test_the_names_of_the_datasets_are_those_of_the_catalogue(client: datasus.Client) -> None:
    assert set(typing.get_args(contract.DatasetName)) == {known.dataset for known in client.catalog()}


def test_an_option_that_does_not_exist_is_refused_before_anything_runs(client: datasus.Client) -> None:
    with pytest.raises(datasus.InvalidParams, match="ano"):
        client.query("SIH-RD", ano=2024)  # type: ignore[call-arg]
    signature = inspect.signature(datasus.Client.query)
    assert "Unpack[Options]" in str(signature.parameters["options"].annotation)


WRONG = """
import datasus
client = datasus.open(".")
client.query("SIH-RD", deadline=30, missing="warn", on_bad_value="fail")
report = client.export("SIH-RD", to="a.csv", checkpoint_rows=10)
seconds: float = report.performance.duration_sec
client.query("SIH-RD", ano=2024)
client.query("SIH-RD", missing="talvez")
report.performance.duracao
report.statuss
client.explain("SIH-RD").files.lidos
"""


def test_a_type_checker_refuses_what_does_not_exist(tmp_path: Path) -> None:
    file = tmp_path / "consulta.py"
    file.write_text(WRONG)
    command = [sys.executable, "-m", "mypy", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout
    lines = [line.split(":")[1] for line in said.splitlines() if ": error:" in line]
    assert lines == ["7", "8", "9", "10", "11"], said
