"""The options of a read or write, checked at once: what is wrong is told before Spark starts a task."""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._errors import Error, from_json

#: Settings of :func:`datasus.open` that go through, with what they are.
_SETTINGS: dict[str, type] = {
    **dict.fromkeys(("lake", "home", "state", "refresh", "ca", "language", "spill", "remote_cache"), str),
    **dict.fromkeys(("s3_endpoint", "s3_region", "s3_key", "s3_secret", "s3_token", "s3_profile"), str),
    **dict.fromkeys(("s3_credentials", "s3_ca", "s3_proxy"), str),
    **dict.fromkeys(("max_download", "transfers", "remote_cache_limit", "memory_limit", "spill_limit"), int),
    **dict.fromkeys(("threads", "chunk_rows"), int),
    **dict.fromkeys(("refresh_after", "s3_timeout"), float),
    **dict.fromkeys(("s3_path_style", "verify_crc"), bool),
}
_QUERY: dict[str, type] = {"missing": str, "versions": str, "on_bad_value": str}
_OWN = ("path", "dataset", "uf", "competencia", "columns", "labels", "labels_only", "where", "convert")
_TRUTH = {"true": True, "false": False}


def refused(code: str, pt: str, en: str, language: str | None = None, **diagnostic: Any) -> Error:
    """An error of this code; its class is the code's."""
    english = (language or os.environ.get("DATASUS_LANGUAGE")) == "en"
    detail = en if english else pt
    problem = {"error_code": code, "detail": detail, "diagnostic": diagnostic}
    return from_json(json.dumps({"status": "error", **problem, "problems": [problem], "retry": "never"}))


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the options say."""

    source: str
    dataset: str
    uf: Any = None
    competencia: Any = None
    columns: tuple[str, ...] | None = None
    labels: bool | tuple[str, ...] = False
    labels_only: bool = False
    where: Any = None
    convert: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def language(self) -> str | None:
        """Of the errors."""
        return self.settings.get("language")

    def refused(self, code: str, pt: str, en: str, **diagnostic: Any) -> Error:
        """An error in the asker's language."""
        return refused(code, pt, en, self.language, **diagnostic)


def asked(options: Mapping[str, str]) -> Asked:
    """The options of a Spark reader or writer; DS-400 and DS-422 name every problem at once."""
    given = {str(name).lower(): str(options[name]) for name in options}
    language = given.get("language")
    problems: list[Error] = []

    def refuse(code: str, pt: str, en: str, **diagnostic: Any) -> None:
        problems.append(refused(code, pt, en, language, **diagnostic))

    known = [*_OWN, *_SETTINGS, *_QUERY]
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        hint = (f"; quis dizer {near[0]!r}?", f"; did you mean {near[0]!r}?") if near else ("", "")
        refuse(
            "DS-400",
            f"datasus não conhece a opção {name!r}{hint[0]}",
            f"datasus knows no option {name!r}{hint[1]}",
            received=name,
            did_you_mean=near,
        )

    def typed(kinds: Mapping[str, type]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in kinds.keys() & given.keys():
            try:
                values[name] = _READERS[kinds[name]](given[name])
            except (KeyError, ValueError):
                words = {bool: ("true ou false", "true or false"), int: ("um inteiro", "a whole number")}
                pt, en = words.get(kinds[name], ("um número", "a number"))
                refuse(
                    "DS-422",
                    f"opção {name}: esperava-se {pt}, veio {given[name]!r}",
                    f"option {name}: expected {en}, received {given[name]!r}",
                    received=given[name],
                )
        return values

    for name, pt, en in (
        ("path", "a fonte: .load(pasta ou s3://...)", "the source: .load(folder or s3://...)"),
        ("dataset", 'o dataset: .option("dataset", "SIH-RD")', 'the dataset: .option("dataset", "SIH-RD")'),
    ):
        if not given.get(name, "").strip():
            refuse("DS-422", f"falta {pt}", f"what is missing: {en}", expected_format=name)
    own = typed({"labels_only": bool, "convert": bool})
    settings, query = typed(_SETTINGS), typed(_QUERY)
    labels: bool | tuple[str, ...] = False
    if "labels" in given:
        labels = _TRUTH.get(given["labels"].strip().lower(), _list(given["labels"]))
    competencia: Any = None
    try:
        competencia = _competencia(given["competencia"]) if "competencia" in given else None
    except ValueError:
        refuse(
            "DS-422",
            f"opção competencia: não é JSON: {given['competencia']!r}",
            f"option competencia: not JSON: {given['competencia']!r}",
            received=given["competencia"],
            valid_examples=["202401", "2023-01..2023-12", "202401,202402"],
        )
    where: Any = None
    try:
        where = json.loads(given["where"]) if given.get("where") else None
        if not isinstance(where, (dict, list, type(None))):
            raise ValueError(where)
    except ValueError:
        example = '[{"column": "SEXO", "op": "eq", "value": "3"}]'
        refuse(
            "DS-422",
            f"opção where: esperavam-se condições em JSON, como {example}; veio {given['where']!r}",
            f"option where: expected conditions as JSON, like {example}; received {given['where']!r}",
            received=given["where"],
            valid_examples=[example],
        )
    if problems:
        raise _together(problems)
    return Asked(
        source=_place(given["path"]),
        dataset=given["dataset"].strip(),
        uf=list(_list(given["uf"])) if "uf" in given else None,
        competencia=competencia,
        columns=_list(given["columns"]) if "columns" in given else None,
        labels=labels,
        labels_only=own.get("labels_only", False),
        where=where,
        convert=own.get("convert", False),
        settings=settings,
        query=query,
    )


def _together(problems: list[Error]) -> Error:
    """One error that names all of them; DS-400 where the only thing wrong are names."""
    codes = {problem.code for problem in problems}
    first = problems[0].to_dict()
    return from_json(
        json.dumps(
            {
                **first,
                "error_code": "DS-422" if "DS-422" in codes else "DS-400",
                "problems": [dict(one) for problem in problems for one in problem.to_dict()["problems"]],
            }
        )
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _competencia(text: str) -> Any:
    """``202401``, ``202401,202402``, ``2023-01..2023-12``, or the contract's JSON."""
    text = text.strip()
    if text[:1] in ("{", "["):
        return json.loads(text)
    if ".." in text:
        first, _, last = text.partition("..")
        return {"from": first.strip(), "to": last.strip()}
    listed = _list(text)
    return list(listed) if len(listed) > 1 else text


def _place(path: str) -> str:
    """As Spark's users write paths: ``file:///dados`` is a folder, and ``s3a://`` what others call ``s3://``."""
    for scheme in ("file://", "file:"):
        if path.startswith(scheme + "/"):
            return path[len(scheme) :]
    for scheme in ("s3a://", "s3n://"):
        if path.startswith(scheme):
            return "s3://" + path[len(scheme) :]
    return path


_READERS: dict[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: lambda text: _TRUTH[text.strip().lower()],
}
