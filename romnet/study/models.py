"""Which reduced model answers a case: that of the training."""

from __future__ import annotations

from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.study.context import Context
from romnet.study.training import displacement_basis


def model_of(context: Context, case: str) -> ReducedModel:  # noqa: ARG001  (lifted models follow)
    """Return the reduced model that answers a case."""
    return artefact.load(context.folder / "model.h5", ReducedModel)


def displacement_modes(context: Context, case: str) -> Float[Array, "n_dofs n_modes"]:  # noqa: ARG001
    """Return the displacement modes of that model at this rank's dofs."""
    return displacement_basis(context).modes
