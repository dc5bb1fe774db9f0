"""A query whose process ends, through a program that answers queries (see `c.py`): of C, or of Go."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import threading
import time

import psutil
from c import MADE, Answer, asking

ENDLESS = '{"sql": "SELECT sum(a.r * b.r) AS n FROM range(100000000) a(r), range(100000000) b(r)"}'
COUNT = '{"sql": "SELECT count(*) AS n FROM sih_rd WHERE CNES <> \'0000000\'", "uf": ["AC"], "competencia": "2024-01"}'


def busy(program: subprocess.Popen[str]) -> list[psutil.Process]:
    """Its processes that compute; those that wait use no processor."""
    found = []
    for one in psutil.Process(program.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [one] * (one.cpu_times().user > 0.5)
    return found


def asked(answer: Answer, folder: pathlib.Path, params: str) -> dict:
    file = folder / "params.json"
    file.write_text(params)
    if not (folder / "source").exists():
        shutil.copytree(MADE, folder / "source")
    return answer(folder / "source", folder / "out", file, "")


def test_a_process_that_is_killed_is_an_error_of_its_query_alone(tmp_path: pathlib.Path) -> None:
    with asking() as (answer, program):
        ended: list[dict] = []
        asks = threading.Thread(target=lambda: ended.append(asked(answer, tmp_path, ENDLESS)))
        asks.start()
        end = time.monotonic() + 180
        while not (at_work := busy(program)):
            assert time.monotonic() < end, "it does not begin"
            time.sleep(0.02)
        for one in at_work:
            one.kill()
        asks.join(60)
        [said] = ended
        assert said["error"]["error_code"] == "DS-500", said
        assert said["error"]["diagnostic"]["signal"] == 9, said
        assert asked(answer, tmp_path, COUNT)["rows"] == [["40"]]


def test_a_deadline_ends_the_process(tmp_path: pathlib.Path) -> None:
    with asking() as (answer, program):
        late = ENDLESS.replace("}", ', "options": {"deadline": 1.5}}')
        assert asked(answer, tmp_path, late)["error"]["error_code"] == "DS-504"
        end = time.monotonic() + 180
        while busy(program):
            assert time.monotonic() < end, "it goes on"
            time.sleep(0.02)
        assert asked(answer, tmp_path, COUNT)["rows"] == [["40"]]


def test_a_program_that_is_not_there_is_told_when_the_client_opens(tmp_path: pathlib.Path) -> None:
    with asking({**os.environ, "DATASUS_WORKER": str(tmp_path / "datasus-worker")}) as (answer, _):
        error = asked(answer, tmp_path, COUNT)["error"]
        assert (error["error_code"], "DATASUS_WORKER" in error["detail"]) == ("DS-422", True), error
