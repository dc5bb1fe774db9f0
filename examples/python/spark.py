"""Os arquivos do DATASUS no Spark.  python spark.py sc://servidor:15002 [pasta que todas as máquinas veem]"""

import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

import datasus
import datasus.spark

pasta = sys.argv[2] if len(sys.argv) > 2 else datasus.example_data(tempfile.mkdtemp())
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
spark.dataSource.register(datasus.spark.DatasusDataSource)

internacoes = (
    spark.read.format("datasus")
    .option("dataset", "SIH-RD")
    .option("competencia", "2024-01..2024-03")
    .option("columns", "CNES,SEXO,VAL_TOT,datasus_uf")
    .option("labels", "SEXO")
    .load(str(pasta))
)
internacoes.groupBy("datasus_uf", "SEXO_rotulo").agg(f.count("*").alias("n"), f.sum("VAL_TOT").alias("valor")).show()

# O arquivo inteiro para um lake, um arquivo por tarefa: o que já está lá não é convertido outra vez.
for feito in datasus.spark.convert(spark, "SIH-RD", str(pasta), lake=f"{pasta}/lake").collect():
    print(f"{feito.file}: {feito.rows} registros, CRC {feito.crc}")
