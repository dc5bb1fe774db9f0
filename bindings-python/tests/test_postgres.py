"""Loads into PostgreSQL: records that the table refuses, and what becomes of them."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import pyarrow.parquet as pq
import pytest

import datasus

Sql = Callable[[str], str]
PASSWORD = "hunter2-CANARY"


def programs() -> pathlib.Path | None:
    """Where PostgreSQL's own programs are, if they are."""
    named = os.environ.get("DATASUS_POSTGRES_BIN")
    found = [pathlib.Path(named)] if named else sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(found) if (folder / "postgres").exists()), None)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Sql]]:
    """A server of these tests' own: data folder and port of its own, loopback only, stopped by its pid."""
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql-15, or set DATASUS_POSTGRES_BIN")
    # Not below pytest's folder, which the user `postgres` may not enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="datasus-postgres-"))
    as_postgres: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    secret = folder / "password"
    secret.write_text(PASSWORD)
    data = folder / "data"
    make = ["-D", data, "-U", "postgres", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"]
    subprocess.run(
        [*as_postgres, where / "initdb", *make, "--pwfile", secret], check=True, capture_output=True, timeout=60
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    log = (folder / "log").open("w")
    # Its pid is the server's: setpriv becomes the program.
    running = subprocess.Popen([*as_postgres, where / "postgres", "-D", data, *options], stdout=log, stderr=log)

    def sql(statement: str) -> str:
        asked = [where / "psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c"]
        answer = subprocess.run(
            [*asked, statement],
            env={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "5"},
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return answer.stdout.strip()

    try:
        until = time.monotonic() + 60
        while True:
            try:
                assert sql("SHOW data_directory") == str(data)
                break
            except subprocess.CalledProcessError:
                assert time.monotonic() < until, (folder / "log").read_text()
                assert running.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield f"postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres", sql
    finally:
        # SIGINT: a fast shutdown, which waits for no session.
        running.send_signal(2)
        running.wait(timeout=30)
        log.close()
        shutil.rmtree(folder)


def test_refused_records_are_kept_with_their_reason_and_sent_again_once_the_table_takes_them(
    client: datasus.Client, folder: pathlib.Path, server: tuple[str, Sql], tmp_path: pathlib.Path
) -> None:
    url, sql = server
    columns = ["N_AIH", "SEXO", "DT_INTER", "VAL_TOT"]
    target = datasus.Postgres("carga.rd", url=url)
    first = client.export("SIH-RD", uf="AC", columns=columns, where={"SEXO": "1"}, to=target)
    assert (first.storage, first.records_processed, first.dead_letters) == ({"postgres": "carga.rd"}, 150, 0)
    wrong = client.query("SIH-RD", uf="RR", columns=["N_AIH"], where={"SEXO": "3"}).to_arrow()["N_AIH"].to_pylist()
    sql("ALTER TABLE carga.rd ADD CONSTRAINT homens CHECK (sexo <> '3')")
    target = datasus.Postgres("carga.rd", url=url, mode="append")
    report = client.export("SIH-RD", uf="RR", columns=columns, to=target, dead_letter_limit=1.0)
    assert (report.records_processed, report.dead_letters) == (300 - len(wrong), len(wrong))
    assert [job.job_id for job in client.jobs()] == [report.job_id]
    letters = client.dead_letters(report.job_id)
    assert sorted(letter.record["N_AIH"] for letter in letters) == sorted(wrong)
    assert {letter.sqlstate for letter in letters} == {"23514"}
    assert all("homens" in letter.reason and "RDRR24" in (letter.source_file or "") for letter in letters)
    assert all(letter.source_row is not None for letter in letters)
    assert client.export_dead_letters(report.job_id, "rejeitados.parquet") == len(wrong)
    assert pq.read_table(tmp_path / "rejeitados.parquet").num_rows == len(wrong)
    # No password is kept, so the client must have it. While the cause stands nothing is loaded, and nothing is lost.
    with pytest.raises(datasus.CredentialsRefused, match="DATASUS_POSTGRES"):
        client.replay(report.job_id)
    client = datasus.open(folder, output=tmp_path, state=tmp_path / "jobs", postgres=url)
    assert client.replay(report.job_id) == {"loaded": 0, "left": len(wrong)}
    sql("ALTER TABLE carga.rd DROP CONSTRAINT homens")
    assert client.replay(report.job_id) == {"loaded": len(wrong), "left": 0}
    assert client.jobs() == []
    both = "SELECT count(*) AS n, sum(VAL_TOT) AS valor, min(DT_INTER) AS dia FROM sih_rd WHERE UF_ZI LIKE '14%' OR SEXO = '1'"
    ours = client.query(sql=both).to_arrow().to_pylist()[0]
    loaded = sql("SELECT count(*), sum(val_tot), min(dt_inter) FROM carga.rd").split("|")
    assert loaded == [str(value) for value in ours.values()]


def test_too_many_refused_records_fail_the_job_and_no_password_is_shown(
    client: datasus.Client, server: tuple[str, Sql]
) -> None:
    url, sql = server
    sql("CREATE SCHEMA IF NOT EXISTS poucos; CREATE TABLE poucos.rd (cnes text CHECK (length(cnes) > 99))")
    with pytest.raises(datasus.TooManyDeadLetters) as refused:
        client.export(
            "SIH-RD", columns=["CNES"], to=datasus.Postgres("poucos.rd", url=url, mode="append"), dead_letter_limit=0.01
        )
    assert refused.value.code == "DS-424"
    assert sql("SELECT count(*) FROM poucos.rd") == "0"
    with pytest.raises(datasus.CredentialsRefused) as wrong:
        client.export("SIH-RD", to=datasus.Postgres("poucos.rd", url=url.replace(PASSWORD, "errada-CANARY")))
    for error in (refused.value, wrong.value):
        assert "CANARY" not in f"{error} {error!r} {error.to_dict()} {error._repr_html_()}"
