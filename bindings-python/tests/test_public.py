"""Everything public is documented, with an example that `--doctest-modules` runs."""

from __future__ import annotations

import inspect

import pytest

import datasus

#: Classes of errors that differ from `Error` by their code alone, and aliases of types.
WITHOUT_EXAMPLE = {"JobInfo", "DeadLetter", "Explain", "FileSummary", "Destination", "__version__"}


@pytest.mark.parametrize("name", datasus.__all__)
def test_a_public_name_has_a_docstring_with_an_example(name: str) -> None:
    public = getattr(datasus, name)
    is_error = inspect.isclass(public) and issubclass(public, datasus.Error) and public is not datasus.Error
    if name in WITHOUT_EXAMPLE:
        return
    assert public.__doc__, name
    assert is_error or ">>>" in public.__doc__, name
    if inspect.isclass(public) and not is_error:
        for member, of in vars(public).items():
            if not member.startswith("_") and (callable(of) or isinstance(of, property)):
                assert inspect.getdoc(of), f"{name}.{member}"
    if public is datasus.Client:
        methods = [of for member, of in vars(public).items() if not member.startswith("_") and member != "close"]
        assert all(">>>" in (inspect.getdoc(of) or "") for of in methods)
