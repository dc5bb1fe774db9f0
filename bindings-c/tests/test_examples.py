"""The example programs run as they are, built against the installed package: `DATASUS_C_EXAMPLES`, `DATASUS_GO_EXAMPLE`
and `DATASUS_GO_RATES`.
"""

from __future__ import annotations

import csv
import ctypes
import json
import os
import pathlib
import signal
import subprocess

import pytest
from ftp_server import Server
from held_proxy import held
from own_postgres import Sql

C = pathlib.Path(os.environ["DATASUS_C_EXAMPLES"])
GO = os.environ["DATASUS_GO_EXAMPLE"]
GO_RATES = os.environ["DATASUS_GO_RATES"]
COLUMNS = ["N_AIH", "CNES", "DIAG_PRINC", "DT_INTER", "VAL_TOT"]


def run(*argv: str | pathlib.Path, cwd: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    others = {key: value for key, value in os.environ.items() if key != "DATASUS_POSTGRES"}
    return subprocess.run(
        argv, cwd=cwd, env={**others, **environment}, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def admissions(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Made-up files of 600,000 admissions, by the library itself."""
    folder = tmp_path_factory.mktemp("admissions")
    library = ctypes.CDLL(os.environ["DATASUS_LIBRARY"])
    assert library.datasus_write_example_data(str(folder).encode(), 100_000, None) == 0
    return folder


def test_a_query_comes_as_csv(tmp_path: pathlib.Path) -> None:
    done = run(C / "query_csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head, *rows = csv.reader(done.stdout.splitlines())
    assert head == COLUMNS
    assert 0 < len(rows) < 100
    assert all(len(row) == len(head) and len(row[0]) == 13 and row[4].count(".") == 1 for row in rows)
    everything = json.dumps({"dataset": "SIH-RD", "uf": "AC", "competencia": "202401"})
    done = run(C / "query_csv", "exemplo", everything, cwd=tmp_path)
    assert len(list(csv.reader(done.stdout.splitlines()))) == 1 + 100
    done = run(C / "query_csv", "exemplo", '{"dataset": "SIH-RX"}', cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("DS-404")


def test_rates_are_by_births_and_never_without_people(tmp_path: pathlib.Path) -> None:
    done = run(C / "rates", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert sum(row["events"] for row in rows) > 0
    assert all(row["crude"] == pytest.approx(1000 * row["events"] / row["population"]) for row in rows)
    # The folder has no IBGE-POPSVS.
    assert done.stderr.startswith("DS-404")
    told = [f"{row['municipio']}: {row['events']} de {row['population']} nascidos vivos" for row in rows]
    done = run(GO_RATES, tmp_path / "exemplo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *lines, error = done.stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == told
    assert error == "DS-404"


def test_a_load_shows_its_progress_and_reports(
    tmp_path: pathlib.Path, admissions: pathlib.Path, server: tuple[str, Sql]
) -> None:
    url, sql = server
    done = run(C / "load", admissions, "carga_c.tudo", cwd=tmp_path, DATASUS_POSTGRES=url)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["records_processed"] == 600_000
    assert sql("SELECT count(*), count(DISTINCT n_aih) FROM carga_c.tudo").startswith("600000|")
    lines = done.stderr.splitlines()
    assert any(line.startswith("running") for line in lines)
    assert lines[-1].split()[:2] == ["completed", "600000"]
    again = run(C / "load", admissions, "carga_c.tudo", cwd=tmp_path, DATASUS_POSTGRES=url)
    assert again.returncode == 1
    assert "DS-409" in again.stderr
    assert "hunter2" not in again.stderr + done.stderr + done.stdout


def caught(admissions: pathlib.Path, table: str, url: str, by: signal.Signals) -> tuple[int, str]:
    """Sends the signal to a load that has delivered some of its rows and is held there; gives its exit code and job."""
    with (
        held(url) as (slow, release),
        subprocess.Popen(
            [C / "load", admissions, table],
            env={**os.environ, "DATASUS_POSTGRES": slow},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as load,
    ):
        assert load.stderr is not None
        job = load.stderr.readline().removeprefix("job ").strip()
        for line in load.stderr:
            if line.split()[1] != "0":
                load.send_signal(by)
                break
        rest = load.stderr.read()
        load.wait(timeout=300)
        release()
    assert load.returncode in (-by, 130), rest
    return load.returncode, job


def test_ctrl_c_stops_a_load_and_leaves_the_database_as_it_was(
    admissions: pathlib.Path, server: tuple[str, Sql]
) -> None:
    url, sql = server
    assert caught(admissions, "carga_c.parada", url, signal.SIGINT)[0] == 130
    assert sql("SELECT to_regclass('carga_c.parada') IS NULL") == "t"


def test_a_load_whose_process_was_killed_goes_on_where_it_stopped(
    tmp_path: pathlib.Path, admissions: pathlib.Path, server: tuple[str, Sql]
) -> None:
    url, sql = server
    code, job = caught(admissions, "carga_c.morta", url, signal.SIGKILL)
    assert code == -signal.SIGKILL
    done = run(C / "load", admissions, "--resume", job, cwd=tmp_path, DATASUS_POSTGRES=url)
    assert done.returncode == 0, done.stderr
    # What one uninterrupted load brings.
    whole = sql("SELECT count(*), sum(val_tot) FROM carga_c.tudo")
    assert sql("SELECT count(*), sum(val_tot) FROM carga_c.morta") == whole


def test_the_go_example_sums_and_writes(tmp_path: pathlib.Path) -> None:
    done = run(GO, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "CNES " in done.stdout
    assert "300 registros" in done.stdout
    done = run(GO, "no/such/folder", cwd=tmp_path)
    assert done.returncode == 1
    assert "DS-404" in done.stderr


def test_c_and_go_read_from_an_ftp_server(tmp_path: pathlib.Path) -> None:
    assert run(C / "query_csv", cwd=tmp_path).returncode == 0
    address = Server(str(tmp_path / "exemplo")).address
    home = str(tmp_path / "home")
    everything = json.dumps({"dataset": "SIH-RD", "uf": "AC", "competencia": "202401"})
    done = run(C / "query_csv", address, everything, cwd=tmp_path, DATASUS_HOME=home)
    assert done.returncode == 0, done.stderr
    assert len(list(csv.reader(done.stdout.splitlines()))) == 1 + 100
    done = run(GO, address, cwd=tmp_path, DATASUS_HOME=home)
    assert done.returncode == 0, done.stderr
    assert "300 registros" in done.stdout
