"""What Spark writes in the lake's layout is a source of ours, all of it or nothing."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
from spark_here import ours, read, rows

import datasus

COLUMNS = ["N_AIH", "SEXO", "DT_INTER", "IDADE", "VAL_TOT"]
PLACED = [*COLUMNS, "datasus_uf", "datasus_competencia"]


def write(frame: Any, target: pathlib.Path, mode: str = "append") -> None:
    frame.write.format("datasus").option("dataset", "SIH-RD").option("language", "en").mode(mode).save(str(target))


def files(target: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def test_what_is_written_is_read_by_our_client(spark: Any, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Months are added once; a second time, and what fails in a task, change nothing; `overwrite` replaces the dataset."""
    from pyspark.errors import PySparkException
    from pyspark.sql import functions

    target = tmp_path / "destino"
    frame = read(spark, folder, columns=",".join(PLACED), lake=tmp_path / "lake")
    for month in ("202401", "202402"):
        write(frame.where(functions.col("datasus_competencia") == month), target)
    with datasus.open(folder, lake=tmp_path / "seu") as client:
        wanted = ours(client, competencia=("202401", "202402"), columns=PLACED)
        everything = ours(client, columns=PLACED)
    with datasus.open(target, lake=tmp_path / "novo") as client:
        assert ours(client, columns=PLACED) == wanted
        assert len(wanted) == 400
    before = files(target)
    assert before and all(name.startswith("sistema=SIH/grupo=RD/uf=") for name in before)
    with pytest.raises(PySparkException, match="DS-409"):
        write(frame.where(functions.col("datasus_competencia") >= "202402"), target)
    # A row without a place, in one task of several.
    lost = functions.when(functions.col("datasus_uf") == "AC", functions.col("datasus_competencia"))
    with pytest.raises(PySparkException, match="DS-422"):
        write(frame.withColumn("datasus_competencia", lost), target, "overwrite")
    assert files(target) == before
    with pytest.raises(PySparkException, match="datasus_uf"):
        write(frame.drop("datasus_uf"), target)
    with pytest.raises(PySparkException, match="VAL_TOT double"):
        write(frame.withColumn("VAL_TOT", functions.col("VAL_TOT").cast("double")), target)
    write(frame, target, "overwrite")
    with datasus.open(target, lake=tmp_path / "terceiro") as client:
        assert ours(client, columns=PLACED) == everything
    assert rows(read(spark, target, lake=tmp_path / "quarto", columns=",".join(PLACED))) == everything
    assert not [path for path in target.iterdir() if path.name.startswith(".datasus-")]
