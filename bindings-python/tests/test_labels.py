"""Words for codes: categories in pandas, columns by name, what schema and dictionaries say of them."""

import os
from pathlib import Path

import pytest

import datasus

pd = pytest.importorskip("pandas")


def test_labels_are_categories_in_the_order_of_their_list(client: datasus.Client) -> None:
    rows = client.query("SIH-RD", columns=["SEXO"], labels=["SEXO"]).to_pandas()
    assert list(rows.columns) == ["SEXO", "SEXO_rotulo"]
    assert isinstance(rows["SEXO_rotulo"].dtype, pd.CategoricalDtype)
    assert list(rows["SEXO_rotulo"].cat.categories) == ["Masculino", "Feminino", "Ignorado"]
    pairs = set(map(tuple, rows.drop_duplicates().astype(str).to_numpy()))
    assert pairs <= {("1", "Masculino"), ("3", "Feminino")}


def test_only_the_labels(client: datasus.Client) -> None:
    rows = client.query("SIH-RD", columns=["SEXO"], labels=True, labels_only=True).to_pandas()
    assert list(rows.columns) == ["SEXO_rotulo"]


def test_derived_columns_are_columns(client: datasus.Client) -> None:
    young = client.query("SIH-RD", columns=["idade_anos"], where=datasus.col("idade_anos") < 18).to_pandas()
    assert len(young) > 0
    assert young["idade_anos"].max() < 18
    sql = client.query(sql="SELECT count(*) AS n FROM sih_rd WHERE idade_anos < 18").to_pandas()
    assert sql["n"][0] == len(young)


def test_schema_and_dictionaries_say_whose_words_they_are(client: datasus.Client) -> None:
    schema = client.schema("SIH-RD")
    assert schema["SEXO_rotulo"].label_of == "SEXO"
    assert "SEXO.CNV" in schema["SEXO_rotulo"].source
    assert "idade_anos" in [column.name for column in schema.search("idade em anos")]
    assert "rótulos" in schema._repr_html_()
    assert any(entry.list == "cid10" and entry.official for entry in client.dictionaries())


def test_labels_are_categories_in_polars(client: datasus.Client) -> None:
    pl = pytest.importorskip("polars")
    rows = client.query("SIH-RD", columns=["SEXO"], labels=["SEXO"]).to_polars()
    assert isinstance(rows["SEXO_rotulo"].dtype, pl.Categorical | pl.Enum)
    assert set(rows["SEXO_rotulo"].cast(pl.String)) == {"Masculino", "Feminino"}


def test_a_file_read_by_itself_has_labels(folder: Path) -> None:
    rows = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["SEXO"], labels=True).to_pandas()
    assert list(rows.columns) == ["SEXO", "SEXO_rotulo"]
    assert set(map(tuple, rows.astype(str).to_numpy())) == {("1", "Masculino"), ("3", "Feminino")}
    only = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["SEXO"], labels=["SEXO"], labels_only=True).to_pandas()
    assert list(only.columns) == ["SEXO_rotulo"]


def test_kits_come_from_a_folder_and_win_over_the_built_in_lists(folder: Path, tmp_path: Path) -> None:
    kit = tmp_path / "TAB_SIH"
    kit.mkdir()
    rows = [(3, "Ignorado", "0-9"), (1, "Homem", "1"), (2, "Mulher", "2,3")]
    text = "3 1\n" + "".join(f"{number:7}  {label:<51}{codes}\n" for number, label, codes in rows)
    (kit / "SEXO.CNV").write_text(text, encoding="latin-1")
    os.utime(kit / "SEXO.CNV", (1_900_000_000, 1_900_000_000))
    with datasus.open(folder, lake=tmp_path / "lake") as client:
        with pytest.raises(datasus.NotFound):
            client.sync_dictionaries(tmp_path / "lake")
        done = client.sync_dictionaries(kit)
        assert [(one.kit, one.date, one.new) for one in done.kits] == [("sih", "2030-03-17", True)]
        words = client.query("SIH-RD", columns=["SEXO"], labels=["SEXO"], labels_only=True).to_pandas()
        assert set(words["SEXO_rotulo"].astype(str)) == {"Homem", "Mulher"}
        assert any(entry.list == "sih/SEXO" and entry.date == "2030-03-17" for entry in client.dictionaries())
