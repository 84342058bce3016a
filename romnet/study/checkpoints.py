"""The state of a high-fidelity computation on disk, from which a stopped one goes on.

Beside the state there are the records since the state before, so that nothing is computed twice.
All rows have their global numbers: another number of ranks goes on as well.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from time import monotonic

import numpy as np
from jaxtyping import Int

from romnet.core.arrays import Array
from romnet.core.communicator import together
from romnet.core.errors import RomnetError
from romnet.core.status import Status
from romnet.online.stepping import Committed, StepOutcome
from romnet.store.manifest import Manifest, read_manifest
from romnet.store.snapshots import FieldInfo, SnapshotStore, SnapshotWriter, writing_snapshots
from romnet.study.context import Context

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

    @cached_property
    def _keyed(self) -> bool:
        """Whether the computation has a key, which rank 0 alone knows. Collective."""
        return bool(self.context.comm.broadcast(np.array([float(self.manifest.key != "")]))[0])

    @property
    def _used(self) -> bool:
        """Whether a state may be wanted: the study asks for some, or the run can be stopped."""
        context = self.context
        wanted = context.located.study.checkpoint is not None or context.stop is not None
        return wanted and self._keyed

    @property
    def _folder(self) -> Path:
        """Where the files are."""
        return self.context.folder / "checkpoints" / self.case

    def found(self) -> StepOutcome | None:
        """Return the last state of an interrupted computation of the same inputs. Collective."""
        if not self._keyed:
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
        if not self._used:
            return
        if self._open is None:
            path = self._folder / f"records-{self._n_saved + 1:06d}.h5"
            manager = writing_snapshots(
                path, self.infos, rows=self.rows, manifest=self.manifest, comm=self.context.comm
            )
            self._open = manager, manager.__enter__()
        self._open[1].append(time, values)

    def passed(self, outcome: StepOutcome, *, now: bool = False) -> None:
        """Save the state at an instant, now or if the study says it is time to. Collective."""
        if not self._used:
            return
        self._n_instants += 1
        if now or self._due():
            self._save(outcome)
            self._n_instants, self._began = 0, monotonic()

    def _due(self) -> bool:
        """Whether the study wants a state after so many instants or seconds. Collective."""
        asked = self.context.located.study.checkpoint
        if asked is None:
            return False
        if asked.instants is not None and self._n_instants >= asked.instants:
            return True
        if asked.seconds is None:
            return False
        # Clocks differ from rank to rank.
        return self.context.comm.max(monotonic() - self._began) >= asked.seconds

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
        if self.context.comm.rank == 0 and read_manifest(path).key != self.manifest.key:
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
