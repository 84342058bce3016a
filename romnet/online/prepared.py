"""A reduced model made ready once for many load cases: laws loaded, modes laid out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, SerialCommunicator
from romnet.laws.composite import Heterogeneous
from romnet.online.kernel import Kernel
from romnet.reduction.dual import DualScalar, dual_scalars
from romnet.reduction.model import ReducedModel

# Fewer points than this are no work to share: a reduction costs as much as some hundred of them.
ALONE_BELOW = 2000


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """A reduced model on this rank's share of the points.

    Attributes
    ----------
    model
        The model.
    laws
        Laws of this rank's points.
    share
        Positions in ``model.points`` of this rank's points, quadrature points first.
    n_quadrature
        How many of them are quadrature points.
    comm
        The ranks that share the points.
    """

    model: ReducedModel
    laws: Heterogeneous
    share: Int[Array, " n_points"]
    n_quadrature: int
    comm: Communicator

    @classmethod
    def build(cls, model: ReducedModel, comm: Communicator) -> PreparedModel:
        """Share the points among the ranks and load the laws."""
        quadrature = np.array_split(np.arange(model.n_quadrature), comm.size)[comm.rank]
        gappy = np.arange(model.n_quadrature, model.points.size)
        share = np.concatenate([quadrature, np.array_split(gappy, comm.size)[comm.rank]])
        laws = model.laws()
        return cls(
            model=model,
            laws=laws if comm.size == 1 else laws.restricted_to(share),
            share=share,
            n_quadrature=len(quadrature),
            comm=comm,
        )

    @property
    def takes_all(self) -> bool:
        """Whether every point is this rank's."""
        return len(self.share) == self.model.points.size

    @cached_property
    def weights(self) -> Float[Array, " n_quadrature"]:
        """Weights of this rank's quadrature points."""
        return np.asarray(self.model.weights[self.share[: self.n_quadrature]])

    @cached_property
    def kernel(self) -> Kernel:
        """The compiled loops over this rank's points."""
        return Kernel(self.model.strain_modes[self.share], self.weights, self.laws.compiled)

    @cached_property
    def scalars(self) -> tuple[DualScalar, ...]:
        """Dual scalars that the model can rebuild."""
        scalars = dual_scalars(self.model.dual, self.laws)
        return tuple(scalar for scalar in scalars if scalar.name in self.model.gappy)


def prepare(model: ReducedModel, *, comm: Communicator | None = None) -> PreparedModel:
    """Make a reduced model ready for many load cases.

    Parameters
    ----------
    model
        The same on every rank.
    comm
        The ranks; alone if left out. With fewer than 2000 points every rank takes all of them:
        the law is integrated there sooner than ranks can talk.

    Returns
    -------
    PreparedModel
        What `romnet.online.solve.solve` takes in the place of a model.

    Raises
    ------
    PluginError
        If the library of a constitutive law cannot be loaded.

    Notes
    -----
    Collective: no. Deterministic: yes. Mutates nothing. Cost: that of opening the libraries, and
    one copy of the strain modes.
    """
    # A rank without points has no law, and would not speak the language of the others.
    if comm is None or model.points.size < ALONE_BELOW or model.n_quadrature < comm.size:
        comm = SerialCommunicator()
    return PreparedModel.build(model, comm)
