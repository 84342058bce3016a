"""Which factor on the loads, or on the expansion, brings internal and external forces together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array

Kind = Literal["stresses", "load", "expansion", "several", "unexplained"]
# An explanation must leave this part of the imbalance at most, or what counts as balanced.
EXPLAINED = 0.1
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Explanation:
    """What would make the forces balance.

    Attributes
    ----------
    kind
        ``"stresses"``: one factor on all loads; ``"load"``: a factor on one of them;
        ``"expansion"``: on the thermal expansion; ``"several"``: factors on all of these;
        ``"unexplained"``: none of these.
    loads
        Positions of the loads that the factor may belong to: several where they cannot be told
        apart, none for the other kinds.
    factors
        What each load must be multiplied with (n_loads,) [-]; one where nothing is known.
    expansion
        What the expansion of the study must be multiplied with [-].
    left
        Part of the imbalance that this does not explain [-].
    """

    kind: Kind
    loads: tuple[int, ...]
    factors: Float[Array, " n_loads"]
    expansion: float
    left: float


def explain(
    internal: Float[Array, " n"],
    loads: Float[Array, "n_loads n"],
    thermal: Float[Array, " n"],
    *,
    accepted: float,
) -> Explanation:
    r"""Find the simplest factors with which internal forces are the sum of the loads.

    With :math:`f` the internal forces, :math:`F_l` the loads and :math:`h` the forces that
    thermal expansion makes in the virgin material, :math:`f \approx \sum_l c_l F_l + (b - 1) h`
    is solved for one common :math:`c`, one :math:`c_l`, or :math:`b` alone, and for all together
    only when none of these explains the imbalance.

    Parameters
    ----------
    internal, loads, thermal
        Forces on the free dofs at one instant [force]; a load or the expansion may be zero.
    accepted
        Imbalance that counts as none [force].

    Returns
    -------
    Explanation
        The first that leaves less than `accepted` or a tenth of the imbalance.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: small least-squares problems.

    Examples
    --------
    >>> loads = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]])
    >>> found = explain(loads[0] - loads[1], loads, np.zeros(3), accepted=1e-6)
    >>> found.kind, found.loads, found.factors.round(9).tolist()
    ('load', (1,), [1.0, -1.0])
    """
    n_loads = len(loads)
    residual = internal - loads.sum(axis=0)
    size = float(np.linalg.norm(residual))
    enough = max(accepted, EXPLAINED * size)
    active = [number for number in range(n_loads) if loads[number].any()]

    def left(missing: Array) -> float:
        """Return the part of the imbalance that stays."""
        return float(np.linalg.norm(missing)) / max(size, _TINY)

    total = loads.sum(axis=0)
    ones = np.ones(n_loads)
    candidates: list[Explanation] = []
    if len(active) > 1:
        excess = _coefficient(residual, total)
        factors = np.full(n_loads, 1.0 + excess)
        candidates.append(
            Explanation("stresses", (), factors, 1.0, left(residual - excess * total))
        )
    alone = []
    for number in active:
        excess = _coefficient(residual, loads[number])
        factors = ones.copy()
        factors[number] += excess
        rest = left(residual - excess * loads[number])
        alone.append(Explanation("load", (number,), factors, 1.0, rest))
    if alone:
        best = min(alone, key=lambda found: found.left)
        tied = tuple(found.loads[0] for found in alone if found.left <= best.left + 1e-6)
        candidates.append(Explanation("load", tied, best.factors, 1.0, best.left))
    if thermal.any():
        excess = _coefficient(residual, thermal)
        rest = left(residual - excess * thermal)
        candidates.append(Explanation("expansion", (), ones, 1.0 + excess, rest))
    explained = [found for found in candidates if found.left * size <= enough]
    if explained:
        return min(explained, key=lambda found: found.left)
    columns = np.column_stack([*loads, thermal])
    excesses = _scaled_least_squares(columns, residual)
    rest = left(residual - columns @ excesses)
    kind: Kind = "several" if rest * size <= enough else "unexplained"
    return Explanation(kind, (), ones + excesses[:n_loads], 1.0 + float(excesses[n_loads]), rest)


def _scaled_least_squares(columns: Array, values: Array) -> Array:
    """Return the best factors of some vectors, the smallest where they are not unique."""
    norms = np.linalg.norm(columns, axis=0)
    scales = np.where(norms > 0.0, norms, 1.0)
    found = np.linalg.lstsq(columns / scales, values, rcond=1e-8)[0]
    return np.asarray(found / scales)


def _coefficient(values: Array, direction: Array) -> float:
    """Return the best factor of one vector."""
    square = float(direction @ direction)
    return float(values @ direction) / square if square > 0.0 else 0.0
