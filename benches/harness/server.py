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

SETTINGS = """
listen_addresses = '127.0.0.1'
shared_buffers = 4GB
max_wal_size = 16GB
wal_buffers = 64MB
synchronous_commit = off
autovacuum = off
"""


class Server:
    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
        if not programs:
            raise SystemExit("expected PostgreSQL's programs in /usr/lib/postgresql; run make servers")
        self.bin = programs[-1].parent
        self.folder = Path(tempfile.mkdtemp(prefix="datasus-bench-postgres-"))
        self.as_postgres: list[str] = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        data = self.folder / "data"
        initdb = [str(self.bin / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*self.as_postgres, *initdb, "--locale", "C.UTF-8"], check=True, stdout=subprocess.DEVNULL)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        conf = data / "postgresql.conf"
        place = f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n"
        conf.write_text(conf.read_text() + SETTINGS + place)
        log = (self.folder / "log").open("w")
        argv = [*self.as_postgres, str(self.bin / "postgres"), "-D", str(data)]
        self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        until = time.monotonic() + 30
        while subprocess.run([*self.psql(), "-c", "SELECT 1"], check=False, capture_output=True).returncode != 0:
            if time.monotonic() > until or self.process.poll() is not None:
                raise SystemExit(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-800:]}")
            time.sleep(0.1)

    @property
    def pid(self) -> int:
        return self.process.pid

    def psql(self) -> list[str]:
        return [str(self.bin / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url]

    def query(self, *commands: str) -> str:
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run([*self.psql(), *words], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{commands}: {done.stderr}")
        return done.stdout.strip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)
