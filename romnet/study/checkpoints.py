"""The state of a high-fidelity computation on disk, from which a stopped one goes on.

Beside the state there are the records since the state before, so that nothing is computed twice.
States are saved on one rank only.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import RomnetError
from romnet.core.status import Status
from romnet.online.stepping import Committed, StepOutcome
from romnet.store.artefact import Manifest, read_manifest
from romnet.store.snapshots import FieldInfo, SnapshotStore, SnapshotWriter, writing_snapshots
from romnet.study.context import Context
from romnet.study.schema import Checkpoint

logger = logging.getLogger(__name__)


class _DroppedError(Exception):
    """Ends a file of records that no state will speak of."""


@dataclass
class Checkpoints:
    """Saves and finds the states of one computation.

    Attributes
    ----------
    context
        Study, ranks, folder.
    case
        The computation.
    manifest
        Its key: states of other inputs are not used.
    infos, rows
        Recorded fields, and the rows of this rank, as for the results themselves.
    """

    context: Context
    case: str
    manifest: Manifest
    infos: Mapping[str, FieldInfo]
    rows: Mapping[str, Int[Array, " n"]]
    _n_saved: int = 0
    _n_instants: int = 0
    _began: float = field(default_factory=monotonic)
    _open: tuple[AbstractContextManager[SnapshotWriter], SnapshotWriter] | None = None

    @property
    def _asked(self) -> Checkpoint | None:
        """When the study wants a state to be saved."""
        asked = self.context.located.study.checkpoint if self.manifest.key else None
        return asked if self.context.comm.size == 1 else None

    @property
    def _folder(self) -> Path:
        """Where the files are."""
        return self.context.folder / "checkpoints" / self.case

    def found(self) -> StepOutcome | None:
        """Return the last state of an interrupted computation of the same inputs. Collective."""
        if self.context.comm.size > 1 and self.context.located.study.checkpoint is not None:
            logger.warning("%s: `checkpoint` is for one rank; no state is saved.", self.case)
        if self._asked is None:
            return None
        numbers = (int(path.stem.rpartition("-")[2]) for path in self._folder.glob("state-*.h5"))
        newest = int(self.context.comm.broadcast(np.array([max(numbers, default=0)]))[0])
        if newest == 0:
            self.forget()
            return None
        try:
            with together(self.context.comm):
                outcome = self._read(newest)
                for records in self._records(newest):
                    SnapshotStore.open(records)
        except RomnetError as problem:
            logger.warning("%s: the saved state is not used: %s", self.case, problem)
            self.forget()
            return None
        self._n_saved = newest
        with together(self.context.comm):
            if self.context.comm.rank == 0:
                # Closed just before the end, these would count twice.
                for path in self._folder.glob("records-*.h5*"):
                    if int(path.name.partition(".")[0].rpartition("-")[2]) > newest:
                        path.unlink()
        return outcome

    def recorded(self) -> Iterator[tuple[float, dict[str, Array]]]:
        """Yield what was recorded up to the state found: instants and this rank's rows."""
        for path in self._records(self._n_saved):
            store = SnapshotStore.open(path)
            sources = {name: store.source(name, self.rows[name]) for name in self.infos}
            for number, time in enumerate(store.times):
                yield float(time), {name: source.column(number) for name, source in sources.items()}

    def record(self, time: float, values: Mapping[str, Array]) -> None:
        """Keep what is recorded, until a state speaks of it. Collective."""
        if self._asked is None:
            return
        if self._open is None:
            path = self._folder / f"records-{self._n_saved + 1:06d}.h5"
            manager = writing_snapshots(
                path, self.infos, rows=self.rows, manifest=self.manifest, comm=self.context.comm
            )
            self._open = manager, manager.__enter__()
        self._open[1].append(time, values)

    def passed(self, outcome: StepOutcome) -> None:
        """Save the state at an instant, if it is time to. Collective."""
        asked, comm = self._asked, self.context.comm
        if asked is None:
            return
        self._n_instants += 1
        due = asked.instants is not None and self._n_instants >= asked.instants
        if asked.seconds is not None:
            # Clocks differ from rank to rank.
            due = due or comm.max(monotonic() - self._began) >= asked.seconds
        if due:
            self._save(outcome)
            self._n_instants, self._began = 0, monotonic()

    def close(self) -> None:
        """Drop records that no state speaks of; files of states stay. Collective."""
        if self._open is not None:
            manager, self._open = self._open[0], None
            manager.__exit__(_DroppedError, _DroppedError(), None)

    def forget(self) -> None:
        """Remove everything, once the results are there. Collective."""
        self.close()
        with together(self.context.comm):
            if self.context.comm.rank == 0:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _records(self, count: int) -> list[Path]:
        """Return the files of records up to a state; between some states nothing is recorded."""
        paths = (self._folder / f"records-{number:06d}.h5" for number in range(1, count + 1))
        return [path for path in paths if path.exists()]

    def _save(self, outcome: StepOutcome) -> None:
        """Close the records, write the state, and only then remove the one before."""
        if self._open is not None:
            manager, self._open = self._open[0], None
            manager.__exit__(None, None, None)
        self._n_saved += 1
        committed, comm = outcome.committed, self.context.comm
        owned = self.context.workspace.part.owned_dofs
        infos, rows = self._state_fields()
        parameters = {
            "scale": outcome.scale,
            "increments": float(outcome.increments),
            "length": outcome.length if np.isfinite(outcome.length) else -1.0,
        }
        path = self._folder / f"state-{self._n_saved:06d}.h5"
        with writing_snapshots(
            path, infos, rows=rows, parameters=parameters, manifest=self.manifest, comm=comm
        ) as writer:
            values = {
                "unknown": committed.unknown[owned],
                "rate": committed.rate[owned],
                "strain": committed.strain,
                "state": committed.state,
            }
            writer.append(committed.time, values)
        with together(comm):
            if comm.rank == 0:
                for old in self._folder.glob("state-*.h5*"):
                    if not old.name.startswith(path.name):
                        old.unlink()

    def _state_fields(self) -> tuple[dict[str, FieldInfo], dict[str, Array]]:
        """Describe the state: all of the displacement, and what points carry."""
        workspace = self.context.workspace
        widths = {
            "strain": workspace.discretization.n_components,
            "state": workspace.laws.n_state,
        }
        node = FieldInfo("node", tuple("123"[: workspace.mesh.n_dim]))
        infos = {"unknown": node, "rate": node}
        rows = {"unknown": workspace.owned_dofs, "rate": workspace.owned_dofs}
        for name, width in widths.items():
            infos[name] = FieldInfo("point", tuple(str(number + 1) for number in range(width)))
            rows[name] = workspace.component_rows(width)
        return infos, rows

    def _read(self, number: int) -> StepOutcome:
        """Read a state on this rank."""
        path = self._folder / f"state-{number:06d}.h5"
        if read_manifest(path).key != self.manifest.key:
            message = f"{path} belongs to other inputs."
            raise RomnetError(message)
        workspace, store = self.context.workspace, SnapshotStore.open(path)
        _, rows = self._state_fields()
        rows |= {"unknown": workspace.part.dofs, "rate": workspace.part.dofs}
        read = {name: store.source(name, rows[name]).column(0) for name in rows}
        n_points = workspace.discretization.n_points
        committed = Committed(
            time=float(store.times[0]),
            unknown=read["unknown"],
            rate=read["rate"],
            strain=read["strain"].reshape(n_points, -1),
            state=read["state"].reshape(n_points, -1),
        )
        length = float(store.parameters["length"])
        outcome = StepOutcome(
            committed,
            Status.CONVERGED,
            scale=float(store.parameters["scale"]),
            increments=int(store.parameters["increments"]),
        )
        return outcome if length < 0.0 else replace(outcome, length=length)
