"""When an answer is what a case says, for every runner in Python."""

from __future__ import annotations

import pytest


def at(form: object, pointer: str) -> object:
    for key in pointer.split("/")[1:]:
        form = form[int(key)] if isinstance(form, list) else form[key]  # type: ignore[index]
    return form


def agree(expected: object, found: object) -> bool:
    """Floating-point numbers as near as a double tells them."""
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(agree, expected, found))
    if expected == found:
        return True
    try:
        return "." in str(expected) and float(str(expected)) == pytest.approx(float(str(found)), rel=1e-12)
    except ValueError:
        return False
