"""A PostgreSQL of the tests' own, for those in Python: `pytest -p own_postgres` gives the fixture `server`."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import pytest
from free_port import free_port

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
        [*as_postgres, where / "initdb", *make, "--pwfile", secret], check=True, capture_output=True, timeout=300
    )
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder, "fsync": "off"}
    options = [f"--{name}={value}" for name, value in settings.items()]
    log = (folder / "log").open("w")
    # Its pid is the server's: setpriv becomes the program.
    running = subprocess.Popen([*as_postgres, where / "postgres", "-D", data, *options], stdout=log, stderr=log)

    def sql(statement: str) -> str:
        asked = [where / "psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c"]
        answer = subprocess.run(
            [*asked, statement],
            env={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "30"},
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return answer.stdout.strip()

    try:
        until = time.monotonic() + 180
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
        running.wait(timeout=120)
        log.close()
        shutil.rmtree(folder)
