"""A dictionary of the contract whose keys are typed attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar


class Record(dict[str, Any]):
    """A dictionary of the contract with its keys as typed attributes, parts included: also ``dict`` and JSON.

    Examples
    --------
    >>> report = client.sync("SIH-RD", uf="AC")
    >>> report.sources[0].file == report["sources"][0]["file"]
    True
    """

    #: Keys whose values, or the values in whose lists, are records themselves.
    _parts: ClassVar[dict[str, type[Record]]] = {}
    #: Keys that may be left out, and what that means: an empty list, or None.
    _left_out: ClassVar[dict[str, type[Any]]] = {}

    def __init__(self, form: Mapping[str, Any]) -> None:
        super().__init__(form)
        for key, part in self._parts.items():
            value = self.get(key)
            if isinstance(value, list):
                self[key] = [part(one) for one in value]
            elif isinstance(value, dict):
                self[key] = part(value)

    if not TYPE_CHECKING:  # an attribute that is not declared is an error to editors and type checkers

        def __getattr__(self, name: str) -> Any:
            key = name.removesuffix("_")
            if key in self:
                return self[key]
            if key in self._left_out:
                return self._left_out[key]()
            raise AttributeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(self)}")

    def to_json(self) -> str:
        """The record as JSON text.

        Examples
        --------
        >>> client.sync("SIH-RD", uf="AC").to_json()[:10]
        '{"files": '
        """
        return json.dumps(self, ensure_ascii=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"
