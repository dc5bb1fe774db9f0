"""Um arquivo só: DBC direto para um data frame.  python read_dbc.py [arquivo.dbc]"""

import sys
import tempfile

import datasus

arquivo = sys.argv[1] if len(sys.argv) > 1 else datasus.example_data(tempfile.mkdtemp()) / "RDAC2401.dbc"
registros = datasus.read_dbc(arquivo)
tabela = registros.to_pandas()
print(tabela.iloc[:, :6].head())
resumo = registros.summary
assert resumo is not None
print(f"{resumo.rows} registros, {resumo.rows_deleted} excluídos, CRC {resumo.crc}")
