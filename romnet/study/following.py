"""The full state along given displacements: the law driven at every point, no solve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import LawError
from romnet.laws.contract import TimeStep
from romnet.online.stepping import Committed

if TYPE_CHECKING:
    from romnet.hf.problem import HighFidelityProblem


def followed(
    problem: HighFidelityProblem,
    full: Committed,
    time: float,
    unknown: Float[Array, " n_dofs"],
    *,
    number: int,
) -> Committed:
    """Drive the law from a full state to a displacement in one increment.

    Parameters
    ----------
    problem
        The structure and its load on this rank.
    full
        State to start from.
    time
        End of the increment [time].
    unknown
        Displacement of this rank's dofs then [length].
    number
        Of the increment.

    Raises
    ------
    LawError
        If a point cannot follow, on all ranks.

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: one law call for each point.
    """
    temperature = problem.loading.temperature
    strain = problem.cells.strain(unknown)
    step = TimeStep(full.time, time - full.time, number)
    with together(problem.comm):
        response = problem.laws.integrate(
            full.strain, strain, full.state, temperature.at(full.time), temperature.at(time), step
        )
        if response.failed.size:
            message = (
                f"the law cannot follow the reduced displacement at t = {time:g} at "
                f"{response.failed.size} points; lower indicator.tolerance, so that the full state "
                "is known sooner."
            )
            raise LawError(message)
    rate = np.subtract(unknown, full.unknown) / (time - full.time)
    return Committed(time, unknown, rate, strain, response.state)


def unbalance(problem: HighFidelityProblem, full: Committed) -> tuple[float, float]:
    r"""Return the residual of equilibrium of a full state, and the forces in balance.

    :math:`\|F - \int B^T \sigma\|` on the free dofs, and the larger one of the norms of both
    [force].

    Notes
    -----
    Collective: yes. Mutates nothing. Cost: one pass over the mesh.
    """
    stress = np.ascontiguousarray(problem.laws.field(full.state, "stress"))
    internal = problem.exchange.accumulated(problem.cells.internal_force(stress))
    force = problem.exchange.accumulated(problem.loading.force.at(full.time))
    free = ~problem.loading.constrained
    rest = problem.exchange.norm(np.where(free, force - internal, 0.0))
    scale = max(problem.exchange.norm(np.where(free, force, 0.0)), problem.exchange.norm(internal))
    return rest, scale


class RelativeUnbalance:
    """Relates residuals to the forces of the instant, and to the largest so far.

    The Newton iterations judge an unloaded instant by what the structure has borne, too.
    """

    def __init__(self) -> None:
        self.largest = 0.0

    def of(self, problem: HighFidelityProblem, full: Committed) -> tuple[float, float]:
        """Return the residual of the next instant, related both ways [-]. Collective: yes."""
        rest, scale = unbalance(problem, full)
        self.largest = max(self.largest, scale)
        if self.largest == 0.0:
            return 0.0, 0.0
        return rest / scale if scale > 0.0 else rest, rest / self.largest
