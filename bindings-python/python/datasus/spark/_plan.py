"""Which files a read has, planned on the driver by our own client, and what an executor opens for each."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from collections.abc import Iterable
from typing import Any

from .._client import Client
from .._open import open as open_client
from .._warn import warn_of
from ._asked import Asked

#: A server's tree: the driver alone asks it.
_REMOTE = ("datasus://", "ftp://", "http://", "https://")


@dataclasses.dataclass(frozen=True)
class Unit:
    """What one task reads: a file, or the files of one folder that are a version together."""

    #: What the executor opens.
    source: str
    files: tuple[str, ...]
    #: Of a folder of keys: its own, since what is opened is the whole source.
    uf: str | None = None
    competencia: str | None = None


def opened(asked: Asked, source: str | None = None, **more: Any) -> Client:
    """A client of these settings; a lake of the source's where none is named."""
    # A process of Spark's: what it reads is read here, whatever engine the machine's clients have.
    os.environ.pop("DATASUS_ENGINE", None)
    settings = {**asked.settings, **more}
    place = asked.source if source is None else source
    if not settings.get("lake") and "://" not in asked.source and os.path.isdir(asked.source):
        settings["lake"] = os.path.join(asked.source, ".datasus", "lake")
    if not (settings.get("state") or os.environ.get("DATASUS_STATE")):
        # A read keeps nothing to be resumed: Spark repeats its tasks. Where source and lake are in S3 a folder has to be said.
        settings["state"] = os.path.join(tempfile.gettempdir(), f"datasus-spark-{os.getuid()}", "jobs")
    return open_client(place, progress=False, **settings)


def here(asked: Asked) -> Asked:
    """The same of a source that executors see: what a server has is fetched first, by the driver, two files at once."""
    if not asked.source.startswith(_REMOTE):
        return asked
    home = asked.settings.get("home")
    if not home:
        raise asked.refused(
            "DS-422",
            f'{asked.source} é de um servidor: diga em .option("home", ...) uma pasta que todos os executores veem; '
            "nela o driver põe os arquivos",
            f'{asked.source} is a server\'s: name by .option("home", ...) a folder that all executors see; '
            "the driver puts the files there",
            expected_format="home",
        )
    client = opened(asked, keep_files=True)
    warn_of(client.sync(asked.dataset, **selection(asked)).warnings)
    # What was kept is a tree like any other; its lake is the one that the sync has filled.
    settings = {**asked.settings, "lake": asked.settings.get("lake") or os.path.join(home, "lake")}
    return dataclasses.replace(asked, source=os.path.join(home, "files"), settings=settings)


def selection(asked: Asked) -> dict[str, Any]:
    """UF, competência and options, as a client takes them."""
    return {"uf": asked.uf, "competencia": asked.competencia, **asked.query}


def units(asked: Asked, columns: list[str] | None) -> list[Unit]:
    """One for each file that our client would read, in its order; what it would warn of or refuse is told here.

    None where nothing was ever published.
    """
    client = opened(asked)
    planned = client.explain(asked.dataset, columns=columns, where=asked.where, **selection(asked))
    warn_of(planned.warnings)
    if _may_have_versions(client, asked):
        # Which of several versions counts is told by their rows, and these are compared where all of them are seen.
        warn_of(client.sync(asked.dataset, **selection(asked)).warnings)
        planned = client.explain(asked.dataset, columns=columns, where=asked.where, **selection(asked))
    return _grouped(asked.source, planned.sources)


def _may_have_versions(client: Client, asked: Asked) -> bool:
    """Whether some file is neither read nor left out for a reason that is known."""
    from .._errors import Error

    try:
        whole = client.explain(asked.dataset, versions=asked.query.get("versions", "refuse"))
    except Error:
        # Of months that nobody asks for here.
        return True
    return bool(whole.files.read + len(whole.left_out) < whole.files.present)


def _grouped(source: str, files: Iterable[str]) -> list[Unit]:
    """The Parquet of a folder of keys go together, as do those of `RDAC2401.parquet/`; else each file by itself."""
    together: dict[Unit, list[str]] = {}
    for file in files:
        together.setdefault(_unit(source, file), []).append(file)
    return [dataclasses.replace(unit, files=tuple(of)) for unit, of in together.items()]


def _unit(source: str, file: str) -> Unit:
    folder, _, name = file.rpartition("/")
    below = folder[len(source.rstrip("/")) :] if folder.startswith(source.rstrip("/")) else folder
    keys = dict(re.findall(r"/(uf|ano|mes)=([^/]+)", below, re.IGNORECASE))
    keys = {name.lower(): value for name, value in keys.items()}
    if name.lower().endswith(".parquet"):
        if "ano" in keys:
            month = f"{int(keys['mes']):02}" if "mes" in keys else ""
            return Unit(source, (), keys.get("uf"), f"{int(keys['ano']):04}{month}")
        if folder.lower().endswith(".parquet"):
            return Unit(folder, ())
    return Unit(file, (file,))
