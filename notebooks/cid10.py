"""Os 22 capítulos da CID-10 (OMS; no Brasil, tradução do CBCD/USP, publicada pelo DATASUS)."""

from bisect import bisect_right

_CAPITULOS = [
    ("A00", "I", "Infecciosas e parasitárias"),
    ("C00", "II", "Neoplasias"),
    ("D50", "III", "Sangue e imunidade"),
    ("E00", "IV", "Endócrinas e metabólicas"),
    ("F00", "V", "Transtornos mentais"),
    ("G00", "VI", "Sistema nervoso"),
    ("H00", "VII", "Olho e anexos"),
    ("H60", "VIII", "Ouvido"),
    ("I00", "IX", "Aparelho circulatório"),
    ("J00", "X", "Aparelho respiratório"),
    ("K00", "XI", "Aparelho digestivo"),
    ("L00", "XII", "Pele"),
    ("M00", "XIII", "Osteomuscular"),
    ("N00", "XIV", "Aparelho geniturinário"),
    ("O00", "XV", "Gravidez, parto e puerpério"),
    ("P00", "XVI", "Perinatais"),
    ("Q00", "XVII", "Malformações congênitas"),
    ("R00", "XVIII", "Mal definidas"),
    ("S00", "XIX", "Lesões e envenenamentos"),
    ("U00", "XXII", "Propósitos especiais"),
    ("V01", "XX", "Causas externas"),
    ("Z00", "XXI", "Contatos com serviços"),
]
_INICIOS = [inicio for inicio, _, _ in _CAPITULOS]


def capitulo(codigo: str | None) -> str:
    """``J189`` está em ``X. Aparelho respiratório``; o que não é um código, em ``Sem código``."""
    onde = bisect_right(_INICIOS, (codigo or "")[:3].upper()) - 1
    if onde < 0 or (codigo or "")[:1] > "Z":
        return "Sem código"
    return f"{_CAPITULOS[onde][1]}. {_CAPITULOS[onde][2]}"
