"""SQL in a process of its own: the program that the wheel brings, and what becomes of a query whose process ends."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator

import psutil
import pytest

import datasus

WORKER = pathlib.Path(datasus.__file__).parent / "_bin" / "datasus-worker"
SQL = "SELECT CNES, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1"
ENDLESS = "SELECT sum(a.r * b.r) AS n FROM range(100000000) a(r), range(100000000) b(r)"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the worker is Linux's so far")


@pytest.fixture
def isolated(folder: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[datasus.Client]:
    with datasus.open(
        folder, output=tmp_path, state=tmp_path / "jobs", progress=False, isolation="process", cache_entry_limit=0
    ) as client:
        yield client


def running(client: datasus.Client) -> bool:
    return 'datasus_engine_workers{state="running"} 1' in client.metrics()


def until_it_runs(client: datasus.Client) -> None:
    end = time.monotonic() + 180
    while not running(client):
        assert time.monotonic() < end, "it does not begin"
        time.sleep(0.01)


def test_the_wheel_brings_a_small_program_that_may_be_run() -> None:
    assert os.access(WORKER, os.X_OK)
    assert len(zlib.compress(WORKER.read_bytes())) < 4_000_000
    said = subprocess.run([WORKER], capture_output=True, text=True, timeout=180, check=False, env={})
    assert (said.returncode, "DATASUS_ISOLATION" in said.stderr) == (2, True), said


def test_answers_errors_and_reports_are_those_of_the_process(client: datasus.Client, isolated: datasus.Client) -> None:
    tables = [one.query(sql=SQL).to_arrow() for one in (client, isolated)]
    assert tables[0].equals(tables[1])
    assert "datasus_engine_workers_started_total 0" not in isolated.metrics()
    refused = []
    for one in (client, isolated):
        with pytest.raises(datasus.Error) as error:
            one.query(sql="SELECT CAST(DIAG_PRINC AS INTEGER) AS n FROM sih_rd").to_arrow()
        refused.append({name: said for name, said in error.value.to_dict().items() if name != "trace_id"})
    assert refused[0] == refused[1]


def test_a_process_that_is_killed_is_an_error_of_its_query_alone(isolated: datasus.Client) -> None:
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            isolated.query(sql=ENDLESS).to_arrow()
        except datasus.Error as error:
            ended.append(error)

    asks = threading.Thread(target=ask)
    asks.start()
    until_it_runs(isolated)
    # Those that wait as well: the next query starts its own.
    for child in psutil.Process().children():
        if pathlib.Path(child.exe()) == WORKER.resolve():
            child.kill()
    asks.join(180)
    [error] = ended
    assert isinstance(error, datasus.Error)
    assert (error.code, error.diagnostic["signal"]) == ("DS-500", 9), error
    assert isolated.query(sql=SQL).to_arrow().num_rows > 0


def test_a_cancel_ends_the_process(isolated: datasus.Client, tmp_path: pathlib.Path) -> None:
    job = isolated.submit(sql=ENDLESS, to=datasus.Csv(tmp_path / "endless.csv"))
    until_it_runs(isolated)
    job.cancel()
    with pytest.raises(datasus.Cancelled):
        job.wait(timeout=180)
    end = time.monotonic() + 180
    while running(isolated):
        assert time.monotonic() < end, "it goes on"
        time.sleep(0.01)
    assert isolated.query(sql=SQL).to_arrow().num_rows > 0


def test_a_program_that_is_not_there_is_told_when_the_client_opens(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(datasus.Error, match="DATASUS_WORKER") as refused:
        datasus.open(folder, isolation="process", worker=tmp_path / "datasus-worker")
    assert refused.value.code == "DS-422"
