"""What `tests/conformance/doors.json` puts through every door: no password comes out, and nothing of any size costs much."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from doors import DOORS, RANGES, SIZES, of, stored, with_url

import datasus
from datasus import _datasus

WORDS = DOORS["words"]


class Shown:
    """Everything that was shown, by the door that it came out of."""

    def __init__(self) -> None:
        self.ways = 0
        self.leaks: list[str] = []

    def look(self, door: str, *texts: str) -> None:
        self.ways += 1
        self.leaks += [f"{door}: {text[:600]}" for text in texts if any(word in text for word in WORDS)]

    def call(self, door: str, call: Callable[[], Any]) -> None:
        """What a call answers, or says in its error: as text, by `repr`, in a notebook, in a traceback, pickled."""
        try:
            value = call()
        except Exception as error:
            texts = [str(error), repr(error), "".join(traceback.format_exception_only(error))]
            if isinstance(error, datasus.Error):
                texts += [json.dumps(error.to_dict()), error._repr_html_(), repr(vars(error)), str(pickle.dumps(error))]
            self.look(door, *texts, repr(error.__cause__), repr(error.__context__))
        else:
            html = getattr(value, "_repr_html_", lambda: "")
            self.look(door, str(value), repr(value), html() or "")


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Everything that is logged, at TRACE."""
    lines: list[str] = []
    handler, logger = logging.Handler(), logging.getLogger("datasus")
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(5)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_no_spelling_of_a_password_comes_out_of_any_door(
    folder: pathlib.Path, tmp_path: pathlib.Path, heard: list[str]
) -> None:
    shown = Shown()
    client = datasus.open(folder, output=tmp_path / "out", state=tmp_path / "jobs", language="en", deadline=0.2)
    for url in DOORS["spellings"]:
        shown.call("open", lambda url=url: datasus.open(url))
        for settings in with_url(DOORS["settings"], url):
            places = {"output": str(tmp_path / "out"), "state": str(tmp_path / "jobs")}
            shown.call(f"open {settings}", lambda given={**places, **settings}: jobs_of(folder, given))
        for params in with_url(DOORS["params"], url):
            # A name that a function does not have is Python's own to refuse.
            if url not in params:
                shown.call(f"query {params}", lambda params=params: client.query(**params))
            text = json.dumps(params)
            shown.call(f"query {params}", lambda text=text: client._client.begin_query(text))
            shown.call(f"explain {params}", lambda text=text: client._client.explain(text))
            shown.call(f"estimate {params}", lambda text=text: client._client.estimate(text))
        for to in with_url(DOORS["to"], url):
            shown.call(f"to {to}", lambda to=to: client.export("SIH-RD", to=to))
        for job in with_url(DOORS["jobs"], url):
            for call in (client.resume, client.discard, client.replay, client.dead_letters):
                shown.call(call.__name__, lambda call=call, job=job: call(job))
        for make in (
            datasus.Postgres,
            lambda url: datasus.Postgres("a.b", url=url),
            lambda url: datasus.Postgres("a.b", key=[url], mode=url),
            lambda url: datasus.Csv(url, delimiter=url),
            datasus.Parquet,
            datasus.col,
            lambda url: datasus.col("CNES") == url,
            lambda url: datasus.col(url).is_in([url]),
            datasus.read_dbc,
            lambda url: datasus.example_data(pathlib.Path(__file__) / url),
            client.schema,
            client.sync,
            lambda url: client.export_dead_letters(url, url),
            lambda url: client.query("SIH-RD", columns=["CNES"], limit=1).to_pandas(dtype_backend=url),
        ):
            shown.call("python", lambda make=make, url=url: make(url))
    shown.call("jobs", client.jobs)
    shown.look("metrics", client.metrics(), repr(client))
    client.close()
    time.sleep(0.1)
    for line in heard:
        shown.look("log", line)
    for text in stored(tmp_path):
        shown.look("kept", text)
    assert len(heard) > 10
    print(f"{len(DOORS['spellings'])} spellings, {shown.ways} ways")
    assert not shown.leaks, f"{len(shown.leaks)} of {shown.ways}:\n" + "\n".join(shown.leaks[:20])


def jobs_of(folder: pathlib.Path, settings: dict[str, Any]) -> Any:
    with datasus.Client(_datasus.Client.open(str(folder), json.dumps(settings))) as client:
        return client.jobs(), repr(client)


@pytest.mark.parametrize("what", SIZES)
def test_what_is_too_large_is_refused_soon_by_a_short_error(client: datasus.Client, what: str) -> None:
    params = of(SIZES[what])
    for call in (lambda: client.query(**params), lambda: client._client.begin_query(json.dumps(params))):
        began = time.monotonic()
        with pytest.raises(datasus.Error) as error:
            call()
        assert time.monotonic() - began < (10 if os.environ.get("DATASUS_SOAK") else 120)
        assert error.value.code in ("DS-400", "DS-404", "DS-422")
        assert len(json.dumps(error.value.to_dict())) + len(str(error.value)) < 150_000


@pytest.mark.parametrize("settings", RANGES)
def test_settings_have_ranges(folder: pathlib.Path, settings: str) -> None:
    with pytest.raises(datasus.InvalidParams, match=RANGES[settings]):
        datasus.open(folder, **json.loads(settings))


def test_a_number_that_a_double_does_not_hold_stays_exact_or_is_refused(client: datasus.Client) -> None:
    sql = "SELECT CAST($x AS DECIMAL(20,1)) + VAL_TOT - VAL_TOT AS x FROM sih_rd LIMIT 1"
    for given in ("9007199254740993.5", 9007199254740993):
        (value,) = client.query(sql=sql, bind={"x": given}).to_arrow()["x"].to_pylist()
        assert str(value).startswith("9007199254740993."), value
    raw = json.dumps({"sql": sql, "bind": {"x": 0}}).replace('"x": 0', '"x": 9007199254740993.5')
    with contextlib.closing(client), pytest.raises(datasus.Error, match=r"9007199254740993\.5"):
        client._client.begin_query(raw)
