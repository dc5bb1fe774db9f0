"""Every example runs as it is, on made-up files."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from own_postgres import Sql

SAYS = {
    "query": ["internações de crianças", "DS-422"],
    "load": ["600 registros", "internacoes.csv"],
    "resume": ["crashed", "600000 registros"],
    "cancel": ["DS-504", "cancelled"],
    "rates": ["120040: ", "por 100 mil; padronizada", "nascidos, ", "DS-404"],
    "read_dbc": ["100 registros", "CRC ok"],
}


def said(name: str, cwd: pathlib.Path, *arguments: str, **environment: str) -> str:
    program = pathlib.Path(__file__).with_name(f"{name}.py")
    others = {key: value for key, value in os.environ.items() if key != "DATASUS_POSTGRES"}
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        cwd=cwd,
        env={**others, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SAYS)
def test_an_example_says_what_it_did(name: str, tmp_path: pathlib.Path) -> None:
    output = said(name, tmp_path)
    assert all(words in output for words in SAYS[name]), output


def test_the_load_goes_into_postgresql_where_there_is_one(server: tuple[str, Sql], tmp_path: pathlib.Path) -> None:
    url, sql = server
    output = said("load", tmp_path, DATASUS_POSTGRES=url)
    assert "600 registros em {'postgres': 'datasus_exemplo.internacoes'}" in output, output
    assert sql("SELECT count(*) FROM datasus_exemplo.internacoes") == "600"


def test_the_one_for_spark_runs_on_a_cluster(cluster: Any, tmp_path: pathlib.Path) -> None:
    output = said("spark", tmp_path, cluster.connect)
    assert "Feminino" in output and "RDAC2401.dbc: 100 registros, CRC ok" in output, output
