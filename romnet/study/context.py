"""What actions share: the study, the ranks, the folder of results, and what is loaded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from romnet.core.arrays import Array
from romnet.core.communicator import Communicator, together
from romnet.fe.loading import Loading
from romnet.online.newton import NewtonOptions
from romnet.store import artefact
from romnet.store.manifest import Manifest
from romnet.store.mesh_file import load_mesh
from romnet.store.snapshots import SnapshotStore, StoredSource
from romnet.study.loadcases import loading_of
from romnet.study.read import HF, LocatedStudy
from romnet.study.schema import SIMULATION_TOLERANCE, Newton
from romnet.study.stopping import StopRequest, stopped
from romnet.study.times import has_own_instants, instants
from romnet.study.workspace import Workspace, build_workspace


def _silent(_: float) -> None:
    """Report no progress."""


@dataclass
class Context:
    """Shared by the actions of one run.

    Attributes
    ----------
    located
        The study.
    folder
        Folder of results.
    comm
        The ranks.
    progress
        Told the part of the running stage that is done, from 0 to 1.
    origin
        Folder of the mesh and the simulations, where a model of its own folder shares them.
    stop
        Looked at where a run can stop and go on later; None where nobody can ask. All ranks have
        one, or none has.
    """

    located: LocatedStudy
    folder: Path
    comm: Communicator
    progress: Callable[[float], None] = field(default=_silent)
    origin: Path | None = None
    stop: StopRequest | None = None

    @property
    def simulations(self) -> Path:
        """Folder of the mesh and the simulations."""
        return self.folder if self.origin is None else self.origin

    @cached_property
    def workspace(self) -> Workspace:
        """The structure on this rank; needs the artefact of the mesh."""
        with together(self.comm):
            mesh = load_mesh(self.simulations / "mesh.h5")
        return build_workspace(self.located, mesh, self.comm)

    def snapshots(self, name: str) -> SnapshotStore:
        """Return the stored results of a simulation."""
        return SnapshotStore.open(self.simulations / "snapshots" / f"{name}.h5")

    def replayed(self, name: str) -> SnapshotStore:
        """Return the replayed fields of a simulation."""
        return SnapshotStore.open(self.simulations / "replay" / f"{name}.h5")

    def displacement(self, name: str) -> StoredSource:
        """Return the displacement of a simulation at this rank's dofs."""
        return self.snapshots(name).source("displacement", self.workspace.part.dofs)

    def point_field(self, store: SnapshotStore, name: str) -> StoredSource:
        """Return a field of a simulation at this rank's points."""
        n_components = store.fields[name].info.n_components
        return store.source(name, self.workspace.component_rows(n_components))

    @property
    def training(self) -> tuple[str, ...]:
        """Names of the training simulations."""
        return tuple(entry.name for entry in self.located.study.training)

    def times(self, name: str) -> Float[Array, " n_times"]:
        """Return the instants of a case: its own, or those of training results, repeated."""
        grid = self.located.cases[name].grid
        if has_own_instants(grid):
            return instants(grid, None)
        imported = name in self.training and self.located.training(name).results != HF
        source = name if imported else self.training[0]
        return instants(grid, np.asarray(self.snapshots(source).times))

    def loading(self, name: str) -> Loading:
        """Return the load case of this name on this rank. Collective: yes."""
        workspace = self.workspace
        with together(self.comm):
            return loading_of(workspace, self.located.cases[name], self.times(name))

    @property
    def newton_options(self) -> NewtonOptions:
        """When Newton iterations of the reduced model stop."""
        return self._options(self.located.study.model_newton)

    @property
    def simulation_options(self) -> NewtonOptions:
        """When Newton iterations of high-fidelity simulations stop."""
        return self._options(self.located.study.simulation_newton)

    def _options(self, given: Newton) -> NewtonOptions:
        """Return what the solvers ask for."""
        asked = self.located.study.increments
        control = None if asked is None else asked.control()
        tolerance = given.tolerance or SIMULATION_TOLERANCE
        return NewtonOptions(tolerance, given.max_iterations, given.smallest_step, control)

    @property
    def stops(self) -> bool:
        """Whether the run was asked to stop. Collective: yes."""
        return self.stop is not None and self.stop.granted(self.comm)

    def safe_point(self, place: str) -> None:
        """End the run here, if it was asked to stop.

        Parameters
        ----------
        place
            How far the run came.

        Raises
        ------
        StoppedError
            On all ranks, if any of them was asked to stop.

        Notes
        -----
        Collective: yes.
        """
        if self.stops:
            raise stopped(place)

    def save(self, path: Path, value: object, manifest: Manifest) -> None:
        """Write an artefact that every rank holds, below the folder of results.

        Notes
        -----
        Collective: yes; rank 0 writes.
        """
        with together(self.comm):
            if self.comm.rank == 0:
                artefact.save(self.folder / path, value, manifest)
