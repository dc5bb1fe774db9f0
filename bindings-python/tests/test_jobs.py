"""Jobs: followed, awaited, cancelled, killed and resumed."""

from __future__ import annotations

import asyncio
import io
import json
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterable, Callable

import pytest

import datasus
from datasus._bar import Bar


def test_a_job_is_followed_to_its_report(client: datasus.Client) -> None:
    job = client.submit("SIH-RD", columns=["CNES", "VAL_TOT"], to=[datasus.Csv("a.csv"), datasus.Parquet("a.parquet")])
    events = list(job.events())
    assert [event.status for event in events if event.status != "running"][-1] == "completed"
    report = job.wait(timeout=180)
    assert report.records_processed == report["records_processed"] == 600
    assert json.loads(report.to_json())["storage"] == {"csv": "a.csv", "parquet": "a.parquet"}
    assert (job.done, job.progress.rows, job.id) == (True, 600, report.job_id)
    assert (job.progress.phase, job.progress.fraction, job.progress.remaining) == ("loading", 1.0, None)
    for shown in (report._repr_html_(), job._repr_html_(), client.schema("SIH-RD")._repr_html_()):
        assert "<table" in shown
    assert "a.csv" in report._repr_html_()
    with pytest.raises(AttributeError, match="records_processed"):
        _ = report.rows


def test_jobs_are_awaited_together_and_followed_by_async_for(client: datasus.Client) -> None:
    async def main() -> list[int]:
        jobs = [client.submit("SIH-RD", columns=["CNES"], to=datasus.Csv(f"{n}.csv")) for n in range(5)]
        seen = [event.status async for event in jobs[0]]
        assert seen[-1] == "completed"
        return [report.records_processed for report in await asyncio.gather(*jobs)]

    assert asyncio.run(main()) == [600] * 5


def test_rows_come_by_async_for_beside_others_and_hold_no_thread(client: datasus.Client) -> None:
    async def count(batches: AsyncIterable[datasus.Batch]) -> int:
        return sum([len(batch) async for batch in batches])

    async def main() -> list[int]:
        results = [client.query("SIH-RD", columns=["CNES"]) for _ in range(20)]
        counts = await asyncio.gather(*map(count, results))
        # Two tasks share one result, as threads do.
        shared = client.query("SIH-RD", columns=["CNES"])
        halves = await asyncio.gather(count(shared.__aiter__()), count(shared.__aiter__()))
        with pytest.raises(RuntimeError, match="taken already"):
            shared.__aiter__()
        assert results[0].report.records_processed == 600
        assert not any(thread.name == "datasus-await" for thread in threading.enumerate())
        return [*counts, sum(halves)]

    assert asyncio.run(main()) == [600] * 21


def test_a_task_that_is_cancelled_in_async_for_cancels_its_query(large: pathlib.Path) -> None:
    client = datasus.open(large, progress=False)

    async def main() -> datasus.Job:
        result = client.query(sql="SELECT a.N_AIH FROM sih_rd a, sih_rd b, sih_rd c")

        async def read() -> None:
            async for _ in result:
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return result.job

    with pytest.raises(datasus.Cancelled):
        asyncio.run(main()).wait(timeout=180)


def test_the_records_of_a_file_come_by_async_for(folder: pathlib.Path) -> None:
    async def main() -> int:
        records = datasus.read_dbc(folder / "RDAC2401.dbc")
        return sum([len(batch) async for batch in records])

    assert asyncio.run(main()) == 100


def test_a_task_that_is_cancelled_cancels_its_job(large: pathlib.Path, tmp_path: pathlib.Path) -> None:
    client = datasus.open(large, output=tmp_path, state=tmp_path / "jobs")
    sql = "SELECT a.N_AIH, b.N_AIH AS outra FROM sih_rd a JOIN sih_rd b ON a.DIAG_PRINC = b.DIAG_PRINC"
    job = client.submit(sql=sql, to=datasus.Parquet("a.parquet"))

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(job, 0.3)

    asyncio.run(main())
    with pytest.raises(datasus.Cancelled):
        job.wait(timeout=180)
    assert job.status == "cancelled"


def test_a_wait_has_an_end_and_a_job_that_is_cancelled_says_so(large: pathlib.Path, tmp_path: pathlib.Path) -> None:
    client = datasus.open(large, output=tmp_path, state=tmp_path / "jobs")
    sql = "SELECT a.N_AIH, b.N_AIH AS outra FROM sih_rd a JOIN sih_rd b ON a.DIAG_PRINC = b.DIAG_PRINC"
    job = client.submit(sql=sql, to=datasus.Parquet("a.parquet"))
    with pytest.raises(TimeoutError, match=job.id):
        job.wait(timeout=0.2)
    job.cancel()
    with pytest.raises(datasus.Cancelled) as cancelled:
        job.wait(timeout=180)
    assert cancelled.value.code == "DS-499"
    assert not (tmp_path / "a.parquet").exists()


def test_killed_in_mid_file_and_resumed_a_file_is_as_undisturbed(large: pathlib.Path, tmp_path: pathlib.Path) -> None:
    # The system kills it at the byte that is one too many, wherever that is and however fast the machine.
    program = """
        import datasus, resource, signal, sys
        client = datasus.open(sys.argv[1], output=sys.argv[2], state=sys.argv[2] + "/jobs")
        client.sync("SIH-RD")
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000_000, 20_000_000))
        client.export("SIH-RD", to=datasus.Csv("morta.csv"))
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(program), large, tmp_path], check=False, timeout=600)
    assert died.returncode == -signal.SIGXFSZ
    client = datasus.open(large, output=tmp_path, state=tmp_path / "jobs")
    left = client.jobs()
    assert [job.standing for job in left] == ["crashed"]
    [destination] = left[0].destinations
    assert (destination.to["csv"]["path"], destination.url, destination.password_left_out) == ("morta.csv", None, False)
    report = client.resume(left[0].job_id).wait(timeout=300)
    assert report.records_processed == 720_000
    assert (report.resumed_from or {})["csv"] > 0
    client.export("SIH-RD", to=datasus.Csv("inteira.csv"))
    assert (tmp_path / "morta.csv").read_bytes() == (tmp_path / "inteira.csv").read_bytes()
    assert client.jobs() == []


def test_one_bar_follows_a_job_in_a_terminal(
    large: pathlib.Path, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr("datasus._bar.PATIENCE", 0.0)
    client = datasus.open(large, output=tmp_path, state=tmp_path / "jobs")
    client.export("SIH-RD", to=datasus.Parquet("a.parquet"), progress=True)
    assert "SIH-RD" in shown.getvalue()
    assert "100%" in shown.getvalue()
    assert shown.getvalue().count("\n") == 1
    shown.truncate(0)
    client.export("SIH-RD", to=datasus.Parquet("b.parquet"))
    assert shown.getvalue().strip("\0") == ""


def test_a_bar_has_no_share_while_nobody_knows_one() -> None:
    class AtWork:
        is_english = False
        told = (0, 0, 2, 2, None, "running", None, 65.0, None, None, None)

        def progress(self) -> tuple:
            return self.told

    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", shown)
        patch.setattr("datasus._bar.PATIENCE", 0.0)
        job = AtWork()
        bar = Bar(job, True, "SIH-RD")
        bar()
        assert "consultando, 1:05" in shown.getvalue()
        assert "%" not in shown.getvalue()
        job.told = (300, 0, 2, 2, 0.5, "loading", 600, 70.0, 5.0, None, None)
        bar()
        assert " 50%|" in shown.getvalue()
        assert "gravando, 300/600 linhas, 1:10, faltam 0:05" in shown.getvalue()
        bar.close()


def test_maintenance_is_for_a_while(client: datasus.Client) -> None:
    with client.maintenance():
        assert client.mode == "maintenance"
        assert client.export("SIH-RD", columns=["CNES"], to=datasus.Csv("a.csv")).mode == "maintenance"
        with client.maintenance():
            pass
        assert client.mode == "maintenance"
    assert client.mode != "maintenance"


def test_log_lines_arrive_in_pythons_logging(
    python: Callable[..., subprocess.CompletedProcess[str]], folder: pathlib.Path
) -> None:
    program = """
        import logging, sys, time
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
        import datasus
        client = datasus.open(sys.argv[1])
        client.query("SIH-RD", columns=["CNES"]).to_arrow()
        try:
            client.export("SIH-RD", columns=["CNES"], to=datasus.Postgres("a.b", url="postgres://u:segredo@127.0.0.1:1/d"))
        except datasus.Unreachable as error:
            print(error)
    """
    done = python(program, folder)
    assert "INFO datasus completed" in done.stderr
    assert "WARNING datasus" in done.stderr
    assert "segredo" not in done.stderr + done.stdout
