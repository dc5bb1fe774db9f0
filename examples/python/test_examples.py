"""Every example runs as it is, on made-up files."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

SAYS = {
    "query": ["internações de crianças", "DS-422"],
    "load": ["600 registros", "internacoes.csv"],
    "resume": ["crashed", "600000 registros"],
    "cancel": ["DS-504", "cancelled"],
    "read_dbc": ["100 registros", "CRC ok"],
}


@pytest.mark.parametrize("name", SAYS)
def test_an_example_says_what_it_did(name: str, tmp_path: pathlib.Path) -> None:
    program = pathlib.Path(__file__).with_name(f"{name}.py")
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in SAYS[name]), done.stdout
