"""SQL in a process of its own: the wheel brings the program, and what is missing is told when the client opens."""

from __future__ import annotations

import os
import pathlib
import re
import signal

import pytest

import datasus

SQL = "SELECT CNES, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd GROUP BY 1 ORDER BY 1"


def _started(client: datasus.Client) -> int:
    found = re.search(r"^datasus_engine_workers_started_total (\d+)", client.metrics(), re.MULTILINE)
    assert found
    return int(found[1])


def _workers() -> list[int]:
    mine = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and (process / "exe").readlink().name == "datasus-worker":
                mine.append(int(process.name))
        except OSError:
            continue
    return mine


@pytest.mark.parametrize("isolation", ["process", "all"])
def test_the_same_answer_comes_from_the_wheels_own_worker(folder: pathlib.Path, isolation: str) -> None:
    with datasus.open(folder) as here, datasus.open(folder, isolation=isolation, cache_memory=0) as there:
        assert there.query(sql=SQL).to_arrow() == here.query(sql=SQL).to_arrow()
        assert _started(there) >= 2
        program = pathlib.Path(datasus.__file__).parent / "_bin" / "datasus-worker"
        assert {pathlib.Path(f"/proc/{worker}/exe").readlink() for worker in _workers()} == {program}
        with pytest.raises(datasus.Error) as seen:
            there.query(sql="SELECT CNESS FROM sih_rd").to_arrow()
        assert seen.value.code == "DS-422" and "CNESS" in str(seen.value)
    assert not _workers()


def test_a_worker_that_dies_is_an_error_of_its_query_alone(folder: pathlib.Path) -> None:
    with datasus.open(folder, isolation="process", language="en", cache_memory=0) as client:
        rows = iter(client.query(sql="SELECT i, lpad(CAST(i AS VARCHAR), 40, '0') AS t FROM range(20000000) r(i)"))
        next(rows)
        for worker in _workers():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(datasus.Error, match="SIGKILL") as seen:
            for _ in rows:
                pass
        assert seen.value.code == "DS-500"
        assert client.query(sql=SQL).to_arrow().num_rows > 0


def test_a_worker_that_is_missing_is_told_at_open(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(datasus.Error) as seen:
        datasus.open(folder, isolation="process", worker=tmp_path / "datasus-worker")
    assert seen.value.code == "DS-422" and "DATASUS_WORKER" in str(seen.value)
