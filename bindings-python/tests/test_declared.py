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
