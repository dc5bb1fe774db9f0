"""Help in Portuguese, which :func:`help` gives in English."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from ._ajuda_textos import TEXTOS


def _nome(sobre: Any) -> str:
    """The public name that is meant: ``query`` for the text, the method, and the method of a client."""
    if isinstance(sobre, str):
        return sobre.removeprefix("datasus.").removeprefix("Client.")
    if inspect.ismodule(sobre):
        return sobre.__name__
    named = sobre if inspect.isroutine(sobre) or inspect.isclass(sobre) else type(sobre)
    return str(named.__name__)


def _publico(nome: str) -> Any:
    datasus = sys.modules[__package__]
    if nome == "datasus":
        return datasus
    found: Any = None
    # `Result.to_pandas`, too, and what a client can do by its bare name.
    for start in (datasus, datasus.Client):
        found = start
        for part in nome.split("."):
            found = None if part.startswith("_") else getattr(found, part, None)
        if found is not None:
            break
    return found


def _assinatura(nome: str, publico: Any) -> str:
    """The call as one writes it, without types: the text says what each value may be."""
    try:
        parameters = list(inspect.signature(publico).parameters.values())
    except (TypeError, ValueError):
        return nome
    if inspect.isclass(publico) and not (publico.__init__.__doc__ or "").strip() and nome == "Client":
        return nome  # made by datasus.open
    shown = [p.replace(annotation=inspect.Parameter.empty) for p in parameters if p.name != "self"]
    return f"{nome}{inspect.Signature(shown)}"


def ajuda(sobre: Any = None) -> None:
    """Mostra a ajuda em português (prints help in Portuguese; ``help()`` has it in English).

    Parameters
    ----------
    sobre : str, função, método ou classe, optional
        Do que se quer ajuda: ``"query"``, ``datasus.read_dbc``, ``client.export``; sem nada, do datasus todo.

    Examples
    --------
    >>> import datasus
    >>> datasus.ajuda("col")
    col(name)
    <BLANKLINE>
    Começa uma condição sobre uma coluna.
    ...
    """
    nome = "datasus" if sobre is None else _nome(sobre)
    publico = _publico(nome)
    if publico is None:
        raise LookupError(f"ajuda: não há {nome!r} em datasus; há, por exemplo, {', '.join(TEXTOS)}")
    texto = TEXTOS.get(nome)
    if texto is None:
        texto = f"(Ainda sem texto em português; em inglês:)\n\n{inspect.getdoc(publico) or ''}"
    print(f"{_assinatura(nome, publico)}\n\n{inspect.cleandoc(texto)}")
