"""A folder of made-up files, and a client on it; the same for the examples in the docstrings."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator

import pytest

import datasus


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return datasus.example_data(tmp_path_factory.mktemp("exemplo"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """720,000 admissions, converted: a query that takes seconds."""
    folder = datasus.example_data(tmp_path_factory.mktemp("grande"), rows=120_000)
    datasus.open(folder).sync("SIH-RD")
    return folder


@pytest.fixture
def client(folder: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[datasus.Client]:
    with datasus.open(folder, output=tmp_path, state=tmp_path / "jobs", progress=False) as client:
        yield client


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict, folder: pathlib.Path, client: datasus.Client) -> None:
    doctest_namespace.update(datasus=datasus, folder=folder, client=client)


@pytest.fixture
def python(tmp_path: pathlib.Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in an interpreter of its own, for five minutes at most."""

    def run(program: str, *arguments: object, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program), *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done

    return run
