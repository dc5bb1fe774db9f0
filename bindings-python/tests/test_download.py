"""From an FTP server to rows."""

from __future__ import annotations

import pathlib

import pytest
from ftp_server import Server

import datasus


def test_what_is_missing_comes_from_the_server_and_the_lake_answers_without_it(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    server = Server(str(folder))
    settings = {"home": tmp_path / "home", "output": tmp_path, "language": "en", "progress": False}
    with datasus.open(["ftp://127.0.0.1:1/nobody", server.address], **settings) as client:
        plan = client.plan_sync(["SIH-RD", "SIM-DO"], uf="AC")
        assert (plan.files, plan.files_to_fetch) == (4, 4)
        assert {file.state for file in plan.planned} == {"absent"}
        assert client.query("SIH-RD", uf="AC", competencia="202401", columns=["N_AIH"]).to_arrow().num_rows == 100
        report = client.sync(["SIH-RD", "SIM-DO"], uf="AC")
        assert (report.files, report.sources[0].origin) == (4, server.address)
        assert client.plan_sync("SIH-RD", uf="AC").files_to_fetch == 0
        job = client.submit("SIH-RD", uf="RR", columns=["N_AIH"], to=datasus.Csv("rr.csv"))
        phases = {event.progress.phase for event in job.events()}
        assert job.wait().records_processed == 300
        assert phases <= {"waiting", "downloading", "converting", "running", "loading"}
    with datasus.open(server.address, **{**settings, "home": tmp_path / "outra"}) as client:
        seen: list[datasus.Progress] = []
        report = client.sync(["SIH-RD"], uf=["AC", "RR"], on_progress=seen.append)
        last = seen[-1]
        assert (last.files_done, last.files_total, report.files) == (6, 6, 6)
        assert last.fraction == 1.0
        assert {now.phase for now in seen} <= {"waiting", "downloading", "converting"}

        def stop(now: datasus.Progress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            client.sync("SIM-DO", on_progress=stop)
    server.shutdown()
    server.server_close()
    with datasus.open(server.address, refresh_after=0, **settings) as client:
        with pytest.warns(datasus.DatasusWarning, match="was not checked since"):
            assert (
                client.export("SIH-RD", uf="AC", columns=["N_AIH"], to=datasus.Csv("ac.csv")).records_processed == 300
            )
        with pytest.raises(datasus.Error, match="No mirror is configured"):
            client.query("SINASC-DN", uf="AC", columns=["SEXO"]).to_arrow()
