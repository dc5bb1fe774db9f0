"""Retomada: um processo morre no meio da carga; outro continua de onde ela parou.  python resume.py [pasta]"""

import subprocess
import sys
import tempfile

import datasus

pasta = sys.argv[1] if len(sys.argv) > 1 else str(datasus.example_data(tempfile.mkdtemp(), rows=100_000))
saida = tempfile.mkdtemp()

carga = f"""
import datasus, resource, signal
cliente = datasus.open({pasta!r}, output={saida!r}, state={saida!r} + "/trabalhos")
cliente.sync("SIH-RD")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
cliente.export("SIH-RD", to=datasus.Csv("internacoes.csv"))
"""
# Como se faltasse luz: o sistema mata o processo no byte em que o arquivo passa de 10 MB.
morto = subprocess.run([sys.executable, "-c", carga], check=False)
print(f"a carga terminou com o sinal {-morto.returncode}")

cliente = datasus.open(pasta, output=saida, state=saida + "/trabalhos")
for trabalho in cliente.jobs():
    print(trabalho.job_id, trabalho.standing)
    relatorio = cliente.resume(trabalho.job_id).wait()
    print(f"{relatorio.records_processed} registros em {relatorio.storage}; já estavam: {relatorio.resumed_from}")
