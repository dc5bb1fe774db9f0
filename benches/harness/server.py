"""A PostgreSQL of the benches' own: tuned, on a free port of loopback, stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .process import Failed, stop, undisturbed

SETTINGS = """
listen_addresses = '127.0.0.1'
shared_buffers = 4GB
max_wal_size = 16GB
wal_buffers = 64MB
synchronous_commit = off
autovacuum = off
"""


def programs() -> Path | None:
    """The folder of the newest PostgreSQL here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def version() -> str:
    postgres = programs()
    if not postgres:
        return "no PostgreSQL"
    said = subprocess.run([str(postgres / "postgres"), "--version"], check=True, capture_output=True, text=True)
    return f"PostgreSQL {said.stdout.split()[2]}"


class Server:
    """`with Server() as server: server.start()`: what has been made is gone at the end, however far the start came."""

    def __init__(self) -> None:
        found = programs()
        if not found:
            raise Failed("expected PostgreSQL's programs in /usr/lib/postgresql; run make servers")
        self.bin, self.folder = found, Path(tempfile.mkdtemp(prefix="datasus-bench-postgres-"))
        self.process: subprocess.Popen | None = None
        self.url = ""

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            self.stop()

    def start(self) -> None:
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
        data = self.folder / "data"
        self.run(
            "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"
        )
        if self.process.wait() != 0:
            raise Failed(f"initdb: {self.log()}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        conf = data / "postgresql.conf"
        place = f"port = {port}\nunix_socket_directories = '{self.folder}'\n"
        conf.write_text(conf.read_text() + SETTINGS + place)
        self.run("postgres", "-D", data)
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        until = time.monotonic() + 30
        while subprocess.run([*self.psql(), "-c", "SELECT 1"], check=False, capture_output=True).returncode != 0:
            if time.monotonic() > until or self.process.poll() is not None:
                raise Failed(f"PostgreSQL did not start: {self.log()}")
            time.sleep(0.1)

    def run(self, program: str, *words: object) -> None:
        """As the user postgres, in a session of its own: Ctrl-C is for the benchmark, which stops it."""
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        argv = [*as_postgres, str(self.bin / program), *map(str, words)]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)

    def log(self) -> str:
        """Its last line, as the reason."""
        return ((self.folder / "log").read_text().strip().splitlines() or ["it said nothing"])[-1]

    @property
    def pid(self) -> int:
        return self.process.pid

    def psql(self) -> list[str]:
        return [str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url]

    def query(self, *commands: str) -> str:
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run([*self.psql(), *words], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{done.stderr.strip()}: {commands}")
        return done.stdout.strip()

    def stop(self) -> None:
        try:
            if self.process:
                stop(self.process, signal.SIGINT)
                self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            stop(self.process, signal.SIGKILL)
            self.process.wait()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
