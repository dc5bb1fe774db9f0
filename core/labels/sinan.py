"""Categories of the ministry's dictionaries of SINAN NET, from their PDF to `sinan.csv`.

    python core/labels/sinan.py <folder of the PDF> [folder of tables that others made of them]

Needs pdfplumber. A row of `sinan.csv` is a condition, the columns of its files that have the list, the PDF, and the list:
`1=Sim|2=Não|9=Ignorado`. Columns that no file has are left out (`core/catalog/sinan.toml`), and so is whatever does not read as
one code after the other. Where the ruled lines of a PDF are broken, the tables that PySUS made of the same PDF
(AlertaDengue/PySUS, commit b6f7580) say what stands there. `make dictionaries` compiles the lists; its test looks up every word
of them in the text of the PDF.
"""

import csv
import re
import sys
import unicodedata
from pathlib import Path

import pdfplumber
import tomllib

HERE = Path(__file__).parent
PDF = {
    "ACBI": "ACBION",
    "ACGR": "ACGRN",
    "AIDA": "AIDSAN",
    "AIDC": "AIDSCN",
    "ANIM": "ANIMPN",
    "BOTU": "BOTUN",
    "CANC": "CANCN",
    "CHAG": "CHAGAN",
    "COLE": "COLEN",
    "COQU": "COQUEN",
    "DERM": "DERMN",
    "DIFT": "DIFTEN",
    "ESQU": "ESQUIN",
    "EXAN": "EXANT",
    "FMAC": "FMACUN",
    "FTIF": "FTIFON",
    "HANS": "HANSN",
    "HANT": "HANTAN",
    "HEPA": "HEPANET",
    "HIVA": "HIVAN",
    "HIVC": "HIVCN",
    "HIVE": "HIVCR",
    "HIVG": "HIVG",
    "IEXO": "IEXOGN",
    "LEIV": "LEISHN",
    "LEPT": "LEPTON",
    "LERD": "LERDN",
    "LTAN": "LTAN",
    "MALA": "MALAN",
    "MENI": "MENIN",
    "MENT": "MENTN",
    "PAIR": "PAIRN",
    "PEST": "PESTEN",
    "PFAN": "PFAN",
    "PNEU": "PNEUN",
    "RAIV": "RAIVAN",
    "ROTA": "DIC_DADOS_ROTA_NET_v5.1",
    "SDTA": "SDTA",
    "SIFC": "SIFICN",
    "SIFG": "SIFIGEN",
    "SRC": "SRCN",
    "TETA": "TETACN",
    "TETN": "TETANN",
    "TUBE": "TUBEN",
    "VIOL": "VIOLEN",
    "NIND": "NINDIN",
}
"""By condition; NIND is the notification that all of them begin with."""

# Lists of which the text was looked at and is not what files have: codes that are not the column's own, or two lists in one.
WRONG = {
    # Codes that its neighbours have not: Sim 1, Não 3; Ignorado 3.
    *[("MENI", "ANT_TRAUMA"), ("AIDA", "ANT_HEMOLF"), ("HIVA", "ANT_HEMOLF")],
    # The unit's list, beside the number that it is of.
    *[("IEXO", "NUTEMPO"), ("CANC", "NUTEMPORIS"), ("CANC", "TEMPO_FUMA"), ("MENT", "TEMPO_FUMA")],
    # Of two columns side by side.
    *[("TUBE", f"BACILOSC_{number}") for number in range(1, 7)],
    # Titres and counts, with the list of the field before.
    *[("CHAG", f"TIT_{which}") for which in ("IGM_S1", "IGM_S2", "IGG_S1", "IGG_S2")],
    ("ESQU", "AN_QUANT"),
    # The categories and the description of the field contradict each other.
    *[("ESQU", f"STCURA{number}") for number in range(1, 4)],
    # Until 2014 to which kind of care; since then another column.
    ("VIOL", "ENC_SAUDE"),
    # Sim and Não, of a field whose rules speak of 1 (única) and 2 (múltipla).
    ("BOTU", "STEXPALIM"),
}
# Filled by the system, or with a list elsewhere.
NO_LIST = {"NU_IDADE_N", "ID_AGRAVO", "CS_SEXO", "CS_GESTANT", "CS_RACA", "CS_ESCOL_N"}
# Where a narrow cell cut a word.
CUT = [
    ("Aumenta dos", "Aumentados"),
    ("Diminuíd os", "Diminuídos"),
    ("Leucope nia", "Leucopenia"),
    ("Epidemiológi co", "Epidemiológico"),
    ("epidemiológic o", "epidemiológico"),
    ("cardiopulmon ar", "cardiopulmonar"),
    ("Indeterminad o", "Indeterminado"),
    ("indeterminad o", "indeterminado"),
    ("Meningocócic a", "Meningocócica"),
    ("Quimioprofilaxi a", "Quimioprofilaxia"),
    ("Transferênci a", "Transferência"),
    ("transplacentá ria", "transplacentária"),
    ("convoca do", "convocado"),
    ("Inconclusiv o", "Inconclusivo"),
    ("Autônomo/cont a", "Autônomo/conta"),
    ("Creche/escol a", "Creche/escola"),
    ("saúde/hospit al", "saúde/hospital"),
    ("temporalment e", "temporalmente"),
    ("soroconversã o", "soroconversão"),
    ("exantemátic a", "exantemática"),
    ("Citomegaloví rus", "Citomegalovírus"),
    ("Comemoraçõ es", "Comemorações"),
    ("Toxoplamas mose", "Toxoplamasmose"),
    ("(a lojamento", "(alojamento"),
    ("medicament os", "medicamentos"),
    ("(espe cificar", "(especificar"),
    ("(m orcego)", "(morcego)"),
    ("domicili ar", "domiciliar"),
    ("Alta com conversão sorológica Especificar vírus", "Alta com conversão sorológica"),
    ("Municí pio", "Município"),
    ("hospita l", "hospital"),
    ("(Gondii, sp", "(Gondii, sp)"),
]
# Filled in by the system once the time to investigate has passed: notes of the table of NINDIN_DIC_DADOS.pdf.
EIGHT = [
    "CHAG",
    "COLE",
    "COQU",
    "DIFT",
    "EXAN",
    "FTIF",
    "FMAC",
    "HANT",
    "LEIV",
    "LEPT",
    "MALA",
    "MENI",
    "PEST",
    "RAIV",
    "TETA",
    "TETN",
    "BOTU",
]
CLOSED_BY_SYSTEM = {**dict.fromkeys(EIGHT, ("8", "Inconclusivo")), "PFAN": ("6", "Inconclusivo")}


def bare(text):
    text = text.strip(" -–;.,:=\t")
    text = re.sub(r"^\((.*)\)$", r"\1", text) if text.count("(") == 1 else text
    for cut, whole in CUT:
        text = text.replace(cut, whole)
    return re.sub(r"(?<=[^\W\d])- (?=[^\W\d])", "-", text)  # a line that ended with the hyphen of a word


def by_lines(text):
    """Rows, and whether they need not be in order: a code at the beginning of each line, or a sign behind every code."""
    rows, wrapped, signs = [], False, 0
    lines = [line for line in (line.strip() for line in text.splitlines()) if line]
    found = [re.match(r"^(\d{1,3})(?!\d)(?!\.\d)\s*([-–.=)]?)\s*(.*)$", line) for line in lines]
    signed = any(of and of[2] for of in found)
    for line, of in zip(lines, found, strict=True):
        # Where codes have a sign behind them, a number without one belongs to the words, but for the code that comes next.
        after = {int(rows[-1][0]) + 1, 8, 9, 88, 99} if rows else set()
        if of and (of[2] or not signed or not rows or int(of[1]) in after):
            rows.append([of[1], of[3].strip()])
            signs += bool(of[2])
        elif rows:
            rows[-1][1] += " " + line
            wrapped = True
        else:
            return [], False
    return [(code, bare(label)) for code, label in rows], not wrapped or signs == len(rows) >= 10


def in_one_line(text):
    text = " ".join(text.split())
    codes = list(re.finditer(r"(?:(?<=^)|(?<=[\s;]))(\d{1,2})\s*(?:[-–]\s*|\s+(?=[Ii]gnorad))", text))
    if not codes or codes[0].start() != 0:
        return []
    ends = [code.start() for code in codes[1:]] + [len(text)]
    return [(code[1], bare(text[code.end() : end])) for code, end in zip(codes, ends, strict=True)]


def is_a_list(rows, in_order=True):
    """One code after the other, each with its words and none of the next one's."""
    codes = [int(code) for code, _ in rows]
    if len(rows) < 2 or len(set(codes)) != len(codes) or (in_order and codes != sorted(codes)):
        return False
    for at, (_, label) in enumerate(rows):
        after = codes[at + 1] if at + 1 < len(codes) else 1_000
        if not label or label.count("(") != label.count(")"):
            return False
        for of in re.finditer(r"(?<![\d.,])(\d{1,2})(\s*[-–]|\.\s|\s+[A-Za-zÀ-ú])", label):
            may_be_code = of[2].strip(" ")[:1] in ("-", "–", ".") or int(of[1]) in (codes[at] + 1, 8, 9, 88, 99)
            if may_be_code and codes[at] < int(of[1]) < after:
                return False
        if re.search(r"(?<![\d.,])\d\.\s+[A-Z]", label):
            return False
    return True


def categories(text):
    text = re.sub(r"\nCategorias?\b", "", text)
    rows, in_any_order = by_lines(text)
    if is_a_list(rows, in_order=not in_any_order):
        return rows
    rows = in_one_line(text)
    return rows if is_a_list(rows) else []


def plain(name):
    return unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode().upper()


def column(cell, known):
    """The column of the files that the last cell of a row names; where it names two, that of the unit."""
    words = [plain(word) for word in re.split(r"[\n .,;/]+", cell.strip()) if word and word == word.upper()]
    hits = list(dict.fromkeys(word[:10] for word in words if word[:10] in known))
    joined = "".join(words)
    if len(hits) != 1 and (len(words) < 2 or joined in known or not hits):
        hits = [joined[:10]] if joined[:10] in known and len(joined) <= 12 else hits
    if len(hits) > 1:
        hits = [hit for hit in hits if hit.startswith("TP")]
    return hits[0] if len(hits) == 1 else None


TYPE = re.compile(r"varchar|number|numeric|char\(", re.IGNORECASE)


def is_free_text(field, kind):
    """A description beside a list, which a cell of the list's spans: `ds_outro`, of more than one character."""
    width = re.search(r"\((\d+)", kind.replace(" ", ""))
    return field.strip().startswith("ds_") and (not width or int(width[1]) > 1)


def of_pdf(path, known):
    fields, last = [], None
    with pdfplumber.open(path) as pdf:
        rows = [[cell or "" for cell in row] for page in pdf.pages for table in page.extract_tables() for row in table]
        annexes = annexes_of(page.extract_text() for page in pdf.pages)
    for cells in rows:
        kind = next((at for at, cell in enumerate(cells) if TYPE.search(cell)), None)
        end = max((at for at, cell in enumerate(cells) if cell.strip()), default=-1)
        name = column(cells[end], known) if end > 1 else None
        if name and kind and kind < end and is_free_text(cells[kind - 1] or cells[max(kind - 2, 0)], cells[kind]):
            last = None
        elif name and kind is not None and kind < end:
            at = next((at for at in range(kind + 1, end) if cells[at].strip()), None)
            last = [name, "" if at is None else cells[at], len(cells), at]
            fields.append(last)
        elif (
            last
            and not name
            and last[3] is not None
            and len(cells) == last[2]
            and kind is None
            and cells[last[3]].strip()
        ):
            # The rest of a cell that a page cut.
            last[1] += "\n" + cells[last[3]]
        elif name or kind is not None:
            last = None
    # The outcomes of tuberculosis before its form of 2014, which a table of all conditions has.
    outcomes = [categories(cells[-1]) for cells in rows if cells[0].strip() == "Tuberculose" and "SITUA_ENCE" in known]
    found = {"SITUA_ENCE": outcomes[0]} if outcomes else {}
    for name, text, _, _ in fields:
        annex = re.search(r"[Qq]uadro\s+([IVX]+)\b", text)
        rows = annexes.get(annex[1], []) if annex else categories(text)
        if rows and name in found and not alike(found[name], rows):
            raise ValueError(f"{path.name}: {name} has two lists, {found[name]} and {rows}")
        if rows:
            found.setdefault(name, list(rows))
    return found


def annexes_of(pages):
    """Lists behind the fields, `Quadro IV`: a code of two digits a line, and perhaps the numbers of criteria with it."""
    found, rows = {}, None
    for line in "\n".join(pages).splitlines():
        title = re.match(r"Quadro ([IVX]+)\b", line, re.IGNORECASE)
        row = re.match(r"(\d\d) (.+?)(?: \d+(?:,\d+)+)?$", line)
        if title:
            rows = found.setdefault(title[1].upper(), [])
        elif row and rows is not None:
            rows.append((row[1], bare(row[2])))
    return {number: rows for number, rows in found.items() if len({code for code, _ in rows}) == len(rows) > 1}


def of_table(path, known):
    found = {}
    with path.open(encoding="utf-8") as file:
        for row in list(csv.reader(file))[1:]:
            name = plain(row[7].strip().split("\n")[0].replace(" ", ""))[:10]
            rows = categories(row[4])
            if rows and name in known and not is_free_text(row[2], row[3]):
                found.setdefault(name, rows)
    return found


def known_columns():
    catalogue = tomllib.loads((HERE.parent / "catalog" / "sinan.toml").read_text(encoding="utf-8"))
    names = {}
    for grupo in catalogue["grupo"]:
        of_files = [name for fields in grupo.get("fields", []) for name in fields["names"].split()]
        typed = [of if isinstance(of, str) else of["name"] for of in grupo.get("columns", [])]
        names[grupo["grupo"]] = set(of_files) | set(typed)
    names["NIND"] = {"TP_NOT", "DOENCA_TRA", "SITUA_ENCE"}
    return names


def alike(one, other):
    of = [[(code, re.sub(r"\W", "", label.lower())) for code, label in rows] for rows in (one, other)]
    return of[0] == of[1]


def main(folder, tables=None):
    known, lines = known_columns(), []
    for condition, name in sorted(PDF.items()):
        pdf = next(path for path in folder.glob(f"{name}*.pdf") if path.stem in (name, f"{name}_DIC_DADOS"))
        found = of_pdf(pdf, known[condition])
        table = tables / f"{condition}.csv" if tables else None
        if table and table.exists():
            for column_name, rows in of_table(table, known[condition]).items():
                of_pages = found.get(column_name)
                if of_pages and len(of_pages) < len(rows) and alike(of_pages, rows[: len(of_pages)]):
                    found[column_name] = rows  # a page ends within the list
                elif of_pages and not alike(of_pages, rows):
                    print(
                        f"{condition} {column_name}: {found[column_name]} in the PDF, {rows} in the table",
                        file=sys.stderr,
                    )
                found.setdefault(column_name, rows)
        lists = {}
        for column_name, rows in found.items():
            if (
                column_name in NO_LIST
                or (condition, column_name) in WRONG
                or (column_name == "TP_NOT" and condition != "NIND")
            ):
                continue
            closed = CLOSED_BY_SYSTEM.get(condition)
            if column_name == "CLASSI_FIN" and closed and closed[0] not in dict(rows):
                rows.append(closed)
            lists.setdefault(tuple(rows), []).append(column_name)
        for rows, columns in lists.items():
            lines.append([condition, " ".join(columns), pdf.name, "|".join(f"{code}={label}" for code, label in rows)])
        print(f"{condition}: {sum(map(len, lists.values()))} columns, {len(lists)} lists")
    with (HERE / "sinan.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["agravo", "campos", "dicionario", "categorias"])
        writer.writerows(lines)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
