"""Rows, in every form that they can be taken."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import datasus
from datasus import col

COLUMNS = ["N_AIH", "CNES", "SEXO", "IDADE", "DT_INTER", "VAL_TOT"]


def test_every_form_has_the_same_rows_as_the_file(client: datasus.Client, tmp_path: pathlib.Path) -> None:
    def rows() -> datasus.Result:
        return client.query("SIH-RD", columns=COLUMNS)

    arrow = rows().to_arrow()
    assert arrow.num_rows == 600
    client.export("SIH-RD", columns=COLUMNS, to=datasus.Parquet("todas.parquet"))
    assert pq.read_table(tmp_path / "todas.parquet").cast(arrow.schema).equals(arrow)
    assert rows().to_polars().equals(pl.DataFrame(arrow))
    assert rows().to_duckdb().fetchall() == [tuple(row.values()) for row in arrow.to_pylist()]
    pd.testing.assert_frame_equal(rows().to_pandas("pyarrow"), arrow.to_pandas(types_mapper=pd.ArrowDtype))
    batches = list(client.query("SIH-RD", columns=COLUMNS))
    assert pa.Table.from_batches([batch.to_arrow() for batch in batches]).equals(arrow)
    assert pa.table(rows()).equals(arrow)
    assert pa.RecordBatchReader.from_stream(rows()).read_all().equals(arrow)
    assert pl.DataFrame(rows()).equals(pl.DataFrame(arrow))
    numpy = rows().to_pandas(dtype_backend="numpy")
    assert numpy["VAL_TOT"].sum() == sum(arrow["VAL_TOT"].to_pylist())


def test_answers_are_those_that_duckdb_and_pyarrow_find_in_the_lake(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    client = datasus.open(folder, lake=tmp_path / "lake")
    client.sync("SIH-RD")
    files = sorted(str(file) for file in (tmp_path / "lake").rglob("*.parquet"))
    assert len(files) == 6
    ours = client.query("SIH-RD", columns=COLUMNS).to_arrow()
    theirs = pa.concat_tables(pq.read_table(file, columns=COLUMNS) for file in files)
    by = [(name, "ascending") for name in COLUMNS]
    assert ours.sort_by(by).equals(theirs.cast(ours.schema).sort_by(by))
    sums = "SELECT SEXO, count(*) AS n, sum(VAL_TOT) AS valor, max(DT_INTER) AS dia FROM {} GROUP BY SEXO ORDER BY SEXO"
    found = duckdb.sql(sums.format(f"read_parquet({files})")).fetchall()
    assert client.query(sql=sums.format("sih_rd")).to_duckdb().fetchall() == found


def test_what_people_write_is_understood(client: datasus.Client, tmp_path: pathlib.Path) -> None:
    months = [
        202401,
        "2024-01",
        "01/2024",
        datetime.date(2024, 1, 31),
        pd.Timestamp(2024, 1, 1),
        pd.Period("2024-01"),
        pd.period_range("2024-01", "2024-01", freq="M"),
        ("2024-01", datetime.date(2024, 1, 1)),
        [pd.Period("2024-01"), 202401],
    ]
    for month in months:
        rows = client.query("RD", uf="acre", competencia=month, aggregates={"n": "count(*)"}).to_arrow()
        assert rows.to_pylist() == [{"n": 100}], month
    for uf in ("AC", "ac", "Acre", 12, "12", [12], ["acre"]):
        assert client.query("sih_rd", uf=uf, columns=["cnes"]).to_arrow().num_rows == 300, uf
    # A year is its twelve months, and those that are not there are named.
    with pytest.raises(datasus.NotFound, match="AC 202404"):
        client.query("SIH-RD", uf="AC", competencia=2024)
    report = client.export("SIH-RD", columns=["CNES"], to=["a.csv", pathlib.Path("b.parquet")])
    assert report.storage == {"csv": "a.csv", "parquet": "b.parquet"}
    assert (tmp_path / "a.csv").exists()
    with pytest.raises(datasus.InvalidParams, match=r"a\.xlsx.*por exemplo dados\.csv"):
        client.export("SIH-RD", to="a.xlsx")
    known = {one.dataset: one for one in client.catalog()}
    assert (known["SIM-DO"].table, known["SIM-DO"].period) == ("sim_do", "year")
    assert len(known) > len(client.datasets())
    assert client.query(sql="SHOW TABLES").to_arrow().num_rows == len(known)
    assert client.query(sql="DESCRIBE sih_rd").to_arrow().column_names[:2] == ["column_name", "column_type"]
    assert [column.name for column in client.schema("rd").search("OBITO")] == [
        column.name for column in client.schema("SIH-RD").search("óbito")
    ]


def test_decimals_stay_exact_codes_stay_text_and_days_are_days(client: datasus.Client) -> None:
    for how in ({"dtype_backend": "pyarrow"}, {"dtype_backend": "numpy"}, {"decimals": "exact"}):
        frame = client.query("SIH-RD", columns=COLUMNS, limit=5).to_pandas(**how)
        first = frame.iloc[0]
        assert isinstance(first["VAL_TOT"], decimal.Decimal)
        assert isinstance(first["N_AIH"], str)
        assert pd.Timestamp(first["DT_INTER"]).year in (2023, 2024)
    arrow = client.query("SIH-RD", columns=COLUMNS).to_arrow()
    assert arrow.schema.field("VAL_TOT").type == pa.decimal128(14, 2)
    assert arrow.schema.field("DT_INTER").type == pa.date32()
    assert client.query("CNES-LT", columns=["TP_LEITO", "CODLEITO"]).to_arrow()["CODLEITO"].to_pylist()[1] == "03"


def test_a_data_frame_is_what_pandas_users_can_use_at_once(client: datasus.Client) -> None:
    frame = client.query("SIH-RD", columns=[*COLUMNS, "DT_SAIDA"]).to_pandas()
    assert frame["VAL_TOT"].dtype == "float64"
    assert str(frame["IDADE"].dtype) == "Int32"
    assert frame["DT_INTER"].dtype.kind == "M"
    assert pd.api.types.is_string_dtype(frame["CNES"])
    exact = client.query("SIH-RD", columns=["VAL_TOT"]).to_arrow()["VAL_TOT"].to_pylist()
    assert frame["VAL_TOT"].tolist() == [float(value) for value in exact]
    assert frame.describe().loc["count", "VAL_TOT"] == 600
    by_month = frame.set_index("DT_INTER").resample("MS")["VAL_TOT"].sum()
    assert round(by_month.sum(), 2) == float(sum(exact))
    by_cnes = frame.groupby("CNES").agg(v=("VAL_TOT", "sum"), n=("N_AIH", "count"))
    assert (by_cnes.v / by_cnes.n).gt(0).all()
    sums = client.query("SIH-RD", group_by="SEXO", aggregates={"v": ("sum", "VAL_TOT"), "n": "count"}).to_pandas()
    assert (sums.v / sums.n).gt(0).all()
    later = frame[frame["DT_INTER"] >= "2024-02-01"]
    assert 0 < len(later) < 600
    assert len(later) == len(frame[frame["DT_INTER"] >= pd.Timestamp(2024, 2, 1)])
    assert (frame["DT_SAIDA"] - frame["DT_INTER"]).dt.days.min() >= 0
    text = frame.to_csv(index=False, sep=";", decimal=",")
    assert text.splitlines()[1].split(";")[5] == str(exact[0]).replace(".", ",").removesuffix("0")
    with sqlite3.connect(":memory:") as database:
        assert frame.to_sql("rd", database, index=False) == 600
        assert database.execute("SELECT count(*), sum(SEXO = '3') FROM rd").fetchone() == (600, 300)


def test_money_of_more_digits_than_a_float_holds_stays_exact_and_says_so(client: datasus.Client) -> None:
    sql = """SELECT CAST(n AS DECIMAL(38,2)) AS v, CAST(1.1 AS DECIMAL(18,2)) AS w FROM (VALUES (1234567890123456.78), (NULL), (2)) t(n)"""
    with pytest.warns(datasus.DatasusWarning, match="v: .*15"):
        frame = client.query(sql=sql).to_pandas()
    assert frame["v"][0] == decimal.Decimal("1234567890123456.78")
    assert frame["w"].tolist() == [1.1, 1.1, 1.1]
    largest = "SELECT CAST(n AS DECIMAL(38,2)) AS v FROM (VALUES (9999999999999.99), (-9999999999999.99), (NULL), (0.01)) t(n)"
    frame = client.query(sql=largest).to_pandas()
    assert frame["v"].dropna().tolist() == [9999999999999.99, -9999999999999.99, 0.01]
    assert frame["v"].isna().tolist() == [False, False, True, False]


def test_a_data_frame_made_batch_by_batch_has_the_values_of_the_whole(client: datasus.Client) -> None:
    sql = """SELECT n, CASE WHEN n % 7 > 0 THEN n END AS some, CAST(n % 100 AS TINYINT) AS small, CAST(NULL AS INTEGER) AS none,
    CASE WHEN n > 150000 THEN 'é' || n END AS late, CASE WHEN n < 9 THEN DATE '1899-12-31' + CAST(n AS INTEGER) END AS day,
    CAST(n - 70000 AS DECIMAL(14,2)) / 100 AS ratio, CASE WHEN n % 3 > 0 THEN CAST(n - 70000 AS DECIMAL(14,2)) END AS money,
    n % 2 = 0 AS even, CAST(CASE WHEN n = 199999 THEN 1234567890123456.78 WHEN n % 5 > 0 THEN n - 99999.01 END AS DECIMAL(38,2)) AS v
    FROM range(200000) t(n) ORDER BY n"""
    whole = client.query(sql=sql).to_arrow()
    assert whole.column(0).num_chunks > 1
    with pytest.warns(datasus.DatasusWarning, match="v: .*15"):
        frame = client.query(sql=sql).to_pandas()
    assert {name: str(kind) for name, kind in frame.dtypes.items() if name not in ("late", "day")} == {
        "n": "Int64", "some": "Int64", "small": "Int8", "none": "Int32", "ratio": "float64", "money": "float64", "even": "boolean", "v": "object",
    }  # fmt: skip
    assert frame["day"].dtype == whole["day"].to_pandas(date_as_object=False).dtype
    for name in whole.column_names:
        floats = frame[name].dtype == "float64"
        expected = [None if v is None else float(v) if floats else v for v in whole[name].to_pylist()]
        if name == "day":
            expected = [None if v is None else pd.Timestamp(v) for v in expected]
        assert [None if pd.isna(v) else v for v in frame[name]] == expected, name
    # It is the user's: every column can be written to.
    for name in ("n", "some", "money", "day"):
        frame.loc[5, name] = frame.loc[6, name]
    assert frame.loc[5, "n"] == 6
    none = client.query(
        sql="SELECT n, CAST(n AS DECIMAL(9,2)) AS v, 'a' AS t FROM range(3) t(n) WHERE n > 5"
    ).to_pandas()
    assert none.shape == (0, 3)
    assert str(none["v"].dtype) == "float64"


def test_a_result_is_no_array_and_a_frame_of_it_is_refused(client: datasus.Client) -> None:
    result = client.query("SIH-RD", columns=["CNES"])
    with pytest.raises(TypeError, match="to_pandas"):
        pd.DataFrame(result)
    assert len(result.to_pandas()) == 600


def test_what_a_report_warns_of_is_warned_of_once_and_at_the_line_that_asked(client: datasus.Client) -> None:
    query = {"uf": "AC", "competencia": ["202401", "202406"], "columns": ["CNES"], "missing": "warn"}
    result = client.query("SIH-RD", **query)
    with pytest.warns(datasus.DatasusWarning) as caught:
        result.to_arrow()
    report = result.report
    assert [str(one.message) for one in caught] == report.warnings
    assert len(report.warnings) > 0
    assert {one.filename for one in caught} == {__file__}
    with pytest.warns(datasus.DatasusWarning):
        client.export("SIH-RD", **query, to=datasus.Csv("avisos.csv"))
    with pytest.warns(datasus.DatasusWarning):
        sum(len(batch) for batch in client.query("SIH-RD", **query))


def test_rows_are_taken_once(client: datasus.Client) -> None:
    result = client.query("SIH-RD", columns=["CNES"])
    assert result.to_arrow().num_rows == 600
    with pytest.raises(RuntimeError, match="taken already"):
        result.to_pandas()
    with pytest.raises(RuntimeError, match="taken already"):
        iter(result)
    batches = client.query("SIH-RD", columns=["CNES"])
    assert sum(map(len, batches)) == 600
    # A second loop is a mistake of the caller's, and not an answer without rows.
    with pytest.raises(RuntimeError, match="taken already"):
        list(batches)
    assert result.report.records_processed == 600


def test_a_result_that_is_let_go_of_stops_its_job(large: pathlib.Path) -> None:
    with datasus.open(large).query("SIH-RD") as result:
        assert len(next(iter(result))) > 0
    with pytest.raises(datasus.Cancelled):
        result.job.wait(timeout=180)


def test_a_mistake_in_how_rows_are_asked_for_takes_none(client: datasus.Client) -> None:
    result = client.query("SIH-RD", columns=["CNES"])
    with pytest.raises(ValueError, match="dtype_backend"):
        result.to_pandas(dtype_backend="arrow")  # type: ignore[arg-type]
    # The job waits for its rows to be taken: a report now would be waited for in vain.
    with pytest.raises(RuntimeError, match="after the rows"):
        _ = result.report
    assert result.to_arrow().num_rows == result.report.records_processed == 600


def test_threads_that_read_one_result_share_its_rows(large: pathlib.Path) -> None:
    result = datasus.open(large, chunk_rows=10_000).query("SIH-RD", columns=["N_AIH"])
    readers = [iter(result) for _ in range(4)]
    first = [next(reader).to_arrow() for reader in readers]
    with ThreadPoolExecutor(4) as pool:
        rest = pool.map(lambda batches: [batch.to_arrow() for batch in batches], readers)
        table = pa.Table.from_batches([*first, *(batch for share in rest for batch in share)])
    assert table.num_rows == 720_000
    whole = datasus.open(large).query("SIH-RD", columns=["N_AIH"]).to_arrow()
    assert sorted(table["N_AIH"].to_pylist()) == sorted(whole["N_AIH"].to_pylist())


def test_whoever_reads_when_rows_are_given_up_is_told(large: pathlib.Path) -> None:
    result = datasus.open(large, chunk_rows=10_000).query("SIH-RD", columns=["N_AIH"])
    batches = iter(result)
    next(batches)
    result.close()
    with pytest.raises(RuntimeError, match="given up"):
        next(batches)


def test_filters_say_the_same_in_every_form(client: datasus.Client) -> None:
    forms = [
        (col("IDADE").between(0, 17)) & (col("SEXO") == "3"),
        {"IDADE": (0, 17), "SEXO": "3"},
        {"IDADE": range(18), "SEXO": ["3"]},
        [{"column": "IDADE", "op": "between", "value": [0, 17]}, col("SEXO") != "1"],
        ~((col("IDADE") > 17) | col("SEXO").is_in(["1"])),
    ]
    answers = [client.query("SIH-RD", columns=COLUMNS, where=where).to_arrow() for where in forms]
    assert 0 < answers[0].num_rows < 600
    assert all(answer.equals(answers[0]) for answer in answers)
    days = col("DT_INTER").between(datetime.date(2024, 1, 1), datetime.date(2024, 1, 31))
    assert 0 < client.query("SIH-RD", columns=["CNES"], where=days).to_arrow().num_rows < 600
    money = col("VAL_TOT") >= decimal.Decimal("1000.00")
    assert min(client.query("SIH-RD", columns=["VAL_TOT"], where=money).to_arrow()["VAL_TOT"].to_pylist()) >= 1000
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(col("SEXO") == "3")


def test_aggregates_order_and_sql(client: datasus.Client) -> None:
    by_sex = client.query(
        "SIH-RD", group_by="SEXO", aggregates={"n": "count", "valor": ("sum", "VAL_TOT")}, order_by="-SEXO"
    ).to_arrow()
    assert by_sex["SEXO"].to_pylist() == ["3", "1"]
    assert by_sex["n"].to_pylist() == [300, 300]
    sql = "SELECT SEXO, count(*) AS n, sum(VAL_TOT) AS valor FROM sih_rd WHERE UF_ZI <> $uf GROUP BY 1 ORDER BY 1 DESC"
    same = client.query(sql=sql, bind={"uf": "000000"}).to_arrow()
    assert same["valor"].to_pylist() == by_sex["valor"].to_pylist()


def test_a_library_that_is_missing_is_named_with_its_extra(python: Callable[..., object], folder: pathlib.Path) -> None:
    program = """
        import sys
        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("pyarrow", "pandas", "polars", "duckdb", "tqdm", "pydantic"):
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Missing())
        import datasus
        client = datasus.open(sys.argv[1])
        for take, extra in [("to_arrow", "arrow"), ("to_pandas", "pandas"), ("to_polars", "polars"), ("to_duckdb", "duckdb")]:
            try:
                getattr(client.query("SIH-RD", columns=["CNES"]), take)()
            except ImportError as error:
                assert f"datasus[{extra}]" in str(error), error
            else:
                raise AssertionError(take)
        try:
            import datasus.models
        except ImportError as error:
            assert "datasus[models]" in str(error), error
        assert sum(len(batch) for batch in client.query("SIH-RD", columns=["CNES"], progress=True)) == 600
        assert client.export("SIH-RD", columns=["CNES"], to=datasus.Csv("a.csv")).records_processed == 600
    """
    python(program, folder)


def test_one_file_straight_to_arrow(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    file = folder / "RDAC2401.dbc"
    records = datasus.read_dbc(file, columns=["val_tot", "CNES"])
    assert records.summary is None
    typed = records.to_arrow()
    assert typed.schema.names == ["VAL_TOT", "CNES"]
    assert (records.summary.rows, records.summary.crc) == (100, "ok")
    text = datasus.read_dbc(file, columns=["VAL_TOT"], typed=False).to_arrow()
    assert [decimal.Decimal(value) for value in text["VAL_TOT"].to_pylist()] == typed["VAL_TOT"].to_pylist()
    whole = datasus.open(folder).query("SIH-RD", uf="AC", competencia="202401").to_arrow()
    assert datasus.read_dbc(file).to_arrow().select(whole.schema.names).equals(whole)
    with pytest.raises(datasus.InvalidParams) as wrong:
        datasus.read_dbc(file, columns=["VALTOT", "CNEZ"])
    assert [problem["diagnostic"]["did_you_mean"][0] for problem in wrong.value.problems] == ["VAL_TOT", "CNES"]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "RDAC2401.dbc").write_bytes(content)
    for take in ("to_arrow", "to_pandas", "to_polars"):
        with pytest.raises(datasus.DamagedFile) as damaged:
            getattr(datasus.read_dbc(tmp_path / "RDAC2401.dbc"), take)()
        assert damaged.value.context["file"].endswith("RDAC2401.dbc")
    with pytest.raises(pa.ArrowException, match="DS-460"):
        pa.table(datasus.read_dbc(tmp_path / "RDAC2401.dbc"))
    with pytest.raises(datasus.NotFound):
        datasus.read_dbc(tmp_path / "RDAC2402.dbc")


def test_the_text_of_a_table_of_dos_is_read_in_its_encoding(tmp_path: pathlib.Path) -> None:
    text = "São Paulo".encode("cp850")
    field = b"NOME".ljust(11, b"\0") + b"C" + bytes(4) + bytes([len(text)]) + bytes(15)
    # Two records are announced, and one is there.
    header = b"\x03\x7c\x01\x1f" + (2).to_bytes(4, "little") + (65).to_bytes(2, "little")
    header += (1 + len(text)).to_bytes(2, "little") + bytes(20)
    file = tmp_path / "MUNICIPIOS.DBF"
    file.write_bytes(header + field + b"\r" + b" " + text + b"\x1a")
    with pytest.raises(datasus.DamagedFile):
        datasus.read_dbc(file).to_arrow()
    for encoding, expected in (
        (None, "São Paulo"),
        ("cp850", "São Paulo"),
        ("auto", "São Paulo"),
        ("latin-1", "SÆo Paulo"),
    ):
        records = datasus.read_dbc(file, encoding=encoding, partial=True)
        assert records.to_arrow()["NOME"].to_pylist() == [expected]
        assert (records.summary.rows, records.summary.rows_declared) == (1, 2)
        assert any("cp850" in warning for warning in records.summary.warnings) == (encoding in (None, "auto"))
    with pytest.raises(datasus.InvalidParams, match="cp850"):
        datasus.read_dbc(file, encoding="cp437")  # type: ignore[arg-type]


def test_files_that_no_query_reads_are_named(tmp_path: pathlib.Path) -> None:
    datasus.example_data(tmp_path, 10)
    (tmp_path / "RDAC2401_v2.dbc").write_bytes(b"x")
    (tmp_path / "RDAC2409.dbc.gz").write_bytes(b"x")
    client = datasus.open(tmp_path, lake=tmp_path / ".lake")
    found = client.datasets()
    assert [one.dataset for one in found]
    named = [(one.file, one.reason) for one in found.ignored]
    assert named == [("RDAC2401_v2.dbc", "name"), ("RDAC2409.dbc.gz", "archive")]
    with pytest.raises(datasus.NotFound, match=r"RDAC2401_v2\.dbc"):
        client.query("SIH-RD", uf="AC", competencia="202409")
