"""Retomada: um processo morre no meio da carga; outro continua de onde ela parou.  python resume.py [pasta]"""

import subprocess
import sys
import tempfile
import time

import datasus

pasta = sys.argv[1] if len(sys.argv) > 1 else str(datasus.example_data(tempfile.mkdtemp(), rows=100_000))
saida = tempfile.mkdtemp()

carga = f"""
import datasus
cliente = datasus.open({pasta!r}, output={saida!r}, state={saida!r} + "/trabalhos")
cliente.sync("SIH-RD")
print("carregando", flush=True)
cliente.export("SIH-RD", to=datasus.Csv("internacoes.csv"))
"""
filho = subprocess.Popen([sys.executable, "-c", carga], stdout=subprocess.PIPE, text=True)
assert filho.stdout is not None
filho.stdout.readline()
time.sleep(0.1)
filho.kill()  # como se faltasse luz
filho.wait()

cliente = datasus.open(pasta, output=saida, state=saida + "/trabalhos")
for trabalho in cliente.jobs():
    print(trabalho.job_id, trabalho.standing)
    relatorio = cliente.resume(trabalho.job_id).wait()
    print(f"{relatorio.records_processed} registros em {relatorio.storage}; já estavam: {relatorio.resumed_from}")
