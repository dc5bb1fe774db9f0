"""Sources by declaration, and tables of one's own."""

from __future__ import annotations

import pathlib

import pytest

import datasus

CSV = """N_AIH;UF_ZI;ANO_CMPT;MES_CMPT;VAL_TOT;CNES
0000000000001;120000;2024;01;10,50;2000733
0000000000002;120000;2024;02;1,00;2000733
0000000000003;350000;2024;01;7,25;2077590
"""


@pytest.fixture
def exported(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "saidas.csv").write_text(CSV)
    return tmp_path


def test_a_mapping_is_opened_as_declared_sources(exported: pathlib.Path) -> None:
    with datasus.open({"SIH-RD": [exported / "*.csv"]}, lake=exported / "lake") as client:
        table = client.query("SIH-RD", uf="AC", competencia="202401").to_arrow()
        assert table.num_rows == 1
        assert str(table["VAL_TOT"][0]) == "10.50"


def test_a_table_in_memory_is_joined_by_its_name(exported: pathlib.Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    casas = pyarrow.table({"cnes": ["2000733", "2077590"], "leitos": [10, 20]})
    (exported / "nomes.csv").write_text("cnes,nome\n2000733,A\n2077590,B\n")
    tables = {"casas": casas, "nomes": exported / "nomes.csv"}
    with datasus.open({"SIH-RD": exported / "saidas.csv"}, tables=tables, lake=exported / "lake") as client:
        sql = (
            "SELECT n.nome, sum(r.VAL_TOT) AS valor, any_value(c.leitos) AS leitos FROM sih_rd r"
            " JOIN casas c USING (cnes) JOIN nomes n USING (cnes) GROUP BY ALL ORDER BY 1"
        )
        rows = client.query(sql=sql).to_arrow().to_pylist()
    assert [(row["nome"], str(row["valor"]), row["leitos"]) for row in rows] == [("A", "11.50", 10), ("B", "7.25", 20)]


def test_what_is_no_table_and_what_matches_nothing_are_told(exported: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        datasus.open({"SIH-RD": exported / "saidas.csv"}, tables={"x": 3}, lake=exported / "lake")
    with pytest.raises(datasus.Error, match="DS-422"):
        datasus.open(
            {"SIH-RD": exported / "saidas.csv"}, tables={"sih_rd": exported / "saidas.csv"}, lake=exported / "lake"
        )
    with (
        datasus.open({"SIH-RD": exported / "nada*.csv"}, lake=exported / "lake") as client,
        pytest.raises(datasus.Error) as error,
    ):
        client.query("SIH-RD")
    assert error.value.code == "DS-404"


def test_of_a_csv_the_caller_says_how_it_is_written(exported: pathlib.Path) -> None:
    (exported / "leitos.csv").write_bytes("cnes|nome|leitos\n2000733|Sa\xfade \x96 AC|10\n".encode("latin1"))
    form: dict[str, object] = {"delimiter": "|", "encoding": "windows-1252", "types": {"leitos": "integer"}}

    def client() -> datasus.Client:
        tables = {"leitos": exported / "leitos.csv"}
        return datasus.open(exported, tables=tables, csv={"leitos": form}, lake=exported / "lake")

    row = client().query(sql="SELECT nome, leitos + 1 AS mais FROM leitos").to_arrow().to_pylist()
    assert row == [{"nome": "Saúde \u2013 AC", "mais": 11}]
    described = client().query(sql="DESCRIBE leitos").to_arrow().to_pylist()
    assert [(one["column_name"], one["column_type"]) for one in described][2] == ("leitos", "BIGINT")
    form["types"] = {"nome": "integer"}
    with pytest.raises(datasus.InvalidParams, match="linha 2"):
        client().query(sql="SELECT * FROM leitos").to_arrow()


def test_a_table_comes_later_and_replaces_the_one_before(exported: pathlib.Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with datasus.open(exported, lake=exported / "lake") as client:
        for count in (2, 3):
            client.add_table("minha", pyarrow.table({"n": list(range(count))}))
            assert client.query(sql="SELECT count(*) AS n FROM minha").to_arrow().to_pylist() == [{"n": count}]
        with pytest.raises(TypeError):
            client.add_table("minha", [1, 2])
        with pytest.raises(datasus.InvalidParams):
            client.add_table("sih_rd", pyarrow.table({"n": [1]}))
