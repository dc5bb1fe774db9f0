#!/usr/bin/env python3
"""A Spark cluster of the tests' own on this machine: a master, workers, the Connect server; or Sail, which speaks its protocol.

As a program it prints its addresses as one line of JSON once all of it answers, does what the lines of its stdin say, answers
each with such a line, and stops when its stdin closes:

    kill worker 0 | kill connect      ends it and all that it started, at once (SIGKILL)
    start worker 0 | start connect    another one in its place; the Connect server comes back at its address
    pause worker 0 | resume worker 0  it and all that it started do nothing meanwhile, and go on (SIGSTOP, SIGCONT): what is
                                      asked of it is at work, and does not end
    memory                            bytes that all of it holds now (PSS)

Everything listens on 127.0.0.1 alone, on free ports, and is ended by its pid. With two workers it holds less than 6 GiB.
In Python: `with Cluster(workers=2) as cluster: cluster.connect`.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

from free_port import free_ports

LOOPBACK = "127.0.0.1"
PATIENCE = 600.0
# Small heaps, and no compiler that pays only after minutes.
SMALL = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:MaxMetaspaceSize=320m -XX:ReservedCodeCacheSize=96m"


def home(name: str = "spark") -> pathlib.Path | None:
    """The environment that `setup/spark.sh` made, if there is one."""
    named = os.environ.get(f"DATASUS_{name.upper()}")
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = pathlib.Path(os.environ.get("DATASUS_CACHE") or pathlib.Path(cache) / "datasus")
    found = [pathlib.Path(named)] if named else sorted(cache.glob(f"{name}-*"), key=lambda one: one.stat().st_mtime)
    return next((one for one in reversed(found) if named or (one / "ready").exists()), None)


def site(environment: pathlib.Path) -> pathlib.Path:
    """Where its packages are."""
    return next(environment.glob("lib/python3*/site-packages"))


def _answers(port: int) -> bool:
    with socket.socket() as asks:
        asks.settimeout(1)
        return asks.connect_ex((LOOPBACK, port)) == 0


def _ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.load(answer)


def _of_session(leader: int) -> list[int]:
    """The processes of a session: what its leader started, and what these did."""
    members = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                # After the name, which may hold anything but ends with the last bracket: state, ppid, pgrp, session.
                if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                    members.append(int(entry.name))
    return members


def _ends_with_us() -> None:
    """In a child before its program: it is killed when this process dies, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class _Servers:
    """What runs, in the process that is the harness."""

    def __init__(self, options: argparse.Namespace) -> None:
        name = "sail" if options.sail else "spark"
        environment = home(name)
        if environment is None:
            raise SystemExit(f"no {name} here: run setup/spark.sh, or set DATASUS_{name.upper()} to its folder")
        self.environment = environment
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="datasus-spark-"))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.spark = site(environment) / "pyspark"
        self.ports = dict(zip(("master", "master_ui", "connect", "ui"), free_ports(4), strict=True))
        self.java = "" if options.full else SMALL

    def begin(self, name: str, command: list[str], **environment: str) -> None:
        log = (self.folder / f"{name.replace(' ', '-')}.log").open("ab")
        self.running[name] = subprocess.Popen(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_ends_with_us,  # noqa: PLW1509 - this process has one thread
            env={**os.environ, **environment},
        )
        log.close()

    def kill(self, name: str) -> None:
        running = self.running.pop(name)
        # Twice: what was being started while we looked is seen by the second look.
        for _ in range(2):
            for pid in [running.pid, *_of_session(running.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        running.wait(timeout=30)

    def signal(self, name: str, number: signal.Signals) -> None:
        for pid in _of_session(self.running[name].pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def until(self, name: str, is_so: Any) -> None:
        """Waits; a server that ended instead is an error with what it said."""
        until = time.monotonic() + PATIENCE
        while not is_so():
            if self.running[name].poll() is not None or time.monotonic() > until:
                said = (self.folder / f"{name.replace(' ', '-')}.log").read_text(errors="replace")
                raise SystemExit(f"{name} does not answer:\n{said[-6000:]}")
            time.sleep(0.1)

    def start(self, name: str) -> None:
        if name == "connect":
            self.start_connect()
        else:
            self.start_worker(name)

    def stop(self) -> None:
        for name in list(self.running):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def pids(self) -> dict[str, int]:
        return {name: running.pid for name, running in self.running.items()}

    def memory(self) -> int:
        held = 0
        for leader in self.pids().values():
            for pid in _of_session(leader):
                with contextlib.suppress(OSError):
                    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    held += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
        return held

    def start_all(self) -> None:
        raise NotImplementedError

    def start_worker(self, name: str) -> None:
        raise SystemExit(f"nothing here is called {name!r}")

    def start_connect(self) -> None:
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        raise NotImplementedError


class Spark(_Servers):
    """Apache Spark, standalone."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.master = f"spark://{LOOPBACK}:{self.ports['master']}"
        python = options.python or str(self.environment / "bin" / "python")
        self.settings = {
            "SPARK_HOME": str(self.spark),
            "SPARK_LOCAL_IP": LOOPBACK,
            "SPARK_LOCAL_HOSTNAME": LOOPBACK,
            "SPARK_LOCAL_DIRS": str(self.folder / "local"),
            "SPARK_WORKER_DIR": str(self.folder / "work"),
            "SPARK_DAEMON_MEMORY": "192m",
            "SPARK_DAEMON_JAVA_OPTS": f"{self.java} -Dspark.worker.cleanup.enabled=true",
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
            # Nobody's own settings.
            "SPARK_CONF_DIR": str(self.folder),
        }
        if options.token:
            self.settings["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = options.token
        self.class_ = str(self.spark / "bin" / "spark-class")

    def start_all(self) -> None:
        ports = ["--host", LOOPBACK, "--port", str(self.ports["master"]), "--webui-port", str(self.ports["master_ui"])]
        self.begin("master", [self.class_, "org.apache.spark.deploy.master.Master", *ports], **self.settings)
        self.until("master", lambda: _answers(self.ports["master"]))
        for index in range(self.options.workers):
            self.start_worker(f"worker {index}", wait=False)
        self.start_connect()

    def start_worker(self, name: str, wait: bool = True) -> None:
        options = self.options
        room = ["--host", LOOPBACK, "--port", "0", "--webui-port", "0", "--cores", str(options.cores)]
        room += ["--memory", options.executor_memory]
        self.begin(name, [self.class_, "org.apache.spark.deploy.worker.Worker", *room, self.master], **self.settings)
        if wait:
            self.until_executors()

    def start_connect(self) -> None:
        options = self.options
        given: dict[str, Any] = {
            "spark.driver.host": LOOPBACK,
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.memory": options.driver_memory,
            "spark.driver.extraJavaOptions": self.java,
            "spark.executor.memory": options.executor_memory,
            "spark.executor.cores": options.cores,
            "spark.executor.extraJavaOptions": self.java,
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": self.ports["connect"],
            "spark.ui.port": self.ports["ui"],
            "spark.ui.showConsoleProgress": "false",
            "spark.port.maxRetries": 0,
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": self.folder / "warehouse",
            "spark.sql.shuffle.partitions": 4,
            **dict(one.split("=", 1) for one in options.conf),
        }
        pairs = [part for name, value in given.items() if value != "" for part in ("--conf", f"{name}={value}")]
        server = "org.apache.spark.sql.connect.service.SparkConnectServer"
        submit = [
            self.class_,
            "org.apache.spark.deploy.SparkSubmit",
            "--class",
            server,
            "--master",
            self.master,
            *pairs,
        ]
        # Of this server the launcher takes the daemons' memory for the driver's.
        self.begin(
            "connect", [*submit, "spark-internal"], **{**self.settings, "SPARK_DAEMON_MEMORY": options.driver_memory}
        )
        self.until("connect", lambda: _answers(self.ports["connect"]))
        self.until_executors()

    def until_executors(self) -> None:
        """Every worker that runs has an executor."""
        wanted = sum(name.startswith("worker") for name in self.running)

        def all_there() -> bool:
            try:
                (application,) = _ask(f"{self.ui}/applications")
                executors = _ask(f"{self.ui}/applications/{application['id']}/executors")
            except (OSError, ValueError):
                return False
            return sum(one["id"] != "driver" and one["isActive"] for one in executors) == wanted

        self.until("connect", all_there)

    @property
    def ui(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['ui']}/api/v1"

    def told(self) -> dict[str, Any]:
        return {
            "connect": f"sc://{LOOPBACK}:{self.ports['connect']}",
            "api": self.ui,
            "master": f"http://{LOOPBACK}:{self.ports['master_ui']}/json/",
            "folder": str(self.folder),
            "pids": self.pids(),
        }


class Sail(_Servers):
    """Sail; where its S3 lies, and the keys, are `AWS_*` variables of whoever starts it."""

    def start_all(self) -> None:
        self.start_connect()

    def start_connect(self) -> None:
        program = str(self.environment / "bin" / "sail")
        place = ["--ip", LOOPBACK, "--port", str(self.ports["connect"])]
        self.begin("connect", [program, "spark", "server", *place])
        self.until("connect", lambda: _answers(self.ports["connect"]))

    def told(self) -> dict[str, Any]:
        return {
            "connect": f"sc://{LOOPBACK}:{self.ports['connect']}",
            "folder": str(self.folder),
            "pids": self.pids(),
        }


def _obey(servers: _Servers, line: str) -> dict[str, Any]:
    what, _, name = line.strip().partition(" ")
    if what == "memory":
        return {"memory": servers.memory()}
    if what == "kill" and name in servers.running:
        servers.kill(name)
    elif what == "start" and name not in servers.running:
        servers.start(name)
    elif what in ("pause", "resume") and name in servers.running:
        servers.signal(name, signal.SIGSTOP if what == "pause" else signal.SIGCONT)
    else:
        raise SystemExit(f"not understood, or not so now: {line!r}")
    return servers.told()


def main() -> None:
    """The program."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--workers", type=int, default=1)
    asked.add_argument("--cores", type=int, default=1, help="of each worker")
    asked.add_argument("--executor-memory", default="768m")
    asked.add_argument("--driver-memory", default="1g")
    asked.add_argument("--token", help="what clients have to bring")
    asked.add_argument("--python", help="that of the executors; the environment's own")
    asked.add_argument("--conf", action="append", default=[], metavar="NAME=VALUE")
    asked.add_argument(
        "--full", action="store_true", help="for measuring: Java's own choice of collector and compilers"
    )
    asked.add_argument("--sail", action="store_true", help="Sail instead of Spark")
    options = asked.parse_args()
    # A killed test runner ends us by the end of stdin; whoever ends us otherwise shall leave nothing either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    servers: _Servers = Sail(options) if options.sail else Spark(options)
    try:
        servers.start_all()
        print(json.dumps(servers.told()), flush=True)
        for line in sys.stdin:
            print(json.dumps(_obey(servers, line)), flush=True)
    finally:
        servers.stop()


class Cluster:
    """The program, as Python's tests use it. Its answers are in `told`; `connect` is the address for clients."""

    def __init__(self, *arguments: str, workers: int = 1, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, __file__, "--workers", str(workers), *arguments]
        self._program = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.told = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        if not line:
            raise RuntimeError(f"the cluster ended: {self._program.wait(timeout=30)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def order(self, line: str) -> dict[str, Any]:
        """`kill worker 0`, `start connect`, `memory`, ..."""
        assert self._program.stdin is not None
        self._program.stdin.write(line + "\n")
        self._program.stdin.flush()
        answer = self._answer()
        if "connect" in answer:
            self.told = answer
        return answer

    @property
    def connect(self) -> str:
        return str(self.told["connect"])

    def asked(self, path: str) -> Any:
        """What the application's REST interface says."""
        (application,) = _ask(f"{self.told['api']}/applications")
        return _ask(f"{self.told['api']}/applications/{application['id']}/{path}")

    def running(self) -> list[Any]:
        """Jobs that run there."""
        return list(self.asked("jobs?status=running"))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._program.stdin is not None
        self._program.stdin.close()
        self._program.wait(timeout=60)
        assert self._program.stdout is not None
        self._program.stdout.close()


if __name__ == "__main__":
    main()
