"""Nonintrusive reduced-order models of nonlinear structures.

``romnet.load_model`` and ``romnet.solve`` answer load cases; `romnet.study.commands` does what the
command line does. Both are loaded when first asked for, so that importing romnet costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from romnet.online.solve import solve
    from romnet.store.model_file import load_model

__version__ = "0.1.0"
__all__ = ["__version__", "load_model", "solve"]

_HOMES = {"load_model": "romnet.store.model_file", "solve": "romnet.online.solve"}


def __getattr__(name: str) -> object:
    """Load a public function from its home."""
    if name not in _HOMES:
        message = f"module 'romnet' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
