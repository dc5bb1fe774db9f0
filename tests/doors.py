"""`tests/conformance/doors.json`, for the tests in Python: what is put through every door of every language."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

DOORS: dict[str, Any] = json.loads((pathlib.Path(__file__).parent / "conformance/doors.json").read_text())
SIZES: dict[str, Any] = dict(DOORS["sizes"])
#: By the settings' JSON: what the error must name.
RANGES: dict[str, str] = {json.dumps(settings): name for settings, name in DOORS["ranges"]}


def with_url(form: Any, url: str) -> Any:
    """The same with the address in the place of URL."""
    if isinstance(form, dict):
        return {with_url(key, url): with_url(value, url) for key, value in form.items()}
    if isinstance(form, list):
        return [with_url(one, url) for one in form]
    return form.replace("URL", url) if isinstance(form, str) else form


def of(form: Any) -> Any:
    """What the list only describes, made."""
    if isinstance(form, list):
        return [of(one) for one in form]
    if not isinstance(form, dict):
        return form
    match form:
        case {"$text": [text, count]}:
            return text * count
        case {"$list": [item, count]}:
            return [item] * count
        case {"$keys": count}:
            return {f"k{number}": 1 for number in range(count)}
    return {key: of(value) for key, value in form.items()}


def stored(folder: pathlib.Path) -> Iterator[str]:
    """Every name and every file below."""
    for path in folder.rglob("*"):
        yield str(path)
        if path.is_file():
            yield path.read_bytes().decode(errors="replace")
