"""Made-up files."""

from __future__ import annotations

import pathlib

import pytest
from service import nothing_that_any_of_them_wrote_has_a_secret

import datasus

__all__ = ["nothing_that_any_of_them_wrote_has_a_secret"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The ministry's form, records invented."""
    return datasus.example_data(tmp_path_factory.mktemp("made"), 200)
