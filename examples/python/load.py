"""Carga: para PostgreSQL (DATASUS_POSTGRES=postgres://...), ou para CSV e Parquet.  python load.py [pasta]"""

import os
import sys
import tempfile

import datasus

pasta = sys.argv[1] if len(sys.argv) > 1 else datasus.example_data(tempfile.mkdtemp())
cliente = datasus.open(pasta, output=tempfile.mkdtemp())

if os.environ.get("DATASUS_POSTGRES"):
    destinos = [datasus.Postgres("datasus_exemplo.internacoes", mode="replace")]
else:
    destinos = [
        datasus.Csv("internacoes.csv", delimiter=";", decimal_comma=True),
        datasus.Parquet("internacoes.parquet"),
    ]

relatorio = cliente.export("SIH-RD", columns=["N_AIH", "CNES", "DIAG_PRINC", "DT_INTER", "VAL_TOT"], to=destinos)
print(f"{relatorio.records_processed} registros em {relatorio.storage}, {relatorio.dead_letters} rejeitados")
