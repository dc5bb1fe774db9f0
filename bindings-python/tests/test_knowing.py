"""What may be known of the data: profile, search, schema, rates, as Python shows them."""

import pickle

import pytest

import datasus


def test_a_profile_is_a_table_for_people_and_rows_for_programs(client: datasus.Client) -> None:
    profile = client.profile("SIH-RD", uf="AC", columns=["SEXO", "idade_anos", "VAL_TOT"])
    assert (profile.rows, profile.exact, len(profile.columns)) == (300, True, 3)
    sexo = profile["sexo"]
    assert sexo.kind == "text"
    assert sum(one.rows for one in sexo.frequent) + sexo.nulls == 300
    text = str(profile)
    assert text.startswith("SIH-RD: 300 linhas, 3 colunas, 202401 a 202403\n")
    assert "Masculino" in text
    html = profile._repr_html_()
    assert html.count("<tr>") == 4
    assert "Masculino" in html
    table = profile.to_arrow()
    assert table.schema.names[:2] == ["column", "kind"]
    assert table["frequent"][0].as_py()[0]["label"] in ("Masculino", "Feminino")
    assert pickle.loads(pickle.dumps(profile)) == profile
    with pytest.raises(KeyError):
        profile["NADA"]


def test_what_is_no_profile_is_refused_and_a_deadline_ends_it(client: datasus.Client) -> None:
    with pytest.raises(datasus.DeadlinePassed):
        client.profile("SIH-RD", deadline=1e-9)
    with pytest.raises(datasus.InvalidParams):
        client.profile({"dataset": "SIH-RD", "limit": 5})


def test_search_finds_by_name_meaning_and_label(client: datasus.Client) -> None:
    assert client.search("sexo", "SIH-RD")[0].column == "SEXO"
    assert next(one.found_in for one in client.search("FEMININO", "RD")) == "label"
    assert client.search("óbito", "SIH-RD") == client.search("obito", "SIH-RD")
    found = client.search("feminino", "SIH-RD")
    assert "SIH-RD   SEXO " in str(found)
    assert "Sexo: Feminino" in str(found)
    assert found._repr_html_().count("<tr>") == 1 + len(found)
    assert str(client.search("nada que exista")) == "Nenhuma coluna"
    assert len({one.dataset for one in client.search("feminino")}) > 5
    with pytest.raises(datasus.NotFound):
        client.search("sexo", "SIH-RX")


def test_a_schema_reads_in_a_terminal_and_in_a_notebook(
    client: datasus.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = client.schema("SIH-RD")
    for columns in (80, 120):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = str(schema).splitlines()
        assert lines[0].startswith("SIH-RD: ")
        assert max(map(len, lines)) <= columns
        # Nothing that is said is cut.
        assert not any("…" in line for line in lines)
    said = str(schema)
    assert "(de COD_IDADE, IDADE" in " ".join(said.split())
    assert "sih/SEXO" in said
    assert "idade_anos" in said
    html = schema._repr_html_()
    assert "Kit TAB_SIH" in html
    assert "Colunas derivadas" in html
    assert "desde 200801: " in html
    assert "14 dígitos" in html
    assert "white-space:nowrap'>1995-2024" in html


def test_rates_are_those_of_the_counts(client: datasus.Client) -> None:
    births = (
        client.query("SINASC-DN", competencia=2022, group_by=["CODMUNRES"], aggregates={"n": "count"})
        .to_pandas()
        .set_index("CODMUNRES")["n"]
    )
    infant = datasus.col("obito_infantil") == 1
    deaths = client.query("SIM-DO", competencia=2022, where=infant, group_by=["CODMUNRES"], aggregates={"n": "count"})
    of = deaths.to_pandas().set_index("CODMUNRES")["n"]
    rates = client.rates("SIM-DO", competencia=2022, where=infant, population="SINASC-DN", per=1000)
    assert len(rates.rows) == len(births)
    for row in rates.rows:
        assert row.population == births[row.municipio]
        assert row.events == of.get(row.municipio, 0)
        assert row.crude == pytest.approx(1000 * row.events / row.population)
    assert rates.to_pandas()["standardised"].isna().all()


def test_fields_of_which_only_the_name_is_known_stand_in_the_schema(client: datasus.Client) -> None:
    schema = client.schema("SINAN-ANIM")
    shown, html = str(schema), schema._repr_html_()
    assert "TP_ACIDENT  2007-2026  sinan_dic/ANIM/TP_ACIDENT" in shown
    assert "Campos dos arquivos" in shown and "Campos dos arquivos" in html and "ANIMPN_DIC_DADOS.pdf" in html
    assert [one.name for one in schema.search("serpente")] == ["ANI_SERPEN_rotulo", "TP_ACIDENT_rotulo"]
    # Where every field is a column, there is no such table.
    assert "Campos dos arquivos" not in str(client.schema("IBGE-POPSVS"))
