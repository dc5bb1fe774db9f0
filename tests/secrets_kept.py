"""Nothing that the session wrote has a secret of its servers': `pytest -p secrets_kept`. All the while what the package
says is logged at TRACE; at the end that, and every file below pytest's own folder, are searched.
"""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Iterator

import pytest
from own_postgres import PASSWORD
from own_s3 import SECRET

TRACE = 5


@pytest.fixture(scope="session", autouse=True)
def nothing_that_was_written_has_a_secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Passwords of PostgreSQL and of S3 that the tests connect with."""
    place = tmp_path_factory.getbasetemp()
    handler, logger = logging.FileHandler(place / "datasus-trace.log"), logging.getLogger("datasus")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(fields)s", defaults={"fields": ""}))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(TRACE)
    yield
    logger.setLevel(before)
    logger.removeHandler(handler)
    handler.close()
    leaks = [path for path in place.rglob("*") if path.is_file() and _leaks(path)]
    assert leaks == []


def _leaks(path: pathlib.Path) -> bool:
    content = path.read_bytes()
    return any(secret.encode() in content for secret in (PASSWORD, SECRET))
