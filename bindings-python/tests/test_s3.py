"""One lake in S3: what one client has converted, another reads; files go there whole."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import pytest
from own_s3 import SECRET

import datasus

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_lake_and_outputs_in_s3(s3: dict[str, str], tmp_path: pathlib.Path) -> None:
    """The second client converts nothing, and an answer goes to the bucket."""
    source = datasus.example_data(tmp_path / "fonte", 300)
    lake = "s3://datasus/python/lake"

    def client(name: str) -> datasus.Client:
        place = tmp_path / name
        own = {"state": place / "jobs", "remote_cache": place / "copies", "output": "s3://datasus/python/saida"}
        deadline = time.monotonic() + 180
        while True:
            opened = datasus.open(source, lake=lake, language="en", **own, **s3)
            try:
                opened.sync("CNES-ST", uf="AC")
                return opened
            except datasus.Error:
                # The server listens before its bucket is there.
                assert time.monotonic() < deadline
                time.sleep(0.1)

    with client("um") as one, client("dois") as two:
        sums = "SELECT count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd"
        first = one.query(sql=sums, uf="AC").to_arrow().to_pylist()
        assert first == two.query(sql=sums, uf="AC").to_arrow().to_pylist()
        assert first[0]["n"] == 900
        assert not two.explain("SIH-RD", uf="AC").to_convert
        report = one.export("SIH-RD", uf="AC", columns=["CNES"], to="linhas.csv")
        assert report.records_processed == 900
        with pytest.raises(datasus.Error) as refused:
            two.export("SIH-RD", uf="AC", columns=["CNES"], to="linhas.csv")
        assert refused.value.code == "DS-409"
    wrong = {**s3, "s3_secret": "outra-" + SECRET}
    with datasus.open(source, lake=lake, remote_cache=tmp_path / "copies", **wrong) as stranger:
        with pytest.raises(datasus.Error) as refused:
            stranger.query("SIH-RD", uf="AC")
        assert refused.value.code == "DS-401"
        assert SECRET not in repr(refused.value)


def test_the_notebook_of_the_shared_lake(s3: dict[str, str], tmp_path: pathlib.Path) -> None:
    """`notebooks/6-lake-da-equipe.ipynb`, with its lake in the bucket."""
    where = {f"DATASUS_{key.upper()}": value for key, value in s3.items()}
    where |= {
        "DATASUS_LAKE": "s3://datasus/caderno/lake",
        "TMPDIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    notebook = ROOT / "notebooks" / "6-lake-da-equipe.ipynb"
    runs = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake", str(notebook)]
    env = {name: of for name, of in os.environ.items() if name != "DATASUS_SOURCE"} | where
    ran = subprocess.run(runs, check=False, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_analysts_example(s3: dict[str, str], tmp_path: pathlib.Path) -> None:
    """`examples/compose/analyst.py`, which says where the lake is by variables."""
    source = datasus.example_data(tmp_path / "fonte", 300)
    where = {f"DATASUS_{key.upper()}": value for key, value in s3.items()}
    where |= {"DATASUS_LAKE": "s3://datasus/exemplo/lake", "DATASUS_REMOTE_CACHE": str(tmp_path / "copies")}
    asked = [sys.executable, ROOT / "examples" / "compose" / "analyst.py", source]
    ran = subprocess.run(asked, check=False, env={**os.environ, **where}, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "3 files are in the lake" in ran.stdout
    assert len(ran.stdout.splitlines()) == 4
