"""Words for codes: categories in pandas, columns by name, what schema and dictionaries say of them."""

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
