"""Help in Portuguese says what the English docstrings say."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

import datasus
from datasus import _ajuda
from datasus._ajuda_textos import TEXTOS

SECTIONS = {"Parameters": "Parâmetros", "Returns": "Retorna", "Raises": "Exceções", "Examples": "Exemplos"}


def sections(text: str) -> dict[str, str]:
    """What stands below each underlined title; before the first, under no title."""
    parts = re.split(r"^(\S+)\n-+$", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def entries(section: str) -> list[tuple[str, str]]:
    """The names at the margin, with the values in braces that they may have."""
    lines = [line.partition(" : ") for line in section.splitlines() if line and not line.startswith(" ")]
    return [(name, "".join(re.findall(r"\{.*\}", kind))) for name, _, kind in lines]


def examples(text: str) -> list[tuple[str, str]]:
    parsed = [(one.source, one.want) for one in doctest.DocTestParser().get_examples(text)]
    return [(source, want) for source, want in parsed if not source.startswith("#")]


def english(name: str) -> str:
    return inspect.getdoc(_ajuda._publico(name)) or ""


def test_what_an_analyst_meets_first_has_help_in_portuguese() -> None:
    assert {"datasus", "open", "Client", "query", "submit", "export", "resume", "read_dbc", "col"} <= set(TEXTOS)


@pytest.mark.parametrize("name", TEXTOS)
def test_both_languages_have_the_same_parameters_exceptions_and_examples(name: str) -> None:
    en, pt = sections(english(name)), sections(inspect.cleandoc(TEXTOS[name]))
    assert [SECTIONS.get(title, title) for title in en] == list(pt)
    for title in ("Parameters", "Raises"):
        assert entries(en.get(title, "")) == entries(pt.get(SECTIONS[title], ""))
    assert examples(english(name)) == examples(TEXTOS[name])
    assert examples(TEXTOS[name])


@pytest.mark.parametrize("name", TEXTOS)
def test_the_english_docstring_says_where_the_portuguese_one_is(name: str) -> None:
    call = "datasus.ajuda()" if name == "datasus" else f'datasus.ajuda("{name}")'
    summary, where, *_ = english(name).split("\n\n")
    assert summary
    assert where == f"Em português: ``{call}``."


@pytest.mark.parametrize(
    ("about", "first"),
    [
        (None, "datasus"),
        ("query", "query(dataset=None, *, uf=None,"),
        ("Client.query", "query(dataset=None, *, uf=None,"),
        (datasus.read_dbc, "read_dbc(path, columns=None,"),
        (datasus, "datasus"),
        (datasus.Client, "Client\n"),
    ],
)
def test_help_is_found_by_name_and_by_the_thing_itself(
    about: object, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    datasus.ajuda(about)
    shown = capsys.readouterr().out
    assert shown.startswith(first)
    assert "Exemplos" in shown


def test_a_client_and_its_method_are_known(client: datasus.Client, capsys: pytest.CaptureFixture[str]) -> None:
    datasus.ajuda(client)
    assert "Uma fonte de arquivos do DATASUS" in capsys.readouterr().out
    datasus.ajuda(client.export)
    assert "espera pelo relatório" in capsys.readouterr().out


def test_what_has_no_portuguese_text_yet_says_so_and_is_shown_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    datasus.ajuda("Result.to_pandas")
    shown = capsys.readouterr().out
    assert "Ainda sem texto em português" in shown
    assert (inspect.getdoc(datasus.Result.to_pandas) or "?") in shown
    with pytest.raises(LookupError, match="consultar"):
        datasus.ajuda("consultar")
