"""Made-up files, and one service that most tests share."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest
from otlp_collector import Collector
from service import WRITTEN, Service, nothing_that_any_of_them_wrote_has_a_secret, served

import datasus

__all__ = ["nothing_that_any_of_them_wrote_has_a_secret"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The ministry's form, records invented."""
    return datasus.example_data(tmp_path_factory.mktemp("made"), 200)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """So many that a job takes a while: six files of 50,000."""
    return datasus.example_data(tmp_path_factory.mktemp("large"), 50_000)


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """Where the shared service sends its traces."""
    file = tmp_path_factory.mktemp("traces") / "bodies.jsonl"
    WRITTEN.append(file)
    with Collector(file) as one:
        yield one


@pytest.fixture(scope="session")
def service(made: pathlib.Path, tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Service]:
    """Without a limit, and with few rows at once."""
    settings = {"GATEWAY_SMALL_ROWS": "500", "GATEWAY_SMALL_FILES": "10", "DATASUS_OTLP": collector.address}
    with served(made, tmp_path_factory.mktemp("home") / "shared", **settings) as one:
        yield one
