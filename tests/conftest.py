"""Small structures that many tests share, and the settings of property-based tests."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from romnet.core.communicator import Communicator, SerialCommunicator
from romnet.fe.discretization import Discretization, discretize
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.loading import Loading
from romnet.fe.loads import traction_vector
from romnet.fe.partition import Subdomain, bisect_cells, subdomain
from romnet.fe.structured import box_mesh
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.laws.composite import Heterogeneous
from romnet.laws.registry import build_law
from romnet.online.newton import NewtonOptions
from romnet.reduction.dual import dual_scalars
from romnet.reduction.gappy import GappyOperator
from romnet.reduction.model import ReducedLoading, ReducedModel

settings.register_profile("dev", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Programs that a system may lack even in continuous integration, and why.
_UNPACKAGED = {("ccx", "debian", "13"): "Debian 13 has no package of CalculiX"}


@pytest.fixture(scope="session")
def needed() -> Callable[[str], str]:
    """Return what finds a program; without it a test is skipped, in CI it fails."""

    def find(program: str) -> str:
        found = shutil.which(program)
        if found is not None:
            return found
        system = platform.freedesktop_os_release()
        reason = _UNPACKAGED.get((program, system["ID"], system.get("VERSION_ID", "")))
        if os.environ.get("ROMNET_CI") == "1" and reason is None:
            pytest.fail(f"{program} is missing")
        pytest.skip(reason or f"{program} is not installed; scripts/setup names its package")

    return find


EXPANSION = {"coefficient": 2.0e-5, "reference": 20.0}
LAWS: dict[str, dict[str, Any]] = {
    "elastic": {"law": "elastic", "parameters": {"young": 2.0e5, "poisson": 0.3}},
    "viscoplastic": {
        "law": "j2_viscoplastic",
        "parameters": {
            "young": 2.0e5,
            "poisson": 0.3,
            "yield_stress": 10.0,
            "viscosity": 300.0,
            "exponent": 30.0,
            "kinematic": [{"modulus": 1.0e5, "recall": 1000.0}],
        },
        "expansion": EXPANSION,
    },
}


@dataclass(frozen=True)
class Structure:
    """A box on one rank, of one material, with the loads that tests put on it."""

    subdomain: Subdomain
    discretization: Discretization
    laws: Heterogeneous
    spec: dict[str, Any]
    comm: Communicator

    @property
    def mesh(self):
        """Cells and nodes of this rank."""
        return self.subdomain.mesh

    def constrained(self, *, grip: bool = False):
        """Dofs held: symmetry-like supports, and the face x1 along x if it is gripped."""
        held = np.zeros((self.mesh.n_nodes, self.mesh.n_dim), dtype=bool)
        held[self.mesh.node_sets["x0"], 0] = True
        held[self.mesh.node_sets["x0y0"], 1] = True
        if self.mesh.n_dim == 3:
            held[self.mesh.node_sets["x0y0z0"], 2] = True
        if grip:
            held[self.mesh.node_sets["x1"], 0] = True
        return held.ravel()

    def loading(
        self,
        *,
        pull: float = 0.0,
        heat: float = 0.0,
        uniform_heat: float = 0.0,
        stretch: float = 0.0,
        times=(0.0, 0.5, 1.0),
        ramp: Amplitude | None = None,
    ) -> Loading:
        """Traction on x1, a warm middle, uniform heat, a prescribed u_x on x1; all in one ramp."""
        times = np.array(times, dtype=float)
        if ramp is None:
            ramp = Amplitude(np.array([0.0, 1.0]), np.array([0.0, 1.0]), after="hold")
        always = Amplitude(np.array([0.0]), np.array([1.0]), after="hold")
        mesh, points = self.mesh, self.discretization
        faces = mesh.face_sets["x1"]
        traction = np.tile(pull * np.eye(mesh.n_dim)[0], (len(faces.cells), 1))
        force = traction_vector(mesh, faces, traction)
        bump = np.exp(-4.0 * ((mesh.nodes - 0.5) ** 2).sum(axis=1))
        nodal = np.stack([np.full(mesh.n_nodes, 20.0), heat * bump + uniform_heat])
        prescribed = np.zeros((mesh.n_nodes, mesh.n_dim))
        prescribed[mesh.node_sets["x1"], 0] = stretch
        return Loading(
            name="test",
            times=times,
            force=SeparatedField((ramp,), force[None]),
            temperature=SeparatedField((always, ramp), nodal).mapped(
                points.temperature_interpolation
            ),
            prescribed=SeparatedField((ramp,), prescribed.reshape(1, -1)),
            constrained=self.constrained(grip=stretch != 0.0),
        )

    def problem(self, loading: Loading) -> HighFidelityProblem:
        """The equilibrium of the whole mesh."""
        return HighFidelityProblem(
            self.subdomain, self.discretization, self.laws, loading, self.comm
        )

    def solve(self, loading: Loading, *, tolerance: float = 1e-10):
        """High-fidelity outcomes at all instants; the problem must converge."""
        options = NewtonOptions(tolerance=tolerance)
        outcomes = list(solve_high_fidelity(self.problem(loading), options=options))
        assert [outcome.status.label for outcome in outcomes] == ["converged"] * len(outcomes)
        return outcomes

    def reduced(self, loading: Loading, modes, *, points=None, weights=None, dual=()):
        """Reduced model on given modes, with the full quadrature or a given one (one rank)."""
        points_of = self.discretization
        if points is None:
            points, weights = np.arange(points_of.n_points), points_of.weights
        n_components = points_of.n_components
        lift = points_of.strain_operator @ loading.prescribed.vectors.T
        rows = (points[:, None] * n_components + np.arange(n_components)).ravel()
        modes_at = points_of.strain_operator_of(points) @ modes
        reduced_loading = ReducedLoading(
            name=loading.name,
            times=loading.times,
            force=loading.force.mapped(modes.T),
            temperature=SeparatedField(
                loading.temperature.amplitudes, loading.temperature.vectors[:, points]
            ),
            lift_strain=SeparatedField(
                loading.prescribed.amplitudes, np.ascontiguousarray(lift[rows].T)
            ),
        )
        return ReducedModel(
            points=points,
            weights=weights,
            strain_modes=modes_at.reshape(len(points), n_components, -1),
            law_specs=(self.spec,),
            law_of_point=np.zeros(len(points), dtype=np.int64),
            dual=tuple(dual),
            gappy={
                scalar.name: GappyOperator.build(np.eye(len(points)), largest_norm=1.0)
                for scalar in dual_scalars(dual, self.laws)
            },
            loadings={loading.name: reduced_loading},
            units={},
        )


def make_structure(
    comm: Communicator | None = None,
    *,
    law: str = "viscoplastic",
    divisions=(2, 2, 2),
    lengths=(1.0, 1.0, 1.0),
    cell: str = "hex8",
    spec: dict[str, Any] | None = None,
) -> Structure:
    """Make a box of one material, its cells shared among the ranks."""
    comm = comm or SerialCommunicator()
    mesh = box_mesh(lengths, divisions, cell)
    part = subdomain(mesh, bisect_cells(mesh, comm.size), comm.rank)
    points = discretize(part.mesh)
    spec = spec or LAWS[law]
    laws = Heterogeneous(
        (build_law(spec, n_components=points.n_components),),
        np.zeros(points.n_points, dtype=np.int64),
    )
    return Structure(part, points, laws, spec, comm)


class Spy:
    """A law that remembers what it is asked."""

    def __init__(self, law):
        self.law = law
        self.asked: list[dict[str, Any]] = []

    def __getattr__(self, name):
        return getattr(self.law, name)

    def integrate(self, strain_old, strain_new, state_old, temperature_old, temperature_new, step):
        self.asked.append(
            {
                "strain_old": strain_old.copy(),
                "strain_new": strain_new.copy(),
                "state_old": state_old.copy(),
                "temperature_old": temperature_old.copy(),
                "temperature_new": temperature_new.copy(),
                "step": step,
            }
        )
        return self.law.integrate(
            strain_old, strain_new, state_old, temperature_old, temperature_new, step
        )


@pytest.fixture
def spied():
    """Function that gives the laws of a structure a spy, and the spy."""

    def spy_on(laws: Heterogeneous) -> tuple[Heterogeneous, Spy]:
        (law,) = laws.laws
        spy = Spy(law)
        return Heterogeneous((spy,), laws.law_of_point), spy

    return spy_on


@pytest.fixture
def structure():
    """Function that makes a small box: see `make_structure`."""
    return make_structure


@pytest.fixture
def alone():
    """The set of one rank."""
    return SerialCommunicator()
