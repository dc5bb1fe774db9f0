"""What `tests/conformance/doors.json` puts through every door, by the C interface."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import time
from collections.abc import Iterator

import pytest
from doors import DOORS, RANGES, SIZES, of, stored, with_url

WORDS = DOORS["words"]


class Text(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t), ("private_data", ctypes.c_void_p))


class Error(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_uint32),
        ("status", ctypes.c_int32),
        ("code", ctypes.c_char * 8),
        ("retryable", ctypes.c_bool),
        ("message", ctypes.c_char_p),
        ("diagnostic", ctypes.c_char_p),
        ("json", ctypes.c_char_p),
        ("trace_id", ctypes.c_char_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


class Stream(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("schema", "next", "error", "release", "private_data"))


class Library:
    """The functions, each of which gives what it said: its answer, or the error's texts."""

    def __init__(self) -> None:
        self.c = ctypes.CDLL(os.environ["DATASUS_LIBRARY"])
        self.status = 0

    def call(self, name: str, *arguments: object) -> list[str]:
        error = Error(struct_size=ctypes.sizeof(Error))
        given = [one.encode() if isinstance(one, str) else one for one in arguments]
        self.status = getattr(self.c, f"datasus_{name}")(*given, ctypes.byref(error))
        texts = [one for one in (error.message, error.diagnostic, error.json, error.trace_id) if one is not None]
        said = [text.decode() for text in texts]
        self.c.datasus_error_release(ctypes.byref(error))
        return said

    def says(self, name: str, client: ctypes.c_void_p, *arguments: object) -> list[str]:
        text = Text()
        said = self.call(name, client, *arguments, ctypes.byref(text))
        if self.status == 0:
            said.append(text.data[: text.size].decode())
            self.c.datasus_text_release(ctypes.byref(text))
        return said

    def open(self, source: object, settings: object) -> tuple[ctypes.c_void_p, list[str]]:
        client = ctypes.c_void_p()
        return client, self.call("client_open", str(source), json.dumps(settings), ctypes.byref(client))

    def query(self, client: ctypes.c_void_p, params: str) -> list[str]:
        stream = Stream()
        said = self.call("client_query", client, params, ctypes.byref(stream), None)
        if self.status == 0:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(stream.release)(ctypes.addressof(stream))
        return said

    def submit(self, client: ctypes.c_void_p, params: str, to: str) -> list[str]:
        job = ctypes.c_void_p()
        said = self.call("client_submit", client, params, to, ctypes.byref(job))
        if self.status == 0:
            report = Text()
            said += self.call("job_wait", job, ctypes.c_int64(-1), ctypes.byref(report))
            if self.status == 0:
                said.append(report.data[: report.size].decode())
                self.c.datasus_text_release(ctypes.byref(report))
            self.c.datasus_job_release(job)
        return said


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


@pytest.fixture(scope="module")
def source(library: Library, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("source")
    library.call("write_example_data", str(folder), ctypes.c_uint32(5))
    assert library.status == 0
    return folder


@pytest.fixture
def heard(library: Library) -> Iterator[list[str]]:
    """Everything that is logged, at TRACE."""
    lines: list[str] = []
    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
    listen = kind(lambda line, _user: lines.append(line.decode()))
    library.call("set_log", ctypes.c_int32(5), listen, None, None)
    yield lines
    library.call("set_log", ctypes.c_int32(0), kind(), None, None)


def test_no_spelling_of_a_password_comes_out_of_any_door(
    library: Library, source: pathlib.Path, tmp_path: pathlib.Path, heard: list[str]
) -> None:
    leaks: list[str] = []
    ways = 0

    def look(door: str, texts: list[str]) -> None:
        nonlocal ways
        ways += 1
        leaks.extend(f"{door}: {text[:600]}" for text in texts if any(word in text for word in WORDS))

    places = {"output": str(tmp_path / "out"), "state": str(tmp_path / "state"), "language": "en"}
    client, said = library.open(source, {**places, "deadline": 0.2})
    assert library.status == 0, said
    for url in DOORS["spellings"]:
        look("open", library.open(url, {})[1])
        look("open", library.call("client_open", str(source), url, ctypes.byref(ctypes.c_void_p())))
        for settings in with_url(DOORS["settings"], url):
            other, said = library.open(source, {**places, **settings})
            look(f"open {settings}", said)
            if library.status == 0:
                look(f"jobs {settings}", library.says("client_jobs", other))
                library.c.datasus_client_release(other)
        for params in [*map(json.dumps, with_url(DOORS["params"], url)), url, f'{{"dataset": "{url}']:
            look(f"query {params}", library.query(client, params))
            look(f"explain {params}", library.says("client_explain", client, params))
            look(f"estimate {params}", library.says("client_estimate", client, params))
        for to in [*map(json.dumps, with_url(DOORS["to"], url)), url]:
            look(f"to {to}", library.submit(client, '{"dataset": "SIH-RD"}', to))
        for job in with_url(DOORS["jobs"], url):
            for name in ("client_dead_letters", "client_replay"):
                look(name, library.says(name, client, job))
            look("discard", library.call("client_discard", client, job))
            look("resume", library.call("client_resume", client, job, ctypes.byref(ctypes.c_void_p())))
        look("schema", library.says("client_schema", client, url))
        look("read", library.call("read_dbc", url, None, ctypes.byref(Stream())))
        look("read", library.call("read_dbc", str(source / "RDAC2401.dbc"), url, ctypes.byref(Stream())))
        look("example", library.call("write_example_data", str(source / "RDAC2401.dbc" / url), ctypes.c_uint32(1)))
    for name in ("client_jobs", "client_metrics"):
        look(name, library.says(name, client))
    library.c.datasus_client_release(client)
    time.sleep(0.1)
    look("log", heard)
    look("kept", list(stored(tmp_path)))
    assert len(heard) > 10
    print(f"{len(DOORS['spellings'])} spellings, {ways} ways")
    assert not leaks, f"{len(leaks)} of {ways}:\n" + "\n".join(leaks[:20])


@pytest.mark.parametrize("what", SIZES)
def test_what_is_too_large_is_refused_soon_by_a_short_error(library: Library, source: pathlib.Path, what: str) -> None:
    client, _ = library.open(source, {})
    began = time.monotonic()
    said = library.query(client, json.dumps(of(SIZES[what])))
    assert time.monotonic() - began < 120
    assert library.status in (400, 404, 422), said
    assert sum(map(len, said)) < 150_000
    library.c.datasus_client_release(client)


@pytest.mark.parametrize("settings", RANGES)
def test_settings_have_ranges(library: Library, source: pathlib.Path, settings: str) -> None:
    _, said = library.open(source, json.loads(settings))
    assert library.status == 422
    assert RANGES[settings] in said[0]


def test_a_number_that_a_double_does_not_hold_is_refused(library: Library, source: pathlib.Path) -> None:
    client, _ = library.open(source, {})
    sql = '{"sql": "SELECT CAST($x AS DECIMAL(20,1)) + VAL_TOT AS x FROM sih_rd", "bind": {"x": 9007199254740993.5}}'
    said = library.query(client, sql)
    assert library.status == 400
    assert "9007199254740993.5" in said[0]
    library.c.datasus_client_release(client)
