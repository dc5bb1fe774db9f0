"""What the service answers where something stands in the way: keys, origins, memory, versions, a full disk, its own end."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pyarrow
import pyarrow.parquet
import pytest
from gateway.app import build
from gateway.settings import Settings
from held_source import HeldSource
from service import CANARIES, QUERY, served, until
from starlette.testclient import TestClient

import datasus
from datasus import _datasus

ALL = {"dataset": "SIH-RD", "options": {"cache": "off"}}


def test_where_a_key_is_needed_nothing_of_the_data_is_told_without_one(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with served(made, tmp_path / "home", GATEWAY_KEY_REQUIRED="1") as service:
        for method, path in (
            ("POST", "/query"),
            ("POST", "/estimate"),
            ("GET", "/datasets"),
            ("GET", "/schema/SIH-RD"),
            ("GET", "/jobs"),
            ("GET", "/jobs/01NADA"),
        ):
            answer = service.http.request(method, path, json=QUERY if method == "POST" else None)
            assert (answer.status_code, answer.json()["error_code"]) == (401, "DS-401"), path
            own = service.http.request(
                method, path, json=QUERY if method == "POST" else None, headers={"x-api-key": CANARIES["admin"]}
            )
            assert own.status_code == (404 if "NADA" in path else 200), path
        assert [service.http.get(path).status_code for path in ("/", "/health", "/ready", "/metrics")] == [200] * 4


def test_every_answer_has_the_security_headers_and_only_named_origins_are_let_in(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with served(made, tmp_path / "home", GATEWAY_ORIGINS="https://painel.exemplo") as service:
        answers = [service.ask(), service.ask({**QUERY, "columns": ["NADA"]}), service.http.get("/nada")]
        answers += [service.ask(x_api_key="errada"), service.http.post("/query", content=b" " * 300_000)]
        assert [one.status_code for one in answers] == [200, 422, 404, 401, 413]
        for one in answers:
            assert one.headers["x-content-type-options"] == "nosniff" and one.headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in one.headers["content-security-policy"]
        for origin, let_in in (("https://painel.exemplo", True), ("https://outro.exemplo", False)):
            asked = {
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "x-api-key",
            }
            before = service.http.options("/query", headers=asked)
            assert (before.status_code == 200) == let_in
            answer = service.ask(origin=origin)
            assert (answer.headers.get("access-control-allow-origin") == origin) == let_in


def test_two_versions_of_a_file_with_different_records_are_409(tmp_path: pathlib.Path) -> None:
    for name, seed in (("a", 20), ("b", 30)):
        datasus.example_data(tmp_path / "source" / name, seed)
    with served(tmp_path / "source", tmp_path / "home") as service:
        answer = service.ask()
        assert (answer.status_code, answer.json()["error_code"]) == (409, "DS-409"), answer.text


@pytest.fixture
def no_memory() -> Iterator[None]:
    """So little that any of it is nearly all."""
    _datasus.set_budget(1 << 20)
    yield
    _datasus.set_budget(None)


def test_without_memory_a_query_that_will_not_wait_is_503_and_says_when_to_come_back(
    made: pathlib.Path, tmp_path: pathlib.Path, no_memory: None
) -> None:
    settings = Settings(source=str(made), home=tmp_path, small_files=10)
    with TestClient(build(settings)) as client:
        answer = client.post("/query", json={**QUERY, "options": {"on_emergency": "fail"}})
        assert (answer.status_code, answer.json()["error_code"]) == (503, "DS-503"), answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert (client.get("/ready").status_code, client.get("/health").status_code) == (503, 200)


def test_what_would_become_a_job_while_the_service_stops_is_503_and_no_job(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    home = tmp_path / "home"
    with (
        HeldSource(made) as source,
        served(source.address, home, GATEWAY_SMALL_FILES="10", GATEWAY_SMALL_ROWS="5") as service,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        asked = pool.submit(service.ask, QUERY)
        assert source.asked.wait(30)
        service.process.send_signal(signal.SIGTERM)
        until("it stops", lambda: "Shutting down" in service.log.read_text())
        source.released.set()
        answer = asked.result(30)
        assert (answer.status_code, answer.json()["error_code"]) == (503, "DS-503"), answer.text
        assert answer.headers["retry-after"] and answer.headers["connection"] == "close"
    assert not list((home / "records").glob("*.json"))


def test_rows_that_cannot_be_read_are_told_as_dead_letters_of_the_job(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    columns = {
        "UF_ZI": ["120000"] * 200,
        "ANO_CMPT": ["2024"] * 200,
        "MES_CMPT": ["01"] * 200,
        "CNES": [f"{number:07}" for number in range(200)],
        "VAL_TOT": ["10.50"] * 199 + ["dez"],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), source / "RDAC2401.parquet")
    with served(source, tmp_path / "home") as service:
        query = {
            "dataset": "SIH-RD",
            "columns": ["CNES", "VAL_TOT"],
            "options": {"on_bad_value": "dead_letter", "dead_letter_limit": 0.5},
        }
        job = service.job(query)["job_id"]
        ended = service.ended(job)
        assert (ended["status"], ended["report"]["records_processed"]) == ("completed", 199), ended["error"]
        (letter,) = service.http.get(f"/jobs/{job}/dead-letters").json()["dead_letters"]
        assert "VAL_TOT" in str(letter) and "dez" in str(letter) and "RDAC2401.parquet" in str(letter)


@pytest.mark.skipif(os.geteuid() != 0, reason="no right to mount a tmpfs")
def test_a_job_that_a_full_disk_stopped_is_resumed_over_http_and_loses_nothing(
    large: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    home = tmp_path / "home"
    files = home / "files"
    files.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(files)]
    if subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a tmpfs")
    try:
        with served(large, home) as service:
            job = service.job({**ALL, "columns": ["N_AIH", "CNES", "DT_INTER", "VAL_TOT"]})["job_id"]
            ended = service.ended(job)
            assert (ended["status"], ended["error"]["error_code"]) == ("failed", "DS-507"), ended
            assert service.http.get(f"/jobs/{job}/result").json()["error_code"] == "DS-409"
            subprocess.run(["mount", "-o", "remount,size=200m", str(files)], check=True)
            assert service.http.post(f"/jobs/{job}/resume").status_code == 202
            again = service.ended(job)
            assert (again["status"], again["report"]["records_processed"]) == ("completed", 300_000), again["error"]
            assert again["runs"] == 2
            assert service.http.get(f"/jobs/{job}/result").content.count(b"\n") == 300_001
            # Over is over, whoever asks.
            assert service.http.post(f"/jobs/{job}/resume").json()["error_code"] == "DS-409"
    finally:
        subprocess.run(["umount", "-l", str(files)], check=False)
        shutil.rmtree(home, ignore_errors=True)


def test_of_two_workers_that_resume_one_job_at_once_one_does(large: pathlib.Path, tmp_path: pathlib.Path) -> None:
    from gateway.errors import Refusal
    from gateway.jobs import Jobs, folder

    settings = Settings(source=str(large), home=tmp_path)
    one, other = (
        datasus.open(large, output=folder(tmp_path / "files"), state=folder(tmp_path / "state"), progress=False)
        for _ in range(2)
    )
    with one, other:
        workers = [Jobs(client, settings) for client in (one, other)]
        record = workers[0].submit({**ALL, "columns": ["CNES"]}, "user")
        job = record["job_id"]
        running = workers[0]._running[job]
        running.job.interrupt()
        until("it has stopped", lambda: running.job.done)
        workers[0]._over(running)
        assert workers[0].get(job)["status"] != "completed"
        # What the other one has read before the first goes on with it, and brings it to its end, is no reason to do so again.
        stale = dict(workers[1].get(job), status="failed")
        workers[0].records.write(stale)
        workers[1].get = lambda _job: stale  # type: ignore[method-assign]
        workers[0].resume(job, "203.0.113.9")
        again = workers[0]._running[job]
        until("it is over", lambda: again.job.done, 60)
        workers[0]._over(again)
        with pytest.raises(Refusal) as refused:
            workers[1].resume(job, "203.0.113.9")
        assert (refused.value.status, workers[0].get(job)["runs"]) == (409, 2)


def full(*_: object) -> None:
    """What a disk does that is."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("broken", ["claim", "write"])
def test_a_job_whose_record_cannot_be_kept_is_no_job(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    from gateway.jobs import Jobs, folder

    with (
        HeldSource(made) as source,
        datasus.open(
            source.address,
            lake=tmp_path / "lake",
            output=folder(tmp_path / "files"),
            state=folder(tmp_path / "state"),
            progress=False,
        ) as client,
    ):
        jobs = Jobs(client, Settings(source=source.address, home=tmp_path))
        begun = []
        submit = client.submit
        monkeypatch.setattr(client, "submit", lambda *given, **how: begun.append(submit(*given, **how)) or begun[-1])
        monkeypatch.setattr(jobs.records, broken, full)
        with pytest.raises(OSError, match="No space left"):
            jobs.submit(ALL, "user")
        until("it is cancelled", lambda: begun[0].done)
        assert begun[0].status == "cancelled" and jobs.running == 0
        assert list((tmp_path / "records").iterdir()) == []


def test_a_job_whose_going_on_cannot_be_noted_stops_and_may_be_resumed_later(
    large: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.jobs import Jobs, folder

    files, state = folder(tmp_path / "files"), folder(tmp_path / "state")
    with datasus.open(large, output=files, state=state, progress=False) as client:
        jobs = Jobs(client, Settings(source=str(large), home=tmp_path))
        job = jobs.submit(ALL, "user")["job_id"]
        running = jobs._running[job]
        running.job.interrupt()
        until("it has stopped", lambda: running.job.done)
        jobs._over(running)
        jobs.records.write({**jobs.get(job), "status": "failed"})
        with monkeypatch.context() as disk:
            disk.setattr(jobs.records, "write", full)
            with pytest.raises(OSError, match="No space left"):
                jobs.resume(job, "203.0.113.9")
        assert (jobs.running, jobs.get(job)["runs"]) == (0, 1)
        jobs.resume(job, "203.0.113.9")
        again = jobs._running[job]
        until("it is over", lambda: again.job.done, 60)
        jobs._over(again)
        assert (jobs.get(job)["status"], jobs.get(job)["runs"]) == ("completed", 2)


def test_a_resume_counts_as_a_query_of_its_asker_where_the_job_begins_anew(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    from gateway.jobs import Jobs, folder

    files, state = folder(tmp_path / "files"), folder(tmp_path / "state")
    with datasus.open(made, output=files, state=state, rate_limit=1, progress=False) as client:
        jobs = Jobs(client, Settings(source=str(made), home=tmp_path))
        job = jobs.submit({**ALL, "columns": ["CNES"]}, "user")["job_id"]

        def over() -> None:
            running = jobs._running[job]
            until("it is over", lambda: running.job.done)
            jobs._over(running)
            # As though nobody had been told: the package has nothing of it any more.
            jobs.records.write({**jobs.get(job), "status": "failed"})

        over()
        jobs.resume(job, "203.0.113.9")
        over()
        with pytest.raises(datasus.QueueFull):
            jobs.resume(job, "203.0.113.9")
        jobs.resume(job, "203.0.113.8")
        over()
        assert "rate_key" not in str(jobs.get(job)["params"])


def test_who_was_told_to_wait_resumes_nothing_meanwhile(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with served(made, tmp_path / "home", DATASUS_RATE_LIMIT="1") as service:
        assert [service.ask().status_code for _ in range(2)] == [200, 429]
        answer = service.http.post("/jobs/01NADA/resume")
        assert (answer.status_code, answer.json()["error_code"]) == (429, "DS-429")
        assert int(answer.headers["retry-after"]) >= 1


def test_a_service_shows_its_own_errors_in_the_language_it_was_set_to(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with served(made, tmp_path / "home", DATASUS_LANGUAGE="en") as service:
        assert service.http.get("/nada").json()["detail"] == "There is nothing at this address"
        assert service.ask(x_api_key="errada").json()["detail"] == "The API key is not known"
