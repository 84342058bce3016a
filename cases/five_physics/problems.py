"""Five families of simulations: what is asked, a cheap simplified answer, and the real one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

sys.path.insert(0, str(Path(__file__).parents[1] / "romnet_cube"))
from body import random_fields, real_cube, simplified_cube

# Decades over which amplitudes are scattered where the equations are linear.
DECADES = 2.0


@dataclass(frozen=True)
class Samples:
    """Simulations of one family.

    Attributes
    ----------
    inputs
        What was asked of each (n, n_inputs).
    simplified, real
        Trajectories (n, n_dofs, n_times) of the cheap and of the real computation.
    """

    inputs: np.ndarray
    simplified: np.ndarray
    real: np.ndarray

    def normalised(self) -> Samples:
        """Return the same with amplitudes of one."""
        return Samples(self.inputs, _unit(self.simplified), _unit(self.real))


def thermal_cube(count: int, rng: np.random.Generator) -> Samples:
    """Elastoviscoplastic cube under random temperature fields; elastic, coarse, one step."""
    inputs = random_fields(count, rng, scatter=1.5)
    cheap, real = simplified_cube(3), real_cube(4)
    return Samples(
        inputs,
        np.stack([cheap.solve(row)[0] for row in inputs]),
        np.stack([real.solve(row)[0] for row in inputs]),
    )


def moving_source(count: int, rng: np.random.Generator) -> Samples:
    """Heat equation on a square; a source that moves from a random place in a random direction."""
    places, angles = rng.uniform(0.2, 0.8, (count, 2)), rng.uniform(0.0, 2.0 * np.pi, (count, 1))
    amplitudes = _amplitudes(count, rng)
    step = 0.15 * np.hstack([np.cos(angles), np.sin(angles)])

    def solve(size: int, n_times: int) -> np.ndarray:
        x, y, laplacian = _square(size)
        matrix = splu((sparse.eye(size**2) - (0.02 / n_times) * laplacian).tocsc())
        state, states = np.zeros((size**2, count)), []
        for time in np.linspace(0.0, 1.0, n_times):
            centre = places + time * step
            distance = (x[:, None] - centre[:, 0]) ** 2 + (y[:, None] - centre[:, 1]) ** 2
            state = matrix.solve(state + amplitudes * np.exp(-distance / 0.01) / n_times)
            states.append(state)
        return np.stack(states, axis=-1).transpose(1, 0, 2)

    inputs = np.hstack([places, np.cos(angles), np.sin(angles), amplitudes[:, None]])
    return Samples(inputs, solve(12, 6), solve(24, 20))


def burgers_front(count: int, rng: np.random.Generator) -> Samples:
    r"""Viscous Burgers equation; the place, the width and the speed of a front vary.

    If :math:`u(x, t)` solves it with viscosity :math:`\nu`, so does :math:`a u(x, a t)` with
    :math:`a \nu`: amplitudes are scattered by that symmetry.
    """
    places, widths = rng.uniform(0.1, 0.7, (count, 1)), rng.uniform(0.02, 0.08, (count, 1))
    amplitudes = _amplitudes(count, rng)

    def solve(size: int, viscosity: float, n_times: int) -> np.ndarray:
        x = (np.arange(size) + 0.5) / size
        state = np.exp(-(((x - places) / widths) ** 2))
        spacing = 1.0 / size
        n_steps = int(np.ceil(0.25 / min(0.4 * spacing, 0.2 * spacing**2 / viscosity)))
        n_steps += -n_steps % n_times
        states = []
        for number in range(1, n_steps + 1):
            flux = 0.5 * np.pad(state, ((0, 0), (1, 0)))[:, :-1] ** 2
            slope = (0.5 * state**2 - flux) / spacing
            padded = np.pad(state, ((0, 0), (1, 1)))
            bend = (padded[:, 2:] - 2.0 * state + padded[:, :-2]) / spacing**2
            state = state + 0.25 / n_steps * (viscosity * bend - slope)
            if number % (n_steps // n_times) == 0:
                states.append(state)
        return amplitudes[:, None, None] * np.stack(states, axis=-1)

    inputs = np.hstack([places, widths, amplitudes[:, None]])
    return Samples(inputs, solve(75, 3e-3, 10), solve(150, 2e-3, 20))


def plume(count: int, rng: np.random.Generator) -> Samples:
    """Advection and diffusion from a fixed source, in a random direction."""
    angles, amplitudes = rng.uniform(0.0, 2.0 * np.pi, count), _amplitudes(count, rng)

    def solve(size: int, n_times: int) -> np.ndarray:
        x, y, laplacian = _square(size)
        source = np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / 0.005)
        forward, backward = _upwind(size)
        one = sparse.eye(size)
        along = [sparse.kron(one, d) for d in (forward, backward)]
        across = [sparse.kron(d, one) for d in (forward, backward)]
        found = []
        for angle, amplitude in zip(angles, amplitudes, strict=True):
            speed = np.cos(angle), np.sin(angle)
            advection = sum(
                max(v, 0.0) * d[1] + min(v, 0.0) * d[0]
                for v, d in zip(speed, (along, across), strict=True)
            )
            generator = advection - 5e-3 * laplacian
            matrix = splu((sparse.eye(size**2) + generator * (0.5 / n_times)).tocsc())
            state, states = np.zeros(size**2), []
            for _ in range(n_times):
                state = matrix.solve(state + amplitude * source / n_times)
                states.append(state)
            found.append(np.stack(states, axis=-1))
        return np.stack(found)

    inputs = np.stack([np.cos(angles), np.sin(angles), amplitudes], axis=1)
    return Samples(inputs, solve(16, 8), solve(24, 12))


def stiff_inclusion(count: int, rng: np.random.Generator) -> Samples:
    """Heated square plate, clamped on one side, with a stiff hot inclusion at a random place."""
    places, radii = rng.uniform(0.2, 0.8, (count, 2)), rng.uniform(0.1, 0.2, count)
    amplitudes = _amplitudes(count, rng)

    def solve(size: int, n_times: int) -> np.ndarray:
        plate = _Plate(size)
        found = []
        for place, radius, amplitude in zip(places, radii, amplitudes, strict=True):
            distance = np.sqrt(((plate.centres - place) ** 2).sum(axis=1))
            inside = 0.5 * (1.0 - np.tanh((distance - radius) / 0.05))
            stages = np.linspace(0.0, 1.0, n_times + 1)[1:]
            # The inclusion heats up first, then the plate is pulled by its own weight.
            found.append(amplitude * plate.solve(1.0 + 19.0 * inside, inside, stages))
        return np.stack(found)

    inputs = np.hstack([places, radii[:, None], amplitudes[:, None]])
    return Samples(inputs, solve(8, 2), solve(20, 5))


PROBLEMS: dict[str, Callable[[int, np.random.Generator], Samples]] = {
    "thermal_cube": thermal_cube,
    "moving_source": moving_source,
    "burgers_front": burgers_front,
    "plume": plume,
    "stiff_inclusion": stiff_inclusion,
}


class _Plate:
    """Bilinear plane-stress quadrangles on a unit square."""

    def __init__(self, size: int) -> None:
        number = np.arange((size + 1) ** 2).reshape(size + 1, size + 1)
        corners = [number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]]
        cells = np.stack([corner.ravel() for corner in corners], axis=1)
        self.dofs = (2 * cells[:, :, None] + np.arange(2)).reshape(len(cells), 8)
        middles = (np.arange(size) + 0.5) / size
        self.centres = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        elastic = np.array([[1.0, 0.3, 0.0], [0.3, 1.0, 0.0], [0.0, 0.0, 0.35]]) / 0.91
        self.stiffness, self.heat = np.zeros((8, 8)), np.zeros(8)
        for s in (-1.0, 1.0):
            for t in (-1.0, 1.0):
                strain = self._strain(s / np.sqrt(3.0), t / np.sqrt(3.0), size)
                area = 0.25 / size**2
                self.stiffness += area * strain.T @ elastic @ strain
                self.heat += area * strain.T @ elastic @ np.array([1.0, 1.0, 0.0])
        self.n_dofs = 2 * number.size
        self.free = np.setdiff1d(np.arange(self.n_dofs), (2 * number[:, :1] + [0, 1]).ravel())
        self.weight = np.zeros(self.n_dofs)
        np.add.at(self.weight, self.dofs[:, 1::2], -0.1 / size**2 / 4.0)

    @staticmethod
    def _strain(s: float, t: float, size: int) -> np.ndarray:
        """Return the strain of the corner displacements at a point of a cell."""
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        slopes = 0.5 * size * signs * (1.0 + signs[:, ::-1] * np.array([t, s]))
        strain = np.zeros((3, 8))
        strain[0, ::2], strain[1, 1::2] = slopes[:, 0], slopes[:, 1]
        strain[2, ::2], strain[2, 1::2] = slopes[:, 1], slopes[:, 0]
        return strain

    def solve(self, young: np.ndarray, heat: np.ndarray, stages: np.ndarray) -> np.ndarray:
        """Return displacements at each stage of heating, the weight growing with its square."""
        values = young[:, None, None] * self.stiffness
        rows = np.repeat(self.dofs, 8, axis=1).ravel()
        columns = np.tile(self.dofs, (1, 8)).ravel()
        matrix = sparse.csc_matrix((values.ravel(), (rows, columns)), (self.n_dofs,) * 2)
        force = np.zeros(self.n_dofs)
        np.add.at(force, self.dofs, (young * heat)[:, None] * self.heat)
        loads = np.outer(force, stages) + np.outer(self.weight, stages**2)
        found = np.zeros((self.n_dofs, stages.size))
        found[self.free] = splu(matrix[self.free][:, self.free]).solve(loads[self.free])
        return found


def _amplitudes(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return log-uniform amplitudes."""
    return 10.0 ** rng.uniform(-0.5 * DECADES, 0.5 * DECADES, count)


def _unit(trajectories: np.ndarray) -> np.ndarray:
    """Scale each trajectory to norm one."""
    norms = np.sqrt((trajectories**2).sum(axis=(1, 2), keepdims=True))
    return trajectories / norms


def _square(size: int) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    """Return interior points of a square with cold sides, and the Laplacian there."""
    x, y = np.meshgrid(*[np.linspace(0.0, 1.0, size + 2)[1:-1]] * 2)
    second = sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], (size, size)) * (size + 1) ** 2
    one = sparse.eye(size)
    return x.ravel(), y.ravel(), sparse.kron(one, second) + sparse.kron(second, one)


def _upwind(size: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return forward and backward differences along a line with cold ends."""
    forward = sparse.diags([-1.0, 1.0], [0, 1], (size, size)) * (size + 1)
    return forward, -forward.T
