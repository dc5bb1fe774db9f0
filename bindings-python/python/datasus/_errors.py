"""Exceptions: one class for each family of codes, all under :class:`Error`."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from .contract import Problem


class Error(Exception):
    """What went wrong, in the same shape in every language.

    Attributes
    ----------
    code : str
        Stable code, such as ``"DS-422"``.
    detail : str
        The sentence for people, in the client's language.
    diagnostic : dict
        Facts for programs: ``expected_format``, ``received``, ``valid_examples``, ``did_you_mean``, ...
    problems : list of Problem
        Every problem found, the first included; each has ``error_code``, ``detail`` and ``diagnostic``.
    retryable : bool
        True where the same call may succeed later, unchanged.
    trace_id : str or None
        Ties the error to log lines and reports.
    context : dict
        Where it happened, as far as it is known: ``stage``, ``file``, ``offset``, ``row``, ``column``, ``sqlstate``.

    Examples
    --------
    >>> import datasus
    >>> try:
    ...     client.query("SIH-RD", competencia="2024-M1")
    ... except datasus.Error as error:
    ...     print(error.code, error.diagnostic["expected_format"], error.retryable)
    DS-422 YYYYMM False
    """

    _by_code: ClassVar[dict[str, type[Error]]] = {}

    def __init__(self, detail: str, *, json_form: dict[str, Any] | None = None) -> None:
        form = dict(json_form or {})
        self.code: str = form.get("error_code", "DS-500")
        self.detail: str = detail
        self.diagnostic: dict[str, Any] = form.get("diagnostic") or {}
        own = {"error_code": self.code, "detail": detail, "diagnostic": self.diagnostic}
        self.problems: list[Problem] = [Problem(one) for one in form.get("problems") or [own]]
        self.retryable: bool = bool(form.get("retryable", False))
        self.trace_id: str | None = form.get("trace_id")
        self.context: dict[str, Any] = form.get("context") or {}
        self._form = form
        super().__init__(detail)

    def __str__(self) -> str:
        lines = [f"{self.code}: {self.detail}"]
        for problem in self.problems:
            if len(self.problems) > 1:
                lines.append(f"- {problem.error_code}: {problem.detail}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return from_json, (json.dumps(self.to_dict()),)

    def to_dict(self) -> dict[str, Any]:
        """The error in the contract's JSON form, as every language has it.

        Examples
        --------
        >>> import datasus
        >>> try:
        ...     client.schema("SIH-RX")
        ... except datasus.Error as error:
        ...     print(error.to_dict()["error_code"])
        DS-404
        """
        return self._form or {"status": "error", "error_code": self.code, "detail": self.detail}

    def _repr_html_(self) -> str:
        from ._html import table

        rows = [(problem.error_code, problem.detail) for problem in self.problems]
        return table(("código", "problema"), rows, f"{type(self).__name__} · trace_id {self.trace_id}")


class InvalidParams(Error, ValueError):
    """A parameter is wrong, or unknown, or the SQL of the user's fails (DS-400, DS-422)."""


class CredentialsRefused(Error, PermissionError):
    """Credentials were refused (DS-401)."""


class Forbidden(Error, PermissionError):
    """A path or function outside what the client may touch (DS-403)."""


class NotFound(Error, LookupError):
    """No such dataset, table, file or job (DS-404)."""


class Conflict(Error):
    """The target has another shape, or a resume cannot be exact (DS-409)."""


class TooManyRows(Error, OverflowError):
    """More rows than the sink takes: a CSV takes 10 million (DS-413)."""


class TooManyDeadLetters(Error):
    """More records were refused than the job allows (DS-424)."""


class QueueFull(Error):
    """The queue is full; ``diagnostic["retry_after_sec"]`` says when to come back (DS-429)."""


class DamagedFile(Error):
    """A source file is damaged; ``context`` has file and offset (DS-460)."""


class ForkError(Error, RuntimeError):
    """Used in a forked child; open a client in a new process, with ``spawn`` (DS-498)."""


class Cancelled(Error):
    """The job was cancelled (DS-499)."""


class InternalError(Error, RuntimeError):
    """A defect of datasus; please report it with its ``trace_id`` (DS-500)."""


class Unreachable(Error, ConnectionError):
    """A source, store or database is unreachable or broke off (DS-502)."""


class OutOfMemory(Error, MemoryError):
    """Memory is exhausted, or did not become free in time (DS-503)."""


class DeadlinePassed(Error, TimeoutError):
    """The deadline passed (DS-504)."""


class DiskFull(Error, OSError):
    """The disk is full (DS-507)."""


Error._by_code = {
    "DS-400": InvalidParams,
    "DS-401": CredentialsRefused,
    "DS-403": Forbidden,
    "DS-404": NotFound,
    "DS-409": Conflict,
    "DS-413": TooManyRows,
    "DS-422": InvalidParams,
    "DS-424": TooManyDeadLetters,
    "DS-429": QueueFull,
    "DS-460": DamagedFile,
    "DS-498": ForkError,
    "DS-499": Cancelled,
    "DS-500": InternalError,
    "DS-502": Unreachable,
    "DS-503": OutOfMemory,
    "DS-504": DeadlinePassed,
    "DS-507": DiskFull,
}


def from_json(text: str) -> Error:
    """The exception of an error in the contract's form."""
    form: dict[str, Any] = json.loads(text)
    kind = Error._by_code.get(form.get("error_code", ""), Error)
    return kind(form.get("detail", ""), json_form=form)
