"""Which reduced model answers a case: that of the training, or one lifted for its load."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.modes import load_bases
from romnet.study.context import Context
from romnet.study.training import displacement_basis


def is_lifted(context: Context, case: str) -> bool:
    """Whether the study lets the load of a case extend the model."""
    return any(one.name == case and one.lifting != "off" for one in context.located.study.online)


def model_of(context: Context, case: str) -> ReducedModel:
    """Return the reduced model that answers a case."""
    path = f"lifted/{case}.h5" if is_lifted(context, case) else "model.h5"
    return artefact.load(context.folder / path, ReducedModel)


def displacement_modes(context: Context, case: str) -> Float[Array, "n_dofs n_modes"]:
    """Return the displacement modes of that model at this rank's dofs."""
    trained = displacement_basis(context).modes
    if not is_lifted(context, case):
        return trained
    dofs = context.workspace.part.dofs
    further = load_bases(context.folder / f"lifted/{case}_modes.h5", dofs)["displacement"].modes
    return np.hstack([trained, further])
