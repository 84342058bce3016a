"""A load case on the dofs and points of one rank."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float

from romnet.core.arrays import Array
from romnet.fe.equations import Elimination
from romnet.fe.history import SeparatedField


@dataclass(frozen=True)
class Loading:
    """Everything that acts on a structure, as fields in space times functions of time.

    Attributes
    ----------
    name
        Name of the case.
    times
        Instants of the answer, the first being the virgin state (n_times,) [time].
    force
        External force on this rank's dofs, integrated over its own cells and faces only: the
        sum over ranks is the force [force].
    temperature
        Temperature at this rank's points [temperature].
    prescribed
        Displacement that the constraints give where all other dofs are still: that of the
        constrained dofs and of the slaves of the equations, zero elsewhere [length].
    constrained
        Which dofs are constrained (n_dofs,).
    equations
        What ties dofs to one another, solved for some of them; nothing if they are not tied.
    """

    name: str
    times: Float[Array, " n_times"]
    force: SeparatedField
    temperature: SeparatedField
    prescribed: SeparatedField
    constrained: Bool[Array, " n_dofs"]
    equations: Elimination | None = None
