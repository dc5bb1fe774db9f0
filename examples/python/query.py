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

criancas = cliente.query("SIH-RD", columns=["CNES", "DIAG_PRINC", "VAL_TOT"], where=col("IDADE").between(0, 9))
linhas = 0
for lote in criancas:  # como chegam, sem esperar por todas
    linhas += len(lote)
print(f"{linhas} internações de crianças; {criancas.report.performance['duration_sec']} s")

try:
    cliente.query("SIH-RD", competencia="2024-M1", columns=["VALTOT"])
except datasus.InvalidParams as erro:
    print(erro)
