"""Loads into PostgreSQL: records that the table refuses, and what becomes of them."""

from __future__ import annotations

import pathlib

import pyarrow.parquet as pq
import pytest
from own_postgres import PASSWORD, Sql

import datasus


def test_refused_records_are_kept_with_their_reason_and_sent_again_once_the_table_takes_them(
    client: datasus.Client, folder: pathlib.Path, server: tuple[str, Sql], tmp_path: pathlib.Path
) -> None:
    url, sql = server
    columns = ["N_AIH", "SEXO", "DT_INTER", "VAL_TOT"]
    target = datasus.Postgres("carga.rd", url=url)
    first = client.export("SIH-RD", uf="AC", columns=columns, where={"SEXO": "1"}, to=target)
    assert (first.storage, first.records_processed, first.dead_letters) == ({"postgres": "carga.rd"}, 150, 0)
    wrong = client.query("SIH-RD", uf="RR", columns=["N_AIH"], where={"SEXO": "3"}).to_arrow()["N_AIH"].to_pylist()
    sql("ALTER TABLE carga.rd ADD CONSTRAINT homens CHECK (sexo <> '3')")
    target = datasus.Postgres("carga.rd", url=url, mode="append")
    report = client.export("SIH-RD", uf="RR", columns=columns, to=target, dead_letter_limit=1.0)
    assert (report.records_processed, report.dead_letters) == (300 - len(wrong), len(wrong))
    assert [job.job_id for job in client.jobs()] == [report.job_id]
    letters = client.dead_letters(report.job_id)
    assert sorted(letter.record["N_AIH"] for letter in letters) == sorted(wrong)
    assert {letter.sqlstate for letter in letters} == {"23514"}
    assert all("homens" in letter.reason and "RDRR24" in (letter.source_file or "") for letter in letters)
    assert all(letter.source_row is not None for letter in letters)
    assert client.export_dead_letters(report.job_id, "rejeitados.parquet") == len(wrong)
    assert pq.read_table(tmp_path / "rejeitados.parquet").num_rows == len(wrong)
    # No password is kept, so the client must have it. While the cause stands nothing is loaded, and nothing is lost.
    with pytest.raises(datasus.CredentialsRefused, match="DATASUS_POSTGRES"):
        client.replay(report.job_id)
    client = datasus.open(folder, output=tmp_path, state=tmp_path / "jobs", postgres=url)
    assert client.replay(report.job_id) == {"loaded": 0, "left": len(wrong)}
    sql("ALTER TABLE carga.rd DROP CONSTRAINT homens")
    assert client.replay(report.job_id) == {"loaded": len(wrong), "left": 0}
    assert client.jobs() == []
    both = "SELECT count(*) AS n, sum(VAL_TOT) AS valor, min(DT_INTER) AS dia FROM sih_rd WHERE UF_ZI LIKE '14%' OR SEXO = '1'"
    ours = client.query(sql=both).to_arrow().to_pylist()[0]
    loaded = sql("SELECT count(*), sum(val_tot), min(dt_inter) FROM carga.rd").split("|")
    assert loaded == [str(value) for value in ours.values()]


def test_too_many_refused_records_fail_the_job_and_no_password_is_shown(
    client: datasus.Client, server: tuple[str, Sql]
) -> None:
    url, sql = server
    sql("CREATE SCHEMA IF NOT EXISTS poucos; CREATE TABLE poucos.rd (cnes text CHECK (length(cnes) > 99))")
    with pytest.raises(datasus.TooManyDeadLetters) as refused:
        client.export(
            "SIH-RD", columns=["CNES"], to=datasus.Postgres("poucos.rd", url=url, mode="append"), dead_letter_limit=0.01
        )
    assert refused.value.code == "DS-424"
    assert sql("SELECT count(*) FROM poucos.rd") == "0"
    with pytest.raises(datasus.CredentialsRefused) as wrong:
        client.export("SIH-RD", to=datasus.Postgres("poucos.rd", url=url.replace(PASSWORD, "errada-CANARY")))
    for error in (refused.value, wrong.value):
        assert "CANARY" not in f"{error} {error!r} {error.to_dict()} {error._repr_html_()}"
