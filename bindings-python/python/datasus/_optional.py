"""Libraries that are used where they are installed."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """The module, or an error that names the extra to install."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ImportError(
            f"{module.partition('.')[0]} is needed here and not installed: pip install 'datasus[{extra}]'"
        ) from missing
