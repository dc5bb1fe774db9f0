"""What the service answers where something stands in the way: keys, origins, memory, versions, a full disk, its own end."""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import threading
import types
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from gateway import app as gateway_app
from gateway import query as gateway_query
from gateway.app import build
from gateway.health import Snapshots, merged
from gateway.jobs import Jobs, folder
from gateway.settings import Settings
from gateway.who import Who
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


def test_a_defect_is_answered_with_the_security_headers_and_tells_nothing_of_itself(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    app = build(Settings(source=str(made), home=tmp_path))
    with TestClient(app) as client:
        true, app.state.client = app.state.client, None
        answer = client.get("/datasets")
        assert (answer.status_code, answer.json()["error_code"]) == (500, "DS-500")
        assert answer.headers["x-frame-options"] == "DENY" and "NoneType" not in answer.text
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        app.state.client = true
        assert 'gateway_requests_total{route="/datasets",method="GET",status="500"} 1' in client.get("/metrics").text


def test_more_open_requests_than_a_worker_takes_are_503_in_the_contracts_form_and_counted(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_app, "MOST_OPEN", 0)
    with TestClient(build(Settings(source=str(made), home=tmp_path))) as client:
        answer = client.post("/query", json=QUERY)
        assert (answer.status_code, answer.json()["error_code"], answer.headers["retry-after"]) == (503, "DS-503", "5")
        assert answer.headers["x-frame-options"] == "DENY"
        # Whoever runs the service sees it all the same.
        assert (client.get("/health").status_code, client.get("/ready").status_code) == (200, 200)
        assert 'route="other",method="POST",status="503"} 1' in client.get("/metrics").text


def test_idle_connections_take_no_place_from_whoever_asks(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4_096:
        pytest.skip("no right to open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, hard))
    with served(made, tmp_path / "home") as service, contextlib.ExitStack() as held:
        for _ in range(1_100):
            held.enter_context(socket.create_connection(("127.0.0.1", service.port), 60))
        assert service.http.get("/health").status_code == 200
        assert service.ask().status_code == 200


def test_of_several_workers_each_series_says_whose_it_is_and_one_that_died_is_told_of_no_more(
    tmp_path: pathlib.Path,
) -> None:
    text = """# HELP a_total Of routes.
# TYPE a_total counter
a_total{route="/jobs/{job}",status="200"} 3 # {trace_id="0a1b2c3d"} 0.1 1.0
a_total{said="a \\"}\\" b"} 1
# HELP b Without labels.
# TYPE b gauge
b 4
"""
    told = merged({"7": text, "8": text}, as_open=False)
    samples = [line for line in told.splitlines() if not line.startswith("#")]
    assert all(line.count('worker="') == 1 for line in samples) and len(samples) == 6
    assert 'a_total{route="/jobs/{job}",status="200",worker="7"} 3 # {trace_id="0a1b2c3d"} 0.1 1.0' in samples
    # Its number may be another process's by now: this one's, say.
    file = tmp_path / f"{os.getpid()}.text"
    file.write_text(text)
    assert Snapshots._lives(file)
    os.utime(file, (1_000, 1_000))
    assert not Snapshots._lives(file)


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
        # A grace in which files come and are found to be too many, however slow the machine.
        served(source.address, home, GATEWAY_SMALL_FILES="10", GATEWAY_SMALL_ROWS="5", GATEWAY_GRACE="120") as service,
        concurrent.futures.ThreadPoolExecutor() as pool,
    ):
        asked = pool.submit(service.ask, QUERY)
        assert source.asked.wait(240)
        service.process.send_signal(signal.SIGTERM)
        until("it stops", lambda: "Shutting down" in service.log.read_text())
        source.released.set()
        answer = asked.result(240)
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
        until("it is over", lambda: again.job.done)
        workers[0]._over(again)
        with pytest.raises(Refusal) as refused:
            workers[1].resume(job, "203.0.113.9")
        assert (refused.value.status, workers[0].get(job)["runs"]) == (409, 2)


def full(*_: object) -> None:
    """What a disk does that is."""
    raise OSError(28, "No space left on device")


@contextlib.contextmanager
def held_worker(made: pathlib.Path, place: pathlib.Path) -> Iterator[tuple[HeldSource, datasus.Client, Jobs]]:
    """A worker whose source does not answer until it is told to."""
    with (
        HeldSource(made) as source,
        datasus.open(
            source.address,
            lake=place / "lake",
            output=folder(place / "files"),
            state=folder(place / "state"),
            progress=False,
        ) as client,
    ):
        yield source, client, Jobs(client, Settings(source=source.address, home=place))


@pytest.mark.parametrize("broken", ["claim", "write"])
def test_a_job_whose_record_cannot_be_kept_is_no_job(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    with held_worker(made, tmp_path) as (_, client, jobs):
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
        until("it is over", lambda: again.job.done)
        jobs._over(again)
        assert (jobs.get(job)["status"], jobs.get(job)["runs"]) == ("completed", 2)


@contextlib.contextmanager
def held_job(made: pathlib.Path, place: pathlib.Path) -> Iterator[tuple[HeldSource, datasus.Client, Jobs, str]]:
    """A worker with a job that waits for its source."""
    with held_worker(made, place) as (source, client, jobs):
        job = jobs.submit(ALL, "user")["job_id"]
        assert source.asked.wait(240)
        yield source, client, jobs, job


def left(jobs: Jobs, job: str) -> None:
    """As a worker leaves it that was told to stop."""
    running = jobs._running[job]
    running.job.interrupt()
    until("it has stopped", lambda: running.job.done)
    jobs._over(running)
    jobs.records.write({**jobs.records.read(job), "status": "queued", "error": None})


class Unreachable:
    """A client whose source does not answer yet; everything else is the true one's."""

    def __init__(self, client: datasus.Client, error: datasus.Error) -> None:
        self._of, self.error, self.tries = client, error, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def resume(self, job: str) -> datasus.Job:
        """Once not, then as ever."""
        self.tries += 1
        if self.tries == 1:
            raise self.error
        return self._of.resume(job)


def failure(code: str, retryable: bool) -> datasus.Error:
    """As the package has it."""
    return datasus.Error("Não deu", json_form={"error_code": code, "detail": "Não deu", "retryable": retryable})


def test_a_job_that_cannot_go_on_just_now_waits_says_what_for_and_goes_on_later(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    with held_job(made, tmp_path) as (source, client, jobs, job):
        left(jobs, job)
        jobs._client = unreachable = Unreachable(client, failure("DS-502", retryable=True))  # type: ignore[assignment]
        jobs._take_over()
        waits = jobs.get(job)
        assert (waits["status"], waits["error"]["error_code"], unreachable.tries) == ("queued", "DS-502", 1)
        # Not at once: a source that is down is not asked every two seconds for each of its jobs.
        jobs._take_over()
        assert unreachable.tries == 1
        jobs._later.clear()
        source.released.set()
        jobs._take_over()
        running = jobs._running[job]
        until("it is over", lambda: running.job.done)
        jobs._over(running)
        assert (jobs.get(job)["status"], jobs.get(job)["error"]) == ("completed", None)


def test_a_job_that_can_never_go_on_has_failed(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with held_job(made, tmp_path) as (_, client, jobs, job):
        left(jobs, job)
        jobs._client = Unreachable(client, failure("DS-409", retryable=False))  # type: ignore[assignment]
        jobs._take_over()
        assert (jobs.get(job)["status"], jobs.get(job)["error"]["error_code"]) == ("failed", "DS-409")
        claim = jobs.records.claim(job)
        assert claim is not None
        claim.close()


def test_a_job_that_nobody_runs_is_cancelled_without_its_source(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with held_job(made, tmp_path) as (_, client, jobs, job):
        left(jobs, job)
        jobs._client = unreachable = Unreachable(client, failure("DS-502", retryable=True))  # type: ignore[assignment]
        jobs._take_over()
        jobs.cancel(job)
        jobs._take_over()
        ended = jobs.get(job)
        assert (ended["status"], ended["error"]["error_code"], unreachable.tries) == ("cancelled", "DS-499", 1)
        assert not jobs.records.cancel_asked(job)
        assert job not in [one.job_id for one in client.jobs()]


def test_a_source_that_does_not_answer_one_job_keeps_no_cancel_from_another(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_job(made, tmp_path) as (_, client, jobs, orphan):
        left(jobs, orphan)
        asked, go = threading.Event(), threading.Event()
        resume = client.resume

        def slowly(job: str) -> datasus.Job:
            asked.set()
            assert go.wait(240)
            return resume(job)

        monkeypatch.setattr(client, "resume", slowly)
        monkeypatch.setattr("gateway.jobs._ORPHANS", 0.05)
        job = jobs.submit(ALL, "user")["job_id"]
        jobs.start()
        try:
            assert asked.wait(240)
            jobs.cancel(job)
            until("it is cancelled", lambda: jobs.get(job)["status"] == "cancelled")
        finally:
            go.set()
            jobs.stop()


def test_a_job_whose_record_cannot_be_written_keeps_no_other_from_its_end(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_job(made, tmp_path) as (source, _, jobs, first):
        second = jobs.submit(ALL, "user")["job_id"]
        write = jobs.records.write
        monkeypatch.setattr(jobs.records, "write", lambda one: full() if one["job_id"] == first else write(one))
        jobs.start()
        source.released.set()
        try:
            until("the other's end is noted", lambda: jobs.records.read(second)["status"] == "completed")
        finally:
            monkeypatch.undo()
            jobs.stop()


def test_a_job_that_does_not_stop_in_time_stays_its_workers_until_the_process_ends(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held_job(made, tmp_path) as (_, _, jobs, job):
        running = jobs._running[job]
        true = running.job

        class Stubborn:
            """At work still, whatever it is told."""

            done, status = False, "running"

            def interrupt(self) -> None:
                """Not heard."""

            def wait(self, timeout: float, progress: bool) -> None:
                """In vain."""
                assert timeout <= 0.1
                raise TimeoutError

        running.job = Stubborn()
        monkeypatch.setattr("gateway.jobs._PATIENCE", 0.1)
        jobs.stop()
        assert jobs.records.read(job)["status"] == "queued"
        assert jobs.records.claim(job) is None, "another worker would go on with a job that is at work"
        # What this worker would take over once it is told to stop, the next one would have to wait for.
        fcntl.flock(running.claim, fcntl.LOCK_UN)
        jobs._running.clear()
        jobs._take_over()
        assert jobs.running == 0
        true.cancel()


def test_what_is_gone_on_with_while_the_worker_stops_is_interrupted(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with held_job(made, tmp_path) as (_, _, jobs, job):
        left(jobs, job)
        jobs.stop()
        claim = jobs.records.claim(job)
        assert claim is not None
        jobs._again(jobs.records.read(job), claim)
        running = jobs._running[job]
        until("it stops", lambda: running.job.done)
        assert running.job.status != "completed" and jobs.records.claim(job) is None


def test_an_answer_at_once_has_what_its_deadline_has_left() -> None:
    told: list[float] = []

    def asked(text: str, *_: object) -> None:
        told.append(json.loads(text)["options"]["deadline"])
        raise RuntimeError("enough")

    client = types.SimpleNamespace(explain=lambda _: types.SimpleNamespace(to_convert=[]), _asked=asked)
    state = types.SimpleNamespace(client=client, settings=Settings())
    asker, question = Who("203.0.113.9", "user"), gateway_query._Asked()
    with pytest.raises(RuntimeError, match="enough"):
        gateway_query._at_once(state, QUERY, "{}", asker, "text/csv", gateway_query.time.monotonic() + 7, question)
    assert 0 < told[0] <= 7


def test_a_job_is_cancelled_by_whoever_of_asker_and_thread_comes_second() -> None:
    for order in (("leave", "began"), ("began", "leave")):
        cancelled: list[str] = []
        asked = gateway_query._Asked()
        job: Any = types.SimpleNamespace(cancel=lambda cancelled=cancelled: cancelled.append("once"))
        for act in order:
            getattr(asked, act)(*([job] if act == "began" else []))
        assert cancelled == ["once"], order


def test_a_resume_counts_as_a_query_of_its_asker_where_the_job_begins_anew(
    made: pathlib.Path, tmp_path: pathlib.Path
) -> None:
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
        nothing = service.http.get("/nada")
        assert nothing.json()["detail"] == "There is nothing at this address"
        # The page is told, and says so where it is another than its own.
        assert (nothing.json()["language"], nothing.headers["content-language"]) == ("en", "en")
        assert service.ask({**QUERY, "columns": ["NADA"]}).json()["language"] == "en"
        assert service.ask(x_api_key="errada").json()["detail"] == "The API key is not known"
