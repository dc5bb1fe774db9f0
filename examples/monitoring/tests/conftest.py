"""Made-up files."""

from __future__ import annotations

import pathlib

import pytest

import datasus


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The ministry's form, records invented."""
    return datasus.example_data(tmp_path_factory.mktemp("made"), 200)
