"""Which reduced model answers a case: that of the training, a lifted one, or a local one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.reduction.basis import ReducedBasis
from romnet.reduction.dictionary import Choice, Dictionary
from romnet.reduction.model import ReducedModel
from romnet.store import artefact
from romnet.store.modes import load_bases
from romnet.study.context import Context
from romnet.study.read import LocatedStudy
from romnet.study.training import displacement_basis

DICTIONARY = Path("dictionary.h5")
# Folder of the modes of the local models, and of the global one that learns from all their runs.
LOCAL = Path("dictionary")
GLOBAL = "global"


@dataclass(frozen=True)
class LocalModels:
    """The dictionary of local models, if there is one.

    Attributes
    ----------
    dictionary
        None where the criterion advises against one.
    largest_rise
        Largest rise of the temperature of all candidates [temperature].
    why_not
        Its reason; empty if there is a dictionary.
    """

    dictionary: Dictionary | None
    largest_rise: float
    why_not: str = ""


@dataclass(frozen=True)
class Chosen:
    """The model that answers a case, and why.

    Attributes
    ----------
    choice
        What the dictionary says.
    model
        Folder of its modes below that of the results; empty for the model of the training.
    medoid
        Candidate that stands for its cluster; empty for a global model.
    """

    choice: Choice
    model: str
    medoid: str

    @property
    def words(self) -> str:
        """One line for people."""
        found = self.choice
        if self.medoid:
            return (
                f"local model {found.cluster} (that of {self.medoid}) with probability "
                f"{found.probability:.3f}, {found.distance:.2f} of the familiar distance"
            )
        return f"global model: {found.reason}"


def is_lifted(context: Context, case: str) -> bool:
    """Whether the study lets the load of a case extend the model."""
    return any(one.name == case and one.lifting != "off" for one in context.located.study.online)


def asks_dictionary(located: LocatedStudy, case: str) -> bool:
    """Whether a case is answered by the dictionary of local models, if the study has one."""
    local = located.study.local
    if local is None or local.dictionary is None:
        return False
    return any(
        one.name == case and one.lifting == "off" and one.model == "auto"
        for one in located.study.online
    )


def local_models(context: Context) -> LocalModels:
    """Return the dictionary of the study; a file that stays the same is read once.

    Raises
    ------
    StoreError
        If it has not been made.
    """
    path = context.folder / DICTIONARY
    made = path.stat().st_mtime_ns if path.exists() else 0
    return _read(path, made)


@lru_cache(maxsize=1)
def _read(path: Path, made: int) -> LocalModels:  # noqa: ARG001  (another time, another file)
    """Read a dictionary."""
    return artefact.load(path, LocalModels)


def chosen_of(context: Context, case: str) -> Chosen:
    """Return which model of the dictionary answers a case."""
    return artefact.load(context.folder / f"choices/{case}.h5", Chosen)


def model_of(context: Context, case: str) -> ReducedModel:
    """Return the reduced model that answers a case.

    Of the loads of the training, only that of the case is read: no other case asks for them.
    """
    if asks_dictionary(context.located, case):
        chosen = chosen_of(context, case)
        found = local_models(context).dictionary
        if chosen.model and found is not None:
            return found.model(chosen.choice)
    path = f"lifted/{case}.h5" if is_lifted(context, case) else "model.h5"
    return artefact.load(context.folder / path, ReducedModel, only={"loadings": (case,)})


def displacement_modes(context: Context, case: str) -> Float[Array, "n_dofs n_modes"]:
    """Return the displacement modes of that model at this rank's dofs."""
    dofs = context.workspace.part.dofs
    if asks_dictionary(context.located, case):
        return load_bases(_folder_of(context, case) / "pod.h5", dofs)["displacement"].modes
    trained = displacement_basis(context).modes
    if not is_lifted(context, case):
        return trained
    further = load_bases(context.folder / f"lifted/{case}_modes.h5", dofs)["displacement"].modes
    return np.hstack([trained, further])


def dual_bases(context: Context, case: str) -> Mapping[str, ReducedBasis]:
    """Return the bases of the dual scalars of that model at this rank's points."""
    return load_bases(_folder_of(context, case) / "dual_pod.h5", context.workspace.part.points)


def _folder_of(context: Context, case: str) -> Path:
    """Return the folder of the modes of that model."""
    if asks_dictionary(context.located, case):
        return context.folder / chosen_of(context, case).model
    return context.folder
