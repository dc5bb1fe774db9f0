"""The compiled part; `datasus` is its public face."""

from collections.abc import Callable
from types import CapsuleType
from typing import final

from typing_extensions import Self

__version__: str

_Tick = Callable[[], None]
_Columns = list[tuple[str, str, bool]]
_Counts = tuple[int, int, int, int, float | None]
