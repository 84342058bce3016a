"""The same computation by romnet's high-fidelity solver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from referee import body
from referee.body import Referee, temperature_map

from romnet.core.communicator import Communicator, SerialCommunicator
from romnet.fe.discretization import Discretization, discretize
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loading import Loading
from romnet.fe.loads import centrifugal_vector, pressure_vector
from romnet.fe.partition import Subdomain, cell_graph, subdomain, whole
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.laws.composite import Heterogeneous
from romnet.laws.registry import build_law
from romnet.online.newton import NewtonOptions

if TYPE_CHECKING:
    from romnet.online.stepping import StepOutcome


def problem_of(case: Referee, comm: Communicator | None = None) -> HighFidelityProblem:
    """Return the problem on this rank's cells. Collective: yes."""
    ranks = comm or SerialCommunicator()
    part = _part_of(case, ranks)
    points = discretize(part.mesh)
    law = build_law(body.law_specification(case.law), n_components=6)
    laws = Heterogeneous((law,), np.zeros(points.n_points, dtype=np.int64))
    return HighFidelityProblem(part, points, laws, _loading(case, part, points), ranks)


def solve(problem: HighFidelityProblem, *, tolerance: float = 1e-10) -> Iterator[StepOutcome]:
    """Yield the answer after each increment.

    Raises
    ------
    RuntimeError
        If an increment does not converge, or had to be cut: CalculiX does not cut it.
    """
    for outcome in solve_high_fidelity(problem, options=NewtonOptions(tolerance=tolerance)):
        if not outcome.status.ok or outcome.cuts:
            message = f"romnet: {outcome.status.label} at {outcome.committed.time:g}."
            raise RuntimeError(message)
        yield outcome


def _part_of(case: Referee, comm: Communicator) -> Subdomain:
    """Return this rank's cells."""
    if comm.size == 1:
        return whole(case.mesh)
    from romnet.parallel.petsc import partition, petsc

    petsc()
    labels = np.zeros(case.mesh.n_cells, dtype=np.int64)
    if comm.rank == 0:
        labels = partition(cell_graph(case.mesh), comm.size)
    return subdomain(case.mesh, comm.broadcast(labels), comm.rank)


def _loading(case: Referee, part: Subdomain, points: Discretization) -> Loading:
    """Return loads, temperature and supports on this rank."""
    mesh, frames = part.mesh, case.frames
    faces = mesh.face_sets[body.PRESSED]
    density = np.full(points.n_points, body.DENSITY)
    axis = {"point": np.array(body.AXIS_POINT), "direction": np.array(body.AXIS_DIRECTION)}
    forces = {
        "spin": case.omega**2 * centrifugal_vector(points, density, **axis),
        "press": pressure_vector(mesh, faces, np.full(len(faces.cells), case.pressure)),
    }
    constrained = np.zeros(mesh.n_dofs, dtype=bool)
    constrained.reshape(-1, 3)[mesh.node_sets[body.HELD]] = True
    heat = SeparatedField(
        (Amplitude(frames, case.history("heat")),), temperature_map(case.mesh)[None, part.nodes]
    )
    return Loading(
        name="referee",
        times=case.times,
        force=SeparatedField(
            tuple(Amplitude(frames, case.history(name)) for name in forces),
            np.stack(list(forces.values())),
        ),
        temperature=heat.mapped(points.temperature_interpolation),
        prescribed=SeparatedField.zero(mesh.n_dofs),
        constrained=constrained,
    )
