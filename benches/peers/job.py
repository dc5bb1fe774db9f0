"""The job that every peer does, and how a peer answers. Imports come before the clock, here as everywhere."""

import json
import sys

UFS = ["350000", "330000", "310000", "290000", "430000", "410000", "260000", "230000", "420000", "520000"]
TEXTS = ["UF_ZI", "N_AIH", "CNES", "MUNIC_RES", "SEXO", "DIAG_PRINC", "PROC_REA", "RACA_COR"]
NUMBERS = ["IDADE", "DIAS_PERM", "QT_DIARIAS", "UTI_MES_TO", "MORTE", "DIAR_ACOM"]
DATES = ["NASC", "DT_INTER", "DT_SAIDA"]
MONEY = {"VAL_SH": "13,2", "VAL_SP": "13,2", "VAL_TOT": "14,2"}
COLUMNS = [*TEXTS, *NUMBERS, *DATES, *MONEY]
WHERE = f"ANO_CMPT BETWEEN '2023' AND '2024' AND UF_ZI IN ({', '.join(repr(uf) for uf in UFS)})"


def arguments() -> dict[str, str]:
    return dict(word.split("=", 1) for word in sys.argv[1:])


def query(data: str, where: bool = True) -> str:
    rest = f" WHERE {WHERE}" if where else ""
    return f"SELECT {', '.join(COLUMNS)} FROM read_parquet('{data}/*.parquet'){rest}"


def table(name: str, money: str = "") -> str:
    """The columns as ours makes them; `money` is another type for the amounts."""
    types = [f"{c} text" for c in TEXTS] + [f"{c} integer" for c in NUMBERS] + [f"{c} date" for c in DATES]
    types += [f"{c} {money or f'numeric({p})'}" for c, p in MONEY.items()]
    schema = name.split(".", maxsplit=1)[0]
    return f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {name} ({', '.join(types)})"


def answer(seconds: float, rows: int, **more: object) -> None:
    print(json.dumps({"seconds": seconds, "rows": rows, **more}))
