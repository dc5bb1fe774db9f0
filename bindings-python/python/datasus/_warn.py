"""What a report warns of, as Python's own warnings."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable

_HERE = os.path.dirname(__file__)


class DatasusWarning(UserWarning):
    """Something that whoever counts should know of: a file that was left out, values that could not be read, a sample.

    Examples
    --------
    >>> import warnings, datasus
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", datasus.DatasusWarning)
    ...     client.query("SIH-RD", columns=["CNES"]).to_arrow().num_rows
    600
    """


def warn(message: str) -> None:
    """At the line of whoever called the library."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == _HERE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DatasusWarning, stacklevel=level)


def warn_of(messages: Iterable[str]) -> None:
    """One warning each."""
    for message in messages:
        warn(message)
