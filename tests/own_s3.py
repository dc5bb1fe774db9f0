"""An S3 server of the tests' own (SeaweedFS): `pytest -p own_s3` gives the fixture `s3`, the settings that let one in."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest
from free_port import free_ports

SECRET = "hunter2-CANARY-s3"


def program() -> pathlib.Path | None:
    """Where the program is, if it is."""
    named = os.environ.get("DATASUS_WEED")
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cache = os.environ.get("DATASUS_CACHE") or pathlib.Path(cache) / "datasus"
    found = pathlib.Path(named) if named else pathlib.Path(cache) / "seaweedfs-4.48" / "weed"
    return found if found.is_file() else None


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    """A server of these tests' own: data and ports of its own, loopback only, with the bucket `datasus`, stopped by its pid."""
    weed = program()
    if weed is None:
        pytest.skip("no S3 server here: run setup/seaweedfs.sh, or set DATASUS_WEED")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="datasus-s3-"))
    (folder / "data").mkdir()
    keys = [{"accessKey": "chave", "secretKey": SECRET}]
    identity = {"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = free_ports(8)
    names = ["master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc"]
    options = [
        f"-{name.split('.')[0]}.port{'.grpc' if '.grpc' in name else ''}={port}"
        for name, port in zip(names, ports, strict=True)
    ]
    fixed = ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=datasus", "-master.telemetry=false", "-webdav=false"]
    fixed += ["-admin.ui=false", "-metricsPort=0", "-s3.port.iceberg=0", "-dir=data", "-s3.config=s3.json"]
    log = (folder / "log").open("w")
    running = subprocess.Popen([weed, "mini", *fixed, *options], cwd=folder, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 180
        while True:
            with socket.socket() as asks:
                if asks.connect_ex(("127.0.0.1", ports[6])) == 0:
                    break
            assert time.monotonic() < until and running.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield {"s3_endpoint": f"http://127.0.0.1:{ports[6]}", "s3_key": "chave", "s3_secret": SECRET}
    finally:
        running.kill()
        running.wait(timeout=120)
        log.close()
        shutil.rmtree(folder)
