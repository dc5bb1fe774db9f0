"""Taxas: mortalidade bruta e padronizada por município, e mortalidade infantil.  python rates.py [pasta [populacao.csv]]"""

import sys
import tempfile
from pathlib import Path

import datasus
from datasus import col


def populacao_ficticia() -> str:
    """Uma população inventada, no formato do IBGE-POPSVS; com arquivos do ministério na pasta não é preciso."""
    pesos = {
        "120040": 50,
        "120020": 12,
        "120050": 6,
        "120060": 5,
        "120010": 3,
        "140010": 60,
        "140047": 6,
        "140020": 4,
        "140005": 3,
    }
    linhas = ["COD_MUN,ANO,SEXO,IDADE,POP"]
    for municipio, peso in pesos.items():
        linhas += [f"{municipio},2022,{sexo},{idade},{peso * (85 - idade)}" for sexo in "12" for idade in range(81)]
    arquivo = Path(tempfile.mkdtemp()) / "populacao.csv"
    arquivo.write_text("\n".join(linhas) + "\n")
    return str(arquivo)


pasta = sys.argv[1] if len(sys.argv) > 1 else datasus.example_data(tempfile.mkdtemp())
populacao = sys.argv[2] if len(sys.argv) > 2 else populacao_ficticia()
cliente = datasus.open(pasta, declared={"IBGE-POPSVS": [populacao]})

# Óbitos fetais estão no mesmo arquivo, e não são da mortalidade geral.
taxas = cliente.rates("SIM-DO", uf="AC", competencia=2022, where=col("TIPOBITO") == "2")
for linha in taxas.rows:
    print(
        f"{linha.municipio}: {linha.events} óbitos, {linha.crude:.1f} por 100 mil; padronizada {linha.standardised:.1f}"
    )

# O denominador da mortalidade infantil são os nascidos vivos dos mesmos anos.
infantil = cliente.rates(
    "SIM-DO", uf="AC", competencia=2022, where=col("obito_infantil") == 1, population="SINASC-DN", per=1000
)
for linha in infantil.rows:
    print(f"{linha.municipio}: {linha.events} de {linha.population} nascidos, {linha.crude:.1f} por mil")

# Sem população não há taxa, e nunca 0.
try:
    cliente.rates("SIM-DO", competencia=2022, population={"dataset": "IBGE-POPSVS", "competencia": "2021"})
except datasus.NotFound as erro:
    print(erro.code)
