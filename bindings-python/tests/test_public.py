"""Everything public is documented, with an example that `--doctest-modules` runs."""

from __future__ import annotations

import inspect

import pytest

import datasus
from datasus import models

#: A union of types and a text: they have no docstring of their own.
PLAIN = {"Destination", "__version__"}


def members(public: type) -> list[tuple[str, object]]:
    """What the class adds to what Python's own classes have, whichever of ours it comes from."""
    ours = [vars(of) for of in public.__mro__ if of.__module__.startswith("datasus")]
    return [(name, of) for one in ours for name, of in one.items() if not name.startswith("_")]


@pytest.mark.parametrize("name", [name for name in datasus.__all__ if name not in PLAIN])
def test_a_public_name_and_its_methods_have_docstrings_with_examples(name: str) -> None:
    public = getattr(datasus, name)
    assert public.__doc__, name
    # Classes of errors differ from `Error` by their code alone.
    if not (inspect.isclass(public) and issubclass(public, datasus.Error) and public is not datasus.Error):
        assert ">>>" in public.__doc__, name
    for member, of in members(public) if inspect.isclass(public) else []:
        if isinstance(of, property):
            assert inspect.getdoc(of), f"{name}.{member}"
        elif inspect.isfunction(of):
            assert ">>>" in (inspect.getdoc(of) or ""), f"{name}.{member}"


def test_the_models_are_documented() -> None:
    assert ">>>" in (models.__doc__ or "")
    assert all(getattr(models, name).__doc__ for name in models.__all__)
