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


def answers(asked: dict, answer: object) -> None:
    """What a case says of what was asked is so of its answer."""
    for pointer, wanted in asked.get("expect", {}).items():
        assert agree(wanted, at(answer, pointer)), (asked["call"], pointer, at(answer, pointer))
    for pointer, length in asked.get("length", {}).items():
        assert len(at(answer, pointer)) == length, (asked["call"], pointer, at(answer, pointer))  # type: ignore[arg-type]
    for pointer, items in asked.get("holds", {}).items():
        among = at(answer, pointer)
        assert isinstance(among, list)
        for item in items:
            fits = any(all(agree(of, one.get(key)) for key, of in item.items()) for one in among)
            assert fits, (asked["call"], pointer, item, among[:20])


def refused(form: dict, expected: dict | None) -> None:
    """An error is the one that a case expects."""
    assert expected is not None, form
    for pointer, wanted in expected.items():
        found = at(form, pointer)
        assert str(wanted) in str(found) if pointer == "/detail" else agree(wanted, found), (pointer, found)
