"""O que os gráficos dos cadernos têm em comum: cores que daltônicos distinguem e números como se escrevem no Brasil."""

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

# Okabe e Ito, "Color Universal Design" (2008).
AZUL, LARANJA, VERDE, VERMELHO, ROXO, CINZA = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#999999"


def numero(valor: float, casas: int = 0) -> str:
    """``1234.5`` com uma casa é ``1.234,5``."""
    return f"{valor:,.{casas}f}".translate(str.maketrans(",.", ".,"))


def estilo() -> None:
    """Vale para todos os gráficos que vêm depois."""
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.figsize": (8, 4.5),
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "axes.prop_cycle": plt.cycler(color=[AZUL, LARANJA, VERDE, VERMELHO, ROXO, CINZA]),
            "svg.hashsalt": "datasus",
        }
    )


def eixo_brasileiro(eixo, casas: int = 0) -> None:
    """Ponto para milhares, vírgula para decimais."""
    eixo.set_major_formatter(FuncFormatter(lambda valor, _: numero(valor, casas)))


def fonte(figura, texto: str) -> None:
    """De onde vêm os números, abaixo do gráfico."""
    figura.supxlabel(texto, x=0.01, ha="left", fontsize=8, color="#555555")
