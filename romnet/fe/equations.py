"""Linear equations between degrees of freedom, solved for some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from romnet.core.arrays import Array

# Coefficients below this part of the largest one of their equation are rounding.
_ROUNDING = 1e-12
# Coefficients this close to the largest one are as good a pivot.
_TIE = 1e-9


class ContradictionError(ValueError):
    """An equation says something else than those before it.

    Attributes
    ----------
    equation
        Its row.
    """

    def __init__(self, equation: int) -> None:
        super().__init__(f"equation {equation} contradicts those before it and the held dofs")
        self.equation = equation


@dataclass(frozen=True, eq=False)
class Equations:
    r"""Equations :math:`\sum_j c_{ij} u_j = \sum_k a_k(t) v_{ki}` over the dofs of the whole mesh.

    Attributes
    ----------
    matrix
        Coefficients (n_equations, n_dofs) [-].
    values
        Right sides, one row for each function of time [length].
    """

    matrix: csr_matrix
    values: Float[Array, "n_terms n_equations"]


@dataclass(frozen=True, eq=False)
class Elimination:
    r"""Equations solved for some dofs: :math:`u_s = \sum_m c_{sm} u_m + \sum_k a_k(t) g_{ks}`.

    Attributes
    ----------
    slaves
        Dofs that the others determine, ascending.
    masters
        Their coefficients over the dofs of the whole mesh, which are neither held nor slaves
        (n_slaves, n_dofs) [-].
    values
        What does not depend on other dofs, one row for each function of time [length].
    """

    slaves: Int[Array, " n_slaves"]
    masters: csr_matrix
    values: Float[Array, "n_terms n_slaves"]

    @property
    def involved(self) -> Int[Array, " n"]:
        """Slaves and masters, ascending."""
        return np.union1d(self.slaves, self.masters.indices).astype(np.int64)

    def expanded(self, displacement: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Return a displacement of the whole mesh whose slaves follow their masters."""
        moved = displacement.copy()
        moved[self.slaves] = self.masters @ displacement
        return moved

    def gathered(self, force: Float[Array, " n_dofs"]) -> Float[Array, " n_dofs"]:
        """Return forces on the whole mesh, those on slaves handed on to their masters.

        Examples
        --------
        Dof 1 moves as dof 0, so that both bear what acts on one of them:

        >>> pair = Equations(csr_matrix(np.array([[-1.0, 1.0]])), np.zeros((0, 1)))
        >>> free = np.zeros(2, dtype=bool)
        >>> eliminate(pair, free, np.zeros((0, 2))).gathered(np.array([3.0, 4.0])).tolist()
        [7.0, 0.0]
        """
        borne = force + self.masters.T @ force[self.slaves]
        borne[self.slaves] = 0.0
        return np.asarray(borne)


def eliminate(
    equations: Equations,
    held: Bool[Array, " n_dofs"],
    held_values: Float[Array, "n_terms n_dofs"],
    *,
    kept: Bool[Array, " n_dofs"] | None = None,
) -> Elimination:
    """Solve equations for some of their dofs, by Gaussian elimination.

    Parameters
    ----------
    equations
        The equations.
    held
        Dofs whose displacement is prescribed: they are known, never slaves.
    held_values
        Their displacement, one row for each function of time [length].
    kept
        Dofs that rather stay unknowns, where coefficients leave the choice.

    Returns
    -------
    Elimination
        Equations that follow from others leave no slave.

    Raises
    ------
    ContradictionError
        If an equation is at odds with the others or with the held dofs.

    Notes
    -----
    Collective: no. Deterministic: yes; of equally good slaves the one of the highest number is
    taken. Mutates nothing. Cost: linear in the coefficients, unless equations form long chains.

    Examples
    --------
    Two dofs have the same displacement, and the second one that of the third, which is held:

    >>> chain = csr_matrix(np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
    >>> held = np.array([False, False, True])
    >>> found = eliminate(Equations(chain, np.zeros((1, 2))), held, np.array([[0.0, 0.0, 5.0]]))
    >>> found.slaves.tolist(), found.values.tolist(), found.masters.nnz
    ([0, 1], [[5.0, 5.0]], 0)
    """
    matrix = equations.matrix.tocsr()
    kept = np.zeros(held.size, dtype=bool) if kept is None else kept
    size = max(float(np.abs(held_values).max(initial=0.0)), 0.0)
    solved: dict[int, tuple[dict[int, float], Array]] = {}
    for row in range(matrix.shape[0]):
        given = slice(matrix.indptr[row], matrix.indptr[row + 1])
        terms = dict(zip(matrix.indices[given].tolist(), matrix.data[given].tolist(), strict=True))
        largest = max(map(abs, terms.values()), default=0.0)
        value = equations.values[:, row].copy()
        size = max(size, float(np.abs(value).max(initial=0.0)) / (largest or 1.0))
        value -= _move_known(terms, held, held_values)
        _substitute(terms, value, solved)
        terms = {dof: c for dof, c in terms.items() if abs(c) > _ROUNDING * largest}
        if terms:
            slave = _slave(terms, kept)
            pivot = terms.pop(slave)
            solved[slave] = ({dof: -c / pivot for dof, c in terms.items()}, value / pivot)
        elif np.abs(value).max(initial=0.0) > _TIE * size * (largest or 1.0):
            raise ContradictionError(row)
    _resolve(solved)
    return _arranged(solved, matrix.shape[1], len(equations.values))


def _move_known(terms: dict[int, float], held: Array, held_values: Array) -> Array:
    """Take the held dofs out of an equation, and return what they contribute."""
    known = np.zeros(len(held_values))
    for dof in [dof for dof in terms if held[dof]]:
        known += terms.pop(dof) * held_values[:, dof]
    return known


def _substitute(
    terms: dict[int, float], value: Array, solved: dict[int, tuple[dict[int, float], Array]]
) -> None:
    """Replace slaves in an equation by their masters, in place, until none is left."""
    while slaves := [dof for dof in terms if dof in solved]:
        for slave in slaves:
            factor = terms.pop(slave)
            masters, constant = solved[slave]
            value -= factor * constant
            for dof, coefficient in masters.items():
                terms[dof] = terms.get(dof, 0.0) + factor * coefficient


def _slave(terms: dict[int, float], kept: Array) -> int:
    """Choose the dof that an equation is solved for."""
    largest = max(map(abs, terms.values()))
    good = [dof for dof, c in terms.items() if abs(c) >= (1.0 - _TIE) * largest]
    return max(good, key=lambda dof: (not kept[dof], dof))


def _resolve(solved: dict[int, tuple[dict[int, float], Array]]) -> None:
    """Replace masters that became slaves later, the last slave first, in place."""
    for slave in reversed(list(solved)):
        masters, constant = solved[slave]
        if any(dof in solved for dof in masters):
            rest = -constant  # the value of the equation of the masters alone is its negative
            _substitute(masters, rest, solved)
            solved[slave] = (masters, -rest)


def _arranged(
    solved: dict[int, tuple[dict[int, float], Array]], n_dofs: int, n_terms: int
) -> Elimination:
    """Put solved equations in arrays."""
    slaves = sorted(solved)
    rows, columns, data = [], [], []
    for row, slave in enumerate(slaves):
        masters = {dof: c for dof, c in solved[slave][0].items() if abs(c) > _ROUNDING}
        rows += [row] * len(masters)
        columns += list(masters)
        data += list(masters.values())
    values = np.zeros((n_terms, len(slaves)))
    for row, slave in enumerate(slaves):
        values[:, row] = solved[slave][1]
    where = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))
    masters = csr_matrix((np.array(data, dtype=float), where), shape=(len(slaves), n_dofs))
    return Elimination(np.array(slaves, dtype=np.int64), masters, values)
