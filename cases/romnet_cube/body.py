"""A cube heated by random temperature fields, computed by romnet's own solver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from romnet.core.communicator import SerialCommunicator
from romnet.fe.discretization import Discretization, discretize
from romnet.fe.history import Amplitude, SeparatedField
from romnet.fe.inner_products import InnerProduct, l2_mass
from romnet.fe.loading import Loading
from romnet.fe.loads import centrifugal_vector
from romnet.fe.mesh import Mesh
from romnet.fe.partition import whole
from romnet.fe.structured import box_mesh
from romnet.hf.problem import HighFidelityProblem, solve_high_fidelity
from romnet.laws.composite import Heterogeneous
from romnet.laws.registry import build_law

ALONE = SerialCommunicator()
COLD = 20.0
DENSITY = 1.0e-8
EXPANSION = {"coefficient": 2.0e-5, "reference": COLD}
VISCOPLASTIC = {
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
}
ELASTIC = {
    "law": "elastic",
    "parameters": {"young": 2.0e5, "poisson": 0.3},
    "expansion": EXPANSION,
}
HEATING = np.linspace(0.0, 1.0, 6)
ONE_STEP = np.array([0.0, 1.0])


def random_fields(
    count: int, rng: np.random.Generator, *, scatter: float = 0.5, burners: int = 0
) -> np.ndarray:
    """Return parameters of random temperature fields (count, 12), one row each.

    A hot spot, and a smooth disturbance (a tenth of its height; a fiftieth with burners). The
    height is log-uniform over `scatter` decades below 500. The spot is anywhere, or close to one
    of some burners: points that cover the cube and are always the same.
    """
    spots = rng.uniform(0.0, 1.0, size=(count, 3))
    if burners:
        # Additive recurrence of irrational steps: even without chance.
        steps = np.array([0.8191725134, 0.6710436067, 0.5497004779])
        centres = (0.5 + np.outer(np.arange(burners), steps)) % 1.0
        spots = centres[rng.integers(burners, size=count)] + 0.05 * rng.normal(size=(count, 3))
    peaks = 500.0 * 10.0 ** -rng.uniform(0.0, scatter, size=(count, 1))
    waves = (0.02 if burners else 0.1) * rng.normal(size=(count, 8))
    return np.hstack([spots, peaks, waves])


def temperature(parameters: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Return the hottest temperature of each field at some places (count, n_nodes)."""
    spots, peaks, waves = parameters[:, :3], parameters[:, 3:4], parameters[:, 4:]
    square = ((nodes[None] - spots[:, None]) ** 2).sum(axis=2)
    number = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    cosines = np.cos(np.pi * nodes[:, None] * number).prod(axis=2)
    return COLD + peaks * (np.exp(-6.0 * square) + waves @ cosines.T)


@dataclass(frozen=True)
class Cube:
    """The cube, meshed and given a law.

    Attributes
    ----------
    divisions
        Cells along each edge.
    law
        Specification of the law.
    times
        Instants, the first being cold and at rest.
    speed
        Final angular velocity.
    """

    divisions: int
    law: dict
    times: np.ndarray
    speed: float

    @cached_property
    def mesh(self) -> Mesh:
        """The mesh, which one rank has all of."""
        return box_mesh((1.0, 1.0, 1.0), (self.divisions,) * 3, "hex8")

    @cached_property
    def points(self) -> Discretization:
        """Integration points."""
        return discretize(self.mesh)

    @cached_property
    def laws(self) -> Heterogeneous:
        """The law at all points."""
        law = build_law(self.law, n_components=6)
        return Heterogeneous((law,), np.zeros(self.points.n_points, dtype=np.int64))

    @property
    def inner_product(self) -> InnerProduct:
        """That of the displacements."""
        return l2_mass(self.mesh)

    @cached_property
    def _held(self) -> np.ndarray:
        """Dofs that do not move: a plane, an edge and a corner, so that the cube may expand."""
        x, y, z = np.isclose(self.mesh.nodes, 0.0).T
        return np.stack([x, x & y, x & y & z], axis=1).ravel()

    @cached_property
    def _spin(self) -> np.ndarray:
        """Centrifugal force at the final speed."""
        density = np.full(self.points.n_points, DENSITY * self.speed**2)
        return centrifugal_vector(
            self.points,
            density,
            point=np.array([3.5, -20.0, 1.5]),
            direction=np.array([0.0, 0.0, 1.0]),
        )

    def loading(self, parameters: np.ndarray, name: str = "case") -> Loading:
        """Return the load case of one temperature field."""
        ramp = Amplitude(ONE_STEP, ONE_STEP, after="hold")
        spin = Amplitude(ONE_STEP, ONE_STEP, after="hold", power=2)
        one = Amplitude(np.zeros(1), np.ones(1), after="hold")
        hot = temperature(parameters[None], self.mesh.nodes)[0] - COLD
        return Loading(
            name=name,
            times=self.times,
            force=SeparatedField((spin,), self._spin[None]),
            temperature=SeparatedField(
                (one, ramp), np.stack([np.full_like(hot, COLD), hot])
            ).mapped(self.points.temperature_interpolation),
            prescribed=SeparatedField.zero(self._held.size),
            constrained=self._held,
        )

    def solve(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return displacements (n_dofs, n_steps) and stresses (n_points * 6, n_steps)."""
        loading = self.loading(parameters)
        problem = HighFidelityProblem(whole(self.mesh), self.points, self.laws, loading, ALONE)
        displacements, stresses = [], []
        for outcome in solve_high_fidelity(problem):
            if not outcome.status.ok:
                raise RuntimeError(outcome.reason.advice)
            displacements.append(outcome.committed.unknown.copy())
            stresses.append(self.laws.field(outcome.committed.state, "stress").ravel().copy())
        return np.stack(displacements, axis=1), np.stack(stresses, axis=1)


def real_cube(divisions: int = 5, *, speed: float = 0.0) -> Cube:
    """Return the cube of the high-fidelity simulations."""
    return Cube(divisions, VISCOPLASTIC, HEATING, speed)


def simplified_cube(divisions: int = 3, *, speed: float = 0.0) -> Cube:
    """Return the recipe of simplified simulations: elastic, one step, coarse mesh."""
    return Cube(divisions, ELASTIC, ONE_STEP, speed)
