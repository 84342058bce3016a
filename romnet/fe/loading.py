"""A load case on the dofs and points of one rank."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float

from romnet.core.arrays import Array
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
        Prescribed displacement of the constrained dofs, zero elsewhere [length].
    constrained
        Which dofs are constrained (n_dofs,).
    """

    name: str
    times: Float[Array, " n_times"]
    force: SeparatedField
    temperature: SeparatedField
    prescribed: SeparatedField
    constrained: Bool[Array, " n_dofs"]
