"""Programs of the tests' own, each in a process of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap
import threading


def started(program: str, folder: pathlib.Path, place: pathlib.Path) -> subprocess.Popen[str]:
    """A child whose standard output is read line by line; it is killed after a minute, which ends every wait for a line."""
    child = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), str(folder)],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = threading.Timer(60, child.kill)
    end.daemon = True
    end.start()
    return child
