"""Consulta: internações por sexo, e as de crianças.  python query.py [pasta]"""

import sys
import tempfile

import datasus
from datasus import col

pasta = sys.argv[1] if len(sys.argv) > 1 else datasus.example_data(tempfile.mkdtemp())
cliente = datasus.open(pasta)

por_sexo = cliente.query(
    "SIH-RD",
    group_by="SEXO",
    aggregates={"internacoes": "count", "valor": ("sum", "VAL_TOT")},
    order_by="-internacoes",
)
print(por_sexo.to_pandas())

# IDADE sozinha não basta: COD_IDADE diz se são dias (2), meses (3) ou anos (4).
menores_de_dez = col("COD_IDADE").is_in(["2", "3"]) | ((col("COD_IDADE") == "4") & (col("IDADE") < 10))
criancas = cliente.query("SIH-RD", columns=["CNES", "DIAG_PRINC", "VAL_TOT"], where=menores_de_dez)
linhas = 0
for lote in criancas:  # como chegam, sem esperar por todas
    linhas += len(lote)
print(f"{linhas} internações de crianças; {criancas.report.performance['duration_sec']} s")

try:
    cliente.query("SIH-RD", competencia="2024-M1", columns=["VALTOT"])
except datasus.InvalidParams as erro:
    print(erro)
