"""Errors: every code has its class, and says all that it knows."""

from __future__ import annotations

import datetime
import json
import math
import pathlib
import pickle

import pytest

import datasus
from datasus import _datasus
from datasus._errors import Error, from_json

STANDARD = {
    "DS-400": ValueError,
    "DS-403": PermissionError,
    "DS-404": LookupError,
    "DS-422": ValueError,
    "DS-498": RuntimeError,
    "DS-502": ConnectionError,
    "DS-503": MemoryError,
    "DS-504": TimeoutError,
    "DS-507": OSError,
}


@pytest.mark.parametrize(("code", "retryable"), _datasus.codes())
def test_every_code_of_the_core_has_a_class(code: str, retryable: bool) -> None:
    text = f'{{"error_code": "{code}", "detail": "d", "retryable": {str(retryable).lower()}, "trace_id": "t"}}'
    error = from_json(text)
    assert type(error) is not Error
    assert type(error).__name__ in datasus.__all__
    assert isinstance(error, STANDARD.get(code, Exception))
    assert code in (type(error).__doc__ or "")
    assert (error.code, error.retryable, error.trace_id, str(error)) == (code, retryable, "t", f"{code}: d")


def test_every_problem_is_told_at_once(client: datasus.Client) -> None:
    with pytest.raises(ValueError, match="DS-422") as wrong:
        client.query("SIH-RD", uf="XX", competencia="2024-M1", columns=["VALTOT"])
    error = wrong.value
    assert isinstance(error, datasus.InvalidParams)
    assert len(error.problems) == 3
    assert error.problems[2]["diagnostic"]["did_you_mean"] == ["VAL_TOT"]
    assert all(problem["detail"] in str(error) for problem in error.problems)
    assert "VALTOT" in error._repr_html_()
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.to_dict()) == (type(error), error.to_dict())


def test_mistakes_of_a_user_are_told_as_what_they_are(client: datasus.Client, folder: pathlib.Path) -> None:
    with pytest.raises(datasus.NotFound, match=r"202413|202405|SP"):
        client.query("SIH-RD", uf="SP", competencia="202401")
    with pytest.raises(datasus.InvalidParams, match=r"prioridade|priority"):
        client.query("SIH-RD", prioridade="user")
    with pytest.raises(datasus.Forbidden, match="SELECT"):
        client.query(sql="DELETE FROM sih_rd")
    with pytest.raises(datasus.NotFound):
        datasus.open(folder / "nada")
    with pytest.raises(datasus.InvalidParams, match="thread"):
        datasus.open(folder, threads=0)
    with pytest.raises(datasus.Forbidden):
        client.export("SIH-RD", to=datasus.Csv("../fora.csv"))
    with pytest.raises(datasus.InvalidParams, match=r"1234|vírgula|comma"):
        client.export("SIH-RD", to=datasus.Csv("a.csv", decimal_comma=True))
    with pytest.raises(datasus.Unreachable):
        client.export("SIH-RD", columns=["CNES"], to=datasus.Postgres("a.b", url="postgres://u:segredo@127.0.0.1:1/d"))
    assert "segredo" not in repr(datasus.Postgres("a.b", url="postgres://u:segredo@h/d"))
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.datasets()


def test_who_asks_too_often_is_told_when_to_come_back(folder: pathlib.Path) -> None:
    with datasus.open(folder, rate_limit=1) as client:
        ask = lambda key: client.query("SIH-RD", columns=["CNES"], rate_key=key).to_arrow().num_rows  # noqa: E731
        assert ask("ana") == 600
        with pytest.raises(datasus.QueueFull) as refused:
            ask("ana")
        assert 1 <= refused.value.diagnostic["retry_after_sec"] <= 60
        assert (refused.value.diagnostic["limit"], refused.value.retryable) == (1, True)
        # Another key, and none, are not held up.
        assert (ask("bia"), ask(None), ask(None)) == (600, 600, 600)


WRONG_TYPES = [
    (TypeError, "received b'1'", {"where": {"CNES": b"1"}}),
    (TypeError, "conditions are no text", {"where": "IDADE < 3"}),
    (TypeError, "where: expected", {"where": datasus.col("IDADE")}),
    (TypeError, "'count' or", {"aggregates": {"n": ("sum",)}}),
    # A day without its time would be another condition.
    (ValueError, "time of day", {"where": {"DT_INTER": datetime.datetime(2024, 1, 15, 13)}}),
    (TypeError, "VAL_TOT: expected", {"where": {"VAL_TOT": math.nan}}),
    (ValueError, "can't encode", {"where": {"CNES": "\udcff"}}),
]


@pytest.mark.parametrize(("kind", "says", "wrong"), WRONG_TYPES)
def test_what_the_contract_cannot_say_is_refused_before_it_is_sent(
    client: datasus.Client, kind: type[Exception], says: str, wrong: dict
) -> None:
    with pytest.raises(kind, match=says):
        client.query("SIH-RD", **wrong)


def test_a_query_as_text_is_taken_as_it_is_or_not_at_all(client: datasus.Client) -> None:
    text = '{"dataset": "SIH-RD", "columns": ["CNES"]}'
    assert client.query(text).to_arrow().num_rows == 600
    with pytest.raises(TypeError, match="no further arguments"):
        client.query(text, uf="AC")
    assert client.query(json.loads(text), uf="AC").to_arrow().num_rows == 300


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_panic_is_an_error_and_the_process_lives(client: datasus.Client, in_a_thread: bool) -> None:
    with pytest.raises(datasus.InternalError, match="on purpose"):
        _datasus.panic_on_purpose(in_a_thread)
    assert client.query("SIH-RD", columns=["CNES"]).to_arrow().num_rows == 600


@pytest.mark.parametrize("sign", ["", "@", "?", "/", "#", ":", "%40", "&", "=", " ", "'", '"'])
def test_a_password_in_the_wrong_place_is_in_no_text(client: datasus.Client, sign: str) -> None:
    url = f"postgres://u:SEGREDO{sign}SEGREDO@127.0.0.1:1/d"
    wrong_mode = datasus.Postgres("a.b", mode=url)  # type: ignore[arg-type]
    for sink in (datasus.Postgres(url), datasus.Csv(url), datasus.Parquet(url), wrong_mode):
        assert "SEGREDO" not in repr(sink)
    assert "SEGREDO" not in repr(datasus.col(url)) + repr(datasus.col("SEXO") == url)
    wrong = [
        lambda: datasus.open(url),
        lambda: datasus.open(".", threads=url),  # type: ignore[arg-type]
        lambda: datasus.open(".", lake=url),
        lambda: client.query(url),
        lambda: client.query("SIH-RD", uf=url),
        lambda: client.query("SIH-RD", where=url),  # type: ignore[arg-type]
        lambda: client.query("SIH-RD", order_by={url}),  # type: ignore[arg-type]
        lambda: client.query("SIH-RD", where={"SEXO": {url: 1}}),
        lambda: client.query(sql=url),
        lambda: client.export("SIH-RD", to=url),
        lambda: client.export("SIH-RD", to={"postgres": url}),  # type: ignore[arg-type]
        lambda: client.export("SIH-RD", to=datasus.Postgres(url)),
        lambda: client.resume(url),
    ]
    for call in wrong:
        with pytest.raises(Exception) as refused:  # noqa: PT011
            call()
        assert "SEGREDO" not in f"{refused.value} {refused.value!r}"
