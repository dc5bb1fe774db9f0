"""An analyst's question, over a lake that a team shares: how much was paid for admissions, by month of processing."""

import pathlib
import sys

import datasus

SQL = """
SELECT datasus_competencia AS competencia, count(*) AS internacoes, sum(VAL_TOT) AS valor
FROM sih_rd GROUP BY 1 ORDER BY 1
"""


def main(source: str) -> None:
    """Converts what is not in the lake yet, and asks."""
    state = pathlib.Path(source) / ".datasus" / "jobs"
    with datasus.open(source, state=state, language="en") as client:
        print(client.sync("SIH-RD", uf="AC").files, "files are in the lake")
        for row in client.query(sql=SQL, uf="AC").to_arrow().to_pylist():
            print(row["competencia"], row["internacoes"], row["valor"])


if __name__ == "__main__":
    main(sys.argv[1])
