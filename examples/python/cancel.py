"""Cancelamento: por prazo, por chamada, e o andamento enquanto isso.  python cancel.py [pasta]"""

import sys
import tempfile

import datasus

pasta = sys.argv[1] if len(sys.argv) > 1 else datasus.example_data(tempfile.mkdtemp(), rows=20_000)
cliente = datasus.open(pasta, output=tempfile.mkdtemp())
pares = "SELECT a.N_AIH, b.N_AIH AS outra FROM sih_rd a JOIN sih_rd b ON a.SEXO = b.SEXO"

try:
    cliente.export(sql=pares, to=datasus.Parquet("pares.parquet"), deadline=0.5)
except datasus.DeadlinePassed as erro:
    print(erro)

trabalho = cliente.submit(sql=pares, to=datasus.Parquet("pares.parquet"))
for evento in trabalho.events():
    if evento.status == "running":
        trabalho.cancel()  # termina em até 100 ms, e nada fica pela metade
print(trabalho.status)
