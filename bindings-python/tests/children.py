"""Programs of the tests' own, each in a process of its own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time

import datasus
from datasus import _datasus

#: Takes minutes, and holds no lock of Python's.
ENDLESS = "SELECT count(*) AS n FROM sih_rd a, sih_rd b, sih_rd c WHERE a.VAL_TOT + b.VAL_TOT > c.VAL_TOT"

#: Where nothing else is at work (`make soak`), times and memory are measured as well.
QUIET = bool(os.environ.get("DATASUS_SOAK"))


def late(client: datasus.Client, sql: str) -> str:
    """What is told of a query that was made to hang, and whose deadline passes meanwhile. On a busy machine it may pass before
    that: then a longer one follows.
    """
    before, deadline = _datasus.hanging(), 0.3
    while True:
        try:
            client.query(sql=sql, deadline=deadline).to_arrow()
        except datasus.Error as error:
            told = error.code
        else:
            return "answered"
        # The thread that parses may have been made only just.
        end = time.monotonic() + 5
        while _datasus.hanging() == before and time.monotonic() < end:
            time.sleep(0.01)
        if told != "DS-504" or _datasus.hanging() > before:
            return told
        deadline *= 2


def started(program: str, folder: pathlib.Path, place: pathlib.Path) -> subprocess.Popen[str]:
    """A child whose standard output is read line by line; it is killed after ten minutes, which ends every wait for a line."""
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), str(folder)],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(600, child.kill)
    end.daemon = True
    end.start()
    return child
