"""Nonintrusive reduced-order models of nonlinear structures.

``open_study``, ``check``, ``offline``, ``answer``, ``fields``, ``write_fields``, ``write_report``
do what the command line does; ``load_model`` and ``solve`` answer load cases without a study. Each
is loaded when first asked for, so that importing romnet costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from romnet.core.kernels import choose_kernels

if TYPE_CHECKING:
    from romnet.online.solve import solve
    from romnet.store.model_file import load_model
    from romnet.study.answer_fields import fields
    from romnet.study.checks.checking import check
    from romnet.study.commands import offline, open_study, status
    from romnet.study.commands import online as answer
    from romnet.study.export import write_answer as write_fields
    from romnet.study.reporting import write_report

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "answer",
    "check",
    "fields",
    "load_model",
    "offline",
    "open_study",
    "solve",
    "status",
    "write_fields",
    "write_report",
]

choose_kernels()  # has to come before NumPy's first import

# Where each name lives, and what it is called there: `online` and `report` are taken by packages.
_HOMES = {
    "answer": ("romnet.study.commands", "online"),
    "check": ("romnet.study.checks.checking", "check"),
    "fields": ("romnet.study.answer_fields", "fields"),
    "load_model": ("romnet.store.model_file", "load_model"),
    "offline": ("romnet.study.commands", "offline"),
    "open_study": ("romnet.study.commands", "open_study"),
    "solve": ("romnet.online.solve", "solve"),
    "status": ("romnet.study.commands", "status"),
    "write_fields": ("romnet.study.export", "write_answer"),
    "write_report": ("romnet.study.reporting", "write_report"),
}


def __getattr__(name: str) -> object:
    """Load a public function from its home."""
    if name not in _HOMES:
        message = f"module 'romnet' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    home, there = _HOMES[name]
    return getattr(import_module(home), there)
