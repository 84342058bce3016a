"""Dual quantities by name: stress components and internal variables, as scalar fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.errors import StudyError
from romnet.core.tensors import VOIGT
from romnet.laws.composite import Heterogeneous


@dataclass(frozen=True)
class DualScalar:
    """One scalar of the state of a law.

    Attributes
    ----------
    name
        ``"p"``, ``"stress_11"``, ``"viscoplastic_strain_12"``, ...
    field
        Group of columns in the state of the law.
    column, width
        Column in the group, and how many there are.
    """

    name: str
    field: str
    column: int
    width: int

    def of(self, laws: Heterogeneous, state: Float[Array, "n_points n_state"]) -> Array:
        """Return its value at each point (n_points,)."""
        return laws.field(state, self.field)[:, self.column]


def dual_scalars(fields: Iterable[str], laws: Heterogeneous) -> tuple[DualScalar, ...]:
    """Expand field names into the scalars they are made of.

    Parameters
    ----------
    fields
        Names such as ``"p"`` or ``"stress"``.
    laws
        The laws, which know their fields.

    Raises
    ------
    StudyError
        If no law has such a field; the message lists those there are.

    Notes
    -----
    Collective: no. Mutates nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from romnet.laws.registry import build_law
    >>> spec = {"law": "elastic", "parameters": {"young": 2.0, "poisson": 0.0}}
    >>> laws = Heterogeneous((build_law(spec, n_components=4),), np.zeros(1, dtype=int))
    >>> [scalar.name for scalar in dual_scalars(("stress",), laws)]
    ['stress_11', 'stress_22', 'stress_33', 'stress_12']
    """
    scalars: list[DualScalar] = []
    for field in fields:
        if field not in laws.state_fields:
            message = (
                f"no material has a field {field!r}; there are: "
                f"{', '.join(sorted(laws.state_fields))}."
            )
            raise StudyError(message)
        width = laws.state_fields[field].stop - laws.state_fields[field].start
        scalars += [
            DualScalar(_label(field, column, width), field, column, width)
            for column in range(width)
        ]
    return tuple(scalars)


def _label(field: str, column: int, width: int) -> str:
    """Name one column of a field; tensors carry the indices of the component."""
    if width == 1:
        return field
    return f"{field}_{VOIGT[column]}" if width in {4, 6} else f"{field}_{column + 1}"
